package tap_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/memhttp"
	"pushlab/common/tap"
)

// A fixture is a server whose connections are recorded.
type fixture struct {
	t    *testing.T
	tap  *tap.Tap
	dial func() net.Conn
}

// start must be called in a synctest bubble. Without a handler each request is answered "hello".
func start(t *testing.T, config tap.Config, handler http.HandlerFunc) *fixture {
	f := &fixture{t: t, tap: tap.New(config)}
	listener := memhttp.Listen()
	f.dial = func() net.Conn {
		conn, err := listener.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		return conn
	}
	if handler == nil {
		handler = func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		handler(w, r)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { server.Serve(f.tap.Listen(listener, "sse")) })
	t.Cleanup(func() {
		server.Close()
		serving.Wait()
		f.tap.Close()
	})
	return f
}

// ask makes a request on a connection, and reads the answer.
func ask(t *testing.T, conn net.Conn, r *bufio.Reader, target string, lines ...string) string {
	t.Helper()
	request := "GET " + target + " HTTP/1.1\r\nHost: localhost\r\n" + strings.Join(append(lines, ""), "\r\n") + "\r\n"
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// records returns what there is behind after.
func records(t *testing.T, f *tap.Tap, after uint64) tap.Batch {
	t.Helper()
	synctest.Wait()
	batch, err := f.Next(t.Context(), after)
	if err != nil {
		t.Fatal(err)
	}
	return batch
}

// outline is what a record is about.
func outline(b tap.Batch) (list []string) {
	for _, r := range b.Records {
		text := fmt.Sprintf("%d %s %s %d+%d", r.Conn, r.Kind, r.Dir, r.Offset, r.N)
		for _, m := range r.Messages {
			text += " " + string(m.Kind)
		}
		list = append(list, text)
	}
	return list
}

// TestRecords: of a connection everything is recorded, from its beginning on, but no secrets.
func TestRecords(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, tap.Config{}, nil)
		conn := f.dial()
		r := bufio.NewReader(conn)
		ask(t, conn, r, "/first?token=SECRET", "Cookie: SECRET")
		ask(t, conn, r, "/second")
		conn.Close()
		batch := records(t, f.tap, 0)
		first := len("GET /first?token=SECRET HTTP/1.1\r\nHost: localhost\r\nCookie: SECRET\r\n\r\n")
		second := len("GET /second HTTP/1.1\r\nHost: localhost\r\n\r\n")
		answer := len("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello")
		want := []string{
			"1 open  0+0",
			fmt.Sprintf("1 bytes up %d+%d request", 0, first),
			fmt.Sprintf("1 bytes down %d+%d response end", 0, answer),
			fmt.Sprintf("1 bytes up %d+%d request", first, second),
			fmt.Sprintf("1 bytes down %d+%d response end", answer, answer),
			fmt.Sprintf("1 fin up %d+%d", first+second, 0),
			fmt.Sprintf("1 close down %d+%d", 0, 0),
		}
		if diff := cmp.Diff(want, joined(outline(batch))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		var cost tap.Cost
		for _, r := range batch.Records {
			if r.Lane != "sse" {
				t.Errorf("the lane is %q", r.Lane)
			}
			cost.Head += r.Cost.Head
			cost.Framing += r.Cost.Framing
			cost.Payload += r.Cost.Payload
			cost.Opaque += r.Cost.Opaque
		}
		if want := (tap.Cost{Head: int64(first + second + 2*(answer-5)), Payload: 10}); cost != want {
			t.Errorf("the cost is %+v, want %+v", cost, want)
		}
		text, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			text = append(text, r.Data...)
		}
		if strings.Contains(string(text), "SECRET") {
			t.Error("a secret is in the records")
		}
	})
}

// joined joins the byte that net/http reads ahead with the rest. It may be noted before the end of the answer before is.
func joined(list []string) []string {
	var out []string
	ahead := -2 // where it is
	for _, line := range list {
		var conn, at, n int
		up, _ := fmt.Sscanf(line, "%d bytes up %d+%d", &conn, &at, &n)
		switch {
		case up == 3 && n == 1:
			ahead = at
			continue
		case up == 3 && at == ahead+1:
			line = strings.Replace(line, fmt.Sprintf("%d+%d", at, n), fmt.Sprintf("%d+%d", ahead, n+1), 1)
		}
		out = append(out, line)
	}
	return out
}

