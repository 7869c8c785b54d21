package transporttest

import (
	"context"
	"math/rand/v2"
	"net"
	"net/url"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
)

// cuts has a follower's connections break after a random number of bytes.
func cuts(t *testing.T, tr Transport) {
	const events = 500
	f := start(t, tr, hub.Config{}, Config{})
	rng := rand.New(rand.NewPCG(1, 2))
	connections := 0
	opts := client.Options{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := f.server.Dial(ctx, network, address)
		connections++
		return &cutConn{Conn: c, left: rng.IntN(3000)}, err
	}}
	query := url.Values{}
	if tr.Polls {
		query.Set("limit", "10") // an answer is of use as a whole only, so it must fit
	}
	follower := client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
		opts.After = after
		return tr.Dial(ctx, memURL(tr, query), opts)
	}, f.id(0).String(), client.Policy{})
	defer follower.Close()

	var publishing sync.WaitGroup
	publishing.Go(func() {
		for range events {
			f.publish("a", 1)
			time.Sleep(20 * time.Millisecond)
		}
	})
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
	publishing.Wait()
	if ledger.Events != events || ledger.Lost != 0 || ledger.Repeated != 0 || ledger.Gaps != 0 {
		t.Errorf("%d events over %d connections: %+v", events, connections, ledger)
	}
	if connections < 10 {
		t.Errorf("only %d connections were made", connections)
	}
	follower.Close()
	synctest.Wait()
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
