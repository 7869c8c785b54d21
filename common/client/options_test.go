package client_test

import (
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
)

func TestOptionsURL(t *testing.T) {
	for _, c := range []struct {
		name, base string
		opts       client.Options
		want       string // without the query
		query      url.Values
	}{
		{"nothing to add", "http://localhost:8080/sse", client.Options{}, "http://localhost:8080/sse", nil},
		{"topics and a cursor", "http://localhost/sse", client.Options{Topics: []string{"clock", "chat.room-1"}, After: "mfrggzdf-42"},
			"http://localhost/sse", url.Values{"topic": {"clock", "chat.room-1"}, "after": {"mfrggzdf-42"}}},
		{"earliest", "http://localhost/sse", client.Options{After: client.Earliest}, "http://localhost/sse", url.Values{"after": {"earliest"}}},
		{"what needs escapes", "http://localhost/sse", client.Options{Topics: []string{"a&b=c d"}}, "http://localhost/sse", url.Values{"topic": {"a&b=c d"}}},
		{"the URL has a query", "https://user@example.com/x?key=1&topic=a", client.Options{Topics: []string{"b"}},
			"https://user@example.com/x", url.Values{"key": {"1"}, "topic": {"a", "b"}}},
		{"the URL has a cursor, ours is newer", "http://localhost/sse?after=mfrggzdf-1&topic=a", client.Options{After: "mfrggzdf-2"},
			"http://localhost/sse", url.Values{"after": {"mfrggzdf-2"}, "topic": {"a"}}},
		{"the URL has a cursor by its other name", "http://localhost/sse?last_event_id=mfrggzdf-1", client.Options{After: "mfrggzdf-2"},
			"http://localhost/sse", url.Values{"after": {"mfrggzdf-2"}}},
		{"the URL has a cursor, we have none", "http://localhost/sse?last_event_id=mfrggzdf-1", client.Options{Topics: []string{"a"}},
			"http://localhost/sse", url.Values{"last_event_id": {"mfrggzdf-1"}, "topic": {"a"}}},
		{"WebSocket", "ws://[::1]:8080/websocket", client.Options{After: "earliest"}, "ws://[::1]:8080/websocket", url.Values{"after": {"earliest"}}},
	} {
		got, err := c.opts.URL(c.base)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		u, err := url.Parse(got)
		if err != nil {
			t.Errorf("%s: %q: %v", c.name, got, err)
			continue
		}
		query, err := url.ParseQuery(u.RawQuery)
		if err != nil || len(query)+len(c.query) > 0 && !reflect.DeepEqual(query, c.query) {
			t.Errorf("%s: %q: query %v (%v), want %v", c.name, got, query, err, c.query)
		}
		u.RawQuery = ""
		if u.String() != c.want {
			t.Errorf("%s: %q, want %q and the query", c.name, got, c.want)
		}
	}
}

// The stream of a foreign server may have a query that means something only in the form it has.
func TestOptionsURLKeepsAForeignQuery(t *testing.T) {
	const foreign = "https://example.com/stream?b=1;c&a=%2F&signature=x+y"
	got, err := client.Options{}.URL(foreign)
	if err != nil || got != foreign {
		t.Errorf("%q, %v; want it unchanged", got, err)
	}
}

func TestOptionsURLRefuses(t *testing.T) {
	for _, base := range []string{"http://local host/", "http://localhost:port/", ":", "http://localhost/?a=1;b=2", "http://localhost/?%zz"} {
		got, err := (client.Options{After: "earliest"}).URL(base)
		var permanent interface{ Permanent() bool }
		if !errors.As(err, &permanent) || !permanent.Permanent() {
			t.Errorf("%q gives %q, %v; want a permanent error", base, got, err)
		}
	}
}

func TestOptionsLimit(t *testing.T) {
	if got := (client.Options{}).Limit(); got != 16<<20 {
		t.Errorf("default %d", got)
	}
	if got := (client.Options{MaxEvent: 100}).Limit(); got != 100 {
		t.Errorf("%d, want 100", got)
	}
}

