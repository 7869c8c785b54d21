package load

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/bench/result"
	"pushlab/websocket"
)

// A Publisher publishes over one connection, whatever transport is measured. It does not wait for
// the acknowledgements, so that a server that is slow to answer does not slow it down.
type Publisher struct {
	// Data is what events are filled up with. It is set before the first is published.
	Data result.Data

	conn    net.Conn // nil: there is none
	size    int      // of an event's data, in bytes
	data    []byte
	message []byte
	encode  func(dst []byte, n int, data []byte) []byte // a message of an event's data
	send    func(message []byte) error
	goodbye func()

	sent    atomic.Int64 // events
	taken   atomic.Int64 // events, by the server
	reading sync.WaitGroup
	mu      sync.Mutex // guards err
	err     error      // why nothing more can be published
}

// ConnectPublisher connects, to publish in that way events with size bytes of data. Its context bounds
// the connecting, and so do 10 s. The publisher must be closed.
func ConnectPublisher(ctx context.Context, d Dialer, size int, how Publishing) (*Publisher, error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("bench: the publisher could not connect: %w", err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	p := &Publisher{conn: conn, size: size}
	if err := how(p, conn, d.address); err != nil {
		conn.Close()
		return nil, fmt.Errorf("bench: the publisher could not connect: %w", err)
	}
	return p, nil
}

// A Publishing is a way to publish: Messages, Frames or ToPushlab. It opens the connection and says how to
// go on.
type Publishing func(p *Publisher, conn *socket, host string) error

// Messages publishes messages on a WebSocket at that path, with a query. What encode appends to dst is the
// message for event n. Whatever comes back is shown to isAck: it says whether the server has taken an
// event, and fails if it has refused one.
func Messages(path string, encode func(dst []byte, n int, data []byte) []byte, isAck func([]byte) (bool, error)) Publishing {
	return func(p *Publisher, conn *socket, host string) error {
		c, err := upgrade(conn, host, path)
		if err != nil {
			return err
		}
		p.encode = encode
		p.send = func(message []byte) error { return c.send(opText, message) }
		p.goodbye = func() { c.send(opClose, nil) } // whether it arrives does not matter any more
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
// front, as the body of a request for FramesPath that never ends. What frame appends to dst is sent for
// event n. Nothing comes back; what was sent counts as taken.
func Frames(frame func(dst []byte, n int, data []byte) []byte) Publishing {
	return func(p *Publisher, conn *socket, host string) error {
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
		p.goodbye = func() {}
		_, err := fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", FramesPath, host, int64(math.MaxInt64))
		return err
	}
}

// FramesPath is where Frames publishes.
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
	if p.conn != nil {
		p.conn.Close()
	}
	p.reading.Wait()
}

// ToPushlab publishes to a Pushlab server. The publisher's own subscription is to a topic on which
// nothing is published.
func ToPushlab() Publishing {
	return Messages("/"+websocket.Name+"?topic="+Topic+".publisher", func(m []byte, n int, data []byte) []byte {
		return appendPublish(m, n, Topic, data)
	}, isAck)
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

// ack and refusal begin a server's answer to a publisher.
var (
	ack     = []byte(`{"op":"ack"`)
	refusal = []byte(`{"op":"error"`)
)

// isAck tells an acknowledgement from what else comes to the publisher. It fails on a refusal.
func isAck(message []byte) (bool, error) {
	if bytes.HasPrefix(message, refusal) {
		return false, errors.New("the server refuses an event: " + string(message[:min(len(message), 300)]))
	}
	return bytes.HasPrefix(message, ack), nil
}
