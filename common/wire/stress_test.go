package wire_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/kernel"
	"pushlab/common/wire"
)

var soak = flag.Duration("soak", 0, "for how long TestStress goes on; at least once")

// TestStress has peers on real sockets read at all speeds, stop, talk, and vanish, the same on each
// engine, on one hub. Whoever stays until the goodbye gets the same bytes on all of them, whoever does
// not gets the beginning of these.
func TestStress(t *testing.T) {
	for _, network := range []string{"tcp", "unix"} {
		t.Run("network="+network, func(t *testing.T) {
			for round, begin := uint64(1), time.Now(); round == 1 || time.Since(begin) < *soak/2; round++ {
				stress(t, network, round)
				if t.Failed() {
					t.Fatalf("in round %d", round)
				}
			}
		})
	}
}

// A site serves streams on one engine: HTTP responses at /http, and connections of Accept at /raw,
// which are answered.
type site struct {
	name    string
	hub     *hub.Hub
	network string
	address string
	http    *wire.Streams
	raw     *wire.Streams
	close   func()
}

// sites returns one for each engine that the system offers.
func sites(t *testing.T, h *hub.Hub, network string) (all []*site) {
	for _, engine := range []struct {
		name string
		open func() (kernel.Kernel, error)
	}{
		{"goroutine", nil},
		{"write", kernel.Write},
		{"uring", kernel.Uring},
	} {
		s := &site{name: engine.name, hub: h, network: network, close: func() {}}
		config := wire.Config{Heartbeat: -1, Retry: -1, WriteDeadline: time.Minute, Linger: 10 * time.Second}
		if engine.open != nil {
			k, err := engine.open()
			if err != nil {
				t.Logf("this system does not offer %s: %v", engine.name, err)
				continue
			}
			if config.Engine, err = wire.NewEngine(k); err != nil {
				t.Fatal(err)
			}
			s.close = func() {
				if err := config.Engine.Close(); err != nil {
					t.Error(err)
				}
			}
		}
		s.http = wire.New(h, wire.Protocol{Name: "http", AppendFrame: appendLine, HTTP: true}, config)
		s.raw = wire.New(h, wire.Protocol{Name: "raw", AppendFrame: appendLine, Trailer: []byte(trailer)}, config)
		address := "127.0.0.1:0"
		if network == "unix" {
			address = filepath.Join(t.TempDir(), "s")
		}
		l, err := net.Listen(network, address)
		if err != nil {
			t.Fatal(err)
		}
		s.address = l.Addr().String()
		server := &http.Server{Handler: s, ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			c.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(32 << 10) // soon full
			return ctx
		}}
		var serving sync.WaitGroup
		serving.Go(func() { server.Serve(l) })
		closeEngine := s.close
		s.close = func() {
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
			defer cancel()
			s.http.Shutdown(ctx) // those that have stopped are cut off
			s.raw.Shutdown(ctx)
			server.Close()
			serving.Wait()
			closeEngine()
		}
		all = append(all, s)
	}
	return all
}

func (s *site) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	sub := s.hub.Subscribe(r.URL.Query()["topic"], hub.Start{})
	if r.URL.Path == "/http" {
		s.http.ServeHTTP(w, r, sub, []byte(preface))
		return
	}
	conn, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	stream := s.raw.Accept(conn, sub, r.RemoteAddr)
	stream.Start([]byte("HTTP/1.1 101 Switching Protocols\r\n\r\n"), &talker{stream: stream, conn: conn, lines: bufio.NewReader(conn)})
}

// dial subscribes, and reads the head.
func (s *site) dial(path string, topics []string) (net.Conn, *bufio.Reader, error) {
	conn, err := net.Dial(s.network, s.address)
	if err != nil {
		return nil, nil, err
	}
	query := ""
	for _, topic := range topics {
		query += "&topic=" + topic
	}
	fmt.Fprintf(conn, "GET %s?%s HTTP/1.1\r\nHost: localhost\r\n\r\n", path, query)
	r := bufio.NewReader(conn)
	for line := ""; line != "\r\n"; {
		if line, err = r.ReadString('\n'); err != nil {
			conn.Close()
			return nil, nil, err
		}
	}
	return conn, r, nil
}

