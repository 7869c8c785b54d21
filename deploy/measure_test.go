package deploy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/proxies"
	"pushlab/longpoll"
	"pushlab/web"
)

// A cell is what a proxy does to a transport, in words that come out the same each time.
type cell struct {
	first   string // when the first bytes of the answer come
	events  string // when events come, or when they do not
	silent  string // what becomes of a connection on which the server is silent, and when
	beats   string // the same, if the server has heartbeats
	away    string // what those are told who ask while the server is away
	resumes string // whether it goes on behind a restart, nothing lost and nothing repeated
}

const (
	atOnce  = "at once"
	onFull  = "when a buffer is full"
	notDone = "–"
	kept    = "kept"
	yes     = "yes"
)

const (
	// soon is when at the latest something has come that is not held back.
	soon = 1500 * time.Millisecond
	// shortened is for how long a server may be silent before a proxy that is made impatient, and beat the heartbeat that
	// prevents it.
	shortened, beat = 2 * time.Second, 400 * time.Millisecond
	// enough is how long a connection must have lived to have outlived that.
	enough = 5 * time.Second
)

// measure returns what a proxy does to each of the transports.
func measure(t *testing.T, s setting) map[string]cell {
	t.Helper()
	quiet := newService(t, s.unix, web.Config{Heartbeat: time.Hour, Routes: told})
	beating := newService(t, s.unix, web.Config{Heartbeat: beat})
	proxy := quiet.behind(s.kind, s.config)
	before := map[*service]*proxies.Proxy{quiet: quiet.behind(s.kind, s.impatient()), beating: beating.behind(s.kind, s.impatient())}

	if s.shipped {
		checkTold(quiet, proxy, map[string]string{"Host": name, "X-Forwarded-For": "127.0.0.1"})
	}
	checkNotCached(quiet, proxy)

	var mu sync.Mutex
	cells := map[string]cell{}
	each := func(do func(transport string, c *cell)) {
		var all sync.WaitGroup
		for _, transport := range transports {
			all.Go(func() {
				mu.Lock()
				c := cells[transport]
				mu.Unlock()
				do(transport, &c)
				mu.Lock()
				cells[transport] = c
				mu.Unlock()
			})
		}
		all.Wait()
	}
	each(func(transport string, c *cell) { c.first, c.events = arrivals(quiet, proxy, transport) })
	var refused []string
	for transport, c := range cells {
		if strings.HasPrefix(c.first, "refused") {
			cells[transport] = cell{c.first, notDone, notDone, notDone, notDone, notDone}
			refused = append(refused, transport)
		}
	}
	each(func(transport string, c *cell) {
		if slices.Contains(refused, transport) {
			return
		}
		var both sync.WaitGroup
		both.Go(func() { c.silent = s.silenceText(silence(before[quiet], transport, 30)) })
		both.Go(func() { c.beats = s.silenceText(silence(before[beating], transport, 1)) })
		both.Wait()
	})
	for transport, r := range resume(quiet, proxy, refused) {
		c := cells[transport]
		c.away, c.resumes = r.away, r.resumes
		cells[transport] = c
	}
	return cells
}

// arrivals tells when the answer begins, and when events come.
func arrivals(s *service, p *proxies.Proxy, transport string) (first, events string) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	type dialed struct {
		conn client.Conn
		err  error
	}
	done := make(chan dialed, 1)
	go func() {
		c, err := dial(ctx, p, transport, "")
		done <- dialed{c, err}
	}()
	first = atOnce
	var d dialed
	select {
	case d = <-done:
	case <-time.After(soon):
		first = onFull
		for pushed := false; !pushed; {
			s.publish(filler)
			select {
			case d = <-done:
				pushed = true
			case <-time.After(5 * time.Millisecond):
			}
		}
	}
	var status *client.StatusError
	switch {
	case errors.As(d.err, &status):
		return fmt.Sprintf("refused with %d", status.Status), notDone
	case d.err != nil && strings.Contains(d.err.Error(), "bad handshake"):
		return "refused", notDone
	case d.err != nil:
		return d.err.Error(), notDone
	}
	defer d.conn.Close()
	if first != atOnce {
		return first, onFull
	}
	var delays []time.Duration
	for range 5 {
		begin := time.Now()
		s.publish(`"event"`)
		brief, cancel := context.WithTimeout(ctx, soon)
		_, err := next(brief, d.conn)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			return first, onFull
		}
		if err != nil {
			return first, err.Error()
		}
		delays = append(delays, time.Since(begin))
	}
	slices.Sort(delays)
	if median := delays[len(delays)/2]; median > 150*time.Millisecond {
		return first, fmt.Sprintf("%v late", median.Round(100*time.Millisecond))
	}
	return first, atOnce
}

// filler is an event that fills buffers.
var filler = `"` + strings.Repeat("x", 1<<10) + `"`

