package probe

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/common/memhttp"
)

// received returns a connection on which these bytes come, and then its end.
func received(t *testing.T, content string) *conn {
	t.Helper()
	client, server := memhttp.Pipe(1 << 20)
	if _, err := io.WriteString(server, content); err != nil {
		t.Fatal(err)
	}
	server.Close()
	t.Cleanup(func() { client.Close() })
	return &conn{Conn: client, ctx: t.Context(), wait: time.Minute}
}

func TestContent(t *testing.T) {
	const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		method, answer string
		content        string
		err            error // io.EOF for a clean end
		malformed      bool
	}{
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", io.EOF, false},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", "hello", io.ErrUnexpectedEOF, false},
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nhello", "", io.EOF, false},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "", io.EOF, false},
		{"GET", "HTTP/1.1 204 No Content\r\n\r\n", "", io.EOF, false},
		{"GET", "HTTP/1.0 200 OK\r\n\r\nhello", "hello", io.EOF, false},
		{"GET", chunked + "5\r\nhello\r\n0\r\n\r\n", "hello", io.EOF, false},
		{"GET", chunked + "2;x=y\r\nhe\r\n003 \r\nllo\r\n0\r\nTrailer: x\r\n\r\n", "hello", io.EOF, false},
		{"GET", chunked + "A\r\n0123456789\r\n0\r\n\r\n", "0123456789", io.EOF, false},
		{"GET", chunked + "5\nhello\n0\n\n", "hello", io.EOF, true},
		{"GET", chunked + "5\r\nhello\r\n", "hello", io.ErrUnexpectedEOF, false},
		{"GET", chunked + "5\r\nhel", "hel", io.ErrUnexpectedEOF, false},
		{"GET", chunked + "5\r\nhello\r\n0\r\n", "hello", io.ErrUnexpectedEOF, false},
		{"GET", chunked + "five\r\nhello\r\n", "", errors.New("a chunk's size is no hexadecimal number"), false},
		{"GET", chunked + "\r\n", "", errors.New("a chunk's size is no hexadecimal number"), false},
		{"GET", chunked + "-1\r\n", "", errors.New("a chunk's size is no hexadecimal number"), false},
		{"GET", chunked + "4\r\nhello\r\n", "hell", errors.New("a chunk is not followed by a line end"), false},
	} {
		conn := received(t, c.answer)
		a, err := conn.head(time.Time{})
		if err != nil {
			t.Fatalf("%q: %v", c.answer, err)
		}
		a.frame(c.method)
		var content []byte
		for err == nil {
			var piece []byte
			piece, err = a.read(time.Time{})
			content = append(content, piece...)
		}
		if string(content) != c.content || err.Error() != c.err.Error() && !strings.HasPrefix(err.Error(), c.err.Error()) || (a.malformed != nil) != c.malformed {
			t.Errorf("%q: %q, %v, malformed %q", c.answer, content, err, a.malformed)
		}
	}
}

