package interop

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/web"
)

// Exit codes of curl.
const (
	curlDone        = 0
	curlPartial     = 18 // the content is not complete
	curlTimeout     = 28 // by --max-time
	curlNothing     = 52 // no answer
	curlReceiveFail = 56
)

// A download is a curl at work.
type download struct {
	t      *testing.T
	cmd    *exec.Cmd
	output bytes.Buffer
	errors bytes.Buffer
}

// curl starts curl, which prints the content as it comes and gives up after a while.
func curl(t *testing.T, args ...string) *download {
	t.Helper()
	fixed := []string{"--disable", "--silent", "--show-error", "--no-buffer", "--noproxy", "*", "--max-time", fmt.Sprint(patience.Seconds())}
	d := &download{t: t, cmd: exec.Command(tool(t, "curl", "curl"), append(fixed, args...)...)}
	d.cmd.Stdout, d.cmd.Stderr = &d.output, &d.errors
	if err := d.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		d.cmd.Process.Kill() // if the test failed before it waited
		d.cmd.Wait()
	})
	return d
}

// wait returns what curl has printed, and its exit code.
func (d *download) wait() (string, int) {
	d.t.Helper()
	err := d.cmd.Wait()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		d.t.Fatal(err)
	}
	return d.output.String(), d.cmd.ProcessState.ExitCode()
}

// done returns what curl has printed, if all is well.
func (d *download) done() string {
	d.t.Helper()
	out, code := d.wait()
	if code != curlDone {
		d.t.Fatalf("curl ended with %d: %s\n%.1000s", code, d.errors.Bytes(), out)
	}
	return out
}

// An answer is what curl --include prints.
type answer struct {
	status  string // such as "HTTP/1.1 200"
	fields  map[string]string
	content string
}

func parseAnswer(t *testing.T, out string) answer {
	t.Helper()
	head, content, ok := strings.Cut(out, "\r\n\r\n")
	if strings.HasPrefix(head, "HTTP/1.1 100") {
		head, content, ok = strings.Cut(content, "\r\n\r\n")
	}
	if !ok {
		t.Fatalf("not an answer: %.300q", out)
	}
	lines := strings.Split(head, "\r\n")
	a := answer{status: strings.Join(strings.Fields(lines[0])[:2], " "), fields: make(map[string]string), content: content}
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		a.fields[strings.ToLower(name)] = value
	}
	return a
}

// curlStreams are the transports that curl reads as they come. Each parser takes the complete
// events off what was printed; it is not ours, so that it is as simple as can be.
var curlStreams = map[string]func(t *testing.T, text string) []event.Event{
	"/httpstream": func(t *testing.T, text string) (events []event.Event) {
		for line := range strings.Lines(text) {
			if strings.HasSuffix(line, "\n") {
				events = append(events, exactEnvelope(t, strings.TrimSuffix(line, "\n")))
			}
		}
		return events
	},
	"/sse": func(t *testing.T, text string) (events []event.Event) {
		blocks := strings.Split(text, "\n\n")
		for _, block := range blocks[:len(blocks)-1] {
			var id, data string
			for line := range strings.SplitSeq(block, "\n") {
				switch name, value, _ := strings.Cut(line, ": "); name {
				case "id":
					id = value
				case "data":
					data += value
				}
			}
			e := exactEnvelope(t, data)
			if e.ID.String() != id {
				t.Errorf("the id is %q in %q", id, block)
			}
			events = append(events, e)
		}
		return events
	},
}

func TestCurlStreams(t *testing.T) {
	for path, parse := range curlStreams {
		t.Run(path[1:], func(t *testing.T) {
			t.Parallel()
			t.Run("resume", func(t *testing.T) { curlResume(t, path, parse) })
			t.Run("max-time", func(t *testing.T) { curlMaxTime(t, path, parse) })
			t.Run("goodbye", func(t *testing.T) { curlGoodbye(t, path, parse) })
			t.Run("gap", func(t *testing.T) { curlGap(t, path, parse) })
		})
	}
}

