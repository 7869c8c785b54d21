package interop

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/common/client"
)

func TestForeignSSE(t *testing.T) {
	t.Parallel()
	s := newServer(t, node(t, "servers/sse.mjs"))
	events := []string{`message "one"`, `message "two"`}

	// However lines end, and wherever the bytes are split.
	odd := []string{
		`message "one"`, `update {"a":1}`, `message "no space\n two spaces\n\nend"`, `message "without type"`,
		`message "é🚀\u2028"`, `message "x"`, `message "of a type that is no topic"`, `message 42`, `message ""`,
	}
	for _, end := range []string{"lf", "crlf", "cr", "mixed"} {
		for _, size := range []int{1, 3, 1000} {
			got, cursor, err := s.read(dialSSE, fmt.Sprintf("/odd?end=%s&size=%d", end, size), client.Options{})
			if !slices.Equal(got, odd) || err != io.EOF || cursor != "8" {
				t.Errorf("lines ended by %s, in pieces of %d, gave %q, %v and the cursor %q", end, size, got, err, cursor)
			}
			if l := s.expect("request"); l.Header["accept"] != "text/event-stream" || l.Header["cache-control"] != "no-cache" || l.Header["last-event-id"] != "" {
				t.Errorf("asked with %v", l.Header)
			}
		}
	}

	for _, path := range []string{"/plain", "/moved", "/gzip", "/close", "/extras"} {
		if got, cursor, err := s.read(dialSSE, path, client.Options{After: "1·ü"}); !slices.Equal(got, events) || err != io.EOF || cursor != "2" {
			t.Errorf("%s gave %q, %v and the cursor %q", path, got, err, cursor)
		}
		l := s.expect("request")
		if path == "/moved" {
			l = s.expect("request")
		}
		if strings.Contains(l.Header["accept-encoding"], "gzip") || l.Header["last-event-id"] != latin1("1·ü") {
			t.Errorf("%s was asked with %v", path, l.Header)
		}
	}

	if got, _, err := s.read(dialSSE, "/large", client.Options{}); len(got) != 1 || got[0] != `message "`+strings.Repeat("é", 1<<20)+`"` || err != io.EOF {
		t.Errorf("a large event gave %d events and %v", len(got), err)
	}
	if got, _, err := s.read(dialSSE, "/large", client.Options{MaxEvent: 1000}); len(got) != 0 || err == nil || !strings.Contains(err.Error(), "more than 1000 bytes") {
		t.Errorf("a large event above the limit gave %d events and %v", len(got), err)
	}
	var status *client.StatusError
	if _, _, err := s.read(dialSSE, "/html", client.Options{}); !errors.As(err, &status) || !strings.Contains(err.Error(), "text/html") {
		t.Errorf("a page gave %v", err)
	}
	if got, cursor, err := s.read(dialSSE, "/resume", client.Options{}); len(got) != 3 || err == nil || err == io.EOF || cursor != "3·ü" {
		t.Errorf("an answer that is cut off gave %q, %v and the cursor %q", got, err, cursor)
	}
}

// latin1 is how Node shows the bytes of a field.
func latin1(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		b.WriteRune(rune(c))
	}
	return b.String()
}

func TestFollowForeignSSE(t *testing.T) {
	t.Parallel()
	s := newServer(t, node(t, "servers/sse.mjs"))

	f := s.follow(dialSSE, "/resume", quick)
	for n := range 12 {
		s.takes(f, fmt.Sprintf("message %d", n+1))
	}
	for _, want := range []string{"", "3·ü", "6·ü", "9·ü"} {
		if l := s.expect("request"); l.Header["last-event-id"] != latin1(want) {
			t.Errorf("resumed from %q, want %q", l.Header["last-event-id"], want)
		}
	}
	f.Close()

	// WHATWG HTML, section 9.2.1: 204 stops the client.
	f = s.follow(dialSSE, "/stop", quick)
	s.takes(f, `message "one"`, `message "two"`)
	var status *client.StatusError
	if _, err := f.Next(s.ctx); !errors.As(err, &status) || status.Status != 204 {
		t.Errorf("204 gave %v", err)
	}
	s.until("request")
	s.expect("request")

	// An EventSource would give up here; we come back after the time that the server names.
	begin := time.Now()
	f = s.follow(dialSSE, "/busy", quick)
	s.takes(f, `message "one"`)
	if took := time.Since(begin); took < time.Second {
		t.Errorf("came back after %v, though the server wanted one second", took)
	}
}

