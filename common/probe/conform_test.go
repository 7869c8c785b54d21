package probe

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/memhttp"
)

// outcomes returns the ids of the results with that outcome.
func outcomes(e Endpoint, o Outcome) (ids []string) {
	for _, r := range e.Results {
		if r.Outcome == o {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// result returns the result of a check.
func result(t *testing.T, e Endpoint, id string) Result {
	t.Helper()
	for _, r := range e.Results {
		if r.ID == id {
			return r
		}
	}
	t.Fatalf("%s was not asked", id)
	return Result{}
}

// TestForeign asks servers that are not Pushlab. Whatever needs Pushlab's contract does not apply,
// and what needs an event only with somewhere to publish it.
func TestForeign(t *testing.T) {
	contract := map[string][]string{
		LongPoll:   {"LP-06b", "LP-07a", "LP-07b", "LP-08a", "LP-08b", "LP-10a", "LP-10b", "CORS-02b", "KEY-01a", "KEY-01b"},
		HTTPStream: {"LP-07", "LP-10", "CORS-02b", "KEY-01a", "KEY-01b"},
		SSE:        {"SSE-34c", "SSE-35b", "CORS-02b", "KEY-01a", "KEY-01b"},
		WebSocket:  {"KEY-01a", "KEY-01b"},
	}
	for _, transport := range Transports() {
		for _, publish := range []string{"", memhttp.URL + "/publish"} {
			for _, onlyJSON := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/publish=%t/json=%t", transport, publish != "", onlyJSON), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) {
						l := newLab("")
						l.foreign, l.json = true, onlyJSON
						options := l.serve(t)
						options.Publish = publish
						report, err := Conform(t.Context(), []string{memhttp.URL + "/" + transport}, options)
						if err != nil {
							t.Fatal(err)
						}
						e := report.Endpoints[0]
						if e.Pushlab {
							t.Error("it was taken for Pushlab")
						}
						for _, id := range append(outcomes(e, Fail), outcomes(e, Warn)...) {
							t.Errorf("%s: %+v", id, result(t, e, id))
						}
						for _, id := range contract[transport] {
							if r := result(t, e, id); r.Outcome != NotApplicable {
								t.Errorf("%s: %s, but that is Pushlab's contract", id, r.Outcome)
							}
						}
						if transport == SSE {
							want := map[bool]Outcome{true: Pass, false: NotApplicable}[publish != ""]
							for _, id := range []string{"SSE-31", "SSE-34b"} {
								if r := result(t, e, id); r.Outcome != want {
									t.Errorf("%s: %s %s, want %s", id, r.Outcome, r.Note, want)
								}
							}
						}
					})
				})
			}
		}
	}
}

func TestEventsWithoutIDs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab("SSE-36d")
		l.foreign, l.plain = true, true
		options := l.serve(t)
		options.Publish = memhttp.URL + "/publish"
		report, err := Conform(t.Context(), []string{memhttp.URL + "/sse"}, options)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"SSE-24a", "SSE-24b", "SSE-34a", "SSE-34b"} {
			if r := result(t, report.Endpoints[0], id); r.Outcome != NotApplicable {
				t.Errorf("%s: %s %s", id, r.Outcome, r.Note)
			}
		}
		if failed := outcomes(report.Endpoints[0], Fail); failed != nil {
			t.Errorf("%v failed", failed)
		}
	})
}

// TestHeld asks servers whose streams begin with the first event, the head included. That is one
// mistake, and shows as one.
func TestHeld(t *testing.T) {
	for transport, id := range map[string]string{SSE: "SSE-32a", HTTPStream: "LP-11c"} {
		synctest.Test(t, func(t *testing.T) {
			l := newLab("")
			l.foreign, l.silent = true, true
			e := conform(t, l, transport)
			if failed := outcomes(e, Fail); len(failed) != 1 || failed[0] != id {
				t.Errorf("%v failed, want %s", failed, id)
			}
		})
	}
}

func TestNothingCanBePublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab("")
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/publish" {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			l.ServeHTTP(w, r)
		}))
		options := Options{DialContext: server.Dial, Timeout: testTimeout, Only: []string{"SSE-31", "SSE-36"}}
		report, err := Conform(t.Context(), []string{memhttp.URL + "/sse"}, options)
		if err != nil {
			t.Fatal(err)
		}
		e := report.Endpoints[0]
		if r := result(t, e, "SSE-31"); r.Outcome != NotApplicable || !strings.Contains(r.Note, "401") {
			t.Errorf("SSE-31: %s %s", r.Outcome, r.Note)
		}
		if r := result(t, e, "SSE-36a"); r.Outcome != Pass {
			t.Errorf("SSE-36a: %s %s", r.Outcome, r.Note)
		}
		if e.Publish != "" {
			t.Error(e.Publish)
		}
		options.Publish = "none"
		if report, err = Conform(t.Context(), []string{memhttp.URL + "/sse"}, options); err != nil {
			t.Fatal(err)
		}
		if r := result(t, report.Endpoints[0], "SSE-31"); r.Outcome != NotApplicable || !strings.Contains(r.Note, "none is to be published") {
			t.Errorf("SSE-31: %s %s", r.Outcome, r.Note)
		}
		// Whoever names a URL wants to know that it is of no use.
		options.Publish = memhttp.URL + "/publish"
		if _, err := Conform(t.Context(), []string{memhttp.URL + "/sse"}, options); err == nil || !strings.Contains(err.Error(), "401") {
			t.Error(err)
		}
	})
}

func TestUnknownSizeIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := newLab("WS-14").serve(t)
		options.MaxMessage, options.Only = 0, []string{"WS-14"}
		report, err := Conform(t.Context(), []string{memhttp.URL + "/websocket"}, options)
		if err != nil {
			t.Fatal(err)
		}
		if r := report.Endpoints[0].Results[0]; r.Outcome != NotApplicable || !strings.Contains(r.Note, "1048577") {
			t.Errorf("%+v", r)
		}
	})
}

// TestShortTimeout: what has to be waited for is not waited for, nor taken to be right.
func TestShortTimeout(t *testing.T) {
	for id, transport := range map[string]string{"SSE-33": SSE, "WS-16": WebSocket, "HTTP-11": LongPoll} {
		for _, timeout := range []time.Duration{5 * time.Second, 20 * time.Second, 70 * time.Second} {
			synctest.Test(t, func(t *testing.T) {
				options := newLab(id).serve(t) // which is broken
				options.Timeout, options.Only = timeout, []string{id}
				report, err := Conform(t.Context(), []string{memhttp.URL + "/" + transport}, options)
				if err != nil {
					t.Fatal(err)
				}
				want := NotApplicable
				if timeout == 70*time.Second {
					want = Warn
				}
				if r := report.Endpoints[0].Results[0]; r.Outcome != want {
					t.Errorf("%s after %v: %s %s, want %s", id, timeout, r.Outcome, r.Note, want)
				}
				if report.Took > 2*timeout {
					t.Errorf("%s took %v", id, report.Took)
				}
			})
		}
	}
}

func TestCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, err := Conform(ctx, []string{memhttp.URL + "/sse"}, newLab("SSE-32b").serve(t))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
}

func TestOptionsThatMakeNoSense(t *testing.T) {
	for _, c := range []struct {
		options Options
		option  string
	}{
		{Options{Transport: "pigeon"}, "Transport"},
		{Options{Timeout: time.Second}, "Timeout"},
		{Options{Timeout: -time.Second}, "Timeout"},
		{Options{MaxMessage: -1}, "MaxMessage"},
		{Options{Only: []string{"SSE-30", "SSE-99"}}, "Only"},
	} {
		_, err := Conform(t.Context(), []string{"http://localhost:1/sse"}, c.options)
		var option *OptionError
		if !errors.As(err, &option) || option.Option != c.option {
			t.Errorf("%+v: %v", c.options, err)
		}
	}
}

func TestOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := newLab("").serve(t)
		ask := func(only ...string) string {
			options.Only = only
			report, err := Conform(t.Context(), []string{memhttp.URL + "/sse", memhttp.URL + "/websocket"}, options)
			if err != nil {
				return err.Error()
			}
			var ids []string
			for _, e := range report.Endpoints {
				for _, r := range e.Results {
					ids = append(ids, r.ID)
				}
			}
			return strings.Join(ids, " ")
		}
		for only, want := range map[string]string{
			"SSE-30a":       "SSE-30a",
			"sse-36, WS-03": "SSE-36a SSE-36b SSE-36c SSE-36d WS-03a WS-03b",
			"PMD":           "PMD-01a PMD-01b PMD-01c",
			"LP-01":         "probe: LP-01 is not asked of this transport",
		} {
			if got := ask(strings.Split(only, ",")...); got != want {
				t.Errorf("%s chose %s, want %s", only, got, want)
			}
		}
	})
}

// TestHTTP2 asks over TLS, where Go's server lets most of what is forbidden through.
func TestHTTP2(t *testing.T) {
	for _, header := range []string{"", "Keep-Alive", "Upgrade"} {
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			if header != "" && r.ProtoMajor == 2 {
				w.Header().Set(header, "x")
			}
			http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}))
		for _, enabled := range []bool{true, false} {
			server := httptest.NewUnstartedServer(server.Config.Handler)
			server.EnableHTTP2 = enabled
			server.StartTLS()
			options := Options{Only: []string{"HTTP-05", "SSE-30a"}, TLS: &tls.Config{RootCAs: server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}}
			report, err := Conform(t.Context(), []string{server.URL}, options)
			server.Close()
			if err != nil {
				t.Fatal(err)
			}
			want := NotApplicable
			if enabled {
				want = map[bool]Outcome{true: Pass, false: Fail}[header == ""]
			}
			if r := result(t, report.Endpoints[0], "HTTP-05"); r.Outcome != want {
				t.Errorf("%q, HTTP/2 %t: %s %s, want %s", header, enabled, r.Outcome, r.Note, want)
			}
			if r := result(t, report.Endpoints[0], "SSE-30a"); r.Outcome != Pass {
				t.Errorf("over TLS: %s", r.Note)
			}
		}
		server.Listener.Close() // it was never started
	}
}

func TestReport(t *testing.T) {
	report := &Report{Took: 1234 * time.Millisecond, Endpoints: []Endpoint{{
		URL: "http://localhost/sse", Transport: SSE, Guessed: "the content's type", Pushlab: true, Publish: "http://localhost/publish",
		Results: []Result{
			{"SSE-01", "HTML 1", true, "One.", Verdict{Outcome: Pass}},
			{"SSE-02a", "HTML 2", true, "Two.", Verdict{Fail, "it is not", `"retry: <3s>"`}},
			{"SSE-03", "HTML 3", false, "Three.", Verdict{Warn, "it could be", ""}},
			{"SSE-04", "HTML 4", false, "Four.", Verdict{NotApplicable, "nobody knows", ""}},
		},
	}}}
	const want = `http://localhost/sse
sse, guessed from the content's type; a Pushlab server; events are published to http://localhost/publish

pass  SSE-01    One.
FAIL  SSE-02a   Two.
                it is not (HTML 2)
                seen: "retry: <3s>"
warn  SSE-03    Three.
                it could be (HTML 3)
n/a   SSE-04    Four.
                not asked: nobody knows

1 passed, 1 failed, 1 warnings, 1 not applicable, in 1.23s
`
	var b strings.Builder
	if err := report.Write(&b, false); err != nil || b.String() != want {
		t.Errorf("%v, got\n%s", err, b.String())
	}
	b.Reset()
	if err := report.Write(&b, true); err != nil || !strings.Contains(b.String(), "\x1b[1;31mFAIL\x1b[0m  SSE-02a") {
		t.Errorf("%v, got\n%s", err, b.String())
	}
	text, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Failed    int
		Seconds   float64
		Endpoints []struct {
			Publish string
			Results []struct {
				ID, Outcome, Note, Seen string
				Must                    bool
			}
		}
	}
	if err := json.Unmarshal(text, &read); err != nil || read.Failed != 1 || read.Seconds != 1.234 {
		t.Fatalf("%v: %s", err, text)
	}
	if r := read.Endpoints[0].Results[1]; r.ID != "SSE-02a" || r.Outcome != "fail" || !r.Must || r.Note != "it is not" || r.Seen != `"retry: <3s>"` {
		t.Errorf("%+v", r)
	}
}
