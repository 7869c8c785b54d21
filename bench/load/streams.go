package load

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/bench/result"
)

// A streams is a network of HTTP/2 connections, of which some subscribers each share one. To a subscriber it speaks
// HTTP/1.1: requests and the heads of responses are translated. It takes more time of the load than the other networks do.
type streams struct {
	load    *Load
	live    context.Context // ended by close
	cancel  context.CancelFunc
	running sync.WaitGroup
	http2   *http.Transport
	clients map[int]*h2conn                    // guarded by the load's mutex, as is what follows
	open    map[*subscriber]context.CancelFunc // of those who have a stream, or wait for one
}

// An h2conn is one connection, as of one client.
type h2conn struct {
	users int           // guarded by the load's mutex
	ready chan struct{} // closed when it is connected, or could not be
	conn  *http.ClientConn
	stamp atomic.Int64 // of what was read last
	slow  io.Closer    // a stream that is never read
	err   error
}

// dialing is what a context has the h2conn by that is being connected.
type dialing struct{}

// MaxStreams is how many subscribers may share a connection: fewer than a server allows (Go's 250).
const MaxStreams = 200

// overTLS is what TLS calls HTTP/2 (RFC 9113, section 3.2).
const overTLS = "h2"

func newStreams(l *Load) (*streams, error) {
	if l.way.TLS == nil || l.way.Streams > MaxStreams {
		return nil, fmt.Errorf("bench: HTTP/2 takes TLS, and at most %d streams for each connection", MaxStreams)
	}
	l.way.TLS.NextProtos = []string{overTLS}
	s := &streams{load: l, clients: map[int]*h2conn{}, open: map[*subscriber]context.CancelFunc{}}
	// To the transport all is plain, since TLS is made, and counted, below it.
	s.http2 = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return s.load.dial(ctx, &ctx.Value(dialing{}).(*h2conn).stamp)
		},
		Protocols:          new(http.Protocols),
		HTTP2:              &http.HTTP2Config{},
		DisableCompression: true,
	}
	s.http2.Protocols.SetUnencryptedHTTP2(true)
	if l.way.Narrow {
		// As little as the package can: 64 KiB beside those that each connection begins with (RFC 9113, section 6.9.2).
		s.http2.HTTP2.MaxReceiveBufferPerConnection, s.http2.HTTP2.MaxReceiveBufferPerStream = 64<<10, 1<<20
	}
	s.live, s.cancel = context.WithCancel(context.Background())
	return s, nil
}

func (n *streams) connect(s *subscriber) error {
	at := s.index / n.load.way.Streams
	c := n.clients[at]
	if c == nil {
		c = &h2conn{ready: make(chan struct{})}
		n.clients[at] = c
		n.running.Go(func() {
			defer close(c.ready)
			c.err = n.dial(c)
		})
	}
	c.users++
	ctx, cancel := context.WithCancel(n.live)
	n.open[s] = cancel
	request := bytes.Clone(s.begin(nil))
	n.running.Go(func() {
		defer cancel()
		err := n.run(ctx, c, s, request)
		n.load.mu.Lock()
		defer n.load.mu.Unlock()
		if ctx.Err() == nil {
			n.load.lose(s, err)
		}
		if c.users--; c.users == 0 {
			if n.clients[at] == c {
				delete(n.clients, at)
			}
			n.running.Go(func() {
				<-c.ready
				c.close()
			})
		}
	})
	return nil
}

func (n *streams) disconnect(s *subscriber) {
	if cancel, ok := n.open[s]; ok {
		cancel()
		delete(n.open, s)
	}
}

// send is not for streams: a request has no more to say when it was made.
func (n *streams) send(*subscriber, []byte) error { return errors.ErrUnsupported }

// segments are not known of these connections.
func (n *streams) segments() (result.Segments, bool) { return result.Segments{}, false }

func (n *streams) close() {
	n.cancel()
	n.running.Wait()
}

// dial makes a client's connection.
func (n *streams) dial(c *h2conn) error {
	var err error
	if c.conn, err = n.http2.NewClientConn(context.WithValue(n.live, dialing{}, c), "http", n.load.dialer.address); err != nil || n.load.way.Unread == "" {
		return err
	}
	response, err := n.roundTrip(n.live, c, []byte("GET "+n.load.way.Unread+" HTTP/1.1\r\nHost: "+n.load.dialer.address+"\r\n\r\n"))
	if err != nil {
		return err
	}
	if c.slow = response.Body; response.StatusCode != http.StatusOK {
		return fmt.Errorf("the stream that is not to be read was answered %s", response.Status)
	}
	return nil
}

func (c *h2conn) close() {
	if c.slow != nil {
		c.slow.Close()
	}
	if c.conn != nil {
		c.conn.Close()
	}
}

// run makes a subscriber's requests on its client's connection, one after the other, until ctx ends.
func (n *streams) run(ctx context.Context, c *h2conn, s *subscriber, request []byte) error {
	select {
	case <-c.ready:
	case <-ctx.Done():
		return ctx.Err()
	}
	if c.err != nil {
		return c.err
	}
	if s.index%n.load.way.Streams > 0 {
		n.load.mu.Lock()
		s.joined = time.Since(n.load.base)
		n.load.mu.Unlock()
	}
	buffer := make([]byte, readBuffer)
	for len(request) > 0 {
		response, err := n.roundTrip(ctx, c, request)
		if err != nil {
			return err
		}
		request, err = n.receive(ctx, c, s, response, buffer)
		response.Body.Close()
		if err != nil {
			return err
		}
	}
	return io.ErrUnexpectedEOF // the server has ended a stream that has no end
}

// roundTrip makes a request that is written as HTTP/1.1.
func (n *streams) roundTrip(ctx context.Context, c *h2conn, request []byte) (*http.Response, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(request)))
	if err != nil {
		return nil, err
	}
	r = r.WithContext(ctx)
	r.RequestURI, r.URL.Scheme, r.URL.Host = "", "https", r.Host
	r.Header.Set("User-Agent", "") // none, as by HTTP/1.1
	return c.conn.RoundTrip(r)
}

// receive hands a response to a subscriber, and returns its next request, if it makes one.
func (n *streams) receive(ctx context.Context, c *h2conn, s *subscriber, response *http.Response, buffer []byte) (next []byte, err error) {
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 " + strconv.Itoa(response.StatusCode) + " " + http.StatusText(response.StatusCode) + "\r\n")
	response.Header.Write(&head) // a buffer takes all
	head.WriteString("\r\n")
	feed := func(p []byte) error {
		n.load.mu.Lock()
		defer n.load.mu.Unlock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		n.load.arrive(c.stamp.Load())
		answer, err := s.feed(p)
		next = append(next, answer...) // it is the load's
		return err
	}
	if err := feed(head.Bytes()); err != nil {
		return nil, err
	}
	for {
		read, err := response.Body.Read(buffer)
		if read > 0 {
			if err := feed(buffer[:read]); err != nil {
				return nil, err
			}
		}
		switch {
		case err == io.EOF:
			return next, nil
		case err != nil:
			return nil, err
		}
	}
}
