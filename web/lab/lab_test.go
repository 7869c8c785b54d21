package lab_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/event"
	"pushlab/common/tap"
	"pushlab/web/lab"
)

// all returns what the batches have of something, in order.
func all[T any](seen []lab.Batch, of func(lab.Batch) []T) (list []T) {
	for _, b := range seen {
		list = append(list, of(b)...)
	}
	return list
}

func recordsOf(b lab.Batch) []lab.Record { return b.Records }
func faultsOf(b lab.Batch) []lab.Fault   { return b.Faults }

// last returns the newest of what is only told when it changes.
func last[T any](seen []lab.Batch, of func(lab.Batch) *T) (value T) {
	for _, b := range slices.Backward(seen) {
		if v := of(b); v != nil {
			return *v
		}
	}
	return value
}

func logOf(b lab.Batch) *lab.Log     { return b.Log }
func stateOf(b lab.Batch) *lab.State { return b.State }
func proxiesOf(b lab.Batch) *map[string]lab.Proxy {
	if b.Proxies == nil {
		return nil
	}
	return &b.Proxies
}
func streamsOf(b lab.Batch) *[]lab.Stream {
	if b.Streams == nil {
		return nil
	}
	return &b.Streams
}

// TestLanes: what is published arrives on all lanes, and the observer sees it there, byte by byte.
func TestLanes(t *testing.T) {
	p := open(t)
	for _, name := range []string{"httpstream", "sse", "websocket"} {
		p.dial(name, "/"+name).to(t, `"$open"`)
	}
	p.dial("longpoll", "/longpoll?after=earliest")
	p.message("the poll arrives", func(r lab.Record, m lab.Message) bool {
		return r.Lane == "longpoll" && m.Kind == tap.RequestMessage
	})
	id := p.step()
	for _, name := range []string{"longpoll", "httpstream", "sse", "websocket"} {
		r, m := p.message("the event on "+name, func(r lab.Record, m lab.Message) bool {
			return r.Lane == name && m.ID == id && m.Kind == tap.EventMessage
		})
		if m.Sent == 0 || m.Sent > m.Ended {
			t.Errorf("%s: the event was sent at %v, and ended at %v", name, m.Sent, m.Ended)
		}
		status, b := p.ask("GET", fmt.Sprintf("/records/%d", r.Seq), "")
		var detail struct {
			Record tap.Record
			From   int64
			Bytes  []byte
		}
		if err := json.Unmarshal(b, &detail); err != nil || status != 200 {
			t.Fatalf("%d %s", status, b)
		}
		if detail.From > m.Offset || len(detail.Record.Spans) == 0 {
			t.Errorf("%s: %s", name, b)
		}
		shown := detail.Bytes[m.Offset-detail.From:][:m.Length]
		if !strings.Contains(string(shown), `"topic":"lab","data":{"n":1,"pad":"xx`) {
			t.Errorf("%s: the bytes of the event are %q", name, shown)
		}
		seen := p.batches()
		published := last(seen, logOf).Published
		if len(published) != 1 || published[0].ID != id || published[0].N != 64 || published[0].At > m.Sent {
			t.Errorf("%s: published was %+v, sent at %v", name, published, m.Sent)
		}
		var cost, bytes int64
		for _, r := range all(seen, recordsOf) {
			if r.Lane == name {
				cost += r.Cost[0] + r.Cost[1] + r.Cost[2]
				bytes += int64(r.N)
			}
		}
		if cost != bytes {
			t.Errorf("%s: the cost is %d, of %d bytes", name, cost, bytes)
		}
	}
	arrived := all(p.batches(), func(b lab.Batch) []lab.Arrival { return b.Arrived })
	for _, r := range all(p.batches(), recordsOf) {
		if r.Dir == tap.Up && r.N > 0 && !slices.ContainsFunc(arrived, func(a lab.Arrival) bool {
			return a.Conn == r.Conn && a.Offset >= r.Offset+int64(r.N) && a.At > r.At-1e9
		}) {
			t.Errorf("it is not told when the request of %d has arrived", r.Conn)
		}
	}
}

