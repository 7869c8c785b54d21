package longpoll_test

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/longpoll"
)

func TestClient(t *testing.T) { transporttest.RunClient(t, transport) }

// TestOpenIsMadeUp: the cursor of the $open event that the client makes up is where the subscription
// starts, as far as that can be known; resuming from it never loses or repeats anything.
func TestOpenIsMadeUp(t *testing.T) {
	for _, c := range []struct {
		name, after string
		publish     int
		close       bool
		want        event.ID
	}{
		{"from now, nothing published", "", 0, false, transporttest.ID(0)},
		{"from now", "", 5, false, transporttest.ID(5)},
		{"from now, of a server that leaves", "", 5, true, transporttest.ID(5)},
		{"from a cursor", "mfrggzdf-3", 5, false, transporttest.ID(3)},
		{"from a cursor, nothing published", "mfrggzdf-5", 5, false, transporttest.ID(5)},
		{"from a cursor, of a server that leaves", "mfrggzdf-5", 5, true, transporttest.ID(5)},
		{"from a cursor that is too old", "mfrggzdf-0", 5, false, transporttest.ID(0)},
		{"from a cursor of another epoch", "bbbbbbbb-1", 5, false, event.ID{Epoch: "bbbbbbbb", Seq: 1}},
		{"earliest", "earliest", 5, false, transporttest.ID(2)},
		{"earliest, nothing published", "earliest", 0, false, transporttest.ID(0)},
		{"earliest, nothing published, of a server that leaves", "earliest", 0, true, transporttest.ID(0)},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := start(t, hub.Config{History: 3}, longpoll.Config{})
				transporttest.Publish(t, f.hub, "a", c.publish)
				if c.close {
					f.hub.Close()
				}
				after := strings.ReplaceAll(c.after, transporttest.Epoch, f.hub.State().Head.Epoch)
				conn, err := longpoll.Dial(context.Background(), memhttp.URL, client.Options{After: after, DialContext: f.server.Dial})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				e, err := conn.Next(context.Background())
				if got := transporttest.FixEpoch(f.hub, e.ID.String()); e.Topic != event.OpenTopic || got != c.want.String() || err != nil {
					t.Errorf("it begins with %s at %s, %v; want $open at %s", e.Topic, got, err, c.want)
				}
				if got := transporttest.FixEpoch(f.hub, conn.Cursor()); got != c.want.String() {
					t.Errorf("the cursor is %s", got)
				}
			})
		})
	}
}

// TestWaitGivenUp: to give up waiting for an event leaves the poll as it is.
func TestWaitGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, hub.Config{}, longpoll.Config{})
		conn, err := longpoll.Dial(context.Background(), memhttp.URL, client.Options{DialContext: f.server.Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Next(context.Background())
		for range 3 {
			ctx, cancel := context.WithTimeout(context.Background(), time.Second)
			if _, err := conn.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			cancel()
		}
		synctest.Wait()
		if open, opened := f.handler.Counters().Open.Load(), f.handler.Counters().Opened.Load(); open != 1 || opened != 2 {
			t.Errorf("%d polls wait, of %d; want the handshake and one that waits on", open, opened)
		}
		transporttest.Publish(t, f.hub, "a", 3)
		for seq := range uint64(3) {
			if e, err := conn.Next(context.Background()); err != nil || e.ID.Seq != seq+1 {
				t.Errorf("%s, %v; want event %d", e.Envelope(), err, seq+1)
			}
		}
	})
}

// TestImpatientProxy: where something gives up on silent requests, the client asks for less, and
// loses nothing.
func TestImpatientProxy(t *testing.T) {
	for _, answer := range []string{"", "HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 0\r\n\r\n"} {
		synctest.Test(t, func(t *testing.T) {
			const patience = 8 * time.Second
			f := start(t, hub.Config{}, longpoll.Config{})
			var cuts atomic.Int64
			server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				ctx, cancel := context.WithTimeout(r.Context(), patience)
				defer cancel()
				recorder := httptest.NewRecorder()
				f.handler.ServeHTTP(recorder, r.WithContext(ctx))
				if ctx.Err() != nil && r.Context().Err() == nil {
					cuts.Add(1)
					conn, _, _ := w.(http.Hijacker).Hijack()
					io.WriteString(conn, answer)
					conn.Close()
					return
				}
				maps.Copy(w.Header(), recorder.Header())
				w.WriteHeader(recorder.Code)
				w.Write(recorder.Body.Bytes())
			}))
			conn, err := longpoll.Dial(context.Background(), memhttp.URL, client.Options{DialContext: server.Dial})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Next(context.Background())
			learned := int64(0)
			for i := range 10 {
				if e, err := conn.Next(context.Background()); err != nil || e.Topic != event.BeatTopic {
					t.Fatalf("%s, %v; want a beat", e.Envelope(), err)
				}
				if i == 0 {
					learned = cuts.Load()
				}
			}
			if n := cuts.Load(); n == 0 || n != learned {
				t.Errorf("the proxy gave up %d times before the first beat, %d times in all", learned, n)
			}
			transporttest.Publish(t, f.hub, "a", 1)
			if e, err := conn.Next(context.Background()); err != nil || e.ID.Seq != 1 {
				t.Errorf("%s, %v; want event 1", e.Envelope(), err)
			}
		})
	}
}

