package bench

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"pushlab/bench/result"
	"pushlab/longpoll"
	"pushlab/websocket"
)

// slow measures what delivered events cost while some of the subscribers read slowly, and what becomes of those.
func (r *run) slow(ctx context.Context) error {
	readers, rate := r.point.SlowReaders(r.Variant)
	if err := r.connect(ctx); err != nil {
		return err
	}
	if err := r.warmUp(ctx); err != nil {
		return err
	}
	r.Laggards = &result.Laggards{Readers: readers, BytesPerSecond: rate}
	if err := r.load.Slow(); err != nil {
		return err
	}
	r.unsettled = true // who does not read has always something under way
	watch := r.watchCuts(ctx)
	err := r.window(ctx)
	seen := watch()
	r.load.Release()
	done := func() bool { return r.load.SlowDone(r.Published) }
	for before := -1; !done(); { // for as long as something comes
		now := r.load.SlowCame()
		if now == before {
			break
		}
		before = now
		r.await(ctx, done)
	}
	r.peak()
	pause(context.WithoutCancel(ctx), aftermath)
	return errors.Join(err, r.lagged(seen))
}

// lagged enters what became of the slow readers, of whom the server cut some off when it was seen.
func (r *run) lagged(seen []time.Duration) error {
	s := r.Laggards
	account := r.load.SlowAccount(r.Published)
	s.Taken, s.Cut = account.Taken, len(account.Cuts)
	s.Expected = int64(r.Published) * int64(s.Readers)
	s.Delivered, s.Lost, s.Silent = account.Delivered, s.Expected-account.Delivered, account.Silent
	s.Gaps, s.Duplicated, s.Reordered = account.Gaps, account.Duplicated, account.Reordered
	if s.Cut == 0 {
		return nil
	}
	cuts := account.Cuts
	if len(seen) >= len(cuts) { // the server's count is earlier than what a slow reader notices
		slices.Sort(seen)
		cuts = seen[:len(cuts)]
	}
	after, err := result.LatencyOf(cuts)
	s.CutAfter = &after
	return err
}

// watchCuts looks at the server's count of open streams, until the function is called that it returns; that tells when
// one after the other was gone, since the beginning. Polls are open only while they wait, so there it sees nothing.
func (r *run) watchCuts(ctx context.Context) (stop func() []time.Duration) {
	if r.scraper == nil || r.Transport == longpoll.Name {
		return func() []time.Duration { return nil }
	}
	least := r.load.Present()
	if r.Transport == websocket.Name {
		least++ // the publisher's own
	}
	ctx, cancel := context.WithCancel(ctx)
	began := time.Now()
	var gone []time.Duration
	var watching sync.WaitGroup
	watching.Go(func() {
		for pause(ctx, 100*tick) == nil {
			c, err := r.scraper.Scrape(ctx, r.Transport)
			if err != nil {
				continue // the run itself will find out
			}
			for ; least > int(c.Open); least-- {
				gone = append(gone, time.Since(began))
			}
		}
	})
	return func() []time.Duration {
		cancel()
		watching.Wait()
		return gone
	}
}

// healthy is how many subscribers read as quickly as they can.
func (r *run) healthy() int {
	if r.Laggards == nil {
		return r.point.Subscribers
	}
	return r.point.Subscribers - r.Laggards.Readers
}
