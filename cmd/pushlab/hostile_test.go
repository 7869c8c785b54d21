package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
)

var hostile = flag.Duration("hostile", 0, "for how long each attack of TestHostile lasts; by default a fraction of a second, and no delay is judged")

// TestHostile attacks a server, one attack after the other, each from a process of its own, while healthy subscribers on all
// transports get events at a steady rate. They must lose nothing, the server must answer nothing with 500, and when an
// attack is over its goroutines, descriptors and memory must come back to what they were.
//
// How late events are depends on what else the machine does. With -hostile, which is for a quiet one, that is judged too:
// against the quiet phase before the attack.
func TestHostile(t *testing.T) {
	lasts, connections := *hostile, 500
	if lasts == 0 {
		lasts, connections = 300*time.Millisecond, 50
	}
	server, url := startServer(t, "--source", "none", "--compress", "--demo=false", "--history", "3000", "--history-bytes", "16MiB", "--log-level", "warn")
	herd := newHerd(t, url)
	herd.while(func() { wait(lasts / 2) }) // warm up
	t.Logf("%-16s %-42s %10s %10s %6s %10s %10s %9s", "attack", "what it did", "p99 before", "p99 during", "×", "heap", "goroutines", "back in")
	for _, a := range attacks {
		t.Run(strings.ReplaceAll(a.name, " ", "-"), func(t *testing.T) {
			calm := herd.while(func() { wait(lasts / 2) })
			before := stateOf(t, url)
			worst := before
			var did string
			during := herd.while(func() {
				over := make(chan struct{})
				var watching sync.WaitGroup
				watching.Go(func() {
					tick := time.NewTicker(max(lasts/10, 100*time.Millisecond))
					defer tick.Stop()
					for {
						select {
						case <-tick.C:
							worst = worst.worse(stateOf(t, url))
						case <-over:
							return
						}
					}
				})
				did = attackFrom(t, a.name, url, connections, lasts)
				close(over)
				watching.Wait()
			})
			begin := time.Now()
			var now serverState
			within(t, time.Minute, func() bool {
				now = stateOf(t, url)
				return now.like(before)
			}, func() string { return fmt.Sprintf("the server has %+v, before the attack it had %+v", now, before) })
			ratio := float64(during) / float64(calm)
			t.Logf("%-16s %-42s %10v %10v %6.1f %7.1fMiB %10d %9v", a.name, did, calm.Round(10*time.Microsecond), during.Round(10*time.Microsecond),
				ratio, worst.heap/(1<<20), worst.goroutines, time.Since(begin).Round(10*time.Millisecond))
			if limit := max(a.slower, 2); *hostile > 0 && ratio > limit {
				t.Errorf("the p99 of the healthy is %.1f times what it was; the limit is %.1f", ratio, limit)
			}
		})
	}
	herd.leave()
	server.signal(syscall.SIGTERM)
	if code := server.exit(); code != exitDone {
		t.Errorf("the server ended with %d", code)
	}
	for line := range strings.Lines(server.stderr.String()) {
		if strings.Contains(line, "level=ERROR") || strings.Contains(line, "panic") {
			t.Errorf("the server's log has %s", line)
		}
	}
}

// attackFrom runs an attack in a process of its own, which shares neither memory nor a scheduler with the healthy, and
// returns what it says that it did. Attackers bring their own machine, which is not to be had here: this process gets
// what time of the processors the server and the healthy leave.
func attackFrom(t *testing.T, name, url string, connections int, lasts time.Duration) string {
	t.Helper()
	cmd := exec.Command("nice", "-n", "19", os.Args[0])
	cmd.Env = append(os.Environ(), "RUN_AS_ATTACKER="+name, "HOSTILE_URL="+url, "HOSTILE_CONNECTIONS="+strconv.Itoa(connections), "HOSTILE_LASTS="+lasts.String())
	var failure bytes.Buffer
	cmd.Stderr = &failure
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %s", err, failure.String())
	}
	return strings.TrimSpace(string(out))
}

// wait waits for time to pass, which is what a measurement takes.
func wait(d time.Duration) { <-time.After(d) }

// within waits for something to become true.
func within(t *testing.T, limit time.Duration, condition func() bool, otherwise func() string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(limit)
	for !condition() {
		select {
		case <-tick.C:
		case <-late:
			t.Error(otherwise())
			return
		}
	}
}

// A serverState is what a server takes, as its metrics tell.
type serverState struct {
	goroutines, descriptors int
	heap                    float64 // in bytes, with what has not been collected yet
}

// A healthy poll comes and goes while one looks, and the hub remembers the topics that were published on: some
// megabytes at the most.
const (
	slackCount = 25
	slackHeap  = 32 << 20
)

func (s serverState) like(before serverState) bool {
	return s.goroutines <= before.goroutines+slackCount && s.descriptors <= before.descriptors+slackCount && s.heap <= before.heap+slackHeap
}

func (s serverState) worse(other serverState) serverState {
	return serverState{max(s.goroutines, other.goroutines), max(s.descriptors, other.descriptors), max(s.heap, other.heap)}
}

// metricsClient asks on a connection of its own each time, as the state is counted with it.
var metricsClient = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 20 * time.Second}

