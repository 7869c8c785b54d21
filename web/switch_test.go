package web_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/web"
)

// TestSwitchingTransports has one subscriber change its transport a thousand times in mid-stream,
// while two thousand events a second are published: the cursor is one and the same on all of them.
func TestSwitchingTransports(t *testing.T) {
	const switches, rate = 1_000, 2_000
	s := serve(t, hub.Config{History: 100_000}, web.Config{})
	stop := make(chan struct{})
	published := 0
	var publishing sync.WaitGroup
	publishing.Go(func() {
		begin := time.Now()
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			for ; published < int(time.Since(begin).Seconds()*rate); published++ {
				s.publish(fmt.Sprintf("t%d", published%3), fmt.Sprintf(`{"n":%d}`, published+1))
			}
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	})

	rng := rand.New(rand.NewPCG(7, uint64(time.Now().UnixNano())))
	ledger := client.Ledger{Last: s.hub.State().Head}
	cursor := s.hub.State().Head.String()
	used := map[string]int{}
	// read takes that many events from a new connection.
	read := func(transport string, events int) {
		used[transport]++
		c := s.dial(transport, client.Options{After: cursor})
		defer c.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		for taken := 0; taken < events; {
			e, err := c.Next(ctx)
			if err != nil {
				t.Fatalf("%s after %s: %v", transport, cursor, err)
			}
			ledger.Observe(e)
			if !e.Control() {
				taken++
			}
		}
		cursor = c.Cursor()
	}
	begin := time.Now()
	last := 0
	for range switches {
		next := (last + 1 + rng.IntN(3)) % 4 // another one
		read(transports[next], rng.IntN(20))
		last = next
	}
	close(stop)
	publishing.Wait()
	duration := time.Since(begin)
	read(transports[rng.IntN(4)], published-int(ledger.Events))

	if ledger.Events != uint64(published) || ledger.Lost != 0 || ledger.Repeated != 0 || ledger.Gaps != 0 || ledger.Last != s.hub.State().Head {
		t.Errorf("of %d events: %+v", published, ledger)
	}
	if achieved := float64(published) / duration.Seconds(); achieved < rate*0.95 {
		t.Errorf("only %.0f events a second were published", achieved)
	}
	t.Logf("%d events in %v over %v", published, duration.Round(time.Millisecond), used)
}
