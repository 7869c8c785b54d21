package request_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pushlab/common/request"
)

func TestPoll(t *testing.T) {
	const s = time.Second
	huge := strings.Repeat("9", 40) // does not fit into any integer
	for _, c := range []struct {
		query, prefer string
		want          request.Poll
	}{
		{"", "", request.Poll{Wait: 25 * s, Limit: 1000}},
		{"topic=a&after=earliest", "", request.Poll{Wait: 25 * s, Limit: 1000}},
		{"wait=7", "", request.Poll{Wait: 7 * s, Limit: 1000}},
		{"wait=0", "", request.Poll{Wait: 0, Limit: 1000}},
		{"wait=007", "", request.Poll{Wait: 7 * s, Limit: 1000}},
		{"wait=110", "", request.Poll{Wait: 110 * s, Limit: 1000}},
		{"wait=111", "", request.Poll{Wait: 110 * s, Limit: 1000}},
		{"wait=" + huge, "", request.Poll{Wait: 110 * s, Limit: 1000}},
		{"limit=1", "", request.Poll{Wait: 25 * s, Limit: 1}},
		{"limit=1000", "", request.Poll{Wait: 25 * s, Limit: 1000}},
		{"limit=1001", "", request.Poll{Wait: 25 * s, Limit: 1000}},
		{"limit=" + huge, "", request.Poll{Wait: 25 * s, Limit: 1000}},
		{"wait=3&limit=2", "", request.Poll{Wait: 3 * s, Limit: 2}},

		{"", "wait=7", request.Poll{Wait: 7 * s, Preferred: true, Limit: 1000}},
		{"", "wait=0", request.Poll{Wait: 0, Preferred: true, Limit: 1000}},
		{"", "wait=" + huge, request.Poll{Wait: 110 * s, Preferred: true, Limit: 1000}},
		{"wait=3&limit=2", "wait=7", request.Poll{Wait: 7 * s, Preferred: true, Limit: 2}},
		{"wait=3", "wait=0", request.Poll{Wait: 0, Preferred: true, Limit: 1000}},
		{"wait=3", "wait=soon", request.Poll{Wait: 3 * s, Limit: 1000}},
		{"wait=3", "respond-async", request.Poll{Wait: 3 * s, Limit: 1000}},
	} {
		r := get(c.query)
		if c.prefer != "" {
			r.Header.Set("Prefer", c.prefer)
		}
		_, got, problem := request.ParsePoll(r, request.DefaultWait)
		if problem != nil {
			t.Errorf("%q, Prefer %q: %v", c.query, c.prefer, problem)
		} else if got != c.want {
			t.Errorf("%q, Prefer %q: %+v, want %+v", c.query, c.prefer, got, c.want)
		}
	}
}

func TestPollRefuses(t *testing.T) {
	for _, c := range []struct{ query, parameter, detail string }{
		{"wait=", "wait", `wait is ""`},
		{"wait=-1", "wait", `wait is "-1"; give whole seconds, from 0 (a short poll) to 110`},
		{"wait=%2B1", "wait", `"+1"`},
		{"wait=1.5", "wait", `"1.5"`},
		{"wait=5s", "wait", `"5s"`},
		{"wait=0x10", "wait", `"0x10"`},
		{"wait=%201", "wait", `" 1"`},
		{"wait=%d9%a3", "wait", `"٣"`}, // a digit, but not one of ours
		{"wait=1&wait=2", "wait", "1 2"},
		{"limit=0", "limit", `limit is "0"; give a number of events, from 1 to 1000`},
		{"limit=00", "limit", `"00"`},
		{"limit=-1", "limit", `"-1"`},
		{"limit=all", "limit", `"all"`},
		{"limit=1&limit=1", "limit", "1 1"},
		{"wait=%zz", "query", "%zz"},
		{"wait=1;limit=2", "query", "semicolon"},
	} {
		for _, prefer := range []string{"", "wait=5"} { // a good preference does not excuse a bad query
			r := get(c.query, "Prefer", prefer)
			_, _, problem := request.ParsePoll(r, request.DefaultWait)
			if problem == nil {
				t.Errorf("%s: accepted", c.query)
			} else if problem.Status != http.StatusBadRequest || problem.Parameter != c.parameter || !strings.Contains(problem.Detail, c.detail) {
				t.Errorf("%s: %+v; want 400, parameter %q, in the detail %q", c.query, problem, c.parameter, c.detail)
			}
		}
	}
}