func stateOf(t *testing.T, url string) serverState {
	t.Helper()
	values := map[string]float64{}
	status := ""
	within(t, 20*time.Second, func() bool {
		response, err := metricsClient.Get(url + "/metrics")
		if err != nil {
			t.Errorf("a healthy request: %v", err)
			return true
		}
		defer response.Body.Close()
		for s := bufio.NewScanner(response.Body); s.Scan(); {
			name, value, _ := strings.Cut(s.Text(), " ")
			values[name], _ = strconv.ParseFloat(value, 64)
		}
		status = response.Status
		return response.StatusCode == http.StatusOK // 503: too many ask for them
	}, func() string { return "the metrics are answered " + status })
	return serverState{int(values["go_goroutines"]), int(values["process_open_fds"]), values["go_memstats_heap_alloc_bytes"]}
}

// A herd are healthy subscribers on all transports, and who publishes for them, at a steady rate.
type herd struct {
	t      *testing.T
	stop   context.CancelFunc
	living sync.WaitGroup
	conns  []client.Conn

	mu        sync.Mutex
	published int             // how many events there are
	received  []int           // by subscriber
	delays    []time.Duration // of what was received in this phase
}

const (
	herdEach   = 3                     // subscribers by each transport
	herdPeriod = 10 * time.Millisecond // between two events
	herdTopic  = "healthy"
)

// A grazing is what the herd's events say.
type grazing struct {
	N  int   `json:"n"`
	At int64 `json:"at"` // when it was to be published, in nanoseconds: what holds up the publisher counts
}

func newHerd(t *testing.T, url string) *herd {
	ctx, stop := context.WithCancel(context.Background())
	h := &herd{t: t, stop: stop, received: make([]int, len(dialers)*herdEach)}
	t.Cleanup(h.leave)
	for i := range h.received {
		name := slices.Sorted(maps.Keys(dialers))[i/herdEach]
		conn, err := dialers[name](ctx, url+"/"+name, client.Options{Topics: []string{herdTopic}})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		h.conns = append(h.conns, conn)
		h.living.Go(func() { h.graze(ctx, name, i, conn) })
	}
	h.living.Go(func() { h.feed(ctx, url) })
	return h
}

// graze reads what is published, all of it and in order.
func (h *herd) graze(ctx context.Context, name string, i int, conn client.Conn) {
	for {
		e, err := conn.Next(ctx)
		now := time.Now().UnixNano()
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			h.t.Errorf("a healthy subscriber by %s: %v", name, err)
			return
		case e.Topic == event.GapTopic:
			h.t.Errorf("a healthy subscriber by %s has lost events: %s", name, e.Envelope())
		case e.Control():
			continue
		}
		var g grazing
		if err := json.Unmarshal(e.Data, &g); err != nil {
			h.t.Error(err)
		}
		h.mu.Lock()
		if g.N != h.received[i]+1 {
			h.t.Errorf("a healthy subscriber by %s got event %d behind %d", name, g.N, h.received[i])
		}
		h.received[i] = g.N
		h.delays = append(h.delays, time.Duration(now-g.At))
		h.mu.Unlock()
	}
}

// feed publishes until ctx ends.
func (h *herd) feed(ctx context.Context, url string) {
	publisher := &http.Client{Transport: new(http.Transport), Timeout: 20 * time.Second}
	defer publisher.CloseIdleConnections()
	tick := time.NewTicker(herdPeriod)
	defer tick.Stop()
	for n := 1; ; n++ {
		var at time.Time
		select {
		case at = <-tick.C:
		case <-ctx.Done():
			return
		}
		h.mu.Lock()
		h.published = n
		h.mu.Unlock()
		response, err := publisher.Post(url+"/publish?topic="+herdTopic, "application/json", strings.NewReader(fmt.Sprintf(`{"n":%d,"at":%d}`, n, at.UnixNano())))
		if err != nil {
			h.t.Errorf("a healthy publisher: %v", err)
			return
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode != http.StatusCreated {
			h.t.Errorf("a healthy publisher was answered %s", response.Status)
			return
		}
	}
}

// while returns the 99th percentile of the delays while something is done. Everything that was published then must have come.
func (h *herd) while(do func()) time.Duration {
	h.t.Helper()
	h.mu.Lock()
	h.delays = nil
	h.mu.Unlock()
	do()
	h.mu.Lock()
	published := h.published
	h.mu.Unlock()
	within(h.t, 20*time.Second, func() bool {
		h.mu.Lock()
		defer h.mu.Unlock()
		return slices.Min(h.received) >= published
	}, func() string {
		h.mu.Lock()
		defer h.mu.Unlock()
		return fmt.Sprintf("of %d events the healthy have only %v", published, h.received)
	})
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.Sort(h.delays)
	if len(h.delays) == 0 {
		h.t.Fatal("the healthy got nothing")
	}
	return h.delays[len(h.delays)*99/100]
}

// leave ends the herd. It may be called twice.
func (h *herd) leave() {
	h.stop()
	h.living.Wait()
	for _, conn := range h.conns {
		conn.Close()
	}
}
