package request_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/request"
)

func TestProblemBytes(t *testing.T) {
	for _, c := range []struct {
		name    string
		problem *request.Problem
		want    string
	}{
		{"with a parameter", request.Invalid("wait", "wait is %q", "1s"),
			`{"type":"about:blank","title":"Bad Request","status":400,"detail":"wait is \"1s\"","parameter":"wait"}`},
		{"without one", &request.Problem{Status: http.StatusServiceUnavailable, Detail: "full"},
			`{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"full"}`},
		{"what is not UTF-8 is replaced", &request.Problem{Status: 400, Detail: "a\xffb", Parameter: "p"},
			`{"type":"about:blank","title":"Bad Request","status":400,"detail":"a\ufffdb","parameter":"p"}`},
	} {
		w := httptest.NewRecorder()
		w.Header().Set("Access-Control-Allow-Origin", "https://example.com") // by middleware
		c.problem.ServeHTTP(w, get(""))
		if got := w.Body.String(); got != c.want+"\n" {
			t.Errorf("%s:\n%s\nwant\n%s", c.name, got, c.want)
		}
		if w.Code != c.problem.Status {
			t.Errorf("%s: status %d", c.name, w.Code)
		}
		for name, want := range map[string]string{
			"Content-Type":                "application/problem+json",
			"Content-Length":              fmt.Sprint(len(c.want) + 1),
			"Cache-Control":               "no-store",
			"X-Content-Type-Options":      "nosniff",
			"Access-Control-Allow-Origin": "https://example.com",
		} {
			if got := w.Header().Get(name); got != want {
				t.Errorf("%s: %s: %q, want %q", c.name, name, got, want)
			}
		}
	}
}

func TestProblemOwnHeader(t *testing.T) {
	problem := &request.Problem{Status: http.StatusUpgradeRequired, Detail: "speak WebSocket",
		Header: http.Header{"Upgrade": {"websocket"}, "Sec-Websocket-Version": {"13"}, "Content-Type": {"text/html"}}}
	w := httptest.NewRecorder()
	problem.ServeHTTP(w, get(""))
	if w.Header().Get("Upgrade") != "websocket" || w.Header().Get("Sec-WebSocket-Version") != "13" {
		t.Errorf("header %v lacks the problem's own", w.Header())
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type %q: what the body is cannot be changed", got)
	}
}

// Over a real connection: HEAD has the header of GET, and no body.
func TestProblemOnTheWire(t *testing.T) {
	const tail = "HTTP/1.1 400 Bad Request\r\n" +
		"Cache-Control: no-store\r\n" +
		"Content-Length: 88\r\n" +
		"Content-Type: application/problem+json\r\n" +
		"X-Content-Type-Options: nosniff\r\n" +
		"Connection: close\r\n" +
		"\r\n"
	const body = `{"type":"about:blank","title":"Bad Request","status":400,"detail":"no","parameter":"p"}` + "\n"
	for method, want := range map[string]string{"GET": tail + body, "HEAD": tail} {
		synctest.Test(t, func(t *testing.T) {
			server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header()["Date"] = nil // it would differ
				request.Invalid("p", "no").ServeHTTP(w, r)
			}))
			conn, err := server.Dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			fmt.Fprintf(conn, "%s / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", method)
			got, err := io.ReadAll(conn)
			if err != nil || string(got) != want {
				t.Errorf("%s: %v\n%s\nwant\n%s", method, err, got, want)
			}
		})
	}
}

func TestProblemError(t *testing.T) {
	var err error = request.Invalid("wait", "give whole seconds")
	if got, want := err.Error(), "400 Bad Request: give whole seconds"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestCheckMethod(t *testing.T) {
	r := get("")
	for _, allowed := range [][]string{{"GET"}, {"GET", "HEAD"}, {"HEAD", "GET"}} {
		if problem := request.CheckMethod(r, allowed...); problem != nil {
			t.Errorf("GET, allowed %q: %v", allowed, problem)
		}
	}
	r.Method = http.MethodPatch
	problem := request.CheckMethod(r, "GET", "HEAD", "POST")
	if problem == nil {
		t.Fatal("PATCH: accepted")
	}
	w := httptest.NewRecorder()
	problem.ServeHTTP(w, r)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD, POST" {
		t.Errorf("%d, Allow %q; want 405, GET, HEAD, POST", w.Code, w.Header().Get("Allow"))
	}
	if want := `"detail":"use GET or HEAD or POST","parameter":"method"`; !strings.Contains(w.Body.String(), want) {
		t.Errorf("%s lacks %s", w.Body, want)
	}
}

func TestReason(t *testing.T) {
	_, malformed := event.ParseID("x")
	for _, c := range []struct {
		err  error
		want string
	}{
		{hub.ErrClosed, "closed"},
		{fmt.Errorf("%w: it takes 9 bytes", hub.ErrTooLarge), "the event is larger than the log may be: it takes 9 bytes"},
		{malformed, `"x" is not a cursor; a cursor is an event's id, such as "mfrggzdf-42"`},
		{event.CheckTopic(""), `the topic is empty; leave it out, or name one such as "chat"`},
		{errors.New("EOF"), "EOF"},
		{errors.New("two words: and more"), "two words: and more"},
		{errors.New(""), ""},
	} {
		if got := request.Reason(c.err); got != c.want {
			t.Errorf("%q: %q, want %q", c.err, got, c.want)
		}
	}
}
