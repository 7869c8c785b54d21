package transporttest

import (
	"context"
	"math/rand/v2"
	"net"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
)

// cuts has a follower's connections break after a random number of bytes.
func cuts(t *testing.T, tr Transport) {
	const events = 500
	// A poll's answer, or a frame of HTTP/2, is of use as a whole only, so it must fit.
	// Retry is short, or an SSE client would wait for as long as the server has asked it to.
	f := start(t, tr, hub.Config{Batch: 10}, Config{Retry: time.Millisecond})
	rng := rand.New(rand.NewPCG(1, 2))
	connections := 0
	opts := client.Options{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := f.connect(ctx, network, address)
		connections++
		return &cutConn{Conn: c, left: rng.IntN(3000 + f.route.handshake())}, err
	}}
	backoff := f.scaled(500 * time.Millisecond) // not more and more, for most connections bring nothing
	follower := client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
		opts.After = after
		return tr.Dial(ctx, f.url, opts)
	}, f.id(0).String(), client.Policy{MinBackoff: backoff, MaxBackoff: backoff})
	defer follower.Close()

	f.publishPaced(events, f.scaled(20*time.Millisecond), func(int) { f.publish("a", 1) })
	ledger := client.Ledger{Last: f.id(0)}
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	var last event.Event
	for last.ID.Seq < events {
		e, err := follower.Next(ctx)
		if err != nil {
			t.Fatalf("after %s: %v", last.Envelope(), err)
		}
		ledger.Observe(e)
		last = e
	}
	if ledger.Events != events || ledger.Lost != 0 || ledger.Repeated != 0 || ledger.Gaps != 0 {
		t.Errorf("%d events over %d connections: %+v", events, connections, ledger)
	}
	if connections < 10 {
		t.Errorf("only %d connections were made", connections)
	}
}

// A cutConn breaks after it has read so many bytes.
type cutConn struct {
	net.Conn
	left int
}

func (c *cutConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		c.Close()
		return 0, net.ErrClosed
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	return n, err
}