// curlResume cuts the connection anywhere: curl sees that the answer is not complete, and the next
// one goes on behind the last complete event.
func curlResume(t *testing.T, path string, parse func(*testing.T, string) []event.Event) {
	const events = 200
	s := serve(t, hub.Config{}, web.Config{})
	p := newProxy(t, s.address)
	rng := rand.New(rand.NewPCG(3, 4))
	p.limit(func() int { return rng.IntN(3000) })
	ledger := client.Ledger{Last: s.head()}
	for range 2 * events { // there is always more than a connection may pass on
		s.publish("count", `"zwölf"`)
	}
	cuts := 0
	for ledger.Last.Seq < events {
		out, code := curl(t, "-H", "Last-Event-ID: "+ledger.Last.String(), p.url("http", path)).wait()
		if !slices.Contains([]int{curlPartial, curlNothing, curlReceiveFail}, code) {
			t.Fatalf("curl ended with %d, though the connection was cut", code)
		}
		for _, e := range parse(t, out) {
			ledger.Observe(e)
		}
		cuts++
	}
	if ledger.Events != ledger.Last.Seq || ledger.Lost != 0 || ledger.Repeated != 0 || ledger.Gaps != 0 || cuts < 5 {
		t.Errorf("%+v after %d cuts", ledger, cuts)
	}
}

// curlMaxTime has curl cut the connection itself, after a few heartbeats.
func curlMaxTime(t *testing.T, path string, parse func(*testing.T, string) []event.Event) {
	s := serve(t, hub.Config{}, web.Config{Heartbeat: 100 * time.Millisecond})
	start := s.head()
	first := s.publish("count", "1")
	out, code := curl(t, "--max-time", "1", "--get", "-d", "after="+start.String(), "http://"+s.address+path).wait()
	if code != curlTimeout {
		t.Errorf("curl ended with %d", code)
	}
	events := parse(t, out)
	beats := 0
	for _, e := range events {
		if e.Topic == event.BeatTopic {
			beats++
		}
	}
	if len(events) != 2+beats || events[0].Topic != event.OpenTopic || events[0].ID != start || events[1].ID != first || beats < 2 {
		t.Errorf("curl printed\n%s", out)
	}
	second := s.publish("count", "2")
	if events := parse(t, s.download(events[len(events)-1].ID, path)); len(events) != 3 || events[1].ID != second {
		t.Errorf("after the cut came %v", events)
	}
}

// download resumes with curl, and has the server leave; it returns the whole content.
func (s *service) download(after event.ID, path string) string {
	s.t.Helper()
	until(s.t, "an earlier curl is gone", func() bool { return s.hub.State().Subscriptions == 0 })
	d := curl(s.t, "-H", "Last-Event-ID: "+after.String(), "http://"+s.address+path)
	until(s.t, "curl has subscribed", func() bool { return s.hub.State().Subscriptions == 1 })
	s.stop()
	return d.done()
}

// curlGoodbye has the server leave: over HTTP/1.1 curl then knows that the content is complete, and
// over HTTP/1.0 there is nothing else to end it.
func curlGoodbye(t *testing.T, path string, parse func(*testing.T, string) []event.Event) {
	cases := []struct {
		name, status, encoding, connection string
		options                            []string
	}{
		{"1.1", "HTTP/1.1 200", "chunked", "close", nil},
		{"1.0", "HTTP/1.0 200", "", "close", []string{"--http1.0"}},
		{"compression offered", "HTTP/1.1 200", "chunked", "close", []string{"--compressed"}},
		{"upgrade to HTTP/2 offered", "HTTP/1.1 200", "chunked", "close", []string{"--http2"}},
		{"2, known before", "HTTP/2 200", "", "", []string{"--http2-prior-knowledge"}},
	}
	for _, tt := range cases {
		s := serve(t, hub.Config{}, web.Config{})
		start := s.head()
		d := curl(t, append(tt.options, "--include", "http://"+s.address+path+"?topic=odd")...)
		until(t, "curl has subscribed", func() bool { return s.hub.State().Subscriptions == 1 })
		s.publish("other", "1")
		for _, data := range content {
			s.publish("odd", data)
		}
		s.stop()
		a := parseAnswer(t, d.done())
		if a.status != tt.status || a.fields["transfer-encoding"] != tt.encoding || a.fields["content-encoding"] != "" ||
			a.fields["pushlab-cursor"] != start.String() || a.fields["connection"] != tt.connection || a.fields["cache-control"] != "no-store, no-transform" {
			t.Errorf("%s: %s %v", tt.name, a.status, a.fields)
		}
		events := parse(t, a.content)
		if len(events) != len(content)+2 || events[0].Topic != event.OpenTopic || events[len(events)-1].Topic != event.ByeTopic {
			t.Fatalf("%s: %d events", tt.name, len(events))
		}
		for i, data := range content {
			if e := events[i+1]; string(e.Data) != data {
				t.Errorf("%s: got %d bytes, %.100q, of %d bytes, %.100q", tt.name, len(e.Data), e.Data, len(data), data)
			}
		}
	}
}