// one is a listener with one connection.
type one struct {
	net.Listener
	conn net.Conn
}

func (l *one) Accept() (net.Conn, error) { return l.conn, nil }

// TestBounds: the oldest bytes of a connection go first, and then the oldest records of all.
func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		piece := strings.Repeat("x", 1000)
		f := start(t, tap.Config{ConnBytes: 10_000, Bytes: 100_000, RecordBytes: 500}, func(w http.ResponseWriter, r *http.Request) {
			for range 1000 {
				io.WriteString(w, piece)
				http.NewResponseController(w).Flush()
			}
		})
		conn := f.dial()
		defer conn.Close()
		ask(t, conn, bufio.NewReader(conn), "/")
		synctest.Wait()
		kept, n := 0, 0
		var after uint64
		for batch := records(t, f.tap, 0); ; batch = records(t, f.tap, after) {
			if n == 0 && (batch.Missed == 0 || batch.Records[0].Seq != batch.Missed+1) {
				t.Errorf("%d records were missed, the first is %d", batch.Missed, batch.Records[0].Seq)
			}
			n += len(batch.Records)
			for _, r := range batch.Records {
				if len(r.Data) > 500 {
					t.Errorf("%d bytes are kept of a record", len(r.Data))
				}
				kept += len(r.Data)
			}
			after = batch.Last()
			if len(batch.Records) < 512 {
				break
			}
		}
		if kept > 10_000 || kept < 9_000 || n < 50 || n > 400 {
			t.Errorf("%d records with %d bytes are kept", n, kept)
		}
		if r, ok := f.tap.Record(after); !ok || r.Seq != after {
			t.Errorf("the last record is %v", r)
		}
		if _, ok := f.tap.Record(1); ok {
			t.Error("the first record is still there")
		}
		if _, ok := f.tap.Record(after + 1); ok {
			t.Error("there is one behind the last")
		}
	})
}

// TestBytes: a record comes with the bytes before it in which its spans begin, unless there is a hole between them.
func TestBytes(t *testing.T) {
	tapped := tap.New(tap.Config{ConnBytes: 300, RecordBytes: 100})
	conn, err := tapped.Listen(&one{conn: endless{}}, "sse").Accept()
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string) *tap.Record {
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		batch, _, err := tapped.Poll(0)
		if err != nil {
			t.Fatal(err)
		}
		return batch.Records[len(batch.Records)-1]
	}
	check := func(what string, r *tap.Record, wantFrom int64, want string) {
		t.Helper()
		if from, b := tapped.Bytes(r); from != wantFrom || string(b) != want {
			t.Errorf("%s: %d %q, want %d %q", what, from, b, wantFrom, want)
		}
	}
	head := "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"
	n := int64(len(head))
	check("a head", write(head), 0, head)
	first := write("data: a")
	conn.Read(nil) // the other direction does not matter
	last := write("b\n\n")
	check("half an event", first, n, "data: a")
	check("an event", last, n, "data: ab\n\n")
	check("the next", write("data: c\n\n"), n+10, "data: c\n\n")
	from := n + 19
	write("data: " + strings.Repeat("x", 200))
	check("behind a hole", write("y\n\n"), from+206, "y\n\n")
	from += 209
	var halves [2]string
	for i := range halves {
		halves[i] = strings.Repeat(string(rune('a'+i)), 90)
	}
	write(halves[0])
	check("a piece that begins within one", write("\n"+halves[1]+"\n\n"), from, halves[0]+"\n"+halves[1]+"\n\n")
	if r := write(strings.Repeat("z", 100)); r.N != 100 {
		t.Errorf("%+v", r)
	}
	write(strings.Repeat("z", 100))
	check("what is not kept any more", first, n, "data: a") // who has the old record has its bytes
	if r, ok := tapped.Record(first.Seq); !ok || len(r.Data) > 0 {
		t.Errorf("the old bytes are kept: %+v", r)
	}
}

