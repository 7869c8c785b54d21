package fault_test

import (
	"encoding/json"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"pushlab/common/fault"
)

func TestParse(t *testing.T) {
	both := func(l fault.Line) fault.Fault { return fault.Fault{Up: l, Down: l} }
	for _, test := range []struct {
		text string
		want fault.Fault
		back string // how it is written; "" is the same
	}{
		{"none", fault.Fault{}, ""},
		{"", fault.Fault{}, "none"},
		{"delay=100ms±20ms,cut=rst@5s,buffer=4KiB/30s", fault.Fault{
			Up:   fault.Line{Delay: 100 * time.Millisecond, Jitter: 20 * time.Millisecond, Buffer: fault.Buffer{Size: 4096, Wait: 30 * time.Second}},
			Down: fault.Line{Delay: 100 * time.Millisecond, Jitter: 20 * time.Millisecond, Buffer: fault.Buffer{Size: 4096, Wait: 30 * time.Second}},
			Cut:  fault.Cut{Kind: fault.RST, After: 5 * time.Second},
		}, "delay=100ms±20ms,buffer=4KiB/30s,cut=rst@5s"},
		{"delay=1s+-2ms", both(fault.Line{Delay: time.Second, Jitter: 2 * time.Millisecond}), "delay=1s±2ms"},
		{"rate=750kbit", both(fault.Line{Rate: 93750}), "rate=93750B/s"},
		{"rate=8Mbit/s", both(fault.Line{Rate: 1000000}), "rate=1000000B/s"},
		{"rate=16KiB/s", both(fault.Line{Rate: 16 << 10}), ""},
		{" split=1 , stall,blackhole ", both(fault.Line{Split: fault.Split{Size: 1}, Stall: true, BlackHole: true}), "split=1B,stall,blackhole"},
		{"split=2/5ms", both(fault.Line{Split: fault.Split{Size: 2, Pause: 5 * time.Millisecond}}), "split=2B/5ms"},
		{"buffer=1MiB/accel", both(fault.Line{Buffer: fault.Buffer{Size: 1 << 20, Accel: true}}), ""},
		{"buffer=1MiB/accel/3s", both(fault.Line{Buffer: fault.Buffer{Size: 1 << 20, Accel: true, Wait: 3 * time.Second}}), "buffer=1MiB/3s/accel"},
		{"up:stall,down:delay=1s", fault.Fault{Up: fault.Line{Stall: true}, Down: fault.Line{Delay: time.Second}}, ""},
		{"down:cut=fin", fault.Fault{Down: fault.Line{Cut: fault.Cut{Kind: fault.FIN}}}, ""},
		{"cut=blackhole", fault.Fault{Cut: fault.Cut{Kind: fault.Silence}}, ""},
		{"cut=fin@64KiB±1KiB", fault.Fault{Cut: fault.Cut{Kind: fault.FIN, Bytes: 64 << 10, Spread: 1 << 10}}, ""},
		{"cut=fin@7@5m±1m", fault.Fault{Cut: fault.Cut{Kind: fault.FIN, Bytes: 7, After: 5 * time.Minute, Jitter: time.Minute}}, "cut=fin@5m0s±1m0s@7B"},
		{"idle=1m", fault.Fault{Idle: fault.Idle{After: time.Minute}}, "idle=1m0s"},
		{"idle=1s/blackhole", fault.Fault{Idle: fault.Idle{After: time.Second, Kind: fault.Silence}}, ""},
		{"refuse", fault.Fault{Refuse: fault.Always}, "refuse=always"},
		{"refuse=3s", fault.Fault{Refuse: 3 * time.Second}, ""},
		{"connections=6", fault.Fault{Limit: fault.Limit{Connections: 6}}, ""},
		{"connections=6/wait", fault.Fault{Limit: fault.Limit{Connections: 6}}, "connections=6"},
		{"connections=6/refuse", fault.Fault{Limit: fault.Limit{Connections: 6, Refuse: true}}, ""},
		{"answer=503", fault.Fault{Answer: fault.Answer{Status: 503}}, ""},
		{"answer=200/5x/10s/retry:2s/type:text/html; charset=utf-8", fault.Fault{Answer: fault.Answer{
			Status: 200, Requests: 5, For: 10 * time.Second, RetryAfter: 2 * time.Second, Type: "text/html; charset=utf-8"}}, ""},
	} {
		got, err := fault.Parse(test.text)
		if err != nil {
			t.Errorf("%q: %v", test.text, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%q: %s", test.text, diff)
		}
		if test.back == "" {
			test.back = test.text
		}
		if got.String() != test.back {
			t.Errorf("%q is written %q, want %q", test.text, got.String(), test.back)
		}
	}
}

func TestParseErrors(t *testing.T) {
	for text, want := range map[string]string{
		"dely=1s":                     `unknown fault "dely"; the forms are: delay=100ms`,
		"latency=1s":                  `"latency" is called delay here`,
		"reset_peer":                  `"reset_peer" is called cut=rst here`,
		"sideways:delay=1s":           `unknown direction "sideways"; use up or down`,
		"up:refuse=1s":                "up:refuse: has no direction",
		"delay":                       `delay: "" is not a time`,
		"delay=100":                   `"100" is not a time; use a number with a unit`,
		"delay=-1s":                   `"-1s" is not a time`,
		"delay=25h":                   "up to 24h",
		"delay=1s±":                   `"" is not a time`,
		"delay=1s,delay=2s":           "delay: given twice",
		"delay=1s,up:delay=2s":        "up:delay: given twice",
		"cut=fin,cut=rst":             "cut: given twice",
		"stall=1s":                    "stall: has no value",
		"rate=fast":                   `"fast" is not a rate; use one such as 16KiB/s`,
		"rate=0":                      "is not a rate",
		"rate=1KiBkbit":               "is not a rate",
		"rate=9000000000000Mbit":      "is not a rate",
		"split=0":                     "too small or too large",
		"split=x":                     `"x" is not a size; use one such as 512 or 4KiB`,
		"split=1/2s/3s":               "too many parts; use split=bytes/pause",
		"buffer=2GiB":                 "too small or too large",
		"buffer=4KB":                  "is not a size",
		"buffer=1/1s/1s":              "too many parts",
		"buffer=30s":                  "is not a size",
		"cut=gone":                    `unknown kind "gone"; use fin, rst or blackhole`,
		"cut=fin@soon":                `"soon" is neither a time nor a size`,
		"cut=fin@0":                   "leave out @ to cut at once",
		"cut=fin@0B":                  "neither a time nor a size",
		"cut=fin@1s@2s":               "two times",
		"cut=fin@1@2":                 "two sizes",
		"cut=fin@1s±x":                "is not a time",
		"cut=fin@0s±1s":               "leave out @",
		"up:cut=rst":                  `only fin can end one direction; leave "up:" out`,
		"idle=0s":                     "must be longer than 0",
		"idle=1s/softly":              "unknown kind",
		"refuse=0s":                   "must be longer than 0",
		"connections=0":               "use 1 or more",
		"connections=2/hang":          "use 2/wait or 2/refuse",
		"answer=100":                  "is not a final status",
		"answer=503/0x":               "is not a number of requests",
		"answer=503/soon":             "is not a time",
		"answer=503/1s/1s":            "too much",
		"answer=503/retry:x":          "is not a time",
		"answer=200/type:":            "needs a media type",
		"answer=200/type:a\r\nX: y":   "is no media type",
		"=":                           `unknown fault ""`,
		strings.Repeat("x", 1000):     "unknown fault",
		strings.Repeat("x:", 1000):    "unknown direction",
		"delay=1s,,":                  `unknown fault ""`,
		"cut=fin@5s,down:cut=fin@1ms": "",
	} {
		_, err := fault.Parse(text)
		switch {
		case want == "" && err != nil:
			t.Errorf("%.40q: %v", text, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "fault: ") || len(err.Error()) > 500):
			t.Errorf("%.40q: %v; want %q", text, err, want)
		}
	}
}