func curlGap(t *testing.T, path string, parse func(*testing.T, string) []event.Event) {
	s := serve(t, hub.Config{History: 5}, web.Config{})
	start := s.head()
	for range 20 {
		s.publish("count", "1")
	}
	out := s.download(start, path)
	events := parse(t, out)
	if len(events) != 8 || events[1].Topic != event.GapTopic || string(events[1].Data) != `{"after":"`+start.String()+`","missed":15}` || events[2].ID.Seq != 16 {
		t.Errorf("curl printed\n%s", out)
	}
}

func TestCurlLongPoll(t *testing.T) {
	t.Parallel()
	s := serve(t, hub.Config{}, web.Config{Retry: 2 * time.Second})
	url := "http://" + s.address + "/longpoll"
	poll := func(args ...string) answer {
		t.Helper()
		return parseAnswer(t, curl(t, append(args, "--include")...).done())
	}
	start := s.head().String()
	if a := poll("-H", "Prefer: wait=0", url); a.status != "HTTP/1.1 204" || a.fields["pushlab-cursor"] != start || a.fields["preference-applied"] != "wait=0" || a.content != "" {
		t.Errorf("a short poll: %+v", a)
	}
	if a := poll("-H", "Prefer: respond-async, wait=1; foo", "--get", "-d", "after="+start, url); a.status != "HTTP/1.1 204" || a.fields["preference-applied"] != "wait=1" {
		t.Errorf("a quiet poll: %+v", a)
	}

	// A poll that waits is answered when something happens, over HTTP/1.0 too.
	for _, option := range []string{"--http1.1", "--http1.0"} {
		before := s.head()
		d := curl(t, option, "--include", "-H", "Prefer: wait=100", "-H", "Last-Event-ID: "+before.String(), url)
		until(t, "curl polls", func() bool { return s.hub.State().Subscriptions == 1 })
		id := s.publish("count", "1")
		a := parseAnswer(t, d.done())
		want := fmt.Sprintf(`{"events":[{"id":"%s","topic":"count","data":1}],"cursor":"%s","more":false}`, id, id)
		if a.content != want || a.fields["pushlab-cursor"] != id.String() || a.fields["preference-applied"] != "wait=100" {
			t.Errorf("%s: %+v, want %s", option, a, want)
		}
	}

	// One connection does for two polls, and the content arrives as it was published.
	from := s.head().String()
	for _, data := range content {
		s.publish("odd", data)
	}
	out := curl(t, "-w", "\n%{num_connects}\n", url+"?limit=2&after="+from, url+"?limit=1&after=earliest").done()
	lines := strings.Split(out, "\n")
	if len(lines) != 5 || lines[1] != "1" || lines[3] != "0" || !strings.HasSuffix(lines[0], `"more":true}`) {
		t.Errorf("two polls: %.500q", out)
	}
	got := ""
	for more := true; more; { // an answer has no more than one large event
		a := poll(url + "?topic=odd&wait=0&after=" + from)
		from, more = a.fields["pushlab-cursor"], strings.HasSuffix(a.content, `"more":true}`)
		got += a.content
	}
	for _, data := range content {
		if !strings.Contains(got, `,"topic":"odd","data":`+data+`}`) {
			t.Errorf("%d bytes, %.100q, did not come", len(data), data)
		}
	}

	d := curl(t, "--include", url)
	until(t, "curl polls", func() bool { return s.hub.State().Subscriptions == 1 })
	s.stop()
	if a := parseAnswer(t, d.done()); a.status != "HTTP/1.1 204" || a.fields["connection"] != "close" || !slices.Contains([]string{"1", "2", "3"}, a.fields["retry-after"]) || a.fields["pushlab-cursor"] == "" {
		t.Errorf("when the server leaves: %+v", a)
	}
}