// A habit is what a peer does.
type habit struct {
	path   string
	topics []string
	piece  int           // it reads that much at once,
	pause  time.Duration // and then waits so long
	leaves int           // after so many bytes it leaves; -1: never
	how    string        // it leaves: "close", "reset", "half", "stop": it stays, and reads no more
	says   int           // how many lines it says
	again  bool          // when it has left it comes back
}

func drawHabit(rng *rand.Rand) habit {
	h := habit{path: "/http", piece: 64 << 10, leaves: -1}
	if rng.IntN(2) == 0 {
		h.path, h.says = "/raw", rng.IntN(100)
	}
	if rng.IntN(2) == 0 {
		h.topics = [][]string{{"a"}, {"b"}, {"b", "c"}}[rng.IntN(3)]
	}
	if rng.IntN(2) == 0 {
		h.piece = 512 + rng.IntN(32<<10)
		h.pause = time.Duration(rng.Float64() * 2e6 * float64(h.piece) / (8 << 10)) // it keeps up in the end
	}
	if rng.IntN(2) == 0 {
		h.leaves, h.how = rng.IntN(200<<10), []string{"close", "reset", "half", "stop"}[rng.IntN(4)]
		h.again = h.how != "stop" && rng.IntN(2) == 0
	}
	return h
}