// What no text can say, a program can.
func TestCheck(t *testing.T) {
	for want, f := range map[string]fault.Fault{
		"up:delay: -1ns":        {Up: fault.Line{Delay: -1}},
		"down:rate: -1":         {Down: fault.Line{Rate: -1}},
		"down:buffer has no":    {Down: fault.Line{Buffer: fault.Buffer{Wait: 1}}},
		"up:split has a pause":  {Up: fault.Line{Split: fault.Split{Pause: 1}}},
		"more or less than":     {Cut: fault.Cut{Kind: fault.FIN, Jitter: 1}},
		"cut: unknown kind":     {Cut: fault.Cut{After: 1}},
		"idle has no time":      {Idle: fault.Idle{Kind: fault.FIN}},
		"unknown kind \"x\"":    {Idle: fault.Idle{After: 1, Kind: "x"}},
		"connections has no":    {Limit: fault.Limit{Refuse: true}},
		"answer has no status":  {Answer: fault.Answer{Requests: 1}},
		"use a final status":    {Answer: fault.Answer{Status: 101}},
		"refuse: -1ns":          {Refuse: -1},
		"connections: -1 is":    {Limit: fault.Limit{Connections: -1}},
		"up:cut: 48h0m0s is ou": {Up: fault.Line{Cut: fault.Cut{Kind: fault.FIN, After: 48 * time.Hour}}},
	} {
		if err := f.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v; want %q", f, err, want)
		}
	}
}