// TestStreams: the observer is told who reads, what, and how far.
func TestStreams(t *testing.T) {
	p := open(t)
	p.dial("sse", "/sse?topic=a&topic=b").to(t, `"$open"`)
	p.dial("websocket", "/sse").to(t, `"$open"`) // any path works on any lane
	p.dial("longpoll", "/longpoll?after=earliest&topic=c")
	holds := func(want ...string) {
		t.Helper()
		slices.Sort(want)
		p.wait(fmt.Sprint("there are the streams ", want), func(seen []lab.Batch) bool {
			var got []string
			for _, s := range last(seen, streamsOf) {
				got = append(got, fmt.Sprint(s.Lane, " ", s.Transport, " ", s.Topics, " ", s.Delivered))
			}
			slices.Sort(got)
			return slices.Equal(got, want)
		})
	}
	holds("sse sse [a b] 0", "websocket sse [] 0", "longpoll longpoll [c] 0")
	for _, s := range last(p.batches(), streamsOf) {
		if s.Conn == 0 || s.Opened == 0 || s.Cursor == "" && s.Transport != "longpoll" {
			t.Errorf("%+v", s)
		}
	}
	id := p.step()
	holds("sse sse [a b] 0", "websocket sse [] 1", "longpoll longpoll [c] 0")
	for _, s := range last(p.batches(), streamsOf) {
		if s.Lane == "websocket" && s.Cursor != id {
			t.Errorf("%+v", s)
		}
	}
}

// TestObserving: who comes is told how things stand, and who comes back is told what he missed.
func TestObserving(t *testing.T) {
	p := open(t)
	p.dial("sse", "/sse").to(t, `"$open"`)
	p.wait("the stream is told", func(seen []lab.Batch) bool { return len(last(seen, streamsOf)) == 1 })
	q := p.again("")
	q.wait("who comes knows how things stand", func(seen []lab.Batch) bool {
		return len(seen) == 1 && seen[0].State != nil && seen[0].Log != nil && len(seen[0].Streams) == 1 && len(seen[0].Proxies) == 4 && seen[0].Now > 0
	})
	for range 3 {
		before := len(p.batches())
		p.step()
		p.wait("there is another batch", func(seen []lab.Batch) bool { return len(seen) > before })
	}
	p.mu.Lock()
	first := p.cursors[0]
	p.mu.Unlock()
	q = p.again(first)
	q.wait("who comes back goes on", func(seen []lab.Batch) bool { return len(seen) > 1 })
	if diff := cmp.Diff(p.batches()[1:3], q.batches()[:2]); diff != "" {
		t.Errorf("who comes back is told something else (-before +then):\n%s", diff)
	}
	q = p.again("earliest")
	q.wait("who asks for the past gets it", func(seen []lab.Batch) bool {
		records := all(seen, recordsOf)
		return len(records) > 0 && records[0].Seq == 1
	})
	var records []uint64
	for _, r := range all(q.batches(), recordsOf) {
		records = append(records, r.Seq)
	}
	for i, seq := range records {
		if seq != uint64(i+1) {
			t.Fatalf("the records are %v", records)
		}
	}
}

// TestClock: a page can ask for the time as often as it likes.
func TestClock(t *testing.T) {
	p := open(t)
	var before int64
	for range 10 {
		status, b := p.ask("GET", "/clock", "")
		var clock struct{ Now int64 }
		if err := json.Unmarshal(b, &clock); err != nil || status != 200 || clock.Now <= before {
			t.Fatalf("%d %s after %d", status, b, before)
		}
		before = clock.Now
	}
}

