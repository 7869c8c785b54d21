package longpoll_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/common/wire"
	"pushlab/longpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var transport = transporttest.Transport{
	Path: "/longpoll",
	New: func(h *hub.Hub, c transporttest.Config) transporttest.Handler {
		return longpoll.New(h, longpoll.Config{Retry: c.Retry, WriteDeadline: c.WriteDeadline})
	},
	Dial: func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
		return longpoll.Dial(ctx, url, opts)
	},
	Header: http.Header{"Accept": {"*/*"}},
	Polls:  true,
}

func TestContract(t *testing.T) { transporttest.Run(t, transport) }

func TestNetworks(t *testing.T) { transporttest.RunNetworks(t, transport) }

// A fixture is a handler that is asked by raw polls.
type fixture struct {
	t       *testing.T
	hub     *hub.Hub
	handler *longpoll.Handler
	server  *memhttp.Server
}

func start(t *testing.T, hubConfig hub.Config, config longpoll.Config) *fixture {
	h := hub.New(hubConfig)
	handler := longpoll.New(h, config)
	return &fixture{t, h, handler, memhttp.NewServer(t, handler)}
}

// A reply is an answer as a table shows it, and what matters for its own tests.
type reply struct {
	status int
	header http.Header
	events string // "a:1 b:2"
	cursor event.ID
	more   bool
	close  bool // Connection: close
	took   time.Duration
}

// poll asks once. The query's cursors are of the epoch of the documents.
func (f *fixture) poll(query string, header ...string) reply {
	f.t.Helper()
	query = strings.ReplaceAll(query, transporttest.Epoch, f.hub.State().Head.Epoch)
	r, err := http.NewRequest(http.MethodGet, memhttp.URL+"/longpoll?"+query, nil)
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	c := f.server.Client()
	c.Transport.(*http.Transport).DisableKeepAlives = false // so that the server's own wish shows
	defer c.CloseIdleConnections()
	begin := time.Now()
	response, err := c.Do(r)
	if err != nil {
		f.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	got := reply{status: response.StatusCode, header: response.Header, close: response.Close, took: time.Since(begin)}
	text := transporttest.FixEpoch(f.hub, string(content))
	cursor, err := event.ParseID(transporttest.FixEpoch(f.hub, response.Header.Get("Pushlab-Cursor")))
	if err != nil {
		f.t.Fatal(err)
	}
	got.cursor = cursor
	if response.StatusCode != http.StatusOK {
		if text != "" {
			f.t.Errorf("%s has the content %q", response.Status, text)
		}
		return got
	}
	var d longpoll.Decoder
	events, err := d.Decode(nil, []byte(text))
	if err != nil {
		f.t.Fatal(err)
	}
	var names []string
	for _, e := range events {
		names = append(names, fmt.Sprintf("%s:%d", e.Topic, e.ID.Seq))
	}
	got.events, got.more = strings.Join(names, " "), d.More
	if d.Cursor != cursor {
		f.t.Errorf("the content's cursor is %s, the header's %s", d.Cursor, cursor)
	}
	return got
}

// want checks an answer: its status, events, cursor, whether there is more, and how long it took.
func (f *fixture) want(got reply, status int, events string, cursor uint64, more bool, took time.Duration) {
	f.t.Helper()
	if got.status != status || got.events != events || got.cursor.Seq != cursor || got.more != more || got.took != took {
		f.t.Errorf("%d [%s] cursor %d, more %v, after %v; want %d [%s] cursor %d, more %v, after %v",
			got.status, got.events, got.cursor.Seq, got.more, got.took, status, events, cursor, more, took)
	}
}

// TestDefaultWait: how long a poll waits that asks for no time is the server's affair.
func TestDefaultWait(t *testing.T) {
	for configured, want := range map[time.Duration]time.Duration{0: 25 * time.Second, 7 * time.Second: 7 * time.Second, -1: 0} {
		synctest.Test(t, func(t *testing.T) {
			f := start(t, hub.Config{}, longpoll.Config{Wait: configured})
			f.want(f.poll(""), 204, "", 0, false, want)
			f.want(f.poll("wait=3"), 204, "", 0, false, 3*time.Second)
			f.want(f.poll("", "Prefer", "wait=4"), 204, "", 0, false, 4*time.Second)
		})
	}
}

func TestShortPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{}, longpoll.Config{})
		transporttest.Publish(t, f.hub, "a", 3)
		f.want(f.poll("wait=0"), 204, "", 3, false, 0)
		f.want(f.poll("wait=0&after=mfrggzdf-1"), 200, "a:2 a:3", 3, false, 0)
		f.want(f.poll("wait=0&after=mfrggzdf-3"), 204, "", 3, false, 0)
		f.want(f.poll("wait=0&after=mfrggzdf-1&topic=b"), 204, "", 3, false, 0) // the cursor does not go stale
	})
}

