package transporttest

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
)

// Epoch is the epoch in documents and golden bytes. That of a hub is random, and as long.
const Epoch = "mfrggzdf"

// ID returns the ID of that epoch with that sequence number.
func ID(seq uint64) event.ID { return event.ID{Epoch: Epoch, Seq: seq} }

// Samples are an event of each kind, for golden bytes.
var Samples = struct{ Event, Open, OpenAll, Beat, Gap, GapUncounted, Bye event.Event }{
	Event:        event.Event{ID: ID(42), Topic: "clock", Data: []byte(`{"n":1}`)},
	Open:         event.Open(ID(41), []string{"chat", "clock"}),
	OpenAll:      event.Open(ID(41), nil),
	Beat:         event.Beat(ID(42)),
	Gap:          event.NewGap(ID(40), event.Gap{After: "mfrggzdf-7", Missed: new(uint64(33))}),
	GapUncounted: event.NewGap(ID(40), event.Gap{After: "yesterday"}),
	Bye:          event.Bye(ID(57), 2411*time.Millisecond),
}

// FixEpoch replaces the hub's epoch in s by Epoch.
func FixEpoch(h *hub.Hub, s string) string {
	return strings.ReplaceAll(s, h.State().Head.Epoch, Epoch)
}

// Publish publishes {"n":1}, {"n":2} and so on.
func Publish(t testing.TB, h *hub.Hub, topic string, n int) {
	t.Helper()
	for i := range n {
		if _, err := h.Publish(context.Background(), topic, fmt.Appendf(nil, `{"n":%d}`, i+1)); err != nil {
			t.Fatal(err)
		}
	}
}

// Pieces cuts s into pieces of that size.
func Pieces(s string, size int) (pieces []string) {
	for ; len(s) > size; s = s[size:] {
		pieces = append(pieces, s[:size])
	}
	return append(pieces, s)
}

// Split cuts s into pieces of those sizes, over and over; a size of 0 is 1. It is how a fuzz target
// makes any pieces.
func Split(s, sizes []byte) (pieces []string) {
	for i := 0; len(s) > 0; i++ {
		n := len(s)
		if len(sizes) > 0 {
			n = min(n, max(1, int(sizes[i%len(sizes)])))
		}
		pieces, s = append(pieces, string(s[:n])), s[n:]
	}
	return pieces
}

// Send opens a connection to the server and writes the request to it. The caller reads the answer;
// the connection is closed when the test ends.
func Send(t testing.TB, s *memhttp.Server, request string) io.ReadWriteCloser {
	t.Helper()
	conn, err := s.Dial(context.Background(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	return conn
}

// ReadAll reads the answer to a request up to the end of the connection.
func ReadAll(t testing.TB, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("after %q: %v", b, err)
	}
	return string(b)
}

// DocTime is when the exchanges in the documents take place. A bubble begins years before; sleep
// until then.
var DocTime = time.Date(2026, time.November, 23, 10, 0, 0, 0, time.UTC)

// DocExchange returns the exchange that the package's doc.go shows, line by line, without the remarks,
// which stand behind two spaces or more.
func DocExchange(t testing.TB) (exchange Exchange) {
	t.Helper()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(doc), "// # An exchange\n//\n")
	if !ok {
		t.Fatal("doc.go shows no exchange")
	}
	for line := range strings.Lines(rest) {
		line, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "//")
		if !ok || strings.HasPrefix(line, " ") {
			break
		}
		line, _, _ = strings.Cut(strings.TrimPrefix(line, "\t"), "  ")
		exchange = append(exchange, line)
	}
	return exchange
}

// An Exchange is what a document shows, line by line.
type Exchange []string

// Next splits off what stands before the next empty line, with CRLF as the line end: a request, or
// the head of an answer.
func (e *Exchange) Next() string {
	n := slices.Index(*e, "")
	if n < 0 {
		n = len(*e)
	}
	head := strings.Join((*e)[:n], "\r\n") + "\r\n\r\n"
	*e = (*e)[min(n+1, len(*e)):]
	return head
}

// CheckExchange compares an answer with what the document shows of it. A line "..." stands for any
// number of lines. Reconnection times are drawn, but always have four digits.
func CheckExchange(t testing.TB, want Exchange, got string) {
	t.Helper()
	retry := regexp.MustCompile(`(retry"?: ?)\d{4}\b`)
	normal := func(s string) string {
		return retry.ReplaceAllString(strings.TrimRight(strings.ReplaceAll(s, "\r\n", "\n"), "\n"), "${1}1234")
	}
	begin, end, leftOut := strings.Cut(normal(strings.Join(want, "\n")), "\n...\n")
	got = normal(got)
	if leftOut && strings.HasSuffix(got, "\n"+end) {
		got = got[:min(len(begin), len(got))]
	} else if leftOut {
		t.Errorf("the answer does not end as doc.go says, %q", end)
	}
	if diff := cmp.Diff(begin, got); diff != "" {
		t.Errorf("the answer is not what doc.go shows (-doc +answer):\n%s", diff)
	}
}