// TestOutlines: when all records take too much, the oldest lose their bytes and spans first. So who reads late still
// hears of every message; and who reads much too late is told how many records he has missed.
func TestOutlines(t *testing.T) {
	tapped := tap.New(tap.Config{Bytes: 100_000})
	conn, err := tapped.Listen(&one{conn: endless{}}, "sse").Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
	next := 0
	write := func(n int) {
		for range n {
			next++
			fmt.Fprintf(conn, "id: e-%d\ndata: %s\n\n", next, strings.Repeat("x", 500))
		}
	}
	write(60)
	batch, _, err := tapped.Poll(0)
	if err != nil || batch.Missed != 0 || len(batch.Records) != 62 {
		t.Fatalf("%d records, %d missed, %v", len(batch.Records), batch.Missed, err)
	}
	whole := 0
	for i, r := range batch.Records[2:] {
		if len(r.Messages) != 1 || r.Messages[0].ID != fmt.Sprintf("e-%d", i+1) {
			t.Errorf("event %d: %+v", i+1, r.Messages)
		}
		if len(r.Spans) > 0 {
			whole++
		} else if whole > 0 || len(r.Data) > 0 {
			t.Errorf("event %d has %d bytes and no spans, %d before it are whole", i+1, len(r.Data), whole)
		}
	}
	if whole < 10 || whole > 50 {
		t.Errorf("%d of 60 events are whole", whole)
	}
	write(1000)
	batch, _, err = tapped.Poll(0)
	if err != nil || int(batch.Missed)+len(batch.Records) != 1062 || len(batch.Records) < 60 || len(batch.Records) > 150 {
		t.Errorf("%d records, %d missed, %v", len(batch.Records), batch.Missed, err)
	}
	if last := batch.Records[len(batch.Records)-1]; last.Messages[0].ID != "e-1060" || len(last.Spans) == 0 {
		t.Errorf("the last is %+v", last)
	}
}

// TestLargeWrite: of one Write no more is kept than half of all that may be.
func TestLargeWrite(t *testing.T) {
	tapped := tap.New(tap.Config{Bytes: 100_000})
	conn, err := tapped.Listen(&one{conn: endless{}}, "sse").Accept()
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"+strings.Repeat(":\n\n", 20_000))
	io.WriteString(conn, "data: last\n\n")
	batch, err := tapped.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	large, last := batch.Records[len(batch.Records)-2], batch.Records[len(batch.Records)-1]
	if len(large.Messages) > 300 || len(large.Spans) > 300 || !strings.Contains(large.Text, "not all") {
		t.Errorf("of a large Write %d messages and %d spans are kept, %q", len(large.Messages), len(large.Spans), large.Text)
	}
	if large.Cost.Framing != 60_000 {
		t.Errorf("its cost is %+v", large.Cost)
	}
	if len(last.Messages) != 1 || last.Messages[0].Label != "last" {
		t.Errorf("what follows is %+v", last.Messages)
	}
}

// TestNext: a watcher waits, until there is something, or nothing will be.
func TestNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tapped := tap.New(tap.Config{})
		time.Sleep(2 * time.Second)
		tapped.Note("sse", "the connection was cut")
		if r := records(t, tapped, 0).Records[0]; r.Kind != tap.Noted || r.Lane != "sse" || r.At != 2*time.Second {
			t.Errorf("%+v", r)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		watching.Go(func() {
			if _, err := tapped.Next(ctx, 1); !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
		})
		watching.Go(func() {
			if batch, err := tapped.Next(t.Context(), 1); err != nil || batch.Last() != 2 {
				t.Error(batch, err)
			}
		})
		watching.Go(func() {
			if _, err := tapped.Next(t.Context(), 2); err != tap.ErrClosed {
				t.Error(err)
			}
		})
		synctest.Wait()
		cancel()
		synctest.Wait()
		tapped.Note("", "more")
		synctest.Wait()
		tapped.Close()
		tapped.Close()
		tapped.Note("", "too late")
		watching.Wait()
	})
}