// An end is how a connection ended, and when; the zero end is none.
type end struct {
	how   string
	after time.Duration
}

// silence waits on a connection on which no events come, until it ends or has lived long enough. Polls have no heartbeats,
// but may wait for less: poll is for how many seconds.
func silence(p *proxies.Proxy, transport string, poll int) end {
	ctx, cancel := context.WithTimeout(context.Background(), enough)
	defer cancel()
	begin := time.Now()
	ended := func(how string) end { return end{how, time.Since(begin)} }
	if transport == longpoll.Name {
		response, _, err := get(ctx, p, fmt.Sprint("/longpoll?wait=", poll), nil)
		switch {
		case ctx.Err() != nil:
			return end{}
		case err != nil:
			return ended("cut")
		case response.StatusCode == http.StatusNoContent:
			return end{}
		}
		return ended(fmt.Sprint(response.StatusCode))
	}
	c, err := dial(ctx, p, transport, "")
	var status *client.StatusError
	switch {
	case errors.As(err, &status):
		return ended(fmt.Sprint(status.Status))
	case ctx.Err() != nil:
		return end{}
	case err != nil:
		return ended("cut")
	}
	defer c.Close()
	for {
		if _, err := c.Next(ctx); ctx.Err() != nil {
			return end{}
		} else if err != nil {
			return ended("cut")
		}
	}
}

// silenceText puts the end of a connection into words.
func (s setting) silenceText(e end) string {
	switch {
	case e == end{}:
		return kept
	case s.silence == "" || e.after < shortened/2 || e.after > 2*shortened:
		return fmt.Sprintf("%s after %v", e.how, e.after.Round(100*time.Millisecond))
	}
	return fmt.Sprintf("%s after %s, seen with %s", e.how, s.silence, seconds(shortened))
}

// A resumption is what became of a transport when the server was restarted.
type resumption struct{ away, resumes string }

// resume restarts the server, log kept, while a subscriber of each transport follows it through a proxy.
func resume(s *service, p *proxies.Proxy, refused []string) map[string]resumption {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	const before, meanwhile, later = 3, 2, 1
	var running sync.WaitGroup
	seen := make(chan struct{}, len(transports)) // one for each who has seen what came before
	var mu sync.Mutex
	results := map[string]resumption{}
	start := s.hub.State().Head
	for _, transport := range transports {
		if slices.Contains(refused, transport) {
			results[transport] = resumption{notDone, notDone}
			continue
		}
		running.Go(func() {
			f := client.Follow(func(ctx context.Context, after string) (client.Conn, error) { return dial(ctx, p, transport, after) },
				start.String(), client.Policy{MinBackoff: 50 * time.Millisecond, MaxBackoff: 250 * time.Millisecond})
			defer f.Close()
			ledger := client.Ledger{Last: start}
			for ledger.Events < before+meanwhile+later {
				e, err := f.Next(ctx)
				if err != nil {
					break
				}
				ledger.Observe(e)
				if ledger.Events == before {
					seen <- struct{}{}
				}
			}
			answer := yes
			switch {
			case ledger.Lost+ledger.Repeated+ledger.Gaps > 0:
				answer = fmt.Sprintf("no: %d lost, %d repeated, %d gaps", ledger.Lost, ledger.Repeated, ledger.Gaps)
			case ledger.Events < before+meanwhile+later:
				answer = "not within " + seconds(patience)
			}
			mu.Lock()
			defer mu.Unlock()
			results[transport] = resumption{resumes: answer}
		})
	}
	for range before {
		s.publish(`"before"`)
	}
	brief, stop := context.WithTimeout(ctx, soon) // some, from whom it is held back, do not see it
	defer stop()
	for range len(transports) - len(refused) {
		select {
		case <-seen:
		case <-brief.Done():
		}
	}
	s.stop()
	s.hub.Reopen()
	for range meanwhile {
		s.publish(`"meanwhile"`)
	}
	away := whileAway(ctx, p)
	s.start()
	for range later {
		s.publish(`"later"`)
	}
	running.Wait()
	for transport, r := range results {
		if r.resumes != notDone {
			r.away = away
			results[transport] = r
		}
	}
	return results
}

// whileAway asks while the server is away.
func whileAway(ctx context.Context, p *proxies.Proxy) string {
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	begin := time.Now()
	response, _, err := get(ctx, p, "/sse", nil)
	how := "cut"
	switch {
	case ctx.Err() != nil:
		return "waits"
	case err == nil:
		how = fmt.Sprint(response.StatusCode)
	}
	if took := time.Since(begin); took > time.Second/2 {
		return how + " after " + seconds(took)
	}
	return how
}

// seconds puts a time into words, coarsely.
func seconds(d time.Duration) string { return fmt.Sprintf("%.0f s", d.Seconds()) }