// TestWait: how long a poll waits, by preference, by query and by default, and how it is told.
func TestWait(t *testing.T) {
	for _, c := range []struct {
		query, prefer string
		want          time.Duration
		applied       string
	}{
		{"", "", 25 * time.Second, ""},
		{"wait=5", "", 5 * time.Second, ""},
		{"wait=1000", "", 110 * time.Second, ""},
		{"", "wait=7", 7 * time.Second, "wait=7"},
		{"wait=5", "respond-async, WAIT=7", 7 * time.Second, "wait=7"},
		{"", "wait=0", 0, "wait=0"},
		{"", "wait=86400", 110 * time.Second, "wait=110"},
		{"wait=5", "wait=soon", 5 * time.Second, ""},
		{"", "respond-async", 25 * time.Second, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			f := start(t, hub.Config{}, longpoll.Config{})
			var header []string
			if c.prefer != "" {
				header = []string{"Prefer", c.prefer}
			}
			got := f.poll(c.query, header...)
			f.want(got, 204, "", 0, false, c.want)
			if applied := got.header.Get("Preference-Applied"); applied != c.applied {
				t.Errorf("?%s, Prefer: %s: Preference-Applied is %q, want %q", c.query, c.prefer, applied, c.applied)
			}
		})
	}
}

func TestAnswersWhenSomethingComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{}, longpoll.Config{})
		time.AfterFunc(3*time.Second, func() { transporttest.Publish(t, f.hub, "b", 1) })
		time.AfterFunc(7*time.Second, func() { transporttest.Publish(t, f.hub, "a", 1) })
		f.want(f.poll("topic=a"), 200, "a:2", 2, false, 7*time.Second)
	})
}

// TestCursorWhenNothingComes: events of other topics move the cursor also when they come while the
// poll waits; or it would go stale as long as nothing else comes.
func TestCursorWhenNothingComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{}, longpoll.Config{})
		time.AfterFunc(3*time.Second, func() { transporttest.Publish(t, f.hub, "b", 7) })
		f.want(f.poll("topic=a&wait=10"), 204, "", 7, false, 10*time.Second)
	})
}

// TestManyEvents: all that is pending is one answer, up to the limits.
func TestManyEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{}, longpoll.Config{})
		transporttest.Publish(t, f.hub, "a", 1500)
		var all []string
		for i := range 1500 {
			all = append(all, fmt.Sprintf("a:%d", i+1))
		}
		f.want(f.poll("after=mfrggzdf-0"), 200, strings.Join(all[:1000], " "), 1000, true, 0)
		f.want(f.poll("after=mfrggzdf-1000"), 200, strings.Join(all[1000:], " "), 1500, false, 0)
		f.want(f.poll("after=mfrggzdf-0&limit=2"), 200, "a:1 a:2", 2, true, 0)
		f.want(f.poll("after=mfrggzdf-2&limit=2"), 200, "a:3 a:4", 4, true, 0)
		f.want(f.poll("after=mfrggzdf-1498&limit=2"), 200, "a:1499 a:1500", 1500, false, 0)
		f.want(f.poll("after=mfrggzdf-0&limit=9999"), 200, strings.Join(all[:1000], " "), 1000, true, 0)

		// Events of another topic are no more.
		transporttest.Publish(t, f.hub, "b", 1)
		f.want(f.poll("after=mfrggzdf-1499&topic=a&limit=1"), 200, "a:1500", 1501, false, 0)

		// Large events: a bounded answer, but always one event.
		for range 3 {
			if _, err := f.hub.Publish(context.Background(), "large", []byte(`"`+strings.Repeat("x", 200<<10)+`"`)); err != nil {
				t.Fatal(err)
			}
		}
		f.want(f.poll("after=mfrggzdf-1501"), 200, "large:1502", 1502, true, 0)
		f.want(f.poll("after=mfrggzdf-1503"), 200, "large:1504", 1504, false, 0)
	})
}

// TestGap: a gap is an answer, with what is retained behind it; the limit is for events.
func TestGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{History: 3}, longpoll.Config{})
		transporttest.Publish(t, f.hub, "a", 10)
		f.want(f.poll("after=mfrggzdf-2"), 200, "$gap:7 a:8 a:9 a:10", 10, false, 0)
		f.want(f.poll("after=mfrggzdf-2&limit=1"), 200, "$gap:7 a:8", 8, true, 0)
		f.want(f.poll("after=mfrggzdf-99&topic=b"), 200, "$gap:7", 10, false, 0)
		f.want(f.poll("", "Last-Event-ID", "yesterday"), 200, "$gap:7 a:8 a:9 a:10", 10, false, 0)
	})
}

// TestGoodbye: a server that leaves answers those who wait, says when to come back, each at another
// time, and closes the connection.
func TestGoodbye(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{}, longpoll.Config{Retry: 10 * time.Second})
		transporttest.Publish(t, f.hub, "a", 2)
		time.AfterFunc(3*time.Second, f.hub.Close)
		got := f.poll("")
		f.want(got, 204, "", 2, false, 3*time.Second)
		retries := map[string]bool{}
		for range 50 {
			retries[got.header.Get("Retry-After")] = true
			if !got.close {
				t.Error("there is no Connection: close")
			}
			got = f.poll("after=mfrggzdf-2")
			f.want(got, 204, "", 2, false, 0)
		}
		for retry := range retries {
			if seconds, err := strconv.Atoi(retry); err != nil || seconds < 5 || seconds > 15 {
				t.Errorf("Retry-After is %q; half to one and a half of 10 s was to be drawn", retry)
			}
		}
		if len(retries) < 5 {
			t.Errorf("only %d different times were drawn", len(retries))
		}
		// First what is pending, and that there is more to say.
		f.want(f.poll("after=mfrggzdf-0"), 200, "a:1 a:2", 2, true, 0)
	})
}