// follow reads as the habit says, and returns what it got. One that stops does until everything is over.
func (h habit) follow(conn net.Conn, r *bufio.Reader, over chan struct{}) (got []byte, err error) {
	var talking sync.WaitGroup
	defer talking.Wait()
	defer conn.Close()
	talking.Go(func() {
		for i := range h.says {
			fmt.Fprintf(conn, "message %d\n", i) // it may have left
		}
	})
	b := make([]byte, h.piece)
	for h.leaves < 0 || len(got) < h.leaves {
		n, err := r.Read(b)
		got = append(got, b[:n]...)
		if err == io.EOF || h.path == "/raw" && bytes.HasSuffix(got, []byte(trailer)) {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if h.pause > 0 {
			<-time.After(h.pause)
		}
	}
	switch h.how {
	case "reset":
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
	case "half":
		conn.(interface{ CloseWrite() error }).CloseWrite()
		rest, _ := io.ReadAll(r) // which may end with a reset, since it talked to somebody who had left
		got = append(got, rest...)
	case "stop":
		<-over
	}
	return got, nil
}

// check compares what it got with what was published. Answers may stand between.
func (h habit) check(got []byte, complete bool, epoch string, published []event.Event) error {
	if h.path == "/raw" {
		var err error
		if got, err = withoutAnswers(got); err != nil {
			return err
		}
	}
	opened := regexp.MustCompile(`"id":"` + epoch + `-(\d+)","topic":"\$open"`).FindSubmatch(got)
	if opened == nil {
		if complete {
			return fmt.Errorf("there is no open event in %.200q", got)
		}
		return nil // it left before
	}
	start, _ := strconv.Atoi(string(opened[1]))
	want := h.want(event.ID{Epoch: epoch, Seq: uint64(start)}, published)
	same := 0
	for same < min(len(got), len(want)) && got[same] == want[same] {
		same++
	}
	if same < len(got) || complete && same < len(want) {
		return fmt.Errorf("%d of %d bytes are as they should be; then comes %.200q, want %.200q", same, len(want), got[same:], want[same:])
	}
	return nil
}

// want returns what a stream is that begins there and ends with a goodbye.
func (h habit) want(start event.ID, published []event.Event) (want []byte) {
	add := func(text []byte) {
		if h.path == "/raw" {
			want = append(want, text...)
		} else {
			want = fmt.Appendf(want, "%x\r\n%s\r\n", len(text), text)
		}
	}
	begin, end := appendLine(nil, event.Open(start, h.topics)), trailer
	if h.path == "/http" {
		begin, end = append([]byte(preface), begin...), "0\r\n\r\n"
	}
	add(begin)
	for _, e := range published[start.Seq:] {
		if h.topics == nil || slices.Contains(h.topics, e.Topic) {
			add(appendLine(nil, e))
		}
	}
	add(appendLine(nil, event.Bye(published[len(published)-1].ID, 0)))
	return append(want, end...)
}

// withoutAnswers checks the answers, and leaves them out.
func withoutAnswers(got []byte) (rest []byte, err error) {
	answers := 0
	for line := range bytes.Lines(got) {
		answer := fmt.Appendf(nil, "MESSAGE %d\n", answers)
		switch {
		case bytes.Equal(line, answer):
			answers++
		case bytes.HasPrefix(answer, line): // cut off
		case bytes.HasPrefix(line, []byte("MESSAGE")):
			return nil, fmt.Errorf("the answer %q comes after %d", line, answers)
		default:
			rest = append(rest, line...)
		}
	}
	return rest, nil
}

func stress(t *testing.T, network string, seed uint64) {
	const habits, events = 20, 2000
	rng := rand.New(rand.NewPCG(seed, 0))
	h := hub.New(hub.Config{History: 2 * events, HistoryBytes: 1 << 30})
	sites := sites(t, h, network)
	publishing, over := make(chan struct{}), make(chan struct{})
	// What each of those got; checked when all is known.
	type account struct {
		site     *site
		habit    habit
		got      []byte
		complete bool
		err      error
	}
	var mu sync.Mutex
	var accounts []account
	var reading, stopped sync.WaitGroup
	for range habits {
		habit := drawHabit(rng)
		for _, s := range sites {
			follow := func(conn net.Conn, r *bufio.Reader) {
				got, err := habit.follow(conn, r, over)
				mu.Lock()
				defer mu.Unlock()
				accounts = append(accounts, account{s, habit, got, habit.leaves < 0, err})
			}
			conn, r, err := s.dial(habit.path, habit.topics)
			if err != nil {
				t.Fatal(err)
			}
			if habit.how == "stop" {
				stopped.Go(func() { follow(conn, r) })
				continue
			}
			reading.Go(func() {
				for follow(conn, r); habit.again; follow(conn, r) {
					select {
					case <-publishing:
						return
					default:
					}
					if conn, r, err = s.dial(habit.path, habit.topics); err != nil {
						t.Errorf("%s: %v", s.name, err)
						return
					}
				}
			})
		}
	}
	published := publishAtRandom(t, h, rng, events)
	close(publishing)
	h.Close()
	reading.Wait()
	var closing sync.WaitGroup
	for _, s := range sites {
		closing.Go(s.close)
	}
	closing.Wait()
	close(over)
	stopped.Wait()
	complete := 0
	for _, a := range accounts {
		if a.complete {
			complete++
		}
		err := errors.Join(a.err, a.habit.check(a.got, a.complete, published[0].ID.Epoch, published))
		if err != nil {
			t.Errorf("%s, %+v: %v", a.site.name, a.habit, err)
		}
	}
	t.Logf("%d connections, of which %d stayed", len(accounts), complete)
	for _, s := range sites {
		for _, streams := range []*wire.Streams{s.http, s.raw} {
			c := streams.Counters()
			if c.Open.Load() != 0 || c.Gaps.Load() != 0 || c.Ended[wire.Stalled].Load() != 0 {
				t.Errorf("%s: %d streams are open, %d stalled, %d gaps", s.name, c.Open.Load(), c.Ended[wire.Stalled].Load(), c.Gaps.Load())
			}
		}
	}
}

// publishAtRandom publishes in bursts, small events and now and then a large one.
func publishAtRandom(t *testing.T, h *hub.Hub, rng *rand.Rand, events int) (published []event.Event) {
	for len(published) < events {
		for range min(1+rng.IntN(30), events-len(published)) {
			size := rng.IntN(400)
			if rng.IntN(1000) == 0 {
				size = 100 << 10
			}
			e := event.Event{Topic: string("abc"[rng.IntN(3)]), Data: fmt.Appendf(nil, `"%d %s"`, len(published), strings.Repeat("x", size))}
			var err error
			if e.ID, err = h.Publish(context.Background(), e.Topic, e.Data); err != nil {
				t.Fatal(err)
			}
			published = append(published, e)
		}
		if rng.IntN(2) == 0 {
			<-time.After(time.Duration(rng.IntN(10)) * time.Millisecond)
		}
	}
	return published
}
