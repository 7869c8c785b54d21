package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestPubTriesAgain: answers are lost, and the server is busy; each line is published once, in order, all the same.
func TestPubTriesAgain(t *testing.T) {
	h := hub.New(hub.Config{})
	server, err := web.NewServer(h, web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var posts atomic.Int64
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch posts.Add(1) {
		case 1, 4, 5: // it is published, and the answer is lost
			server.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		case 2, 6:
			w.WriteHeader(http.StatusServiceUnavailable)
		case 7:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			server.ServeHTTP(w, r)
		}
	}))
	defer flaky.Close()
	out, stderr, code := do(t, "1\n2\n3\n", "pub", flaky.URL)
	id := func(n int) string { return fmt.Sprintf("%s-%d\n", h.State().Head.Epoch, n) }
	if code != 0 || out != id(1)+id(2)+id(3) || !strings.Contains(stderr, "trying again for up to 1m") {
		t.Errorf("%d %q %s", code, out, stderr)
	}
	if n := h.State().Head.Seq; n != 3 || posts.Load() < 8 {
		t.Errorf("%d events by %d posts", n, posts.Load())
	}
}

// TestPubKey: an event published again under its key is the same; another one under that key is refused.
func TestPubKey(t *testing.T) {
	_, url := startServer(t, "--source", "none")
	first, stderr, code := do(t, "", "pub", "--key", "k", url, "one")
	if code != 0 {
		t.Fatal(code, stderr)
	}
	if again, stderr, code := do(t, "", "pub", "--key", "k", url, "one"); code != 0 || again != first {
		t.Errorf("again: %d %q, the first was %q; %s", code, again, first, stderr)
	}
	if out, stderr, code := do(t, "", "pub", "--key", "k", url, "two"); code != 1 || out != "" || !strings.Contains(stderr, "422") {
		t.Errorf("another event: %d %q %s", code, out, stderr)
	}
	if out, stderr, code := do(t, "", "pub", url, "one"); code != 0 || out == first {
		t.Errorf("without a key: %d %q %s", code, out, stderr)
	}
	for _, args := range [][]string{{"--key", "k", url, "-"}, {"--key", "k", url}, {"--key", "a b", url, "x"}, {"--key", "", url, "x"}, {"--retry-for", "-1s", url, "x"}} {
		if _, stderr, code := do(t, "", append([]string{"pub"}, args...)...); code != 2 || !strings.Contains(stderr, args[0]) {
			t.Errorf("%q: %d %s", args, code, stderr)
		}
	}
}

// TestPubGivesUp: not for ever, and not at all if it is told so.
func TestPubGivesUp(t *testing.T) {
	var posts atomic.Int64
	busy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posts.Add(1)
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer busy.Close()
	for _, retry := range []string{"1m", "0"} {
		posts.Store(0)
		if out, stderr, code := do(t, "1\n2\n", "pub", "--retry-for", retry, busy.URL); code != 1 || out != "" || !strings.Contains(stderr, "503") || posts.Load() != 1 {
			t.Errorf("--retry-for %s: %d %q %s after %d posts", retry, code, out, stderr, posts.Load())
		}
	}
}
