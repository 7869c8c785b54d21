package tap

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var update = flag.Bool("update", false, "write what the parser says into testdata")

// A turn is bytes that go in one direction; a turn without bytes is the end of the direction.
type turn struct {
	dir   Direction
	bytes string
}

// answer returns an exchange with a response.
func answer(response string) []turn {
	return []turn{{Up, "GET / HTTP/1.1\r\nHost: a\r\n\r\n"}, {Down, response}}
}

// headOf joins lines with CRLF, and ends the head.
func headOf(lines ...string) string { return strings.Join(lines, "\r\n") + "\r\n\r\n" }

// frame returns a frame; a key masks it.
func frame(first byte, payload, key string) string {
	b := []byte{first}
	mask := byte(0)
	if key != "" {
		mask = 0x80
	}
	switch n := len(payload); {
	case n < 126:
		b = append(b, mask|byte(n))
	case n <= 0xffff:
		b = append(b, mask|126, byte(n>>8), byte(n))
	default:
		b = append(b, mask|127, 0, 0, 0, 0, byte(n>>24), byte(n>>16), byte(n>>8), byte(n))
	}
	b = append(b, key...)
	for i := range len(payload) {
		c := payload[i]
		if key != "" {
			c ^= key[i%4]
		}
		b = append(b, c)
	}
	return string(b)
}

func chunk(content string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(content), content) }

// compressed returns a message as permessage-deflate compresses it.
func compressed(text string) string {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err != nil {
		panic(err)
	}
	w.Write([]byte(text))
	w.Flush()
	return strings.TrimSuffix(b.String(), "\x00\x00\xff\xff")
}