func TestJSON(t *testing.T) {
	f, err := fault.Parse("delay=100ms±20ms,cut=rst@5s,down:stall,down:rate=1KiB/s,up:split=1")
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"delay":"100ms±20ms","cut":"rst@5s","up":{"split":"1B"},"down":{"rate":"1KiB/s","stall":true}}`
	if got, err := json.Marshal(f); string(got) != want || err != nil {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	for text, want := range map[string]string{
		`{}`:                         "none",
		`"delay=1s,down:stall"`:      "delay=1s,down:stall",
		`{"split":1,"stall":false}`:  "split=1B",
		`{"connections":6}`:          "connections=6",
		`{"refuse":true,"up":null}`:  "refuse=always",
		`{"cut":null,"rate":"1MiB"}`: "rate=1MiB/s",
	} {
		var got fault.Fault
		if err := json.Unmarshal([]byte(text), &got); err != nil || got.String() != want {
			t.Errorf("%s: %s, %v; want %s", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		`[]`:                                     "is not an object",
		`{"dely":"1s"}`:                          "unknown fault",
		`{"up":"stall"}`:                         "is not an object",
		`{"up":{"up":true}}`:                     "unknown fault",
		`{"up":{"refuse":"1s"}}`:                 "has no direction",
		`{"cut":{"kind":"rst"}}`:                 "is not a string, a number, true or false",
		`{"delay":"1s","down":{"delay":"2s"}}`:   "given twice",
		`{"stall":"yes"}`:                        "has no value",
		`"delay=x"`:                              "is not a time",
		`{"delay":100}`:                          "is not a time",
		`{"down":{"cut":"rst"}}`:                 "only fin",
		`{"buffer":"4KiB/30s","x":1,"answer":2}`: "not a final status",
	} {
		var got fault.Fault
		if err := json.Unmarshal([]byte(text), &got); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", text, err, want)
		}
	}
}

func TestFlag(t *testing.T) {
	var f fault.Fault
	flags := flag.NewFlagSet("test", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.TextVar(&f, "fault", fault.Fault{}, "what goes wrong: "+fault.Forms)
	if err := flags.Parse([]string{"--fault", "delay=1s"}); err != nil || f.Up.Delay != time.Second {
		t.Errorf("%+v, %v", f, err)
	}
	if err := flags.Parse([]string{"--fault", "delay"}); err == nil {
		t.Error("no error")
	}
}

// A line draws a Line; one that is harmless keeps and loses nothing in the end.
func line(harmless bool) *rapid.Generator[fault.Line] {
	return rapid.Custom(func(t *rapid.T) (l fault.Line) {
		if maybe(t, "delay") {
			l.Delay, l.Jitter = span(t, "delay"), span(t, "jitter")
		}
		if maybe(t, "rate") {
			l.Rate = rapid.Int64Range(20, 1e6).Draw(t, "rate")
		}
		if maybe(t, "split") {
			l.Split.Size = rapid.IntRange(1, 50).Draw(t, "size")
			if maybe(t, "pause") {
				l.Split.Pause = span(t, "pause") / 1000
			}
		}
		if maybe(t, "buffer") {
			l.Buffer.Size = rapid.IntRange(1, 200).Draw(t, "buffer")
			if maybe(t, "wait") {
				l.Buffer.Wait = span(t, "wait")
			}
			l.Buffer.Accel = maybe(t, "accel")
		}
		l.Stall = maybe(t, "stall")
		if !harmless {
			l.BlackHole = maybe(t, "black hole")
			if maybe(t, "cut") {
				l.Cut = cut(t)
				l.Cut.Kind = fault.FIN
			}
		}
		return l
	})
}

func cut(t *rapid.T) (c fault.Cut) {
	c.Kind = kinds.Draw(t, "kind")
	if maybe(t, "after") {
		c.After, c.Jitter = span(t, "after"), span(t, "jitter")
	}
	if maybe(t, "bytes") {
		c.Bytes, c.Spread = rapid.Int64Range(1, 2000).Draw(t, "bytes"), rapid.Int64Range(0, 2000).Draw(t, "spread")
	}
	return c
}

var kinds = rapid.SampledFrom([]fault.Kind{fault.FIN, fault.RST, fault.Silence})

func maybe(t *rapid.T, what string) bool { return rapid.IntRange(0, 3).Draw(t, what+"?") == 0 }

func span(t *rapid.T, what string) time.Duration {
	return time.Duration(rapid.Int64Range(1, 3e9).Draw(t, what))
}

func any(harmless bool) *rapid.Generator[fault.Fault] {
	return rapid.Custom(func(t *rapid.T) (f fault.Fault) {
		f.Up, f.Down = line(harmless).Draw(t, "up"), line(harmless).Draw(t, "down")
		if maybe(t, "alike") {
			f.Down = f.Up
		}
		if harmless {
			return f
		}
		if maybe(t, "cut") {
			f.Cut = cut(t)
		}
		if maybe(t, "idle") {
			f.Idle.After = span(t, "idle")
			if maybe(t, "kind") {
				f.Idle.Kind = kinds.Draw(t, "idle kind")
			}
		}
		if maybe(t, "refuse") {
			f.Refuse = rapid.SampledFrom([]time.Duration{time.Nanosecond, time.Second, fault.Always}).Draw(t, "refuse")
		}
		return f
	})
}

func TestTextAndJSONComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := any(false).Draw(t, "fault")
		if maybe(t, "limit") {
			f.Limit = fault.Limit{Connections: rapid.IntRange(1, 99).Draw(t, "connections"), Refuse: maybe(t, "refuse the others")}
		}
		if maybe(t, "answer") {
			f.Answer = fault.Answer{
				Status: rapid.IntRange(200, 599).Draw(t, "status"), Requests: rapid.IntRange(0, 5).Draw(t, "requests"),
				RetryAfter: span(t, "retry"), Type: rapid.SampledFrom([]string{"", "text/html", "a/b; c=/type:d@e"}).Draw(t, "type"),
			}
			if maybe(t, "for") {
				f.Answer.For = span(t, "for")
			}
		}
		if err := f.Check(); err != nil {
			t.Fatal(err)
		}
		got, err := fault.Parse(f.String())
		if diff := cmp.Diff(f, got); diff != "" || err != nil {
			t.Fatalf("%s: %v\n%s", f, err, diff)
		}
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		got = fault.Fault{}
		err = json.Unmarshal(text, &got)
		if diff := cmp.Diff(f, got); diff != "" || err != nil {
			t.Fatalf("%s: %v\n%s", text, err, diff)
		}
	})
}

// What can be read is written so that it reads the same.
func FuzzParse(f *testing.F) {
	for _, text := range strings.Fields(strings.ReplaceAll(fault.Forms, "|", " cut=")) {
		f.Add(text)
	}
	f.Add("delay=100ms±20ms,up:cut=fin@5s±1s@64KiB±1,down:buffer=1/accel/3s")
	f.Add(`{"delay":"1s","down":{"split":1}}`)
	f.Fuzz(func(t *testing.T, text string) {
		var read fault.Fault
		if strings.HasPrefix(text, "{") {
			if json.Unmarshal([]byte(text), &read) != nil {
				return
			}
		} else if read.UnmarshalText([]byte(text)) != nil {
			return
		}
		if again, err := fault.Parse(read.String()); err != nil || again != read {
			t.Errorf("%q became %q, which became %q, %v", text, read, again, err)
		}
	})
}