func TestStatusError(t *testing.T) {
	for _, c := range []struct {
		err  client.StatusError
		want string
	}{
		{client.StatusError{Status: 404}, "the server answered 404 Not Found"},
		{client.StatusError{Status: 400, Detail: "after is wrong"}, "the server answered 400 Bad Request: after is wrong"},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	for status, want := range map[int]bool{
		200: true, // but of another type
		204: true, // WHATWG HTML, section 9.2.3: this is how a server tells an EventSource to stop
		301: true, 400: true, 401: true, 403: true, 404: true, 405: true, 410: true, 421: true, 426: true,
		408: false, 425: false, 429: false, 500: false, 502: false, 503: false, 504: false,
	} {
		if got := (&client.StatusError{Status: status}).Permanent(); got != want {
			t.Errorf("%d: permanent %v", status, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where it is midnight, the first of January 2000, which was a Saturday
		for value, want := range map[string]time.Duration{
			"":                     0,
			"0":                    0,
			"3":                    3 * time.Second,
			"003":                  3 * time.Second,
			"86400":                24 * time.Hour,
			"2592000":              24 * time.Hour,
			"18446744073709551615": 24 * time.Hour,
			"99999999999999999999": 24 * time.Hour,
			"-3":                   0,
			"+3":                   0,
			"1.5":                  0,
			"soon":                 0,
			// The three forms of a date (RFC 9110, section 5.6.7).
			"Sat, 01 Jan 2000 00:00:07 GMT":    7 * time.Second,
			"Saturday, 01-Jan-00 00:01:00 GMT": time.Minute,
			"Sat Jan  1 01:00:00 2000":         time.Hour,
			"Sat, 01 Jan 2000 00:00:00 GMT":    0,
			"Fri, 31 Dec 1999 23:59:59 GMT":    0,
			"Mon, 01 Jan 0001 00:00:00 GMT":    0,
			"Sun, 02 Jan 2000 00:00:00 GMT":    24 * time.Hour,
			"Sun, 02 Jan 2000 00:00:01 GMT":    24 * time.Hour,
			"Fri, 31 Dec 9999 23:59:59 GMT":    24 * time.Hour,
			"Sat, 32 Jan 2000 00:00:00 GMT":    0,
			"Sat, 01 Jan 2000 00:00:07 CEST":   0,
			"2000-01-01T00:00:07Z":             0,
		} {
			if got := client.RetryAfter(http.Header{"Retry-After": {value}}); got != want {
				t.Errorf("%q: %v, want %v", value, got, want)
			}
		}
		if got := client.RetryAfter(http.Header{}); got != 0 {
			t.Errorf("no field: %v", got)
		}
	})
}

func TestHasType(t *testing.T) {
	for content, want := range map[string]bool{
		"text/event-stream":                   true,
		"Text/Event-Stream":                   true,
		"text/event-stream; charset=utf-8":    true,
		"text/event-stream;charset=\"utf-8\"": true,
		" text/event-stream ;":                true,
		"text/event-stream; charset":          true, // a parameter that is none does not change the type
		"text/event-stream2":                  false,
		"text/plain; text/event-stream":       false,
		"text":                                false,
		"text/html":                           false,
		"":                                    false,
		";":                                   false,
		"text/event-stream, text/html":        false,
		"application/x-text/event-stream":     false,
	} {
		r := &http.Response{Header: http.Header{"Content-Type": {content}}}
		if got := client.HasType(r, "text/event-stream"); got != want {
			t.Errorf("%q: %v", content, got)
		}
	}
}

// TestOptionsToken: the token goes into the header, of the request alone.
func TestOptionsToken(t *testing.T) {
	header := http.Header{"X-Trace": {"7"}}
	opts := client.Options{Header: header, Token: "abc.def"}
	r, err := opts.Request(t.Context(), "http://localhost/sse", "text/event-stream")
	if err != nil {
		t.Fatal(err)
	}
	if r.Header.Get("Authorization") != "Bearer abc.def" || r.Header.Get("X-Trace") != "7" {
		t.Errorf("%v", r.Header)
	}
	if url, err := opts.URL("http://localhost/sse"); url != "http://localhost/sse" || err != nil {
		t.Error(url, err)
	}
	if len(header) != 1 {
		t.Errorf("the caller's header has become %v", header)
	}
	if fields := (client.Options{Token: "x"}).Fields(); fields.Get("Authorization") != "Bearer x" {
		t.Errorf("%v", fields)
	}
}