func TestCurlPublish(t *testing.T) {
	t.Parallel()
	s := serve(t, hub.Config{}, web.Config{MaxMessage: 2 << 20})
	const jsonType, textType = "Content-Type: application/json", "Content-Type: text/plain"
	large := strings.Repeat("é", 1<<20-1)
	cases := []struct {
		name   string
		args   []string
		stdin  string
		status string
		want   string // what is published, or part of the answer
	}{
		{"JSON", []string{"-H", jsonType, "-d", ` {"a" : [1, "\u2028 "] } `}, "", "201", `{"a":[1,"\u2028 "]}`},
		{"JSON with parameters", []string{"-H", jsonType + "; charset=utf-8", "-d", "null"}, "", "201", `null`},
		{"curl's own option", []string{"--json", "[true]"}, "", "201", `[true]`},
		{"text", []string{"-H", textType, "--data-binary", "@-"}, "two\r\nlines\t🚀", "201", `"two\r\nlines\t🚀"`},
		{"text in UTF-8", []string{"-H", textType + `; charset="UTF-8"`, "-d", "é"}, "", "201", `"é"`},
		{"other text", []string{"-H", "Content-Type: text/markdown", "-d", "# <b>&"}, "", "201", `"# <b>&"`},
		{"empty text", []string{"-H", textType, "-d", ""}, "", "201", `""`},
		{"chunked", []string{"-H", textType, "-H", "Transfer-Encoding: chunked", "-X", "POST", "-T", "-"}, "in chunks", "201", `"in chunks"`},
		{"HTTP/1.0", []string{"--http1.0", "-H", textType, "-d", "old"}, "", "201", `"old"`},
		{"large", []string{"-H", textType, "--data-binary", "@-"}, large, "201", `"` + large + `"`},
		{"large, asking first", []string{"-H", textType, "-H", "Expect: 100-continue", "--data-binary", "@-"}, large, "201", `"` + large + `"`},

		{"a form", []string{"-d", "hello"}, "", "415", `curl -H 'Content-Type: text/plain'`},
		{"a form with parts", []string{"-F", "a=b"}, "", "415", `multipart/form-data`},
		{"no type", []string{"-H", "Content-Type:", "-d", "hello"}, "", "415", "missing"},
		{"Latin-1", []string{"-H", textType + "; charset=iso-8859-1", "--data-binary", "@-"}, "\xe9", "415", "iso-8859-1"},
		{"text that is not UTF-8", []string{"-H", textType, "--data-binary", "@-"}, "\xe9", "400", "UTF-8"},
		{"JSON that is not UTF-8", []string{"-H", jsonType, "--data-binary", "@-"}, "\"\xff\"", "400", "UTF-8"},
		{"not JSON", []string{"-H", jsonType, "-d", "{"}, "", "400", "not JSON"},
		{"two JSON values", []string{"-H", jsonType, "-d", "1 2"}, "", "400", "not JSON"},
		{"empty JSON", []string{"-H", jsonType, "-d", ""}, "", "400", "not JSON"},
		{"too large", []string{"-H", textType, "--data-binary", "@-"}, large + "é€", "413", "2097152"},
		{"too large, asking first", []string{"-H", textType, "-H", "Expect: 100-continue", "--data-binary", "@-"}, large + large, "413", "2097152"},
	}
	for _, tt := range cases {
		before := s.head()
		args := append([]string{"--disable", "--silent", "--show-error", "--noproxy", "*", "--include"}, tt.args...)
		cmd := exec.Command(tool(t, "curl", "curl"), append(args, "http://"+s.address+"/publish?topic=chat")...)
		cmd.Stdin = strings.NewReader(tt.stdin)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Errorf("%s: %v: %s", tt.name, err, out)
			continue
		}
		a := parseAnswer(t, string(out))
		if !strings.HasSuffix(a.status, " "+tt.status) {
			t.Errorf("%s: %+v, want status %s", tt.name, a, tt.status)
			continue
		}
		if tt.status != "201" {
			if a.fields["content-type"] != "application/problem+json" || !strings.Contains(a.content, tt.want) || s.head() != before {
				t.Errorf("%s: %+v, want it to speak of %q", tt.name, a, tt.want)
			}
			continue
		}
		if want := fmt.Sprintf(`{"id":"%s"}`, s.head()); strings.TrimSpace(a.content) != want || s.head().Seq != before.Seq+1 {
			t.Errorf("%s: %+v, want %s", tt.name, a, want)
		}
		polled := curl(t, "http://"+s.address+"/longpoll?after="+before.String()).done()
		if want := `"topic":"chat","data":` + tt.want + `}]`; !strings.Contains(polled, want) {
			t.Errorf("%s: published %.300s, want %.300s", tt.name, polled, want)
		}
	}
}

