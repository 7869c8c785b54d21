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

// A fixture is a server whose connections are tapped. A request with ?session=KEY is claimed, lane and all.
type fixture struct {
	t      *testing.T
	tap    *tap.Tap
	server *http.Server
	dial   func() net.Conn
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
	f.server = &http.Server{ConnContext: tap.ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		if key := r.FormValue("session"); key != "" {
			if err := tap.FromContext(r.Context()).Claim(key, r.FormValue("lane")); err != nil {
				http.Error(w, err.Error(), http.StatusForbidden)
				return
			}
		}
		handler(w, r)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { f.server.Serve(f.tap.Listen(listener)) })
	t.Cleanup(func() {
		f.server.Close()
		serving.Wait()
		f.tap.Close()
	})
	return f
}

func (f *fixture) open() *tap.Session {
	f.t.Helper()
	s, err := f.tap.Open()
	if err != nil {
		f.t.Fatal(err)
	}
	return s
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
func records(t *testing.T, s *tap.Session, after uint64) tap.Batch {
	t.Helper()
	synctest.Wait()
	batch, err := s.Next(t.Context(), after)
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

func TestClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, tap.Config{}, nil)
		s := f.open()
		conn := f.dial()
		r := bufio.NewReader(conn)
		ask(t, conn, r, "/asset", "Cookie: secret") // nobody's
		ask(t, conn, r, "/poll?lane=longpoll&session="+s.Key(), "Cookie: secret")
		ask(t, conn, r, "/poll?lane=other&session="+s.Key())
		conn.Close()
		batch := records(t, s, 0)
		asset := len("GET /asset HTTP/1.1\r\nHost: localhost\r\nCookie: secret\r\n\r\n")
		first := len("GET /poll?lane=longpoll&session= HTTP/1.1\r\nHost: localhost\r\nCookie: secret\r\n\r\n") + len(s.Key())
		second := len("GET /poll?lane=other&session= HTTP/1.1\r\nHost: localhost\r\n\r\n") + len(s.Key())
		answer := len("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nhello")
		want := []string{
			"1 open  0+0",
			fmt.Sprintf("1 bytes up %d+%d request", asset, first),
			fmt.Sprintf("1 bytes down %d+%d response end", answer, answer),
			fmt.Sprintf("1 bytes up %d+%d request", asset+first, second),
			fmt.Sprintf("1 bytes down %d+%d response end", 2*answer, answer),
			fmt.Sprintf("1 fin up %d+%d", 0, 0),
			fmt.Sprintf("1 close down %d+%d", 0, 0),
		}
		if diff := cmp.Diff(want, joined(outline(batch))); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if lane := batch.Records[1].Lane; lane != "longpoll" {
			t.Errorf("the lane is %q", lane)
		}
		if lane := batch.Records[len(batch.Records)-1].Lane; lane != "other" {
			t.Errorf("the lane in the end is %q", lane)
		}
		text, err := json.Marshal(batch)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range batch.Records {
			text = append(text, r.Data...)
		}
		if strings.Contains(string(text), "Cookie: secret") || strings.Contains(string(text), s.Key()) {
			t.Error("a secret is in the records")
		}
	})
}

// joined joins the byte that net/http reads ahead with the rest.
func joined(list []string) []string {
	var out []string
	for i := 0; i < len(list); i++ {
		var conn, from, n, at, rest int
		if k, _ := fmt.Sscanf(list[i], "%d bytes up %d+%d", &conn, &from, &n); k == 3 && n == 1 && i+1 < len(list) {
			i++
			fmt.Sscanf(list[i], "%d bytes up %d+%d", &conn, &at, &rest)
			out = append(out, strings.Replace(list[i], fmt.Sprintf("%d+%d", at, rest), fmt.Sprintf("%d+%d", from, rest+1), 1))
			continue
		}
		out = append(out, list[i])
	}
	return out
}

func TestClaimFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, tap.Config{Conns: 1}, func(w http.ResponseWriter, r *http.Request) {
			tap.FromContext(r.Context()).Release() // does nothing to one that was claimed
			io.WriteString(w, "hello")
		})
		s, other := f.open(), f.open()
		conn := f.dial()
		defer conn.Close()
		r := bufio.NewReader(conn)
		check := func(want string, got string) {
			t.Helper()
			if strings.TrimSpace(got) != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		check(tap.ErrUnknown.Error(), ask(t, conn, r, "/?session=x"))
		check("hello", ask(t, conn, r, "/?session="+s.Key()))
		check(tap.ErrClaimed.Error(), ask(t, conn, r, "/?session="+other.Key()))
		second := f.dial()
		defer second.Close()
		r2 := bufio.NewReader(second)
		check(tap.ErrConns.Error(), ask(t, second, r2, "/?session="+s.Key()))
		check("hello", ask(t, second, r2, "/"))
		check(tap.ErrReleased.Error(), ask(t, second, r2, "/?session="+s.Key()))
		check("hello", ask(t, conn, r, "/?session="+s.Key()))
		conn.Close()
		synctest.Wait()
		third := f.dial() // in the place of the first
		defer third.Close()
		check("hello", ask(t, third, bufio.NewReader(third), "/?session="+s.Key()))
		s.Close()
		if _, err := s.Next(t.Context(), 0); err != tap.ErrClosed {
			t.Error(err)
		}
		var none *tap.Conn
		if err := none.Claim(s.Key(), ""); err != tap.ErrReleased {
			t.Error(err)
		}
		if none.Release() != nil || tap.FromContext(t.Context()) != nil {
			t.Error("there is a connection")
		}
	})
}

