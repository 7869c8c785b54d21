package request_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/request"
)

// A log is a hub that has lost its first events. In what tests write, NOW stands for its epoch, and
// OLD for another one.
type log struct {
	hub      *hub.Hub
	replacer *strings.Replacer
}

// newLog returns a log of the events 3 to 5 on the topics a, b and a.
func newLog(t testing.TB) log {
	t.Helper()
	h := hub.New(hub.Config{History: 3})
	for _, topic := range []string{"a", "b", "a", "b", "a"} {
		if _, err := h.Publish(t.Context(), topic, []byte("1")); err != nil {
			t.Fatal(err)
		}
	}
	return log{h, strings.NewReplacer("NOW", h.State().Head.Epoch, "OLD", "bbbbbbbb")}
}

// given tells what a subscriber is given who asked for that: where the stream starts, then what
// follows, such as "NOW-3: 4 5".
func (l log) given(t testing.TB, ask request.Subscribe) string {
	t.Helper()
	sub := l.hub.Subscribe(ask.Topics, ask.Start)
	defer sub.Close()
	given := sub.Start().String() + ":"
	records, err := sub.Poll()
	var gap *hub.GapError
	if errors.As(err, &gap) {
		given += fmt.Sprintf(" gap(%s)", gap.After)
		records, err = sub.Poll()
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		given += fmt.Sprintf(" %d", r.ID.Seq)
	}
	return given
}

// get returns a request with that query, and header fields given as name and value in turn.
func get(query string, header ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/sse", nil)
	r.URL.RawQuery = query
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

func TestSubscribeStart(t *testing.T) {
	l := newLog(t)
	for _, c := range []struct {
		name, query, header string
		want                string // as log.given tells it
	}{
		{"nothing asked: from now", "", "", "NOW-5:"},
		{"after", "after=NOW-3", "", "NOW-3: 4 5"},
		{"the alias", "last_event_id=NOW-3", "", "NOW-3: 4 5"},
		{"both names, the same", "after=NOW-3&last_event_id=NOW-3", "", "NOW-3: 4 5"},
		{"given twice, the same", "after=NOW-3&after=NOW-3", "", "NOW-3: 4 5"},
		{"percent-encoded", "after=NOW%2D3", "", "NOW-3: 4 5"},
		{"the head", "after=NOW-5", "", "NOW-5:"},
		{"older than the log", "after=NOW-1", "", "NOW-1: gap(NOW-1) 3 4 5"},
		{"ahead of the log", "after=NOW-9", "", "NOW-9: gap(NOW-9) 3 4 5"},
		{"another epoch", "after=OLD-4", "", "OLD-4: gap(OLD-4) 3 4 5"},
		{"earliest", "after=earliest", "", "NOW-2: 3 4 5"},
		{"earliest by the alias", "last_event_id=earliest", "", "NOW-2: 3 4 5"},
		{"what it does not know, it ignores", "since=NOW-3&After=NOW-3", "", "NOW-5:"},

		{"the header", "", "NOW-4", "NOW-4: 5"},
		{"the header wins over the query", "after=NOW-2", "NOW-4", "NOW-4: 5"},
		{"the header wins over the alias", "last_event_id=NOW-2", "NOW-4", "NOW-4: 5"},
		{"the header wins over earliest", "after=earliest", "NOW-4", "NOW-4: 5"},
		{"an empty header is none", "after=NOW-4", "", "NOW-4: 5"},
		{"earliest in the header", "", "earliest", "NOW-2: 3 4 5"},
		{"another epoch in the header", "", "OLD-4", "OLD-4: gap(OLD-4) 3 4 5"},
		{"no cursor in the header", "", "yesterday", "aaaaaaaa-0: gap(yesterday) 3 4 5"},
		{"not even text in the header", "", "\xff\x00", "aaaaaaaa-0: gap(\xff\x00) 3 4 5"},
		{"no cursor in the header, a good one in the query", "after=NOW-4", "42", "aaaaaaaa-0: gap(42) 3 4 5"},
		{"almost a cursor in the header", "", "NOW-04", "aaaaaaaa-0: gap(NOW-04) 3 4 5"},
		{"the cursor of nobody", "", "aaaaaaaa-0", "aaaaaaaa-0: gap(aaaaaaaa-0) 3 4 5"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := get(l.replacer.Replace(c.query))
			r.Header.Set("Last-Event-ID", l.replacer.Replace(c.header))
			ask, problem := request.ParseSubscribe(r)
			if problem != nil {
				t.Fatal(problem)
			}
			if ask.Topics != nil {
				t.Errorf("topics %q, want nil: all", ask.Topics)
			}
			if got, want := l.given(t, ask), l.replacer.Replace(c.want); got != want {
				t.Errorf("given %q, want %q", got, want)
			}
		})
	}
}

