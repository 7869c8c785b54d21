package journal_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/journal"
	"pushlab/common/journal/journaltest"
)

// openCluster opens a log of three replicas, by that server first. The caller closes it.
func openCluster(t testing.TB, servers []*journaltest.Server, first int, config journal.Config) (log *journal.Stream) {
	t.Helper()
	config.Replicas = 3
	var urls []string
	for _, s := range slices.Concat(servers[first:], servers[:first]) {
		urls = append(urls, strings.TrimPrefix(s.URL(), "nats://"))
	}
	until(t, "open", func() bool { // the servers elect a leader first
		nc, err := journal.Connect(t.Context(), journal.Servers{URLs: "nats://" + strings.Join(urls, ",")})
		if err != nil {
			t.Fatal(err)
		}
		log, err = journal.Open(t.Context(), nc, config)
		return err == nil
	})
	return log
}

// TestCluster has two nodes append and follow while the servers are stopped and started one after the other, the leader
// first: what was acknowledged is delivered to both, once, in one order, and pages have it at once.
func TestCluster(t *testing.T) {
	t.Parallel()
	servers := journaltest.NewCluster(t, 3)
	nodes := []*journal.Stream{openCluster(t, servers, 0, quick()), openCluster(t, servers, 1, quick())}
	for _, node := range nodes {
		t.Cleanup(func() { shut(t, node) })
	}
	start, err := nodes[0].State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var mu sync.Mutex
	delivered := make([][]event.Event, len(nodes))
	var tails sync.WaitGroup
	for n, node := range nodes {
		tails.Go(func() {
			err := node.Tail(ctx, event.ID{Epoch: start.Epoch}, func(e event.Event) {
				mu.Lock()
				defer mu.Unlock()
				delivered[n] = append(delivered[n], e)
			})
			if !errors.Is(err, context.Canceled) {
				t.Errorf("node %d: %v", n, err)
			}
		})
	}

	appending, enough := context.WithCancel(t.Context())
	var publishers sync.WaitGroup
	acked := make([]map[uint64]string, 3)
	for p := range acked {
		acked[p] = map[uint64]string{}
		publishers.Go(func() {
			for i := 0; appending.Err() == nil; i++ {
				data := fmt.Sprintf(`"%d/%d"`, p, i)
				topic := fmt.Sprint("p", p)
				for try := 0; ; try++ {
					id, err := nodes[(p+try)%2].Append(t.Context(), hub.Entry{Topic: topic, Data: []byte(data), Key: data})
					if errors.Is(err, hub.ErrUnavailable) {
						continue // the other node, with the same key
					}
					if err != nil {
						t.Error(err)
						return
					}
					acked[p][id.Seq] = data
					// It is in a page from now on, whichever server the page comes from.
					page, err := nodes[try%2].Read(t.Context(), id.Seq-1, hub.Range{Topics: []string{topic}, Events: 1, Bytes: 100})
					if err == nil && page.UpTo >= id.Seq && (len(page.Events) == 0 || page.Events[0].ID != id) {
						t.Errorf("%v was acknowledged, and is not in %+v", id, page)
					}
					break
				}
			}
		})
	}
	reaches := func(more uint64) {
		var from uint64
		until(t, "appended", func() bool {
			s, err := nodes[0].State(t.Context())
			if err == nil && from == 0 {
				from = s.Last
			}
			return err == nil && s.Last >= from+more
		})
	}
	reaches(100)
	info, err := nodes[0].Info(t.Context())
	if err != nil || info.Replicas != 3 || len(info.Peers) != 2 || info.Leader == "" {
		t.Fatalf("%+v, %v", info, err)
	}
	leader := slices.IndexFunc(servers, func(s *journaltest.Server) bool { return s.Options.ServerName == info.Leader })
	for i := range 2 {
		s := servers[(leader+i)%3]
		s.Stop()
		reaches(100)
		s.Start(t)
		reaches(100)
	}
	enough()
	publishers.Wait()
	var end hub.LogState
	until(t, "available", func() bool {
		end, err = nodes[1].State(t.Context())
		return err == nil
	})
	for n := range nodes {
		until(t, "delivered", func() bool {
			mu.Lock()
			defer mu.Unlock()
			return uint64(len(delivered[n])) >= end.Last
		})
	}
	stop()
	tails.Wait()
	if end.Epoch != start.Epoch {
		t.Errorf("the epoch was %s and is %s", start.Epoch, end.Epoch)
	}
	sum := 0
	for _, a := range acked {
		sum += len(a)
	}
	for n, events := range delivered {
		for i, e := range events {
			if e.ID.Seq != uint64(i+1) {
				t.Fatalf("node %d: event %d has number %d", n, i+1, e.ID.Seq)
			}
			p := int(e.Topic[1] - '0')
			if acked[p][e.ID.Seq] != string(e.Data) {
				t.Errorf("node %d: %v is %s, and %q was acknowledged under it", n, e.ID, e.Data, acked[p][e.ID.Seq])
			}
		}
		if len(events) != sum {
			t.Errorf("node %d: %d were acknowledged and %d delivered", n, sum, len(events))
		}
	}
	t.Logf("%d events; resets %d and %d, sent again %d and %d", sum, nodes[0].Stats.ConsumerResets.Load(), nodes[1].Stats.ConsumerResets.Load(),
		nodes[0].Stats.Resent.Load(), nodes[1].Stats.Resent.Load())
}
