package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/bench/result"
	"pushlab/websocket"
)

// An Echoing is how clients talk by a transport to a server that is to send them their own events, each on a topic of
// its own, so that an echo goes to nobody else.
type Echoing struct {
	// Subscribe is how to subscribe to a topic.
	Subscribe func(topic string) Subscription
	// Post is where to post events of a topic, as JSON, with a query; a 2xx answer says that the server has taken one.
	// A WebSocket is sent Pushlab's publish operation instead.
	Post func(topic string) string
}

// pushlabEchoing is how a Pushlab server is talked to that is otherwise subscribed to as how says.
func pushlabEchoing(how Subscription) *Echoing {
	return &Echoing{
		Subscribe: func(topic string) Subscription {
			how.Query = []Field{{"topic", topic}}
			return how
		},
		Post: func(topic string) string { return "/publish?topic=" + topic },
	}
}

// echo makes a client of a subscriber.
func (s *subscriber) echo(e *Echoing) {
	s.topic = Topic + "." + strconv.Itoa(s.index)
	s.member = []byte(s.topic + `","data":`)
	s.plan = newPlan(s.load.transport, s.load.dialer.address, e.Subscribe(s.topic), s.load.way)
}

// A poster is the connection by which a client of a transport that goes one way only posts its events. It is kept
// alive, and has one request at a time: a further event waits here until the answer has come, as it would in
// a browser that had no more connections, and the time that it waits counts.
type poster struct {
	client *subscriber
	conn   *socket
	queue  chan []byte // requests
}

// ConnectPosters connects what clients post by, if the transport goes one way only. It is called once, after Connect.
func (l *Load) ConnectPosters(ctx context.Context) error {
	if l.transport == websocket.Name {
		return nil
	}
	live, cancel := context.WithCancel(context.Background())
	l.stopPosting = cancel
	for _, s := range l.subscribers {
		conn, err := l.dial(ctx, new(atomic.Int64))
		if err != nil {
			return fmt.Errorf("bench: a client could not connect to post: %w", err)
		}
		p := &poster{client: s, conn: &socket{Conn: conn, br: bufio.NewReaderSize(conn, readBuffer)}, queue: make(chan []byte, s.warmUp.count+s.measured.count)}
		s.poster = p
		l.posting.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(live, func() { conn.Close() })()
			if err := p.run(live); err != nil {
				l.mu.Lock()
				defer l.mu.Unlock()
				l.lose(s, fmt.Errorf("posting: %w", err))
			}
		})
	}
	return nil
}

// run posts until ctx ends.
func (p *poster) run(ctx context.Context) error {
	counted := &countedReader{socket: p.conn}
	p.conn.br.Reset(counted)
	l := p.client.load
	for {
		var request []byte
		select {
		case request = <-p.queue:
		case <-ctx.Done():
			return nil
		}
		response, err := p.conn.get(request)
		if err == nil && response.StatusCode/100 != 2 {
			err = refused(response)
		}
		if err == nil {
			_, err = io.Copy(io.Discard, response.Body)
		}
		l.mu.Lock()
		l.out += int64(len(request))
		l.in += counted.n
		counted.n = 0
		if err == nil {
			l.acked++
		}
		l.mu.Unlock()
		if err != nil && ctx.Err() == nil {
			return unexpected(err)
		}
	}
}

// A countedReader counts what it reads.
type countedReader struct {
	*socket
	n int64
}

func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.socket.Conn.Read(p)
	r.n += int64(n)
	return n, err
}

// Echo sends event n of a client, counted from 0, which is due that long after the load's start. It does not wait for the
// server. It fails if the client has lost a connection.
func (l *Load) Echo(client, n int, due time.Duration) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.subscribers[client]
	if s.state != present {
		return fmt.Errorf("bench: client %d has lost its connection: %w", client, s.err)
	}
	l.data = appendDataOf(l.data[:0], n, due, l.size, l.filling)
	if s.poster == nil {
		l.message = appendPublish(l.message[:0], n, s.topic, l.data)
		l.frame = appendFrame(l.frame[:0], opText, l.message)
		if err := l.network.send(s, l.frame); err != nil {
			l.lose(s, err)
			return fmt.Errorf("bench: client %d: %w", client, err)
		}
		return nil
	}
	request := fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		l.echoing.Post(s.topic), l.dialer.address, len(l.data), l.data)
	select {
	case s.poster.queue <- request:
		return nil
	default:
		return errors.New("bench: a client was sent more events than were planned")
	}
}

// Acked returns how many events of clients the server has taken.
func (l *Load) Acked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.acked)
}

// Echoes returns how many events of the warm-up, and how many measured ones, have come back.
func (l *Load) Echoes() (warmUp, measured int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.warmUp, l.measured
}

// Returns returns a channel that says whose event has come back, each time.
func (l *Load) Returns() <-chan int { return l.echoed }

// stop ends the posters.
func (l *Load) stop() {
	if l.stopPosting != nil {
		l.stopPosting()
	}
	l.posting.Wait()
}

// posters is what a load has for them.
type posters struct {
	acked       int64    // events that the server has taken
	echoed      chan int // whose event has come back; nil if nobody waits for it
	size        int      // of an event's data
	filling     result.Data
	stopPosting context.CancelFunc
	posting     sync.WaitGroup
	data        []byte // scratch, as are these
	message     []byte
	frame       []byte
}

// echoBack enters that an event of a client has come back.
func (l *Load) echoBack(s *subscriber) {
	if l.echoed != nil {
		select {
		case l.echoed <- s.index:
		default: // nobody sends more than it has room for
		}
	}
}

// checkAck enters an acknowledgement that comes to a client on its WebSocket.
func (l *Load) checkAck(message []byte) error {
	acked, err := isAck(message)
	if acked {
		l.acked++
	}
	return err
}