// TestBadServer: answers that no server of ours would give.
func TestBadServer(t *testing.T) {
	const one = `{"id":"mfrggzdf-1","topic":"a","data":1}`
	for _, c := range []struct {
		name    string
		status  int
		header  string
		content string
		want    string // in the error
	}{
		{"no cursor", 204, "", "", "not a cursor"},
		{"a cursor that is none", 204, "Pushlab-Cursor: 7", "", "not a cursor"},
		{"no JSON", 200, "Content-Type: application/json", "hello", "not an answer"},
		{"no events", 200, "Content-Type: application/json", `{"events":[],"cursor":"mfrggzdf-1"}`, "without events"},
		{"too large", 200, "Content-Type: application/json", `{"events":[` + one + `],"cursor":"mfrggzdf-1"}` + strings.Repeat(" ", 1000), "more than 500 bytes"},
		{"shorter than announced", 200, "Content-Type: application/json\r\nContent-Length: 100", string(answer(one)[:60]), io.ErrUnexpectedEOF.Error()},
		{"a redirect to nowhere", 302, "", "", "302"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				polls := 0
				server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if polls++; polls == 1 { // Dial
						w.Header().Set("Pushlab-Cursor", "mfrggzdf-0")
						w.WriteHeader(204)
						return
					}
					for field := range strings.SplitSeq(c.header, "\r\n") {
						if name, value, ok := strings.Cut(field, ": "); ok {
							w.Header().Set(name, value)
						}
					}
					w.WriteHeader(c.status)
					io.WriteString(w, c.content)
				}))
				conn, err := longpoll.Dial(context.Background(), memhttp.URL, client.Options{DialContext: server.Dial, MaxEvent: 500})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				conn.Next(context.Background())
				e, err := conn.Next(context.Background())
				if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, io.EOF) {
					t.Errorf("%s, %v; want an error about %q", e.Envelope(), err, c.want)
				}
				if conn.Cursor() != "mfrggzdf-0" {
					t.Errorf("the cursor is %s", conn.Cursor())
				}
			})
		})
	}
}

// TestPost: what is asked by a POST is asked so, in every poll.
func TestPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		polls := 0
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			polls++
			if body, err := io.ReadAll(r.Body); err != nil || r.Method != "POST" || string(body) != "question" {
				t.Errorf("poll %d: %s %s, %v", polls, r.Method, body, err)
			}
			w.Header().Set("Pushlab-Cursor", "mfrggzdf-0")
			w.WriteHeader(204)
		}))
		conn, err := longpoll.Dial(context.Background(), memhttp.URL, client.Options{Method: "POST", Body: []byte("question"), DialContext: server.Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, want := range []string{event.OpenTopic, event.BeatTopic} {
			if e, err := conn.Next(context.Background()); err != nil || e.Topic != want {
				t.Errorf("%s, %v; want %s", e.Topic, err, want)
			}
		}
		conn.Close()
		synctest.Wait()
		if polls < 2 {
			t.Errorf("%d polls", polls)
		}
	})
}

// TestRetryAfter: a server that leaves says in either way when to come back.
func TestRetryAfter(t *testing.T) {
	for field, want := range map[string]time.Duration{
		"7":                             7 * time.Second,
		"Sat, 01 Jan 2000 00:00:07 GMT": 7 * time.Second, // it is midnight in the bubble
		"999999999999999999999999":      24 * time.Hour,
	} {
		synctest.Test(t, func(t *testing.T) {
			server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Pushlab-Cursor", "mfrggzdf-0")
				w.Header().Set("Retry-After", field)
				w.WriteHeader(204)
			}))
			conn, err := longpoll.Dial(context.Background(), memhttp.URL, client.Options{DialContext: server.Dial})
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.Next(context.Background()) // $open
			e, err := conn.Next(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if got, err := event.ParseBye(e); e.Topic != event.ByeTopic || got != want || err != nil {
				t.Errorf("%s: %s, %v; want %v", field, e.Envelope(), err, want)
			}
		})
	}
}

// TestPollsOfAClient: how the client asks.
func TestPollsOfAClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		f := start(t, hub.Config{}, longpoll.Config{})
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = append(got, transporttest.FixEpoch(f.hub, r.URL.RawQuery+" Prefer: "+r.Header.Get("Prefer")))
			f.handler.ServeHTTP(w, r)
		}))
		conn, err := longpoll.Dial(context.Background(), memhttp.URL+"?limit=2", client.Options{Topics: []string{"a"}, DialContext: server.Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		transporttest.Publish(t, f.hub, "a", 3)
		for _, want := range []string{"$open", "a", "a", "a", "$beat"} {
			if e, err := conn.Next(context.Background()); err != nil || e.Topic != want {
				t.Fatalf("%s, %v; want %s", e.Envelope(), err, want)
			}
		}
		synctest.Wait() // the next poll is on its way
		conn.Close()
		synctest.Wait()
		if n := f.handler.Counters().Open.Load(); n != 0 {
			t.Errorf("LP-09: the client is gone, and %d polls wait", n)
		}
		want := []string{
			"limit=2&topic=a Prefer: wait=0", // the handshake
			"after=mfrggzdf-0&limit=2&topic=a Prefer: ",
			"after=mfrggzdf-2&limit=2&topic=a Prefer: ",
			"after=mfrggzdf-3&limit=2&topic=a Prefer: ",
			"after=mfrggzdf-3&limit=2&topic=a Prefer: ",
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("the polls (-want +got):\n%s", diff)
		}
	})
}
