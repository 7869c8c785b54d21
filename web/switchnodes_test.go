package web_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/common/journal"
	"pushlab/common/journal/journaltest"
	"pushlab/web"
)

// serveNode starts a server whose log is on a NATS server.
func serveNode(t *testing.T, nats *journaltest.Server, config hub.Config) *service {
	t.Helper()
	kept := nats.Open(t, journal.Config{Logger: slog.New(slog.DiscardHandler)})
	config.Log = kept
	s := serve(t, config, web.Config{})
	following, stop := context.WithCancel(context.Background())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- s.hub.Follow(following, func() { close(ready) }) }() // the cleanup waits for it
	t.Cleanup(func() {
		s.stop()
		stop()
		<-ended
		if err := kept.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	select {
	case <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	return s
}

// TestSwitchingNodes has subscribers change their node and their transport in mid-stream, while events are published on both nodes:
// the cursor is one and the same on all of them. One polls behind a proxy that sends each poll to the other node.
func TestSwitchingNodes(t *testing.T) {
	t.Parallel()
	const subscribers, switches, rate = 3, 150, 300
	nats := journaltest.NewServer(t)
	nats.Start(t)
	// A short ring, so that some read from the log.
	nodes := []*service{serveNode(t, nats, hub.Config{History: 50}), serveNode(t, nats, hub.Config{History: 50})}
	start := nodes[0].hub.State().Head

	var published atomic.Uint64
	stop := make(chan struct{})
	var publishing sync.WaitGroup
	for i, node := range nodes {
		publishing.Go(func() {
			tick := time.NewTicker(time.Second * time.Duration(len(nodes)) / rate)
			defer tick.Stop()
			for n := 0; ; n++ {
				if _, err := node.hub.Publish(context.Background(), fmt.Sprintf("t%d", n%3), fmt.Appendf(nil, `{"node":%d,"n":%d}`, i, n)); err != nil {
					t.Error(err)
					return
				}
				published.Add(1)
				select {
				case <-tick.C:
				case <-stop:
					return
				}
			}
		})
	}

	var reading sync.WaitGroup
	finished := make(chan struct{}) // closed when nothing is published any more
	check := func(name string, l client.Ledger) {
		if l.Events != published.Load() || l.Lost+l.Repeated+l.Gaps != 0 {
			t.Errorf("%s, of %d events: %+v", name, published.Load(), l)
		}
	}
	var visiting sync.WaitGroup
	for n := range subscribers {
		visiting.Add(1)
		reading.Go(func() {
			ledger, cursor := client.Ledger{Last: start}, start.String()
			// visit takes some events from a new connection, and no more than there are.
			visit := func(enough func(taken int) bool) bool {
				transport, node := transports[rand.N(len(transports))], nodes[rand.N(len(nodes))]
				ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
				defer cancel()
				c, err := dialers[transport](ctx, node.url+"/"+transport, client.Options{After: cursor})
				if err != nil {
					t.Errorf("%s after %s: %v", transport, cursor, err)
					return false
				}
				defer c.Close()
				for taken := 0; !enough(taken); {
					e, err := c.Next(ctx)
					if err != nil {
						t.Errorf("%s after %s: %v", transport, cursor, err)
						return false
					}
					ledger.Observe(e)
					if !e.Control() {
						taken++
					}
				}
				cursor = c.Cursor()
				return true
			}
			for range switches {
				events := rand.N(20)
				if !visit(func(taken int) bool { return taken >= events }) {
					break
				}
			}
			visiting.Done()
			<-finished
			visit(func(int) bool { return ledger.Events+ledger.Lost >= published.Load() })
			check(fmt.Sprintf("subscriber %d", n+1), ledger)
		})
	}
	visiting.Add(1)
	reading.Go(func() {
		defer visiting.Done()
		proxy, polls := roundRobin(t, nodes)
		f := client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
			return dialers["longpoll"](ctx, proxy+"/longpoll", client.Options{After: after})
		}, start.String(), client.Policy{})
		defer f.Close()
		ledger := client.Ledger{Last: start}
		for ledger.Events+ledger.Lost < subscribers*switches { // as long as the others, about
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			e, err := f.Next(ctx)
			cancel()
			if err != nil {
				t.Errorf("round robin: %v", err)
				return
			}
			ledger.Observe(e)
		}
		if ledger.Lost+ledger.Repeated+ledger.Gaps != 0 || polls.Load() < 10 {
			t.Errorf("round robin, in %d polls: %+v", polls.Load(), ledger)
		}
	})
	visiting.Wait()
	close(stop)
	publishing.Wait()
	close(finished)
	reading.Wait()
	t.Logf("%d events, %d subscribers that switched %d times each", published.Load(), subscribers, switches)
}

// roundRobin starts a proxy that sends each request to the next node, and counts them.
func roundRobin(t *testing.T, nodes []*service) (at string, requests *atomic.Uint64) {
	requests = new(atomic.Uint64)
	proxy := httptest.NewServer(&httputil.ReverseProxy{ErrorLog: log.New(io.Discard, "", 0), Rewrite: func(r *httputil.ProxyRequest) {
		target, err := url.Parse(nodes[requests.Add(1)%uint64(len(nodes))].url)
		if err != nil {
			t.Error(err)
			return
		}
		r.SetURL(target)
	}})
	t.Cleanup(proxy.Close)
	return proxy.URL, requests
}