// TestStalledWrite: a Write says how long it took, and that it was given up.
func TestStalledWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, tap.Config{}, func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).SetWriteDeadline(time.Now().Add(5 * time.Second))
			w.Write(make([]byte, 100<<10))
		})
		conn := f.dial()
		defer conn.Close()
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		time.Sleep(6 * time.Second)
		batch := records(t, f.tap, 0)
		if !slices.ContainsFunc(batch.Records, func(r *tap.Record) bool {
			return r.Kind == tap.Stalled && r.At >= 5*time.Second && r.Took >= 5*time.Second
		}) {
			t.Errorf("no write has stalled: %q", outline(batch))
		}
	})
}

// TestTCP: on real sockets, how a connection ended is told, and the kernel's counts are there.
func TestTCP(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	tapped := tap.New(tap.Config{})
	for name, test := range map[string]struct {
		end  func(client, server *net.TCPConn, tapped *tap.Conn)
		want tap.RecordKind
	}{
		"FIN": {func(client, server *net.TCPConn, tapped *tap.Conn) {
			client.CloseWrite()
			io.Copy(io.Discard, tapped)
		}, tap.Finished},
		"our FIN": {func(client, server *net.TCPConn, tapped *tap.Conn) { tapped.CloseWrite() }, tap.Finished},
		"RST": {func(client, server *net.TCPConn, tapped *tap.Conn) {
			client.SetLinger(0)
			client.Close()
			io.Copy(io.Discard, tapped)
		}, tap.Reset},
		"our RST": {func(client, server *net.TCPConn, tapped *tap.Conn) {
			tapped.SetLinger(0)
			tapped.Close()
		}, tap.Reset},
		"close": {func(client, server *net.TCPConn, tapped *tap.Conn) { tapped.Close() }, tap.Closed},
	} {
		t.Run(name, func(t *testing.T) {
			client, err := net.Dial("tcp", listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			server, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			tapped.Note("", "begin")
			conn := tapped.Client(server, name)
			defer conn.Close()
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			test.end(client.(*net.TCPConn), server.(*net.TCPConn), conn)
			all := lastOf(t, tapped)
			if end := all[len(all)-1]; end.Kind != test.want {
				t.Errorf("it ended by %s, %q", end.Kind, end.Text)
			}
			for _, r := range all {
				if runtime.GOOS == "linux" && r.Kind == tap.Bytes && (r.Info == nil || r.Info.SegmentsOut < 1) {
					t.Errorf("the kernel says %+v", r.Info)
				}
			}
		})
	}
}

// lastOf returns the records behind the last note.
func lastOf(t *testing.T, tapped *tap.Tap) (list []*tap.Record) {
	t.Helper()
	batch, err := tapped.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range batch.Records {
		if list = append(list, r); r.Kind == tap.Noted {
			list = nil
		}
	}
	return list
}

// BenchmarkConn measures what a Write of 100 bytes costs, on a connection in memory.
func BenchmarkConn(b *testing.B) {
	for _, recorded := range []bool{false, true} {
		b.Run(fmt.Sprintf("recorded=%v", recorded), func(b *testing.B) {
			var conn net.Conn = endless{}
			if recorded {
				var err error
				if conn, err = tap.New(tap.Config{}).Listen(&one{conn: conn}, "sse").Accept(); err != nil {
					b.Fatal(err)
				}
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
			event := "id: mfrggzdf-42\ndata: {\"id\":\"mfrggzdf-42\",\"topic\":\"clock\",\"data\":\"0123456789abc\"}\n\n"
			event = fmt.Sprintf("%x\r\n%s\r\n", len(event), event)
			frame := []byte(event)
			b.ReportAllocs()
			for b.Loop() {
				conn.Write(frame)
			}
		})
	}
}

// endless is a connection that takes and gives everything.
type endless struct{ net.Conn }

func (endless) Read(b []byte) (int, error)  { return len(b), nil }
func (endless) Write(b []byte) (int, error) { return len(b), nil }
func (endless) RemoteAddr() net.Addr        { return &net.UnixAddr{} }
func (endless) LocalAddr() net.Addr         { return &net.UnixAddr{} }