// TestSource: what is published, and how fast, can be chosen.
func TestSource(t *testing.T) {
	p := open(t)
	before := last(p.batches(), logOf).Events
	s := p.command("source", `{"rate":200,"size":500,"kind":"emoji"}`)
	if want := (lab.Source{Rate: 200, Size: 500, Kind: "emoji", Bridge: true}); s.Source != want {
		t.Errorf("the source is %+v", s.Source)
	}
	p.wait("events come", func(seen []lab.Batch) bool { return last(seen, logOf).Events >= before+100 })
	var events []lab.Published
	for _, b := range p.batches() {
		if b.Log != nil {
			events = append(events, b.Log.Published...)
		}
	}
	events = events[len(events)-100:]
	took := events[99].At - events[0].At
	if took < 400e6 {
		t.Errorf("100 events at 200 a second came within %v", took)
	}
	for _, e := range events {
		if e.N != 500 || e.Topic != lab.Topic {
			t.Fatalf("an event has %+v", e)
		}
	}
	p.command("source", `{"rate":0}`)
	if s := p.command("source", `{"kind":"json"}`); s.Source != (lab.Source{Size: 500, Kind: "json", Bridge: true}) {
		t.Errorf("the source is %+v", s.Source)
	}
	p.wait("the state is told", func(seen []lab.Batch) bool { return last(seen, stateOf).Source.Kind == "json" })
}

// TestNewRate: a new rate begins when it is set. For the time before it, in which fewer events came, there is no burst.
func TestNewRate(t *testing.T) {
	p := open(t)
	clock := func() (c struct{ Now time.Duration }) {
		if status, b := p.ask("GET", "/clock", ""); status != 200 || json.Unmarshal(b, &c) != nil {
			t.Fatalf("%d %s", status, b)
		}
		return c
	}
	p.command("source", `{"rate":0.001}`)
	p.eventually("half a second is over", func() bool { return clock().Now > 500*time.Millisecond })
	before, first := clock().Now, last(p.batches(), logOf).Events
	p.command("source", `{"rate":1000}`)
	p.wait("events come", func(seen []lab.Batch) bool { return last(seen, logOf).Events >= first+300 })
	p.command("source", `{"rate":0}`)
	n := 0
	for _, b := range p.batches() {
		if b.Log == nil {
			continue
		}
		for _, e := range b.Log.Published {
			if e.At < before {
				continue
			}
			if due := before + time.Duration(n)*time.Millisecond; e.At < due {
				t.Fatalf("event %d came %v early", n, due-e.At)
			}
			n++
		}
	}
	if n < 300 {
		t.Errorf("there were %d events", n)
	}
}

// TestBridge: events of the main server come in, if that is wanted, but for those that come by themselves.
func TestBridge(t *testing.T) {
	p := open(t)
	publish := func(topic string) {
		if _, err := p.main.Publish(t.Context(), topic, []byte(`"hello"`)); err != nil {
			t.Fatal(err)
		}
	}
	for _, topic := range []string{"clock", "host", "chat"} {
		publish(topic)
	}
	topics := func(seen []lab.Batch) (list []string) {
		for _, b := range seen {
			if b.Log != nil {
				for _, e := range b.Log.Published {
					list = append(list, e.Topic)
				}
			}
		}
		return list
	}
	p.wait("the event comes in", func(seen []lab.Batch) bool { return slices.Contains(topics(seen), "chat") })
	want := []string{"chat"}
	for i := range 20 {
		p.command("source", `{"bridge":false}`)
		publish("late")
		p.command("source", `{"bridge":true}`)
		next := fmt.Sprint("next.", i) // all that is published after the answer
		want = append(want, next)
		publish(next)
		p.wait(next+" comes in", func(seen []lab.Batch) bool { return slices.Contains(topics(seen), next) })
	}
	got := slices.DeleteFunc(topics(p.batches()), func(topic string) bool { return topic == lab.Topic })
	// "late" may have been read when the bridge was open again.
	if got := slices.DeleteFunc(got, func(topic string) bool { return topic == "late" }); !slices.Equal(got, want) {
		t.Errorf("topics %v came in, want %v", got, want)
	}
}