// TestForeignSSEForgets has a server take the last event ID back (WHATWG HTML, section 9.2.6): the
// client must not send an older one when it comes back.
func TestForeignSSEForgets(t *testing.T) {
	t.Parallel()
	s := newServer(t, node(t, "servers/sse.mjs"))
	f := s.follow(dialSSE, "/forget", quick)
	s.takes(f, `message "one"`, `message "two"`, `message "three"`)
	for _, want := range []string{"", "1", ""} {
		if l := s.expect("request"); l.Header["last-event-id"] != want {
			t.Errorf("came with %q, want %q", l.Header["last-event-id"], want)
		}
	}
}

// TestForeignSSECompressed has a server compress what was not asked for. RFC 9110, section 12.5.3
// lets it, unless the request says otherwise; what cannot be read must not look like silence.
func TestForeignSSECompressed(t *testing.T) {
	t.Parallel()
	s := newServer(t, node(t, "servers/sse.mjs"))
	got, _, err := s.read(dialSSE, "/gzip?unasked", client.Options{})
	if len(got) != 2 && err == io.EOF {
		t.Errorf("got %q and a clean end", got)
	}
}

func TestForeignHTTPStream(t *testing.T) {
	t.Parallel()
	s := newServer(t, node(t, "servers/envelopes.mjs"))
	want := []string{`$open {"topics":null}`, "count \"é🚀\u2028\"", `count {"n":[1e0,-0.0]}`, `$beat {}`, `$new []`}
	for _, size := range []int{1, 7, 1000} {
		if got, cursor, err := s.read(dialHTTPStream, fmt.Sprintf("/odd?size=%d", size), client.Options{}); !slices.Equal(got, want) || err != io.EOF || cursor != "mfrggzdf-3" {
			t.Errorf("in pieces of %d: %q, %v and the cursor %q", size, got, err, cursor)
		}
		if l := s.expect("request"); strings.Contains(l.Header["accept-encoding"], "gzip") {
			t.Errorf("asked with %v", l.Header)
		}
	}
	if got, cursor, err := s.read(dialHTTPStream, "/unfinished", client.Options{}); len(got) != 1 || !errors.Is(err, io.ErrUnexpectedEOF) || cursor != "mfrggzdf-1" {
		t.Errorf("a last line without an end gave %q, %v and the cursor %q", got, err, cursor)
	}
	if got, _, err := s.read(dialHTTPStream, "/foreign", client.Options{}); len(got) != 1 || err == nil || !strings.Contains(err.Error(), "not an envelope") {
		t.Errorf("a line that is no envelope gave %q, %v", got, err)
	}
	f := s.follow(dialHTTPStream, "/resume", quick)
	for n := range 12 {
		s.takes(f, fmt.Sprintf(`count {"n":%d}`, n+1))
	}
}

func TestForeignLongPoll(t *testing.T) {
	t.Parallel()
	s := newServer(t, node(t, "servers/envelopes.mjs"))
	f := s.follow(dialLongPoll, "/longpoll", quick)
	for n := range 9 {
		s.takes(f, fmt.Sprintf(`count {"n":%d}`, n+1))
	}
	// The third poll is answered 503, the fourth is told goodbye, the fifth gets no answer.
	for _, want := range []string{" wait=0", "?after=mfrggzdf-3 ", "?after=mfrggzdf-6 ", "?after=mfrggzdf-6 wait=0", "?after=mfrggzdf-6 wait=0", "?after=mfrggzdf-6 wait=0"} {
		if l := s.expect("request"); l.Path+" "+l.Header["prefer"] != "/longpoll"+want {
			t.Errorf("polled %s, preferring %q; want %s", l.Path, l.Header["prefer"], want)
		}
	}
}
