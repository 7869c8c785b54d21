package transporttest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/wire"
)

func opens(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	f.publish("a", 3)
	c := f.dial(client.Options{Topics: []string{"b", "a"}})
	e := c.next()
	if e.Topic != event.OpenTopic || e.ID != f.id(3) || c.Cursor() != f.id(3).String() {
		t.Errorf("got %s (cursor %s), want $open at %s", e.Envelope(), c.Cursor(), f.id(3))
	}
	if tr.Polls {
		return // its client makes $open up
	}
	if want := `{"topics":["a","b"]}`; string(e.Data) != want {
		t.Errorf("$open says %s, want %s", e.Data, want)
	}
	if e := f.dial(client.Options{}).next(); string(e.Data) != `{"topics":null}` {
		t.Errorf("$open of all topics says %s", e.Data)
	}
}

func delivers(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	c := f.dial(client.Options{})
	c.want("$open:0")
	for seq := uint64(1); seq <= 20; seq++ {
		f.publish("a", 1)
		e := c.next()
		if want := fmt.Sprintf(`{"id":"%s","topic":"a","data":{"n":%d}}`, f.id(seq), seq); string(e.Envelope()) != want {
			t.Fatalf("got %s, want %s", e.Envelope(), want)
		}
		if c.Cursor() != f.id(seq).String() {
			t.Fatalf("the cursor is %s, want %s", c.Cursor(), f.id(seq))
		}
	}
}

func filters(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	one := f.dial(client.Options{Topics: []string{"b"}})
	two := f.dial(client.Options{Topics: []string{"a", "c", "a"}})
	all := f.dial(client.Options{})
	for _, topic := range strings.Fields("a b c d b") {
		f.publish(topic, 1)
	}
	one.want("$open:0 b:2 b:5")
	two.want("$open:0 a:1 c:3")
	all.want("$open:0 a:1 b:2 c:3 d:4 b:5")
}

func resumes(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	f.publish("a", 5)
	c := f.dial(client.Options{After: f.id(3).String()})
	c.want("$open:3 a:4 a:5")
	f.publish("a", 1)
	c.want("a:6")
	f.dial(client.Options{After: f.id(0).String(), Topics: []string{"a"}}).want("$open:0 a:1 a:2 a:3 a:4 a:5 a:6")
}

func earliest(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{History: 3}, Config{})
	f.publish("a", 5)
	c := f.dial(client.Options{After: client.Earliest})
	c.want("$open:2 a:3 a:4 a:5")
}

func gapTooOld(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{History: 3}, Config{})
	f.publish("a", 10)
	c := f.dial(client.Options{After: f.id(2).String()})
	c.want("$open:2")
	c.wantGap(f.id(2).String(), f.id(7), 5)
	c.want("a:8 a:9 a:10")
	if got := f.handler.Counters().Gaps.Load(); got != 1 {
		t.Errorf("%d gaps were counted", got)
	}
}

func gapForeign(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	f.publish("a", 2)
	for _, after := range []event.ID{{Epoch: "bbbbbbbb", Seq: 1}, f.id(3)} {
		c := f.dial(client.Options{After: after.String()})
		if e := c.next(); e.ID != after {
			t.Errorf("$open has the id %s, want what was asked for: %s", e.ID, after)
		}
		c.wantGap(after.String(), f.id(0), -1)
		c.want("a:1 a:2")
	}
}

func gapMalformed(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	f.publish("a", 1)
	for _, cursor := range []string{"yesterday", f.id(1).String() + "0x", `"{}<>`, strings.Repeat("9", 100)} {
		c := f.dial(client.Options{Header: http.Header{"Last-Event-Id": {cursor}}})
		if e := c.next(); e.ID != event.Unknown {
			t.Errorf("%q: $open has the id %s; resuming from it must yield a gap too", cursor, e.ID)
		}
		c.wantGap(cursor, f.id(0), -1)
		c.want("a:1")
	}
}

func noGap(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{History: 3}, Config{})
	f.publish("quiet", 1)
	f.publish("loud", 10)
	c := f.dial(client.Options{After: f.id(1).String(), Topics: []string{"quiet"}})
	f.publish("quiet", 1)
	c.want("$open:1 quiet:12")
}

