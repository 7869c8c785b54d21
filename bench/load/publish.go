package load

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/bench/result"
	"pushlab/websocket"
)

// A Publisher publishes over one connection, whatever transport is measured. It does not wait for the
// acknowledgements, so that a server that is slow to answer does not slow it down; except by Posts.
type Publisher struct {
	// Data is what events are filled up with. It is set before the first is published.
	Data result.Data

	size    int // of an event's data, in bytes
	data    []byte
	message []byte
	encode  Encoding
	send    func(message []byte) error
	goodbye func() // and ends the connection

	sent    atomic.Int64 // events
	taken   atomic.Int64 // events, by the server
	reading sync.WaitGroup
	mu      sync.Mutex // guards err
	err     error      // why nothing more can be published
}

// ConnectPublisher connects, to publish in that way events with size bytes of data. Its context bounds
// the connecting, and so do 10 s. The publisher must be closed.
func ConnectPublisher(ctx context.Context, d Dialer, size int, how Publishing) (*Publisher, error) {
	p := &Publisher{size: size}
	if err := how(ctx, p, d); err != nil {
		return nil, fmt.Errorf("bench: the publisher could not connect: %w", err)
	}
	return p, nil
}

// A Publishing is a way to publish: Messages, Posts, Frames or ToPushlab. It connects and says how to go on.
type Publishing func(ctx context.Context, p *Publisher, d Dialer) error

// An Endpoint is where to publish. Address is the host and port; "" is the server's own.
type Endpoint struct {
	Address string
	Request
}

// dialer returns the dialer for an endpoint of the server that another is for.
func (e Endpoint) dialer(d Dialer) Dialer {
	if e.Address != "" {
		d.address = e.Address
	}
	return d
}

// An Encoding appends to dst what is sent for event n, which has that data.
type Encoding func(dst []byte, n int, data []byte) []byte

// Inside returns the encoding that puts data in the place of "{data}" in a text, and in the place of
// "{escaped}" as the inside of a JSON string.
func Inside(text string) Encoding {
	pieces := strings.Split(strings.NewReplacer("{data}", "\x00{data}\x00", "{escaped}", "\x00{escaped}\x00").Replace(text), "\x00")
	return func(dst []byte, _ int, data []byte) []byte {
		for _, piece := range pieces {
			switch piece {
			case "{data}":
				dst = append(dst, data...)
			case "{escaped}":
				for _, c := range data { // which has nothing else to escape
					if c == '"' {
						dst = append(dst, '\\')
					}
					dst = append(dst, c)
				}
			default:
				dst = append(dst, piece...)
			}
		}
		return dst
	}
}

// Answers tells by what an answer begins with whether the server has taken an event; it fails if it has
// refused one. Of answers that begin with neither it says that they are none. "" is every answer for
// taken, and none for refused.
func Answers(taken, refused string) func(answer []byte) (bool, error) {
	return func(answer []byte) (bool, error) {
		if refused != "" && bytes.HasPrefix(answer, []byte(refused)) {
			return false, errors.New("the server refuses an event: " + string(answer[:min(len(answer), 300)]))
		}
		return bytes.HasPrefix(answer, []byte(taken)), nil
	}
}

// Messages publishes messages on a WebSocket. Whatever comes back is shown to isAck: it says whether the
// server has taken an event, and fails if it has refused one.
func Messages(at Endpoint, encode Encoding, isAck func([]byte) (bool, error)) Publishing {
	return func(ctx context.Context, p *Publisher, d Dialer) error {
		d = at.dialer(d)
		conn, err := d.connect(ctx)
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		c, err := upgrade(conn, d.address, at.Target(), at.Headers)
		if err != nil {
			conn.Close()
			return err
		}
		p.encode = encode
		p.send = func(message []byte) error { return c.send(opText, message) }
		p.goodbye = func() {
			c.send(opClose, nil) // whether it arrives does not matter any more
			conn.Close()
		}
		p.reading.Go(func() {
			for {
				message, err := c.next()
				acked := false
				if err == nil {
					acked, err = isAck(message)
				}
				if err != nil {
					p.fail(err)
					return
				}
				if acked {
					p.taken.Add(1)
				}
			}
		})
		return nil
	}
}

// Frames publishes what the server is to send as it is, each with its length in four bytes in
// front, as the body of a request that never ends. Nothing comes back; what was sent counts as taken.
func Frames(at Endpoint, frame Encoding) Publishing {
	return func(ctx context.Context, p *Publisher, d Dialer) error {
		d = at.dialer(d)
		conn, err := d.connect(ctx)
		if err != nil {
			return err
		}
		defer context.AfterFunc(ctx, func() { conn.Close() })()
		p.encode = func(dst []byte, n int, data []byte) []byte {
			start := len(dst)
			dst = frame(append(dst, 0, 0, 0, 0), n, data)
			binary.BigEndian.PutUint32(dst[start:], uint32(len(dst)-start-4))
			return dst
		}
		p.send = func(message []byte) error {
			if err := conn.SetWriteDeadline(time.Now().Add(writeTime)); err != nil {
				return err
			}
			_, err := conn.Write(message)
			p.taken.Add(1)
			return err
		}
		p.goodbye = func() { conn.Close() }
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", at.Target(), d.address, int64(math.MaxInt64))
		if err != nil {
			conn.Close()
		}
		return err
	}
}

// FramesPath is where this program's servers take Frames.
const FramesPath = "/frames"

func (p *Publisher) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = fmt.Errorf("bench: the publisher lost its connection: %w", unexpected(err))
	}
}

// Acked returns how many events the server has taken.
func (p *Publisher) Acked() int { return int(p.taken.Load()) }

// Sent returns how many events were sent.
func (p *Publisher) Sent() int { return int(p.sent.Load()) }

// Err returns why nothing more can be published; nil if more can.
func (p *Publisher) Err() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// Publish sends event n, which is due that long after the load's start. Only one goroutine may call it.
// It fails for good when the connection is lost, or when the server has refused an event.
func (p *Publisher) Publish(n int, due time.Duration) error {
	if err := p.Err(); err != nil {
		return err
	}
	p.data = appendDataOf(p.data[:0], n, due, p.size, p.Data)
	p.message = p.encode(p.message[:0], n, p.data)
	if err := p.send(p.message); err != nil {
		p.fail(err)
		return p.Err()
	}
	p.sent.Add(1)
	return nil
}

// Close says goodbye, ends the connection, and waits until nothing more is read. It is called once.
func (p *Publisher) Close() {
	p.goodbye()
	p.reading.Wait()
}

// ToPushlab publishes to a Pushlab server. The publisher's own subscription is to a topic on which
// nothing is published.
func ToPushlab() Publishing {
	at := Endpoint{Request: Request{Path: "/" + websocket.Name + "?topic=" + Topic + ".publisher"}}
	return Messages(at, func(m []byte, n int, data []byte) []byte { return appendPublish(m, n, Topic, data) }, isAck)
}

// appendPublish appends the message by which a Pushlab server is given an event.
func appendPublish(m []byte, n int, topic string, data []byte) []byte {
	m = append(m, `{"op":"publish","ref":"`...)
	m = strconv.AppendInt(m, int64(n), 10)
	m = append(m, `","topic":"`...)
	m = append(m, topic...)
	m = append(m, `","data":`...)
	m = append(m, data...)
	return append(m, '}')
}

// isAck tells an acknowledgement from what else comes to the publisher. It fails on a refusal.
var isAck = Answers(`{"op":"ack"`, `{"op":"error"`)