func TestSubscribeTopics(t *testing.T) {
	l := newLog(t)
	for _, c := range []struct {
		query string
		want  []string
		given string
	}{
		{"after=earliest", nil, "NOW-2: 3 4 5"},
		{"after=earliest&topic=a", []string{"a"}, "NOW-2: 3 5"},
		{"after=earliest&topic=b&topic=a", []string{"b", "a"}, "NOW-2: 3 4 5"},
		{"after=earliest&topic=a&topic=a", []string{"a", "a"}, "NOW-2: 3 5"},
		{"after=earliest&topic=quiet", []string{"quiet"}, "NOW-2:"},
		{"topic=chat%2Eroom-1", []string{"chat.room-1"}, "NOW-5:"},
		{"topic=" + strings.Repeat("x", event.MaxTopic), []string{strings.Repeat("x", event.MaxTopic)}, "NOW-5:"},
		// Events 1 and 2 are gone, but of b only event 2, and of a quiet topic nothing.
		{"topic=b&after=NOW-1", []string{"b"}, "NOW-1: gap(NOW-1) 4"},
		{"topic=b&after=NOW-2", []string{"b"}, "NOW-2: 4"},
		{"topic=quiet&after=NOW-0", []string{"quiet"}, "NOW-0:"},
	} {
		ask, problem := request.ParseSubscribe(get(l.replacer.Replace(c.query)))
		if problem != nil {
			t.Errorf("%.60s: %v", c.query, problem)
			continue
		}
		if !reflect.DeepEqual(ask.Topics, c.want) {
			t.Errorf("%.60s: topics %q, want %q", c.query, ask.Topics, c.want)
		}
		if got, want := l.given(t, ask), l.replacer.Replace(c.given); got != want {
			t.Errorf("%.60s: given %q, want %q", c.query, got, want)
		}
	}
}