func headerWins(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	f.publish("a", 5)
	c, err := tr.Dial(context.Background(), f.url+"?after="+f.id(1).String(), client.Options{
		DialContext: f.connect, Header: http.Header{"Last-Event-Id": {f.id(4).String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	first := (&conn{c, t}).next() // $open; a poll's client knows no better than that it comes before
	if second := (&conn{c, t}).next(); second.ID != f.id(5) {
		t.Errorf("got %s, then %s; want the event after %s", first.Envelope(), second.Envelope(), f.id(4))
	}
}

func beats(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{Heartbeat: 20 * time.Second})
	wait := fmt.Sprintf("wait=%.0f", f.scaled(20*time.Second).Seconds()) // the heartbeat of polls
	begin := time.Now()
	c := f.dial(client.Options{Topics: []string{"quiet"}, Header: http.Header{"Prefer": {wait}}})
	c.want("$open:0")
	f.publish("loud", 7)
	f.wantPast(c, "$beat:0", "$beat:7")
	f.checkElapsed(begin, 18*time.Second, 20*time.Second)
	if c.Cursor() != f.id(7).String() {
		t.Errorf("the cursor is %s, want %s", c.Cursor(), f.id(7))
	}
	f.publish("quiet", 1)
	f.wantPast(c, "$beat:7", "quiet:8")
	c.want("$beat:8")
}

func goodbye(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{Retry: 10 * time.Second})
	c := f.dial(client.Options{})
	c.want("$open:0")
	f.publish("a", 2)
	c.want("a:1")
	go f.hub.Close()
	c.want("a:2")
	checkBye(t, f, c.next(), f.id(2))
	c.wantEnd()
	f.close()
	if got := f.handler.Counters().Ended[wire.Goodbye].Load(); got == 0 {
		t.Error("no goodbye was counted")
	}
}

func checkBye(t *testing.T, f *fixture, e event.Event, cursor event.ID) {
	t.Helper()
	retry, err := event.ParseBye(e)
	if e.Topic != event.ByeTopic || e.ID != cursor || err != nil {
		t.Fatalf("got %s, want $bye at %s", e.Envelope(), cursor)
	}
	if retry < 5*time.Second || retry > 15*time.Second {
		t.Errorf("$bye asks for %v; half to one and a half of 10 s was to be drawn", retry)
	}
}

func goodbyeLate(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{Retry: 10 * time.Second})
	f.publish("a", 2)
	f.hub.Close()
	c := f.dial(client.Options{After: f.id(1).String()})
	c.want("$open:1 a:2")
	checkBye(t, f, c.next(), f.id(2))
	c.wantEnd()
}

func batches(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	const events = 50
	f.publish("a", events)
	c := f.dial(client.Options{After: f.id(0).String()})
	for range 1 + events {
		c.next()
	}
	counters := f.handler.Counters()
	counted := f.soon(func() bool { return counters.Delivered.Load() == events })
	if writes := counters.Writes.Load(); !counted || writes != 1 {
		t.Errorf("%d events went out in %d writes, want %d in one", counters.Delivered.Load(), writes, events)
	}
}

func laps(t *testing.T, tr Transport) {
	const events, history = 201, 100
	f := start(t, tr, hub.Config{History: history}, Config{WriteDeadline: time.Hour})
	f.publishLarge()
	slow := f.dial(client.Options{After: f.id(0).String()})
	quick := f.dial(client.Options{})
	quick.want("$open:1")
	for seq := uint64(2); seq <= events; seq++ {
		f.publish("a", 1)
		if e := quick.next(); e.ID.Seq != seq {
			t.Fatalf("the quick reader got %s, want event %d", e.Envelope(), seq)
		}
	}
	slow.want("$open:0")
	ledger := client.Ledger{Last: f.id(0)}
	for ledger.Last.Seq < events {
		ledger.Observe(slow.next())
	}
	if ledger.Lost != 0 || ledger.Repeated != 0 || ledger.Gaps == 0 || ledger.Events+ledger.Missed != events {
		t.Errorf("the slow reader's account of %d events: %+v", events, ledger)
	}
}

func stalls(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{WriteDeadline: 10 * time.Second})
	healthy := f.dial(client.Options{Topics: []string{"b"}})
	healthy.want("$open:0")
	f.publishLarge()
	begin := time.Now()
	stalled := f.ask(http.MethodGet, "after="+f.id(0).String(), f.Header)
	f.wantStalled(begin)
	f.wantCut(stalled.Body)
	f.publish("b", 1)
	healthy.want("b:2")
}