// TestOwners: a lab is for who has its cookie, on this machine, while it lasts.
func TestOwners(t *testing.T) {
	p := open(t)
	check := func(want int, method, path string, header http.Header) {
		t.Helper()
		if header.Get("Cookie") == "mine" {
			header.Set("Cookie", p.cookie)
		}
		r, err := http.NewRequest(method, p.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header, r.Host = header, header.Get("Host")
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%s %s %v: %s", method, path, header, response.Status)
		}
		if want >= 400 && response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s %v: no problem", method, path, header)
		}
	}
	path := "/lab/" + p.lab.ID
	p.dial("sse", "/sse").to(t, `"$open"`)
	other := enter(t, p.url)
	mine := func(more ...string) http.Header {
		h := http.Header{"Cookie": {"mine"}}
		for i := 0; i < len(more); i += 2 {
			h.Set(more[i], more[i+1])
		}
		return h
	}
	for _, method := range []string{"GET", "DELETE"} {
		check(403, method, path, http.Header{})
		check(403, method, path, http.Header{"Cookie": {other.cookie}})
		check(403, method, path, http.Header{"Cookie": {"lab="}})
	}
	check(403, "GET", path+"/observe", http.Header{})
	check(403, "POST", path+"/step", http.Header{})
	check(403, "GET", path+"/records/1", http.Header{})
	check(403, "POST", path+"/step", mine("Sec-Fetch-Site", "cross-site")) // another page's request
	check(404, "GET", "/lab/nobody", mine())
	check(404, "GET", path+"/nothing", mine())
	check(404, "POST", path+"/nothing", mine())
	check(404, "GET", path+"/clock/1", mine())
	check(421, "GET", path, mine("Host", "evil.example"))
	check(405, "GET", "/lab", mine())
	check(405, "POST", "/lab/kinds", mine())
	check(405, "PUT", path, mine())
	check(405, "GET", path+"/step", mine())
	check(405, "GET", path+"/fault", mine())
	check(405, "POST", path+"/clock", mine())
	check(426, "GET", path+"/observe", mine())
	check(400, "GET", path+"/records/x", mine())
	check(404, "GET", path+"/records/100000", mine())
	check(200, "GET", path+"/records/1", mine())
	check(200, "GET", "/lab/kinds", http.Header{})
	check(200, "GET", path, mine())
	check(204, "DELETE", path, mine())
	check(404, "GET", path, mine())
	check(200, "GET", "/lab/"+other.lab.ID, http.Header{"Cookie": {"x=1; " + other.cookie}})
}

// TestKinds: the page is told what the kinds of spans mean.
func TestKinds(t *testing.T) {
	_, url := server(t, web0)
	response, err := http.Get(url + "/lab/kinds")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var kinds []tap.Kind
	if err := json.NewDecoder(response.Body).Decode(&kinds); err != nil || !slices.Equal(kinds, tap.Kinds) {
		t.Errorf("%d kinds, %v", len(kinds), err)
	}
}

// TestCookie: nobody but the page's own requests brings the cookie, and no script reads it (CORS-04).
func TestCookie(t *testing.T) {
	_, url := server(t, web0)
	response, err := http.Post(url+"/lab", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	c := response.Cookies()[0]
	if c.Name != "lab" || len(c.Value) < 26 || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != response.Header.Get("Location") || c.Domain != "" {
		t.Errorf("the cookie is %s", c)
	}
}

// TestGap: the private log can be made so small that a subscriber who comes back is told of a loss.
func TestGap(t *testing.T) {
	p := open(t)
	first := p.step()
	for range 9 {
		p.step()
	}
	p.command("settings", `{"history":3}`)
	p.wait("the log has shrunk", func(seen []lab.Batch) bool {
		l := last(seen, logOf)
		id, _ := event.ParseID(l.Oldest)
		return l.Events == 3 && l.History == 3 && id.Seq == 7
	})
	got := p.dial("sse", "/sse?after="+first).to(t, `"missed":6}`)
	if !strings.Contains(got, "event: $gap") {
		t.Errorf("no gap in %s", got)
	}
	p.command("settings", `{"history":10}`)
	for range 12 {
		p.step()
	}
	p.wait("it has grown again", func(seen []lab.Batch) bool { return last(seen, logOf).Events == 10 })
}