// TestCurlHead asks for the heads only: no answer may keep the connection waiting.
func TestCurlHead(t *testing.T) {
	t.Parallel()
	s := serve(t, hub.Config{}, web.Config{})
	for path, want := range map[string]answer{
		"/longpoll":   {status: "HTTP/1.1 200", fields: map[string]string{"pushlab-cursor": s.head().String(), "cache-control": "no-store"}},
		"/httpstream": {status: "HTTP/1.1 200", fields: map[string]string{"pushlab-cursor": s.head().String(), "content-type": "application/x-ndjson"}},
		"/sse":        {status: "HTTP/1.1 200", fields: map[string]string{"pushlab-cursor": s.head().String(), "content-type": "text/event-stream"}},
		"/websocket":  {status: "HTTP/1.1 426", fields: map[string]string{"upgrade": "websocket", "sec-websocket-version": "13"}},
		"/publish":    {status: "HTTP/1.1 405", fields: map[string]string{"allow": "POST"}},
		"/sse?topic=": {status: "HTTP/1.1 400", fields: map[string]string{"content-type": "application/problem+json"}},
	} {
		a := parseAnswer(t, curl(t, "--head", "http://"+s.address+path).done())
		if a.status != want.status || a.content != "" {
			t.Errorf("%s: %+v", path, a)
		}
		for name, value := range want.fields {
			if a.fields[name] != value {
				t.Errorf("%s: %s is %q, want %q", path, name, a.fields[name], value)
			}
		}
	}
	if n := s.hub.State().Subscriptions; n != 0 {
		t.Errorf("%d subscriptions are left", n)
	}
}

// TestCurlWebSocket goes as far as curl goes: it prints the frames, and cannot answer.
func TestCurlWebSocket(t *testing.T) {
	t.Parallel()
	s := serve(t, hub.Config{}, web.Config{})
	start := s.head()
	// The key and its answer are those of RFC 6455, section 1.3.
	d := curl(t, "--include", "--http1.1", "-H", "Upgrade: websocket", "-H", "Connection: Upgrade",
		"-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
		"-H", "Sec-WebSocket-Extensions: permessage-deflate", "http://"+s.address+"/websocket")
	until(t, "curl has connected", func() bool { return s.hub.State().Subscriptions == 1 })
	id := s.publish("count", "1")
	s.stop()
	out, _ := d.wait() // what curl says to the frames depends on its version
	a := parseAnswer(t, out)
	if a.status != "HTTP/1.1 101" || a.fields["sec-websocket-accept"] != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" || a.fields["sec-websocket-extensions"] != "" || a.fields["pushlab-cursor"] != start.String() {
		t.Errorf("%s %v", a.status, a.fields)
	}
	frame := func(text string) string { return "\x81" + string(rune(len(text))) + text }
	want := frame(fmt.Sprintf(`{"id":"%s","topic":"$open","data":{"topics":null}}`, start)) +
		frame(fmt.Sprintf(`{"id":"%s","topic":"count","data":1}`, id))
	if !strings.HasPrefix(a.content, want) || !strings.HasSuffix(a.content, "\x88\x02\x03\xe9") { // 1001
		t.Errorf("frames %q, want %q, $bye and a close frame", a.content, want)
	}
}
