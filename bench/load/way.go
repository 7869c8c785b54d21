package load

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"pushlab/bench/result"
)

// A Way is how subscribers talk, beyond their transport. The zero value is HTTP/1.1 by TCP, each on a connection of its
// own, and nothing compressed.
type Way struct {
	// TLS is how they connect securely; nil: they do not. TrustOnly makes one.
	TLS *tls.Config
	// Resume has them resume TLS sessions by a ticket: before the first comes, one more connects for a ticket, and leaves.
	Resume bool
	// Streams is how many of them share a connection by HTTP/2, which takes TLS; 0: they speak HTTP/1.1.
	Streams int
	// Unread is what one more stream on each such connection asks for, which is never read: path and query. Default:
	// there is none.
	Unread string
	// Narrow gives each such connection a window of 128 KiB for all its streams, and each stream a larger one, so that
	// a stream which is not read can use up what the others need. Default: 1 GiB, and 4 MiB for a stream.
	Narrow bool
	// Deflate has WebSocket subscribers offer permessage-deflate (RFC 7692); it is an error if the server declines.
	Deflate bool
	// Gzip has the others accept gzip; it is an error if a body comes without.
	Gzip bool
	// Presume counts subscribers as connected when they have asked: what is in between may hold the answer back.
	Presume bool
}

// TrustOnly returns how to connect by TLS to a server whose certificate has that SHA-256 fingerprint, in hexadecimal with
// or without colons, and to no other.
func TrustOnly(fingerprint string) (*tls.Config, error) {
	want, err := hex.DecodeString(string(slices.DeleteFunc([]byte(fingerprint), func(c byte) bool { return c == ':' })))
	if err != nil || len(want) != sha256.Size {
		return nil, fmt.Errorf("bench: %q is no SHA-256 fingerprint of a certificate", fingerprint)
	}
	return &tls.Config{
		ServerName: "localhost", InsecureSkipVerify: true, // nobody vouches for it; it is known
		VerifyConnection: func(state tls.ConnectionState) error {
			if sum := sha256.Sum256(state.PeerCertificates[0].Raw); string(sum[:]) != string(want) {
				return errors.New("the server has another certificate than it said")
			}
			return nil
		},
	}, nil
}

// A traffic counts bytes.
type traffic struct{ in, out atomic.Int64 }

// A countedConn counts what goes over a connection. What is written counts when it is handed over.
type countedConn struct {
	net.Conn
	bytes *traffic
}

func (c countedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.bytes.in.Add(int64(n))
	return n, err
}

func (c countedConn) Write(p []byte) (int, error) {
	c.bytes.out.Add(int64(len(p)))
	return c.Conn.Write(p)
}

// prepare makes the network that goes the load's way.
func (l *Load) prepare() (err error) {
	if l.way.TLS != nil {
		l.way.TLS = l.way.TLS.Clone()
		l.way.TLS.NextProtos = []string{"http/1.1"}
		if l.way.Resume {
			l.way.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(0)
		}
	}
	switch {
	case l.way.Streams > 0:
		l.network, err = newStreams(l)
	case l.way.TLS != nil:
		l.network = newConns(l)
	default:
		l.network, err = newNetwork(l)
	}
	return err
}

// dial connects to the server for subscribers: by TLS if that is the way, and then bytes are counted below and above it.
// The connection stores there when came what was read last, as the kernel's stamp.
func (l *Load) dial(ctx context.Context, stamp *atomic.Int64) (net.Conn, error) {
	raw, err := l.dialer.connect(ctx)
	if err != nil {
		return nil, err
	}
	conn := stamped(raw.Conn, stamp)
	if l.way.TLS == nil {
		l.mu.Lock()
		l.dials++
		l.mu.Unlock()
		return conn, nil
	}
	secure := tls.Client(countedConn{conn, &l.below}, l.way.TLS)
	ctx, cancel := context.WithTimeout(ctx, handshakeTime)
	defer cancel()
	began := time.Now()
	if err := secure.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	took := time.Since(began)
	if state := secure.ConnectionState(); l.way.Streams > 0 && state.NegotiatedProtocol != overTLS {
		raw.Close()
		return nil, errors.New("the server does not speak HTTP/2")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dials++
	l.handshakes.Record(took)
	if secure.ConnectionState().DidResume {
		l.resumed++
	}
	return countedConn{secure, &l.above}, nil
}

// fetchTicket connects by TLS once, for a ticket by which sessions can be resumed: TLS 1.3 sends it behind the handshake.
func (l *Load) fetchTicket(ctx context.Context) error {
	if !l.way.Resume || l.ticket {
		return nil
	}
	raw, err := l.dialer.connect(ctx)
	if err != nil {
		return err
	}
	defer raw.Close()
	conn := tls.Client(raw.Conn, l.way.TLS)
	if err := conn.SetDeadline(time.Now().Add(handshakeTime)); err != nil {
		return err
	}
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	// Any answer will do; it comes behind the ticket.
	if _, err := fmt.Fprintf(conn, "HEAD / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", l.dialer.address); err != nil {
		return err
	}
	if _, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: http.MethodHead}); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	l.ticket = true
	return nil
}

// TLSBytes returns how many of Bytes TLS added.
func (l *Load) TLSBytes() (in, out int64) {
	if l.way.TLS == nil {
		return 0, 0
	}
	return l.below.in.Load() - l.above.in.Load(), l.below.out.Load() - l.above.out.Load()
}

// forgetArrivals forgets what it took to connect before. The mutex is held.
func (l *Load) forgetArrivals() {
	l.called, l.connecting, l.answered = 0, 0, 0
	l.dials, l.resumed, l.handshakes, l.answers, l.joins = 0, 0, result.Recorder{}, result.Recorder{}, result.Recorder{}
}

// Connecting returns what it took to connect the subscribers the last time; nil if there was none. It fails if a
// histogram cannot be encoded.
func (l *Load) Connecting() (*result.Arrivals, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	first, err := l.answers.Latency()
	if first.Count == 0 {
		return nil, err
	}
	c := &result.Arrivals{Took: l.connecting + max(0, l.answered-l.called), Connections: l.dials, FirstAnswer: first, Resumed: l.resumed}
	for to, r := range map[**result.Latency]*result.Recorder{&c.Handshake: &l.handshakes, &c.Joining: &l.joins} {
		latency, e := r.Latency()
		if err = errors.Join(err, e); latency.Count > 0 {
			*to = &latency
		}
	}
	return c, err
}