// TestRetryIsNeverZero: a client that is to come back at once would come back at once for ever.
func TestRetryIsNeverZero(t *testing.T) {
	for _, retry := range []time.Duration{1, -time.Second} {
		synctest.Test(t, func(t *testing.T) {
			f := start(t, hub.Config{}, longpoll.Config{Retry: retry})
			f.hub.Close()
			for range 20 {
				if got := f.poll("").header.Get("Retry-After"); got != "1" {
					t.Fatalf("Retry: %v: Retry-After is %q", retry, got)
				}
			}
		})
	}
}

// TestClientGone: a poll whose client is gone waits no longer.
func TestClientGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{}, longpoll.Config{})
		conn := transporttest.Send(t, f.server, "GET /longpoll HTTP/1.1\r\nHost: localhost\r\n\r\n")
		synctest.Wait()
		if f.hub.State().Subscriptions != 1 || f.handler.Counters().Open.Load() != 1 {
			t.Fatal("nobody waits")
		}
		conn.Close()
		synctest.Wait()
		if n, open := f.hub.State().Subscriptions, f.handler.Counters().Open.Load(); n != 0 || open != 0 {
			t.Errorf("%d subscriptions, %d polls are left", n, open)
		}
		if n := f.handler.Counters().Ended[wire.Left].Load(); n != 1 {
			t.Errorf("%d polls are counted as left", n)
		}
	})
}

// TestStateless: the servers keep nothing between two polls, so any of them may answer the next one.
func TestStateless(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hub.New(hub.Config{})
		var two []*fixture
		for range 2 {
			handler := longpoll.New(h, longpoll.Config{})
			two = append(two, &fixture{t, h, handler, memhttp.NewServer(t, handler)})
		}
		go func() {
			for range 100 {
				time.Sleep(time.Second)
				transporttest.Publish(t, h, "a", 1)
			}
		}()
		cursor := transporttest.ID(0)
		for i := range 100 {
			got := two[i%2].poll("after=" + cursor.String())
			two[i%2].want(got, 200, fmt.Sprintf("a:%d", i+1), uint64(i+1), false, time.Second)
			cursor = got.cursor
		}
	})
}

// TestConnectionIsKept: an answer does not end the connection, and leaves nothing on it that would
// cut a later request off.
func TestConnectionIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{}, longpoll.Config{WriteDeadline: 10 * time.Second})
		c := f.server.Client()
		c.Transport.(*http.Transport).DisableKeepAlives = false
		defer c.CloseIdleConnections()
		dials := 0
		dial := f.server.Dial
		c.Transport.(*http.Transport).DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			return dial(ctx, network, address)
		}
		for range 5 {
			response, err := c.Get(memhttp.URL + "/longpoll?wait=60")
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		if dials != 1 {
			t.Errorf("%d connections were made for five polls", dials)
		}
	})
}

func TestCounters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{History: 3}, longpoll.Config{})
		transporttest.Publish(t, f.hub, "a", 5)
		f.poll("after=mfrggzdf-2") // 3 events
		f.poll("after=mfrggzdf-0") // a gap and 3 events
		f.poll("wait=0")           // nothing
		f.poll("limit=1&after=mfrggzdf-4")
		c := f.handler.Counters()
		got := map[string]int64{
			"opened": c.Opened.Load(), "open": c.Open.Load(), "delivered": c.Delivered.Load(), "writes": c.Writes.Load(),
			"gaps": c.Gaps.Load(), "goodbye": c.Ended[wire.Goodbye].Load(),
		}
		want := map[string]int64{"opened": 4, "open": 0, "delivered": 7, "writes": 3, "gaps": 1, "goodbye": 4}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the counters (-want +got):\n%s", diff)
		}
		if c.Bytes.Load() < 3*100 {
			t.Errorf("%d bytes", c.Bytes.Load())
		}
	})
}

// TestDeadlineOfTheRequest: a poll whose request has a deadline is answered then, as if the server left: who asks
// again may need another token for it.
func TestDeadlineOfTheRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{}, longpoll.Config{})
		f.server.HTTP.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
			defer cancel()
			f.handler.ServeHTTP(w, r.WithContext(ctx))
		})
		transporttest.Publish(t, f.hub, "a", 2)
		got := f.poll("after=mfrggzdf-2")
		f.want(got, 204, "", 2, false, 5*time.Second)
		if got.header.Get("Retry-After") == "" || !got.close {
			t.Errorf("the client is not told to come back: %v", got.header)
		}
		f.want(f.poll("after=mfrggzdf-0"), 200, "a:1 a:2", 2, false, 0)
		f.want(f.poll("after=mfrggzdf-2&wait=2"), 204, "", 2, false, 2*time.Second)
	})
}