func TestRelease(t *testing.T) {
	inner, peer := net.Pipe()
	defer peer.Close()
	listener := &one{conn: inner}
	conn, err := tap.New(tap.Config{}).Listen(listener).Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if got := conn.(*tap.Conn).Release(); got != inner {
		t.Errorf("Release returns %T", got)
	}
}

// one is a listener with one connection.
type one struct {
	net.Listener
	conn net.Conn
}

func (l *one) Accept() (net.Conn, error) { return l.conn, nil }

// from is a connection from somewhere.
type from struct {
	net.Conn
	addr net.Addr
}

func (c from) RemoteAddr() net.Addr { return c.addr }

func TestOnlyFromHere(t *testing.T) {
	for addr, want := range map[net.Addr]bool{
		&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)}:    true,
		&net.TCPAddr{IP: net.IPv6loopback}:          true,
		&net.TCPAddr{IP: net.IPv4(192, 0, 2, 1)}:    false,
		&net.TCPAddr{IP: net.ParseIP("2001:db8::")}: false,
		&net.TCPAddr{}:           false,
		&net.UnixAddr{Name: "@"}: true,
	} {
		for _, remote := range []bool{false, true} {
			conn, err := tap.New(tap.Config{Remote: remote}).Listen(&one{conn: from{addr: addr}}).Accept()
			if err != nil {
				t.Fatal(err)
			}
			if _, wrapped := conn.(*tap.Conn); wrapped != (want || remote) {
				t.Errorf("from %v, remote %v: wrapped is %v", addr, remote, wrapped)
			}
		}
	}
}

// TestHead: what is kept of a connection that nobody has claimed is bounded.
func TestHead(t *testing.T) {
	long := "X: " + strings.Repeat("x", 9<<10)
	synctest.Test(t, func(t *testing.T) {
		f := start(t, tap.Config{Heads: 2}, nil)
		s := f.open()
		conn := f.dial()
		r := bufio.NewReader(conn)
		ask(t, conn, r, "/?session="+s.Key(), long)
		ask(t, conn, r, "/?session="+s.Key())
		batch := records(t, s, 0)
		if r := batch.Records[1]; r.N < len(long) || len(r.Data) > 0 || !strings.Contains(r.Text, "too long") {
			t.Errorf("a head that is too long: %+v", r)
		}
		last := batch.Records[len(batch.Records)-2]
		if text := string(last.Data); strings.Trim(text, "*") != "" {
			t.Errorf("what comes behind it is shown: %s", text)
		}
		conn.Close()

		var slow []net.Conn
		for range 3 {
			conn := f.dial()
			io.WriteString(conn, "GET /?session="+s.Key()+" HTTP/1.1\r\n")
			synctest.Wait()
			slow = append(slow, conn)
		}
		synctest.Wait()
		before := batch.Last()
		io.WriteString(slow[2], "Host: a\r\n\r\n")
		batch = records(t, s, before)
		if !slices.ContainsFunc(batch.Records, func(r *tap.Record) bool { return strings.Contains(r.Text, "too long") }) {
			t.Error("there were more heads than there may be, and it was kept")
		}
		time.Sleep(11 * time.Second)
		io.WriteString(slow[0], "Host: a\r\n\r\n")
		batch = records(t, s, batch.Last())
		if !slices.ContainsFunc(batch.Records, func(r *tap.Record) bool { return strings.Contains(r.Text, "too long") }) {
			t.Error("the head is old, and was kept")
		}
		for _, conn := range slow {
			conn.Close()
		}
	})
}

// TestSessionBounds: the oldest bytes of a connection go first, and then the oldest records of all.
func TestSessionBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		piece := strings.Repeat("x", 1000)
		f := start(t, tap.Config{ConnBytes: 10_000, SessionBytes: 100_000, RecordBytes: 500}, func(w http.ResponseWriter, r *http.Request) {
			for range 1000 {
				io.WriteString(w, piece)
				http.NewResponseController(w).Flush()
			}
		})
		s := f.open()
		conn := f.dial()
		defer conn.Close()
		ask(t, conn, bufio.NewReader(conn), "/?session="+s.Key())
		synctest.Wait()
		kept, n := 0, 0
		var after uint64
		for batch := records(t, s, 0); ; batch = records(t, s, after) {
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
		if r, ok := s.Record(after); !ok || r.Seq != after {
			t.Errorf("the last record is %v", r)
		}
		if _, ok := s.Record(1); ok {
			t.Error("the first record is still there")
		}
		if _, ok := s.Record(after + 1); ok {
			t.Error("there is one behind the last")
		}
	})
}