func TestContentIsLimited(t *testing.T) {
	conn := received(t, "HTTP/1.1 200 OK\r\n\r\n")
	conn.buf = append([]byte("HTTP/1.1 200 OK\r\n\r\n"), make([]byte, maxUnit+1)...)
	a, err := conn.head(time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	a.frame("GET")
	if _, err := a.content(time.Time{}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

func TestQuiet(t *testing.T) {
	client, server := memhttp.Pipe(1 << 10)
	defer client.Close()
	defer server.Close()
	c := &conn{Conn: client, ctx: t.Context()}
	if err := c.fill(time.Now().Add(-time.Second)); !errors.Is(err, errQuiet) {
		t.Error(err)
	}
	io.WriteString(server, "x")
	if err := c.fill(time.Time{}); err != nil || string(c.buf) != "x" {
		t.Error(err) // that it was quiet does not end it
	}
}

// TestUnits cuts a stream in two at every place: its units are always the same.
func TestUnits(t *testing.T) {
	for _, c := range []struct {
		split   func([]byte) int
		content string
		want    string // the fields of the units
	}{
		{splitBlock, "data: 1\n\ndata: 2\n\n", "[data: 1] [data: 2]"},
		{splitBlock, "data: 1\r\n\r\ndata: 2\r\n\r\n", "[data: 1] [data: 2]"},
		{splitBlock, "data: 1\r\rdata: 2\r\r", "[data: 1] [data: 2]"},
		{splitBlock, "\n\n: hi\n\n\n\nid: 1\r\ndata: 2\n\nrest", "[: hi] [id: 1 data: 2]"},
		{splitLine, "{}\n\n[]\nrest", "[{}] [[]]"},
	} {
		for cut := range len(c.content) {
			var got []string
			s := &stream{split: c.split, answer: &answer{conn: received(t, ""), state: inClose}}
			for _, piece := range []string{c.content[:cut], c.content[cut:]} {
				s.pending = append(s.pending, piece...)
				for {
					u, err := s.next(time.Time{})
					if err != nil {
						break
					}
					var lines []string
					for _, f := range parseBlock(u.raw).fields {
						lines = append(lines, f.line)
					}
					got = append(got, fmt.Sprint(lines))
				}
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%q, cut at %d, gave %s", c.content, cut, got)
			}
		}
	}
}

func TestUnitsAreLimited(t *testing.T) {
	s := &stream{split: splitLine, pending: make([]byte, maxUnit+1), answer: &answer{conn: received(t, "")}}
	if _, err := s.next(time.Time{}); err == nil || !strings.Contains(err.Error(), "more than") {
		t.Error(err)
	}
}

func TestParseBlock(t *testing.T) {
	b := parseBlock([]byte("\uFEFF: comment\r\nid:1\rdata:  two\ndata\nevent: x\nretry: 3\nunknown\n\n"))
	if b.data != " two\n" {
		t.Errorf("data is %q", b.data)
	}
	var fields []string
	for _, f := range b.fields {
		fields = append(fields, f.name+"="+f.value)
	}
	want := []string{"=comment", "id=1", "data= two", "data=", "event=x", "retry=3", "unknown="}
	if !slices.Equal(fields, want) {
		t.Errorf("got %q", fields)
	}
	if lastID(unit{raw: []byte("id: 1\nid: 2\n\n")}) != "2" || lastID(unit{raw: []byte("data: 1\n\n")}) != "" {
		t.Error("the last id is wrong")
	}
}

func TestFrames(t *testing.T) {
	for _, size := range []int{0, 125, 126, 65535, 65536} {
		payload := strings.Repeat("x", size)
		for what, b := range map[string][]byte{
			"masked":   clientFrame(fin|opText, []byte(payload)),
			"unmasked": append(frameHead(fin|opText, 0, size), payload...),
		} {
			s := &socket{&answer{conn: received(t, string(b)+"rest")}}
			f, err := s.frame(time.Time{})
			if err != nil || string(f.payload) != payload || f.opcode != opText || !f.fin || f.rsv != 0 || f.masked != (what == "masked") {
				t.Errorf("%s frame of %d bytes: %v %+v", what, size, err, f.head)
			}
			if rest, err := s.ends(); string(rest) != "rest" || err != nil {
				t.Errorf("the rest is %q, %v", rest, err)
			}
		}
	}
	huge := &socket{&answer{conn: received(t, "\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00")}}
	if _, err := huge.frame(time.Time{}); err == nil || !strings.Contains(err.Error(), "a frame of") {
		t.Error(err)
	}
	if f := (frame{head: []byte{0x88, 2}, payload: []byte{3, 0xe8}}); f.code() != 1000 || f.show() != `88 02 "\x03\xe8"` {
		t.Error(f.code(), f.show())
	}
	// RFC 6455, section 1.3
	if got := acceptOf("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
}

func TestReplaced(t *testing.T) {
	got := replaced([]string{"Host: a", "Accept: b", "X: 1", "X: 2"}, []string{"accept:", "x: 3", "Y: 4"})
	if want := []string{"Host: a", "x: 3", "Y: 4"}; !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
	target := &Target{URL: &url.URL{Scheme: "http", Host: "h", Path: "/a b", RawQuery: "topic=x&y=1"}, Transport: SSE, options: Options{Header: http.Header{"Accept": {"z"}}}}
	request := string(target.request(target.URL, ask{method: "POST", query: url.Values{"topic": {"c"}}, header: []string{"User-Agent:"}, body: []byte("hi")}))
	if want := "POST /a%20b?topic=c&y=1 HTTP/1.1\r\nHost: h\r\nCache-Control: no-cache\r\nAccept: z\r\nContent-Length: 2\r\n\r\nhi"; request != want {
		t.Errorf("got %q", request)
	}
}

func TestQuoted(t *testing.T) {
	if got := quoted("a\nb"); got != `"a\nb"` {
		t.Error(got)
	}
	if got := quoted(strings.Repeat("x", 200)); got != `"`+strings.Repeat("x", 100)+`"… (200 bytes)` {
		t.Error(got)
	}
}