func TestSubscribeRefuses(t *testing.T) {
	topics := func(n int) string { return strings.Repeat("topic=a&", n) }
	if _, problem := request.ParseSubscribe(get(topics(request.MaxTopics))); problem != nil {
		t.Errorf("%d topics: %v", request.MaxTopics, problem)
	}
	for _, c := range []struct {
		name, query string
		parameter   string
		detail      string // a part of it that helps
	}{
		{"an empty topic", "topic=", "topic", `leave it out`},
		{"a topic without a value", "topic", "topic", `leave it out`},
		{"one bad topic among good ones", "topic=a&topic=b%20c", "topic", `"b c"`},
		{"a control topic", "topic=$beat", "topic", `"$beat"`},
		{"a topic that is not UTF-8", "topic=%ff", "topic", `"\xff"`},
		{"a topic that is too long", "topic=" + strings.Repeat("x", event.MaxTopic+1), "topic", "128"},
		{"too many topics", topics(request.MaxTopics + 1), "topic", "the limit is 100"},
		{"no cursor", "after=yesterday", "after", `"yesterday" is not a cursor`},
		{"what else would have done", "after=yesterday", "after", `or "earliest"`},
		{"an empty cursor", "after=", "after", `"" is not a cursor`},
		{"a cursor of another form", "after=mfrggzdf-007", "after", "mfrggzdf-42"},
		{"a cursor in capitals", "after=EARLIEST", "after", `"EARLIEST"`},
		{"no cursor, by the alias", "last_event_id=1", "last_event_id", `"1" is not a cursor`},
		{"two cursors", "after=mfrggzdf-1&after=mfrggzdf-2", "after", "more than one cursor"},
		{"two cursors by two names", "after=mfrggzdf-1&last_event_id=mfrggzdf-2", "last_event_id", "more than one cursor"},
		{"a cursor and earliest", "after=mfrggzdf-1&last_event_id=earliest", "last_event_id", "more than one cursor"},
		{"a good cursor and an empty one", "after=mfrggzdf-1&last_event_id=", "last_event_id", "more than one cursor"},
		{"a bad escape", "topic=%zz", "query", `%zz`},
		{"a semicolon", "topic=a;after=earliest", "query", "semicolon"},
	} {
		// A good header does not excuse a bad query: whoever wrote the URL is to learn of it.
		for _, header := range []string{"", "mfrggzdf-1"} {
			r := get(c.query)
			r.Header.Set("Last-Event-ID", header)
			_, problem := request.ParseSubscribe(r)
			if problem == nil {
				t.Errorf("%s, Last-Event-ID %q: accepted", c.name, header)
				continue
			}
			if problem.Status != http.StatusBadRequest || problem.Parameter != c.parameter {
				t.Errorf("%s: %d, parameter %q; want 400, %q", c.name, problem.Status, problem.Parameter, c.parameter)
			}
			if !strings.Contains(problem.Detail, c.detail) {
				t.Errorf("%s: detail %q, want in it %q", c.name, problem.Detail, c.detail)
			}
			if strings.HasPrefix(problem.Detail, "event:") || strings.HasPrefix(problem.Detail, "request:") {
				t.Errorf("%s: detail %q names a package of ours", c.name, problem.Detail)
			}
		}
	}
}

func TestSubscribeMethods(t *testing.T) {
	l := newLog(t)
	r := get(l.replacer.Replace("topic=a&after=NOW-3"))
	r.Method = http.MethodHead
	ask, problem := request.ParseSubscribe(r)
	if problem != nil {
		t.Fatal(problem)
	}
	if got, want := l.given(t, ask), l.replacer.Replace("NOW-3: 5"); got != want {
		t.Errorf("HEAD is given %q, want as with GET %q", got, want)
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS", "CONNECT", "get", "LISTEN"} {
		r := get("topic=%zz") // the method is looked at first
		r.Method = method
		_, problem := request.ParseSubscribe(r)
		if problem == nil {
			t.Errorf("%s: accepted", method)
			continue
		}
		if problem.Status != http.StatusMethodNotAllowed || problem.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, problem.Status, problem.Header.Get("Allow"))
		}
	}
}

func TestCheckTopics(t *testing.T) {
	many := make([]string, request.MaxTopics+1)
	for i := range many {
		many[i] = fmt.Sprintf("topic-%d", i)
	}
	for _, c := range []struct {
		name   string
		topics []string
		ok     bool
	}{
		{"all", nil, true},
		{"none", []string{}, true},
		{"as many as allowed", many[1:], true},
		{"one more", many, false},
		{"a control topic", []string{"chat", "$open"}, false},
		{"an empty one", []string{""}, false},
	} {
		if err := request.CheckTopics(c.topics); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestParseCursor(t *testing.T) {
	l := newLog(t)
	for text, want := range map[string]string{
		"earliest": "NOW-2: 3 4 5",
		"NOW-4":    "NOW-4: 5",
		"OLD-4":    "OLD-4: gap(OLD-4) 3 4 5",
	} {
		start, err := request.ParseCursor(l.replacer.Replace(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, want := l.given(t, request.Subscribe{Start: start}), l.replacer.Replace(want); got != want {
			t.Errorf("%s is given %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", "yesterday", " earliest", "mfrggzdf-", "mfrggzdf--1", "mfrggzdf-18446744073709551616"} {
		if _, err := request.ParseCursor(text); err == nil {
			t.Errorf("%q is a cursor", text)
		}
	}
}