// TestLargeWrite: of one Write no more is kept than a session may hold.
func TestLargeWrite(t *testing.T) {
	tapped := tap.New(tap.Config{SessionBytes: 100_000})
	s, err := tapped.Open()
	if err != nil {
		t.Fatal(err)
	}
	conn, err := tapped.Listen(&one{conn: endless{}}).Accept()
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.(*tap.Conn).Claim(s.Key(), "sse"); err != nil {
		t.Fatal(err)
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"+strings.Repeat(":\n\n", 20_000))
	io.WriteString(conn, "data: last\n\n")
	batch, err := s.Next(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	large, last := batch.Records[len(batch.Records)-2], batch.Records[len(batch.Records)-1]
	if len(large.Messages) > 300 || len(large.Spans) > 300 || !strings.Contains(large.Text, "not all") {
		t.Errorf("of a large Write %d messages and %d spans are kept, %q", len(large.Messages), len(large.Spans), large.Text)
	}
	if len(last.Messages) != 1 || last.Messages[0].Label != "last" {
		t.Errorf("what follows is %+v", last.Messages)
	}
}

func TestSessions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := start(t, tap.Config{Sessions: 2, SessionAge: time.Minute}, nil)
		first := f.open()
		time.Sleep(time.Second)
		second := f.open()
		time.Sleep(time.Second)
		if first.Key() == second.Key() || len(first.Key()) < 20 {
			t.Errorf("keys are %q and %q", first.Key(), second.Key())
		}
		first.Note("sse", "the connection was cut")
		if r := records(t, first, 0).Records[0]; r.Kind != tap.Noted || r.Lane != "sse" || r.At != 2*time.Second {
			t.Errorf("%+v", r)
		}
		time.Sleep(time.Second)
		third := f.open() // the second was quiet for longest
		if _, err := second.Next(t.Context(), 0); err != tap.ErrClosed {
			t.Error(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var watching sync.WaitGroup
		for _, s := range []*tap.Session{first, third} {
			watching.Go(func() {
				if _, err := s.Next(ctx, 100); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		time.Sleep(time.Hour)
		if _, err := f.tap.Open(); err != tap.ErrSessions {
			t.Errorf("all are watched: %v", err)
		}
		if _, ok := f.tap.Session(first.Key()); !ok {
			t.Error("a session that is watched was given up")
		}
		cancel()
		watching.Wait()
		time.Sleep(2 * time.Minute)
		if _, ok := f.tap.Session(first.Key()); ok {
			t.Error("a session that nobody uses is still there")
		}
		fourth := f.open()
		watching.Go(func() {
			if _, err := fourth.Next(t.Context(), 0); err != tap.ErrClosed {
				t.Error(err)
			}
		})
		synctest.Wait()
		fourth.Close()
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
		s := f.open()
		conn := f.dial()
		defer conn.Close()
		io.WriteString(conn, "GET /?session="+s.Key()+" HTTP/1.1\r\nHost: a\r\n\r\n")
		time.Sleep(6 * time.Second)
		batch := records(t, s, 0)
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
	s, err := tapped.Open()
	if err != nil {
		t.Fatal(err)
	}
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
			s.Note("", "begin")
			conn, err := tapped.Client(server, s, name)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			test.end(client.(*net.TCPConn), server.(*net.TCPConn), conn)
			all := lastOf(t, s)
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

// lastOf returns the records of the session behind its last note.
func lastOf(t *testing.T, s *tap.Session) (list []*tap.Record) {
	t.Helper()
	batch, err := s.Next(t.Context(), 0)
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

// BenchmarkConn measures what a Read and a Write of 100 bytes cost, on a connection in memory.
func BenchmarkConn(b *testing.B) {
	for _, state := range []string{"unwrapped", "released", "waiting", "claimed"} {
		b.Run("state="+state, func(b *testing.B) {
			var conn net.Conn = endless{}
			t := tap.New(tap.Config{})
			if state != "unwrapped" {
				var err error
				if conn, err = t.Listen(&one{conn: conn}).Accept(); err != nil {
					b.Fatal(err)
				}
			}
			switch state {
			case "released":
				conn.(*tap.Conn).Release()
			case "claimed":
				s, err := t.Open()
				if err != nil {
					b.Fatal(err)
				}
				if err := conn.(*tap.Conn).Claim(s.Key(), "sse"); err != nil {
					b.Fatal(err)
				}
				io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
			}
			event := "id: mfrggzdf-42\ndata: {\"id\":\"mfrggzdf-42\",\"topic\":\"clock\",\"data\":\"0123456789abc\"}\n\n"
			event = fmt.Sprintf("%x\r\n%s\r\n", len(event), event)
			frame := []byte(event)
			b.ReportAllocs()
			for b.Loop() {
				conn.Write(frame)
				if state != "claimed" {
					conn.Read(frame[:0])
				}
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
