package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
	"pushlab/web"
)

// A bubble is a server in virtual time. It has one life after another, on the same log.
type bubble struct {
	t      *testing.T
	hub    *hub.Hub
	config web.Config
	door   atomic.Pointer[memhttp.Listener] // of this life
}

// onEngines runs a test in a bubble with goroutines for each stream, and with an engine.
func onEngines(t *testing.T, config web.Config, test func(t *testing.T, b *bubble)) {
	for _, engine := range []string{"goroutine", "memory"} {
		t.Run("engine="+engine, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bubble{t: t, hub: hub.New(hub.Config{}), config: config}
				if engine == "memory" {
					var err error
					if b.config.Engine, err = wire.NewEngine(new(memhttp.Kernel)); err != nil {
						t.Fatal(err)
					}
					defer b.config.Engine.Close()
				}
				test(t, b)
			})
		})
	}
}

// live begins a life, and returns what ends it and waits for that.
func (b *bubble) live() (end func()) {
	b.t.Helper()
	server, err := web.NewServer(b.hub, b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	door := memhttp.Listen()
	b.door.Store(door)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, door) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			b.t.Errorf("Run: %v", err)
		}
	}
}

func (b *bubble) dial(ctx context.Context, network, address string) (net.Conn, error) {
	return b.door.Load().Dial(ctx, network, address)
}

// get asks, and returns the status.
func (b *bubble) get(path string) int {
	b.t.Helper()
	c := &http.Client{Transport: &http.Transport{DialContext: b.dial, DisableKeepAlives: true}}
	response, err := c.Get(memhttp.URL + path)
	if err != nil {
		b.t.Fatal(err)
	}
	response.Body.Close()
	return response.StatusCode
}

// farewell subscribes, and returns when the goodbye came, and when it asks the subscriber to come back.
func (b *bubble) farewell(transport string) (came, back time.Time, err error) {
	ctx := context.Background()
	c, err := dialers[transport](ctx, memhttp.URL+"/"+transport, client.Options{DialContext: b.dial})
	if err != nil {
		return came, back, err
	}
	defer c.Close()
	for {
		e, err := c.Next(ctx)
		if err != nil {
			return came, back, fmt.Errorf("%s: %w", transport, err)
		}
		if e.Topic != event.ByeTopic {
			continue
		}
		came = time.Now()
		retry, err := event.ParseBye(e)
		if err != nil {
			return came, back, err
		}
		if _, err := c.Next(ctx); !errors.Is(err, io.EOF) {
			return came, back, fmt.Errorf("%s: behind the goodbye: %w", transport, err)
		}
		return came, came.Add(retry), nil
	}
}

// TestDrainIsSpread: the goodbyes, and what comes back because of them, are spread evenly over two thirds of the time that the
// server takes to leave, on every transport. It says first that it is not ready, and refuses no subscriber up to the end.
func TestDrainIsSpread(t *testing.T) {
	const each, drain, parts = 200, 12 * time.Second, 10 // 10 ms for each
	const window = drain * 2 / 3
	onEngines(t, web.Config{Drain: drain, Retry: time.Second, MaxConnections: 4 * each}, func(t *testing.T, b *bubble) {
		end := b.live()
		type farewell struct{ came, back time.Duration }
		farewells := map[string][]farewell{}
		var mu sync.Mutex
		var leaving sync.WaitGroup
		var begin time.Time
		follow := func(transport string) {
			leaving.Go(func() {
				came, back, err := b.farewell(transport)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				farewells[transport] = append(farewells[transport], farewell{came.Sub(begin), back.Sub(begin)})
			})
		}
		for _, transport := range transports {
			for range each {
				follow(transport)
			}
		}
		synctest.Wait()
		if n := b.hub.State().Subscriptions; n != 4*each {
			t.Fatalf("%d have subscribed", n)
		}
		begin = time.Now()
		over := make(chan struct{})
		go func() {
			end()
			close(over)
		}()
		synctest.Wait()
		if status := b.get("/readyz"); status != http.StatusServiceUnavailable {
			t.Errorf("before the first goodbye /readyz says %d", status)
		}
		for range 10 { // they come while there are as many as there may be, and are not refused
			for _, transport := range transports {
				came, _, err := b.farewell(transport)
				if err != nil || time.Since(came) > 0 {
					t.Errorf("who comes while the server drains: %v after %v", err, time.Since(came))
				}
			}
			time.Sleep(window / 11)
		}
		leaving.Wait()
		<-over
		if took := time.Since(begin); took > drain {
			t.Errorf("it took %v, with time for %v", took, drain)
		}
		var all [parts]int
		var back [parts + 2]int
		for _, transport := range transports {
			var histogram [parts]int
			for _, f := range farewells[transport] {
				part := min(parts-1, int(f.came*parts/window))
				histogram[part]++
				all[part]++
				back[min(parts+1, int(f.back*parts/window))]++
			}
			t.Logf("%s: %d", transport, histogram)
			for _, n := range histogram { // by chance: five deviations of each/parts are more than this
				if n < each/parts/4 || n > each/parts*2 {
					t.Errorf("%s is not flat: %d", transport, histogram)
				}
			}
		}
		for _, n := range all { // one in each of as many parts as there are subscribers
			if n < 4*each/parts-2 || n > 4*each/parts+2 {
				t.Errorf("not flat: %d", all)
			}
		}
		t.Logf("they come back: %d", back)
		for _, n := range back[3:parts] { // up to two seconds after they were sent away
			if n < 4*each/parts*3/5 || n > 4*each/parts*7/5 {
				t.Errorf("they come back in lumps: %d", back)
			}
		}
	})
}

// TestRestartLosesNothing: events go on while a server leaves and the next one comes on the same log. Who resumes gets all of
// them, once, and no gap.
func TestRestartLosesNothing(t *testing.T) {
	const each, events = 5, 400
	onEngines(t, web.Config{Drain: 6 * time.Second, Retry: time.Second}, func(t *testing.T, b *bubble) {
		end := b.live()
		var following sync.WaitGroup
		for i := range 4 * each {
			transport := transports[i%4]
			following.Go(func() {
				follower := client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
					return dialers[transport](ctx, memhttp.URL+"/"+transport, client.Options{DialContext: b.dial, After: after})
				}, client.Earliest, client.Policy{})
				defer follower.Close()
				ledger := client.Ledger{Last: event.ID{Epoch: b.hub.State().Head.Epoch}}
				for ledger.Last.Seq < events {
					e, err := follower.Next(context.Background())
					if err != nil {
						t.Errorf("%s: %v", transport, err)
						return
					}
					ledger.Observe(e)
				}
				if ledger.Events != events || ledger.Lost+ledger.Repeated+ledger.Gaps != 0 {
					t.Errorf("%s: of %d events: %+v", transport, events, ledger)
				}
			})
		}
		following.Go(func() {
			for n := 0; n < events; {
				if _, err := b.hub.Publish(context.Background(), "a", []byte("1")); err == nil {
					n++ // else there is no server just now
				}
				time.Sleep(rand.N(50 * time.Millisecond))
			}
		})
		for range 2 {
			time.Sleep(3 * time.Second)
			end()
			time.Sleep(2 * time.Second) // it is away
			b.hub.Reopen()
			end = b.live()
		}
		following.Wait()
		end()
	})
}
