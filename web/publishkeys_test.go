package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/web"
)

// keyed is the header of an event with a key.
func keyed(key string) http.Header {
	header := jsonType()
	header.Set("Idempotency-Key", key)
	return header
}

// TestPublishOnce: what is sent again under its key is the same event.
func TestPublishOnce(t *testing.T) {
	s := serve(t, hub.Config{Keys: 3}, web.Config{})
	post := func(query string, header http.Header, body string, want int) (answer struct{ ID, Detail, Parameter string }, again string) {
		t.Helper()
		response, text := s.request("POST", "/publish"+query, header, body)
		if err := json.Unmarshal(text, &answer); err != nil || response.StatusCode != want {
			t.Errorf("%s %v: %s %s", query, header, response.Status, text)
		}
		return answer, response.Header.Get("Retry-After")
	}
	first, _ := post("?topic=a", keyed("one"), `{"a": 1}`, 201)
	for _, c := range []struct{ key, body string }{
		{"one", `{"a": 1}`}, {`"one"`, `{"a":1}`}, {" one", ` { "a":1 } `},
	} {
		if again, _ := post("?topic=a", keyed(c.key), c.body, 201); again.ID != first.ID {
			t.Errorf("%q %q is event %s, the first was %s", c.key, c.body, again.ID, first.ID)
		}
	}
	if n := s.hub.State().Head.Seq; n != 1 {
		t.Errorf("%d events were published", n)
	}
	for _, c := range []struct{ query, body string }{{"?topic=a", "2"}, {"?topic=b", `{"a":1}`}, {"", `{"a":1}`}} {
		if p, _ := post(c.query, keyed("one"), c.body, 422); p.Parameter != "Idempotency-Key" || !strings.Contains(p.Detail, "another event") {
			t.Errorf("%+v: %+v", c, p)
		}
	}
	for _, key := range []string{"", `"`, "a b", "é", `"a";b=1`, strings.Repeat("k", 257)} {
		if p, _ := post("", keyed(key), "1", 400); p.Parameter != "Idempotency-Key" {
			t.Errorf("%q: %+v", key, p)
		}
	}
	twice := keyed("two")
	twice.Add("Idempotency-Key", "two")
	post("", twice, "1", 400)

	post("", keyed("two"), "1", 201)
	post("", keyed("three"), "1", 201)
	if p, again := post("", keyed("four"), "1", 503); p.Parameter != "Idempotency-Key" || again == "" || !strings.Contains(p.Detail, "too many") {
		t.Errorf("a key too many: %+v, Retry-After %q", p, again)
	}
	s.countsRefused("idempotency_keys", 1)
	post("", jsonType(), "1", 201)
	if again, _ := post("?topic=a", keyed("one"), `{"a":1}`, 201); again.ID != first.ID {
		t.Errorf("a known key is event %s, the first was %s", again.ID, first.ID)
	}
	if n := s.hub.State().Head.Seq; n != 4 {
		t.Errorf("%d events were published", n)
	}
	// By message it is the same key, and the same limits.
	if answer := s.operate(`{"op":"publish","ref":"1","topic":"a","data":{"a":1},"key":"one"}`); !strings.Contains(answer, `"ack"`) || !strings.Contains(answer, first.ID) {
		t.Errorf("by message: %s", answer)
	}
	if answer := s.operate(`{"op":"publish","data":1,"key":"five"}`); !strings.Contains(answer, `"error"`) {
		t.Errorf("a key too many, by message: %s", answer)
	}
	s.countsRefused("idempotency_keys", 2)
}

// TestPublishOncePerPublisher: a key counts for who publishes, by whatever he shows.
func TestPublishOncePerPublisher(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Access: control(t, false)})
	publish := func(token, data string) string {
		t.Helper()
		header := keyed("1")
		header.Set("Authorization", "Bearer "+token)
		response, body := s.request("POST", "/publish", header, data)
		if response.StatusCode != 201 {
			return fmt.Sprint(response.StatusCode)
		}
		return string(body)
	}
	hour := time.Now().Add(time.Hour)
	ann, bob, renewed := subjectToken("ann", hour), subjectToken("bob", hour), subjectToken("ann", hour.Add(time.Hour))
	first := publish(ann, "1")
	if other := publish(bob, "1"); other == first {
		t.Errorf("two publishers meet at %s", other)
	}
	if other := publish(bob, "2"); other != "422" {
		t.Errorf("the same publisher gets %s for another event", other)
	}
	if again := publish(renewed, "1"); again != first {
		t.Errorf("with a renewed token it is %s, not %s", again, first)
	}
}

// subjectToken signs a JSON Web Token with a subject, who may publish.
func subjectToken(subject string, expires time.Time) string {
	return signed(map[string]any{"sub": subject, "exp": expires.Unix(), "pushlab": map[string]any{"publish": []string{"*"}}})
}

// An appender is a log of which nothing but Append is needed.
type appender struct {
	hub.Log
	append func(context.Context, hub.Entry) (event.ID, error)
}

func (a appender) Append(ctx context.Context, e hub.Entry) (event.ID, error) { return a.append(ctx, e) }

// TestLogUnavailable: whoever publishes while the log is away is told when to come back, and how.
func TestLogUnavailable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log appender
		server, err := web.NewServer(hub.New(hub.Config{Log: &log}), web.Config{})
		if err != nil {
			t.Fatal(err)
		}
		client := memhttp.NewServer(t, server).Client()
		for _, c := range []struct {
			name   string
			append func(ctx context.Context, e hub.Entry) (event.ID, error)
			took   time.Duration
		}{
			{"it says so", func(context.Context, hub.Entry) (event.ID, error) {
				return event.ID{}, fmt.Errorf("no leader: %w", hub.ErrUnavailable)
			}, 0},
			{"it says nothing", func(ctx context.Context, e hub.Entry) (event.ID, error) {
				<-ctx.Done()
				return event.ID{}, ctx.Err()
			}, 10 * time.Second},
		} {
			for _, key := range []string{"", "one"} {
				log.append = c.append
				r, err := http.NewRequest("POST", memhttp.URL+"/publish", strings.NewReader("1"))
				if err != nil {
					t.Fatal(err)
				}
				r.Header = jsonType()
				if key != "" {
					r.Header.Set("Idempotency-Key", key)
				}
				begin := time.Now()
				response, err := client.Do(r)
				if err != nil {
					t.Fatal(err)
				}
				var p struct{ Detail string }
				err = json.NewDecoder(response.Body).Decode(&p)
				response.Body.Close()
				if err != nil || response.StatusCode != 503 || response.Header.Get("Retry-After") == "" || !strings.Contains(p.Detail, "may have been stored, or not") {
					t.Errorf("%s: %s %v %s %v", c.name, response.Status, response.Header, p.Detail, err)
				}
				if strings.Contains(p.Detail, "with the same idempotency key") != (key != "") {
					t.Errorf("%s: with key %q it is told: %s", c.name, key, p.Detail)
				}
				if took := time.Since(begin); took != c.took {
					t.Errorf("%s: it took %v, want %v", c.name, took, c.took)
				}
			}
		}
	})
}