// RFC 7240, section 2: the forms that a preference may have. What is malformed is ignored, and then
// the default counts.
func TestPrefer(t *testing.T) {
	const ignored = -1
	for _, c := range []struct {
		name   string
		fields []string
		want   int // in seconds
	}{
		{"a token", []string{"wait=10"}, 10},
		{"in capitals", []string{"WAIT=10"}, 10},
		{"white space around =", []string{"wait \t= \t10"}, 10},
		{"white space around it", []string{"  wait=10  "}, 10},
		{"a quoted string", []string{`wait="10"`}, 10},
		{"a quoted string with white space around", []string{`wait = "10" ; x`}, 10},
		{"a quoted string with an escape", []string{`wait="1\0"`}, 10},
		{"with a parameter", []string{"wait=10;strict"}, 10},
		{"with parameters", []string{`wait=10 ; a = "b;c" ; d; wait=20`}, 10},
		{"an empty parameter", []string{"wait=10;"}, 10},
		{"after another", []string{"respond-async, wait=10"}, 10},
		{"before another", []string{"wait=10,respond-async"}, 10},
		{"empty elements of the list", []string{", ,wait=10,,"}, 10},
		{"in a second field", []string{"respond-async", "wait=10"}, 10},
		{"the first of two counts", []string{"wait=10, wait=20"}, 10},
		{"the first of two fields counts", []string{"Wait=10", "wait=20"}, 10},
		{"behind one with parameters", []string{`a=b; c="d,e"; f, wait=10`}, 10},
		{"behind a quoted comma", []string{`a="b, c", wait=10`}, 10},
		{"behind an escaped quote", []string{`a="b\", wait=20, ", wait=10`}, 10},
		{"behind an escaped backslash", []string{`a="b\\", wait=10`}, 10},

		{"no field", nil, ignored},
		{"an empty field", []string{""}, ignored},
		{"another preference", []string{"return=minimal"}, ignored},
		{"a longer name", []string{"waiting=10"}, ignored},
		{"a quoted name", []string{`"wait"=10`}, ignored},
		{"in the value of another", []string{`a="b, wait=10"`}, ignored},
		{"in the value of a parameter", []string{`a; b=", wait=10, "`}, ignored},
		{"a parameter of another", []string{"a; wait=10"}, ignored},
		{"in a string that never ends", []string{`a="b, wait=10`}, ignored},
		{"no value", []string{"wait"}, ignored},
		{"no value behind =", []string{"wait="}, ignored},
		{"an empty string", []string{`wait=""`}, ignored},
		{"one quote", []string{`wait="`}, ignored},
		{"a quote that is not closed", []string{`wait="10`}, ignored},
		{"a quote that was not opened", []string{`wait=10"`}, ignored},
		{"a sign", []string{"wait=+10"}, ignored},
		{"a fraction", []string{"wait=10.5"}, ignored},
		{"a unit", []string{"wait=10s"}, ignored},
		{"two numbers", []string{"wait=1 0"}, ignored},
		{"a bad one before a good one: the first counts", []string{"wait=soon, wait=10"}, ignored},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := get("")
			r.Header["Prefer"] = c.fields
			_, poll, problem := request.ParsePoll(r, request.DefaultWait)
			if problem != nil {
				t.Fatal(problem)
			}
			want := request.Poll{Wait: time.Duration(c.want) * time.Second, Preferred: true, Limit: request.DefaultLimit}
			if c.want == ignored {
				want.Wait, want.Preferred = request.DefaultWait, false
			}
			if poll != want {
				t.Errorf("%q: %+v, want %+v", c.fields, poll, want)
			}
		})
	}
}