var (
	upgrade = turn{Up, headOf("GET /websocket?topic=chat HTTP/1.1", "Host: localhost:8080", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13", "Origin: http://localhost:8080")}
	upgraded = turn{Down, headOf("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")}
	chunkedStream = headOf("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Transfer-Encoding: chunked", "Pushlab-Cursor: mfrggzdf-41")
)

const (
	envelope42 = `{"id":"mfrggzdf-42","topic":"clock","data":{"n":1}}`
	envelope43 = `{"id":"mfrggzdf-43","topic":"chat","data":"grüße 🙂"}`
)

// cases are exchanges, by the name of their file in testdata.
var cases = map[string][]turn{
	"sse": {
		{Up, headOf("GET /sse?topic=clock&token=abc HTTP/1.1", "Host: localhost:8080", "Accept: text/event-stream", "Cookie: a=1; b=2", "Last-Event-ID: mfrggzdf-41")},
		{Down, chunkedStream},
		{Down, chunk("retry: 3112\nid: mfrggzdf-41\nevent: $open\ndata: {\"id\":\"mfrggzdf-41\",\"topic\":\"$open\",\"data\":{\"topics\":[\"clock\"]}}\n\n")},
		{Down, chunk("id: mfrggzdf-42\ndata: " + envelope42 + "\n\n")},
		{Down, chunk(": beat\nid: mfrggzdf-42\nevent: $beat\ndata: {\"id\":\"mfrggzdf-42\",\"topic\":\"$beat\",\"data\":{}}\n\n")},
		{Down, "0\r\n\r\n"}, {Down, ""}, {Up, ""},
	},
	// The examples of WHATWG HTML, section 9.2.6.
	"sse-spec": append(answer(headOf("HTTP/1.1 200 OK", "Content-Type: text/event-stream; charset=utf-8")+
		"data: YHOO\ndata: +2\ndata: 10\n\n"+
		": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"+
		"data\n\ndata\ndata\n\ndata:"), turn{Down, ""}),
	"sse-lines": append(answer(headOf("HTTP/1.0 200 OK", "Content-Type: text/event-stream")+
		"\uFEFFdata: a\r\ndata: b\r\n\r\nevent: x\rdata: c\r\rData: d\nretry: 1s\nid: 1\x00\n\n\n\n: only a comment\n\n"), turn{Down, ""}),
	"sse-cut-by-chunks": answer(chunkedStream + chunk("data: {\"id\":\"mfrggzdf-44\",\"to") + chunk("pic\":\"a\",\"data\":\"gr\xc3") +
		chunk("\xbc\xc3\x9fe\"}\r") + chunk("\n") + chunk("\n: c") + chunk("omment\n") + chunk("\ndata: x\n\ndata: y\n") + "0\r\nExpires: never\r\n\r\n"),
	"httpstream": (answer(headOf("HTTP/1.1 200 OK", "Content-Type: application/x-ndjson", "Transfer-Encoding: chunked") +
		chunk(envelope42+"\n"+envelope43+"\n") + chunk("\n") + chunk(`{"not": "an envelope"}`+"\r\n") + chunk("[1") + chunk("]\n\"cut off"))),
	"longpoll": {
		{Up, headOf("GET /longpoll?after=mfrggzdf-41 HTTP/1.1", "Host: a", "Prefer: wait=25")},
		{Down, headOf("HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: 157", "Pushlab-Cursor: mfrggzdf-43") +
			`{"events":[` + envelope42 + "," + envelope43 + `],"cursor":"mfrggzdf-43","more":false}`},
		{Up, headOf("GET /longpoll?after=mfrggzdf-43 HTTP/1.1", "Host: a", "Prefer: wait=25")},
		{Down, headOf("HTTP/1.1 204 No Content", "Pushlab-Cursor: mfrggzdf-43")},
		{Up, headOf("GET /longpoll?after=x HTTP/1.1", "Host: a")},
		{Down, headOf("HTTP/1.1 400 Bad Request", "Content-Type: application/problem+json", "Transfer-Encoding: chunked") +
			chunk(`{"title":"Bad Request","status":400,`) + chunk(`"detail":"after: is no cursor","parameter":"after"}`) + "0\r\n\r\n"},
		{Up, headOf("POST /publish HTTP/1.1", "Host: a", "Content-Type: application/json", "Content-Length: 7") + `{"a":1}`},
		{Down, headOf("HTTP/1.1 201 Created", "Content-Type: application/json", "Content-Length: 20") + `{"id":"mfrggzdf-44"}`},
	},
	"websocket": {upgrade, upgraded,
		{Down, frame(0x81, envelope42, "")},
		{Down, frame(0x89, "beat", "")},
		{Up, frame(0x8a, "beat", "\x37\xfa\x21\x3d")},
		{Up, frame(0x81, `{"op":"publish","ref":"7","topic":"chat","data":1}`, "\x37\xfa\x21\x3d")},
		{Down, frame(0x81, `{"op":"ack","ref":"7","id":"mfrggzdf-43"}`, "")},
		{Down, frame(0xc1, compressed(envelope43), "")},
		{Down, frame(0x88, "\x03\xe9bye", "")},
		{Up, frame(0x88, "\x03\xe9", "\x01\x02\x03\x04")},
	},
	// The examples of RFC 6455, section 5.7, and RFC 7692, section 7.2.3.1.
	"websocket-spec": {upgrade, upgraded,
		{Down, "\x81\x05\x48\x65\x6c\x6c\x6f"},
		{Up, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
		{Down, "\x01\x03\x48\x65\x6c\x80\x02\x6c\x6f"},
		{Down, "\x89\x05\x48\x65\x6c\x6c\x6f"},
		{Up, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
		{Down, "\x82\x7e\x01\x00" + strings.Repeat("\x01", 256)},
		{Down, "\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00"},
		{Down, "\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00"},
		{Down, "\x88\x00"},
	},
	"websocket-wrong": {upgrade, upgraded,
		{Up, "\x81\x01a"}, {Down, "\x81\x81\x00\x00\x00\x00a"}, {Down, "\x83\x00"}, {Down, "\x09\x00"}, {Down, "\x81\x7e\x00\x01a"},
		{Down, "\x80\x00"}, {Down, "\xb1\x00"}, {Down, "\x81\x01\xff"}, {Down, "\x88\x01\x03"}, {Down, "more"}, {Down, ""},
	},
	"refused-upgrade": {upgrade, {Down, headOf("HTTP/1.1 426 Upgrade Required", "Upgrade: websocket", "Content-Length: 0")},
		{Up, headOf("GET /next HTTP/1.1", "Host: a")}, {Down, headOf("HTTP/1.1 304 Not Modified", "Content-Length: 9")}},
	"heads": {
		{Up, "\r\nHEAD /?a=1&b&=c&=&session_id=secret HTTP/1.1\nhost:  a \r\n b\r\nX-Api-Key: k\r\nReferer: http://a/?token=t&x=1\r\nno colon\r\n\r\n"},
		{Down, headOf("HTTP/1.1 100 Continue")}, {Down, headOf("HTTP/1.1 200 ", "Set-Cookie: a=b; Secure", "Content-Length: 10")},
		{Up, headOf("GET * HTTP/1.0")}, {Down, headOf("HTTP/1.1 200", "Content-Type: text/plain") + "one\n\ntwo"}, {Down, ""},
		{Up, "GET / HTTP/1.1\r\nAuthorization: Bearer ab"}, {Up, ""},
	},
	"not-http": {{Up, "SSH-2.0-OpenSSH_9.7\r\nAuthorization: x\r\n"}, {Up, ""}, {Down, "\x00\x01\x02"}, {Down, ""}},
	"tls":      {{Up, "\x16\x03\x01\x00\x05hello\x17\x03\x03\x00\x02ab"}, {Down, "\x15\x03\x03\x00\x02\x01\x00"}},
	"chunks": answer(headOf("HTTP/1.1 200 OK", "Content-Type: image/png", "Transfer-Encoding: gzip, chunked") +
		"3;a=b\r\nabc\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n"),
	"bad-chunk": answer(headOf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "xyz\r\nabc"),
	"encoded":   answer(headOf("HTTP/1.1 200 OK", "Content-Type: text/event-stream", "Content-Encoding: gzip", "Content-Length: 3") + "\x1f\x8b\x08"),
	"unasked":   {{Down, headOf("HTTP/1.1 408 Request Timeout", "Connection: close", "Content-Length: 0")}},
}

// parse feeds the turns in pieces as split says.
func parse(turns []turn, split func(b string) []string) (out [2]Parsed) {
	p := NewParser()
	add := func(parsed Parsed) {
		for _, s := range parsed.Spans {
			at := &out[index(s.Dir)]
			at.Spans = append(at.Spans, s)
		}
		for _, m := range parsed.Messages {
			at := &out[index(m.Dir)]
			at.Messages = append(at.Messages, m)
		}
	}
	for _, t := range turns {
		if t.bytes == "" {
			add(p.End(t.dir, 0))
			continue
		}
		for _, piece := range split(t.bytes) {
			add(p.Feed(t.dir, []byte(piece), 0))
		}
	}
	for _, dir := range []Direction{Up, Down} {
		add(p.End(dir, 0))
	}
	return out
}

func index(dir Direction) int {
	if dir == Up {
		return 0
	}
	return 1
}

func whole(b string) []string { return []string{b} }

func bytewise(b string) []string {
	var pieces []string
	for i := range len(b) {
		pieces = append(pieces, b[i:i+1])
	}
	return pieces
}

// show writes spans and messages down.
func show(out [2]Parsed) string {
	var b strings.Builder
	for i, dir := range []Direction{Up, Down} {
		fmt.Fprintf(&b, "%s\n", dir)
		for _, s := range out[i].Spans {
			showSpan(&b, s, 1)
		}
		for _, m := range out[i].Messages {
			fmt.Fprintf(&b, "  -> %s %d+%d payload %d exchange %d", m.Kind, m.Offset, m.Length, m.Payload, m.Exchange)
			if m.ID != "" || m.Topic != "" {
				fmt.Fprintf(&b, " id %q topic %q", m.ID, m.Topic)
			}
			fmt.Fprintf(&b, ": %s\n", m.Label)
		}
	}
	return b.String()
}

func showSpan(b *strings.Builder, s *Span, depth int) {
	fmt.Fprintf(b, "%s%d+%d %s", strings.Repeat("  ", depth), s.Start, s.Length, s.Kind)
	for _, extra := range []string{string(s.Part), s.Bits, s.Explain} {
		if extra != "" {
			fmt.Fprintf(b, " (%s)", extra)
		}
	}
	if s.Label != "" {
		fmt.Fprintf(b, " [%s]", s.Label)
	}
	if len(s.Children) == 0 || len(s.Children) > 0 && s.Children[0].Bits != "" {
		fmt.Fprintf(b, " %q", s.Text)
	}
	if s.Wrong != "" {
		fmt.Fprintf(b, " WRONG: %s", s.Wrong)
	}
	b.WriteString("\n")
	for _, c := range s.Children {
		showSpan(b, c, depth+1)
	}
}

// check checks what holds for every tree: spans lie next to each other, without a hole, up to the end; and everything
// has an entry in Kinds, and every leaf a role.
func check(t interface{ Errorf(string, ...any) }, turns []turn, out [2]Parsed) {
	for i, dir := range []Direction{Up, Down} {
		total := 0
		for _, turn := range turns {
			if turn.dir == dir {
				total += len(turn.bytes)
			}
		}
		at := int64(0)
		for _, s := range out[i].Spans {
			if s.Dir != dir || s.Start != at {
				t.Errorf("%s: a root begins at %d, want %d: %+v", dir, s.Start, at, s)
			}
			at = s.End()
			checkSpan(t, s)
		}
		if at != int64(total) {
			t.Errorf("%s: the spans have %d bytes, want %d", dir, at, total)
		}
		for _, m := range out[i].Messages {
			if m.Offset < 0 || m.Length < 0 || m.Offset+m.Length > int64(total) || m.Payload > m.Length {
				t.Errorf("%s of %d bytes: %+v", dir, total, m)
			}
		}
	}
}

func checkSpan(t interface{ Errorf(string, ...any) }, s *Span) {
	if s.Length <= 0 {
		t.Errorf("an empty span: %+v", s)
	}
	k, ok := Lookup(s.Kind)
	if _, explained := Lookup(s.Explain); !ok || s.Explain != "" && !explained {
		t.Errorf("%q or %q is not in the list of kinds", s.Kind, s.Explain)
	}
	if len(s.Children) == 0 && s.Bits == "" && k.Role == "" {
		t.Errorf("%s has no role: %+v", s.Kind, s)
	}
	at := s.Start
	for _, c := range s.Children {
		if c.Bits != "" {
			continue
		}
		if c.Start != at {
			t.Errorf("%s: a child begins at %d, want %d: %+v", s.Kind, c.Start, at, c)
		}
		at = c.End()
	}
	if len(s.Children) > 0 && s.Children[0].Bits == "" && at != s.End() {
		t.Errorf("%s ends at %d, its children at %d", s.Kind, s.End(), at)
	}
	for _, c := range s.Children {
		checkSpan(t, c)
	}
}

func TestGolden(t *testing.T) {
	for name, turns := range cases {
		t.Run(name, func(t *testing.T) {
			out := parse(turns, whole)
			check(t, turns, out)
			got := show(out)
			file := filepath.Join("testdata", name+".txt")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatalf("%v; run the test with -update, and read what it writes", err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(got, show(parse(turns, bytewise))); diff != "" {
				t.Errorf("byte by byte (-whole +bytewise):\n%s", diff)
			}
		})
	}
}

// TestAnySplit: the result does not depend on the pieces that the bytes come in.
func TestAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		turns := drawTurns(t)
		want := parse(turns, whole)
		check(t, turns, want)
		got := parse(turns, func(b string) (pieces []string) {
			for len(b) > 0 {
				n := rapid.IntRange(1, min(len(b), 3000)).Draw(t, "piece")
				pieces = append(pieces, b[:n])
				b = b[n:]
			}
			return pieces
		})
		if diff := cmp.Diff(show(want), show(got)); diff != "" {
			t.Fatalf("%q\n(-whole +split):\n%s", turns, diff)
		}
	})
}

// drawTurns makes an exchange that is mostly right: content of any kind, in chunks or frames of any size.
func drawTurns(t *rapid.T) []turn {
	content := strings.Join(rapid.SliceOfN(rapid.OneOf(
		rapid.SampledFrom([]string{"data: ", "id: 1", "\n", "\r\n", "\r", "\n\n", ": c", ":", "event:", "retry", envelope42, "[", "{}", "\xff", "ü", "\uFEFF",
			strings.Repeat("x", 5000), strings.Repeat(":\n", 2000), strings.Repeat("{},", 3000), `{"events":[`, `],"cursor":"x"}`}),
		rapid.StringN(0, 20, 20)), 0, 12).Draw(t, "content"), "")
	pieces := func() (pieces []string) {
		for b := content; len(b) > 0; {
			n := rapid.IntRange(1, len(b)).Draw(t, "framed")
			pieces = append(pieces, b[:n])
			b = b[n:]
		}
		return pieces
	}
	contentType := "Content-Type: " + rapid.SampledFrom([]string{"text/event-stream", "application/x-ndjson", "application/json", "text/plain", "image/png"}).Draw(t, "type")
	switch rapid.IntRange(0, 3).Draw(t, "framing") {
	case 0:
		return append(answer(headOf("HTTP/1.1 200 OK", contentType)+content), turn{Down, ""})
	case 1:
		return answer(headOf("HTTP/1.1 200 OK", contentType, fmt.Sprint("Content-Length: ", len(content))) + content + "more")
	case 2:
		body := ""
		for _, piece := range pieces() {
			body += chunk(piece)
		}
		return answer(headOf("HTTP/1.1 200 OK", contentType, "Transfer-Encoding: chunked") + body + rapid.SampledFrom([]string{"0\r\n\r\n", "0\r\nA: b\r\n\r\n", "x", ""}).Draw(t, "end"))
	default:
		down := ""
		for _, piece := range pieces() {
			down += frame(rapid.Byte().Draw(t, "first"), piece, "")
		}
		return []turn{upgrade, upgraded, {Up, frame(0x81, content, "abcd")}, {Down, down}}
	}
}

// TestInterleaving: frames that are fed before the answer to their handshake are read all the same.
func TestInterleaving(t *testing.T) {
	early := turn{Up, frame(0x81, "Hello", "abcd")}
	want := show(parse([]turn{upgrade, upgraded, early}, whole))
	for _, turns := range [][]turn{{upgrade, early, upgraded}, {upgraded, upgrade, early}} {
		if diff := cmp.Diff(want, show(parse(turns, bytewise))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestSecrets: what is secret is in nothing that the parser returns, or leaves in the bytes, however they are cut.
func TestSecrets(t *testing.T) {
	request := "GET /x?token=SECRET1&a=1&Key=SECRET2 HTTP/1.1\r\nCookie: SECRET3\r\n SECRET4\r\nAUTHORIZATION:\tBearer SECRET5\r\nReferer: http://a/?ticket=SECRET6?SECRET8\r\nX-Session-Token: SECRET7"
	for _, ends := range []string{"\r\n\r\n", ""} {
		p := NewParser()
		var left []byte
		var out []Parsed
		for _, c := range []byte(request + ends) {
			b := []byte{c}
			out = append(out, p.feed(Up, b, 0))
			left = append(left, b...)
		}
		out = append(out, p.End(Up, 0))
		text, err := json.Marshal(out)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(left, []byte("SECRET")) || bytes.Contains(text, []byte("SECRET")) {
			t.Errorf("a secret is left:\n%s\n%s", left, text)
		}
		if len(left) != len(request+ends) || !bytes.Contains(left, []byte("a=1")) {
			t.Errorf("bytes are lost: %s", left)
		}
	}
	open := []byte("HTTP/1.1 200 OK\r\nAccess-Control-Allow-Credentials: true\r\n\r\n")
	if NewParser().feed(Down, open, 0); !bytes.Contains(open, []byte("Credentials: true")) {
		t.Errorf("overwritten, though it is no secret: %s", open)
	}
	tooLong := "GET / HTTP/1.1\r\n" + strings.Repeat("A: b\r\n", 300) + "Cookie: SECRET\r\n\r\n"
	b := []byte(tooLong)
	if NewParser().feed(Up, b, 0); bytes.Contains(b, []byte("SECRET")) {
		t.Error("a secret is left in a head that is too long")
	}
}

// TestBounds: however long something is, the parser keeps little of it, and returns trees of bounded size.
func TestBounds(t *testing.T) {
	long := strings.Repeat("x", 300<<10)
	for name, turns := range map[string][]turn{
		"head":      {{Up, "GET /" + long}},
		"field":     {{Up, "GET / HTTP/1.1\r\nA:" + long}},
		"fields":    {{Up, "GET / HTTP/1.1\r\n" + strings.Repeat("a:\r\n", 20000)}},
		"waiting":   {upgrade, {Up, "\x00" + long}},
		"size":      answer(headOf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "1;" + long),
		"trailers":  answer(headOf("HTTP/1.1 200 OK", "Transfer-Encoding: chunked") + "0\r\n" + strings.Repeat("a: b\r\n", 20000)),
		"sse":       answer(chunkedStream + chunk("data: "+long+"\nid: "+long+"\n"+long+"\n:"+long+"\n\n")),
		"comments":  answer(chunkedStream + chunk(strings.Repeat(":\n", 1<<14))),
		"data":      answer(chunkedStream + chunk(strings.Repeat("data\n", 1<<14))),
		"ndjson":    answer(headOf("HTTP/1.1 200 OK", "Content-Type: application/x-ndjson") + long + "\n" + long),
		"document":  answer(headOf("HTTP/1.1 200 OK", "Content-Type: application/json") + "[" + long),
		"elements":  answer(headOf("HTTP/1.1 200 OK", "Content-Type: application/json", "Content-Length: 60033") + `{"cursor":"a","events":[` + strings.Repeat("{},", 20000-3) + "1,2,3]}    "),
		"plain":     answer(headOf("HTTP/1.1 200 OK") + long),
		"frame":     {upgrade, upgraded, {Down, frame(0x81, long, "")}},
		"fragments": {upgrade, upgraded, {Down, frame(0x01, long, "") + strings.Repeat("\x00\x01a", 1000) + "\x80\x00"}},
		"bomb":      {upgrade, upgraded, {Down, frame(0xc1, compressed(strings.Repeat("0", 4<<20)), "")}},
		"pipeline":  {{Up, strings.Repeat("GET / HTTP/1.1\r\n\r\n", 100)}},
		"tls":       {{Up, strings.Repeat("\x17\x03\x03\xff\xff"+long[:0xffff], 5)}},
	} {
		t.Run(name, func(t *testing.T) {
			out := parse(turns, whole)
			check(t, turns, out)
			for _, parsed := range out {
				for _, root := range parsed.Spans {
					if n := count(root); root.Length > 80<<10 || n > 2*maxNodes+100 {
						t.Errorf("a tree of %d bytes, %d spans: %s", root.Length, n, root.Kind)
					}
				}
				for _, m := range parsed.Messages {
					if len(m.Label) > 400 || len(m.ID) > 128 {
						t.Errorf("a label of %d bytes, an id of %d", len(m.Label), len(m.ID))
					}
				}
			}
			if diff := cmp.Diff(show(out), show(parse(turns, func(b string) (pieces []string) {
				for ; len(b) > 777; b = b[777:] {
					pieces = append(pieces, b[:777])
				}
				return append(pieces, b)
			}))); diff != "" {
				t.Errorf("split (-whole +split):\n%.2000s", diff)
			}
		})
	}
}

func count(s *Span) int {
	n := 1
	for _, c := range s.Children {
		n += count(c)
	}
	return n
}

// TestKinds: every entry is complete, and its own.
func TestKinds(t *testing.T) {
	seen := map[string]bool{}
	sentence := regexp.MustCompile(`^[A-Z0-9a-z].*[.?]$`)
	for _, k := range Kinds {
		if seen[k.Key] {
			t.Errorf("%s is there twice", k.Key)
		}
		seen[k.Key] = true
		if k.Label == "" || !sentence.MatchString(k.Text) {
			t.Errorf("%s has the label %q and the sentence %q", k.Key, k.Label, k.Text)
		}
		if (k.Spec == "") != (k.URL == "") {
			t.Errorf("%s: %q %q", k.Key, k.Spec, k.URL)
		}
	}
	text, err := json.Marshal(Kinds[3])
	want := `{"key":"method","label":"method","role":"head","text":"What is to be done: GET asks for something, POST brings something.","spec":"RFC 9110, section 9.1","url":"https://www.rfc-editor.org/rfc/rfc9110.html#section-9.1"}`
	if err != nil || string(text) != want {
		t.Errorf("%s, %v", text, err)
	}
}

// FuzzParser: no bytes make it panic, and however they are cut it says the same.
func FuzzParser(f *testing.F) {
	for _, turns := range cases {
		var up, down string
		for _, t := range turns {
			if t.dir == Up {
				up += t.bytes
			} else {
				down += t.bytes
			}
		}
		f.Add([]byte(up), []byte(down), uint16(7))
	}
	f.Fuzz(func(t *testing.T, up, down []byte, size uint16) {
		var turns []turn
		for _, part := range []turn{{Up, string(up)}, {Down, string(down)}} {
			if part.bytes != "" {
				turns = append(turns, part)
			}
		}
		out := parse(turns, whole)
		check(t, turns, out)
		split := parse(turns, func(b string) (pieces []string) {
			n := int(size)%len(b) + 1
			for ; len(b) > n; b = b[n:] {
				pieces = append(pieces, b[:n])
			}
			return append(pieces, b)
		})
		if diff := cmp.Diff(show(out), show(split)); diff != "" {
			t.Errorf("in pieces of %d (-whole +split):\n%s", size, diff)
		}
	})
}
