package bench

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/websocket"
)

// A publisher publishes over one WebSocket connection, whatever transport is measured. It does not
// wait for the acknowledgements, so that a server that is slow to answer does not slow it down.
type publisher struct {
	channel *channel
	size    int // of an event's data, in bytes
	data    []byte
	message []byte

	acks    atomic.Int64
	reading sync.WaitGroup
	mu      sync.Mutex // guards err
	err     error      // why nothing more can be published
}

// newPublisher connects. Its context bounds that.
func newPublisher(ctx context.Context, d dialer, size int) (*publisher, error) {
	conn, err := d.connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("bench: the publisher could not connect: %w", err)
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	// Its own subscription is to a topic on which nothing is published.
	c, err := upgrade(conn, d.address, "/"+websocket.Name+"?topic="+topic+".publisher")
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("bench: the publisher could not connect: %w", err)
	}
	p := &publisher{channel: c, size: size}
	p.reading.Go(p.read)
	return p, nil
}

// read counts the acknowledgements.
func (p *publisher) read() {
	for {
		message, err := p.channel.next()
		acked := false
		if err == nil {
			acked, err = isAck(message)
		}
		if err != nil {
			p.fail(err)
			return
		}
		if acked {
			p.acks.Add(1)
		}
	}
}

func (p *publisher) fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		p.err = fmt.Errorf("bench: the publisher lost its connection: %w", unexpected(err))
	}
}

func (p *publisher) failure() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.err
}

// publish sends event n, which is due that long after the load's start.
func (p *publisher) publish(n int, due time.Duration) error {
	if err := p.failure(); err != nil {
		return err
	}
	p.data = appendData(p.data[:0], n, due, p.size)
	m := append(p.message[:0], `{"op":"publish","ref":"`...)
	m = strconv.AppendInt(m, int64(n), 10)
	m = append(m, `","topic":"`+topic+`","data":`...)
	m = append(m, p.data...)
	p.message = append(m, '}')
	if err := p.channel.send(opText, p.message); err != nil {
		p.fail(err)
		return p.failure()
	}
	return nil
}

// close says goodbye and waits for the reader.
func (p *publisher) close() {
	p.channel.send(opClose, nil) // whether it arrives does not matter any more
	p.channel.Close()
	p.reading.Wait()
}