func leaves(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	var conns []*conn
	for range 5 {
		c := f.dial(client.Options{})
		c.want("$open:0")
		conns = append(conns, c)
	}
	ctx, cancel := context.WithCancel(context.Background())
	for _, c := range conns {
		go c.Next(ctx)
	}
	subscriptions := func() int { return f.hub.State().Subscriptions }
	if !f.soon(func() bool { return subscriptions() == len(conns) }) {
		t.Fatalf("%d subscriptions, want %d", subscriptions(), len(conns))
	}
	cancel()
	for _, c := range conns {
		c.Close()
	}
	open := f.handler.Counters().Open.Load
	if !f.soon(func() bool { return subscriptions() == 0 && open() == 0 }) {
		t.Errorf("%d subscriptions and %d streams are left of those who left", subscriptions(), open())
	}
}

func problems(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	bystander := f.dial(client.Options{})
	bystander.want("$open:0")
	good := f.id(0).String()
	type request struct {
		query     string
		parameter string
	}
	requests := []request{
		{"after=42", "after"}, {"after=", "after"}, {"last_event_id=x", "last_event_id"},
		{"after=" + good + "&after=" + f.id(1).String(), "after"}, {"after=" + good + "&last_event_id=" + f.id(1).String(), "last_event_id"},
		{"topic=", "topic"}, {"topic=$open", "topic"}, {"topic=a%20b", "topic"}, {"topic=a&topic=..", "topic"},
		{"topic=" + strings.Repeat("x", 129), "topic"}, {strings.Repeat("topic=a&", 101), "topic"},
		{"a=%zz", "query"}, {"topic=a;b", "query"},
	}
	if tr.Polls {
		for _, wait := range []string{"", "x", "-1", "1.5", "1s"} {
			requests = append(requests, request{"wait=" + wait, "wait"})
		}
		for _, limit := range []string{"", "0", "-1", "x"} {
			requests = append(requests, request{"limit=" + limit, "limit"})
		}
	}
	for _, r := range requests {
		response, body := f.answer(http.MethodGet, r.query, f.Header)
		var problem struct{ Parameter, Detail, Title string }
		if err := json.Unmarshal([]byte(body), &problem); err != nil {
			t.Errorf("?%.60s: not a problem: %s", r.query, body)
		}
		if response.StatusCode != 400 || problem.Parameter != r.parameter || problem.Detail == "" || problem.Title == "" {
			t.Errorf("?%.60s: %d %s, want 400 and the parameter %s", r.query, response.StatusCode, body, r.parameter)
		}
		if got := response.Header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("?%.60s: a problem of type %q", r.query, got)
		}
	}
	f.publish("a", 1)
	bystander.want("a:1")
}

func methods(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "BREW"} {
		response, body := f.answer(method, "", f.Header)
		if response.StatusCode != 405 || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow: %q, %s", method, response.StatusCode, response.Header.Get("Allow"), body)
		}
	}
}

func head(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	f.publish("a", 1)
	response, body := f.answer(http.MethodHead, "", nil)
	want := http.StatusOK
	if tr.Upgrade {
		want = http.StatusUpgradeRequired
	} else if got := response.Header.Get("Pushlab-Cursor"); got != f.id(1).String() {
		t.Errorf("Pushlab-Cursor is %q", got)
	}
	if response.StatusCode != want || body != "" {
		t.Errorf("%s and %q", response.Status, body)
	}
	subscriptions := func() int { return f.hub.State().Subscriptions }
	if !f.soon(func() bool { return subscriptions() == 0 }) {
		t.Errorf("%d subscriptions are left", subscriptions())
	}
}

func headers(t *testing.T, tr Transport) {
	f := start(t, tr, hub.Config{}, Config{})
	f.publish("a", 3)
	response := f.ask(http.MethodGet, "after="+f.id(2).String(), f.Header)
	want := http.Header{
		"Cache-Control":          {"no-store, no-transform"},
		"X-Content-Type-Options": {"nosniff"},
		"X-Accel-Buffering":      {"no"},
		"Pushlab-Cursor":         {f.id(2).String()},
	}
	if tr.Polls {
		want.Set("Cache-Control", "no-store")
		want.Set("Pushlab-Cursor", f.id(3).String())
		want.Del("X-Accel-Buffering")
	}
	for name := range want {
		if got := response.Header.Get(name); got != want.Get(name) {
			t.Errorf("%s: %q, want %q", name, got, want.Get(name))
		}
	}
	if response.Header.Get("Date") == "" && !tr.Upgrade {
		t.Error("there is no Date")
	}
	// HTTP/2 has no such field (RFC 9113, section 8.2.2).
	if !tr.Polls && !tr.Upgrade && response.Close != (response.ProtoMajor == 1) {
		t.Errorf("Connection: close: %v, over %s", response.Close, response.Proto)
	}
}
