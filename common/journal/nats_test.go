package journal_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/event"
	"pushlab/common/fault"
	"pushlab/common/hub"
	"pushlab/common/journal"
	"pushlab/common/journal/journaltest"
)

// patience is how long a test waits for what must happen. Servers that have lost their leader may elect another for ten seconds.
const patience = 30 * time.Second

// quick is a configuration for tests.
func quick() journal.Config {
	return journal.Config{
		Name:       "log",
		CheckEvery: 20 * time.Millisecond,
		Logger:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

func shut(t testing.TB, log hub.Log) {
	t.Helper()
	if err := log.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func opened(t *testing.T, s *journaltest.Server, c journal.Config) *journal.Stream {
	t.Helper()
	log := s.Open(t, c)
	t.Cleanup(func() { shut(t, log) })
	return log
}

func fill(t testing.TB, log hub.Log, n int) (last event.ID) {
	t.Helper()
	var err error
	for i := range n {
		if last, err = log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

// until waits until something is so.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	late := time.After(patience)
	for !is() {
		select {
		case <-late:
			t.Fatal("still not: " + what)
		case <-time.After(5 * time.Millisecond): // the servers need the processor
		}
	}
}

// follow tails a log in the background, and returns how far it is, and how it ends.
func follow(t *testing.T, log hub.Log, after event.ID) (last func() uint64, ended func() error) {
	ctx, stop := context.WithCancel(context.Background())
	var mu sync.Mutex
	seq := after.Seq
	done := make(chan error, 1)
	var running sync.WaitGroup
	running.Go(func() {
		done <- log.Tail(ctx, after, func(e event.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.ID.Seq <= seq || e.ID.Epoch != after.Epoch {
				t.Errorf("%v was delivered after %d of %s", e.ID, seq, after.Epoch)
			}
			seq = e.ID.Seq
		})
	})
	t.Cleanup(func() { stop(); running.Wait() })
	last = func() uint64 {
		mu.Lock()
		defer mu.Unlock()
		return seq
	}
	ended = func() error {
		select {
		case err := <-done:
			return err
		case <-time.After(patience):
			return errors.New("Tail did not end")
		}
	}
	return last, ended
}

// TestOpenRefuses checks that whatever is wrong at the start is said, with what to do.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	withStream := func(c jetstream.StreamConfig) func(*testing.T, *journaltest.Server) {
		return func(t *testing.T, s *journaltest.Server) {
			s.JetStream(t, func(ctx context.Context, js jetstream.JetStream) error {
				_, err := js.CreateStream(ctx, c)
				return err
			})
		}
	}
	for _, c := range []struct {
		name   string
		server func(*journaltest.Server)
		before func(*testing.T, *journaltest.Server)
		config journal.Config
		want   string
	}{
		{name: "no JetStream", server: func(s *journaltest.Server) { s.Options.JetStream = false }, want: "has no JetStream"},
		{name: "another program's stream", before: withStream(jetstream.StreamConfig{Name: "log", Subjects: []string{"orders.>"}}),
			want: `the stream "log" belongs to another program`},
		{name: "ours, but changed", before: withStream(jetstream.StreamConfig{Name: "log", Subjects: []string{"orders.>"},
			Metadata: map[string]string{"pushlab.journal": "1", "pushlab.life": "0"}}), want: "was changed"},
		{name: "another format", before: withStream(jetstream.StreamConfig{Name: "log", Subjects: []string{"log.ev.>"},
			Metadata: map[string]string{"pushlab.journal": "2", "pushlab.life": "0"}}), want: `has format "2"`},
		{name: "another's subjects", before: withStream(jetstream.StreamConfig{Name: "all", Subjects: []string{"log.>"}}),
			want: "another stream already takes the subjects log.ev.>"},
		{name: "too many replicas", config: journal.Config{Replicas: 3}, want: "not enough NATS servers for a stream of 3 replicas"},
		{name: "too little storage", config: journal.Config{MaxBytes: 1 << 40}, want: "not enough storage"},
		{name: "there is none", config: journal.Config{Existing: true}, want: `there is no stream "log"`},
		{name: "a bad name", config: journal.Config{Name: "a.b"}, want: "cannot be the name of a stream"},
		{name: "a bad age", config: journal.Config{MaxAge: time.Millisecond}, want: "at least 100ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := journaltest.NewServer(t)
			if c.server != nil {
				c.server(s)
			}
			s.Start(t)
			if c.before != nil {
				c.before(t, s)
			}
			nc, err := journal.Connect(t.Context(), journal.Servers{URLs: s.URL()})
			if err != nil {
				t.Fatal(err)
			}
			if c.config.Name == "" {
				c.config.Name = "log"
			}
			if _, err := journal.Open(t.Context(), nc, c.config); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
			if !nc.IsClosed() {
				t.Error("the connection is open")
			}
		})
	}
}

// TestLimits checks that the limits of a stream are those that were asked for last, and otherwise left alone.
func TestLimits(t *testing.T) {
	t.Parallel()
	s := journaltest.NewServer(t)
	s.Start(t)
	c := quick()
	for _, step := range []struct {
		events, bytes int64
		age, window   time.Duration
		want          [4]int64
	}{
		{0, 0, 0, 0, [4]int64{-1, 1 << 30, 0, int64(2 * time.Minute)}},
		{100, 1 << 20, time.Hour, time.Minute, [4]int64{100, 1 << 20, int64(time.Hour), int64(time.Minute)}},
		{0, 0, 0, 0, [4]int64{100, 1 << 20, int64(time.Hour), int64(time.Minute)}},
		{-1, -1, -1, 0, [4]int64{-1, -1, 0, int64(time.Minute)}},
		{0, 0, time.Second, 0, [4]int64{-1, -1, int64(time.Second), int64(time.Second)}}, // the server wants no longer window
	} {
		c.MaxEvents, c.MaxBytes, c.MaxAge, c.KeyWindow = step.events, step.bytes, step.age, step.window
		log := s.Open(t, c)
		info, err := log.Info(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if got := [4]int64{info.MaxEvents, info.MaxBytes, int64(info.MaxAge), int64(info.KeyWindow)}; got != step.want {
			t.Errorf("%v, want %v", got, step.want)
		}
		if info.Name != "log" || info.Replicas != 1 || info.Server != "n1" || info.State.Epoch == "" {
			t.Errorf("%+v", info)
		}
		shut(t, log)
	}
}

func TestConnectRefuses(t *testing.T) {
	t.Parallel()
	s := journaltest.NewServer(t)
	s.Options.Username, s.Options.Password = "u", "right"
	s.Start(t)
	host := strings.TrimPrefix(s.URL(), "nats://")
	if _, after, found := strings.Cut(host, "@"); found {
		host = after
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	for _, c := range []struct {
		servers     journal.Servers
		want        string
		unavailable bool
	}{
		{journal.Servers{URLs: "nats://" + nobody}, "no NATS server answers at nats://" + nobody, true},
		{journal.Servers{URLs: "nats://" + nobody + "," + nobody}, "start it, or give another address", true},
		{journal.Servers{URLs: "nats://" + host}, "refuses our credentials", false},
		{journal.Servers{URLs: "nats://" + host, Login: "u:hunter2"}, "refuses our credentials", false},
		{journal.Servers{URLs: "nats://" + host, Login: "hunter2"}, "refuses our credentials", false},
		{journal.Servers{URLs: "nats://u:hunter2@" + host}, "in a file or in the environment", false},
		{journal.Servers{URLs: "nats://hunter2@" + host + "," + host}, "in a file or in the environment", false},
		{journal.Servers{URLs: "hunter2"}, "no address of NATS servers", false},
		{journal.Servers{URLs: "http://" + host}, "no address of NATS servers", false},
		{journal.Servers{URLs: "nats://"}, "no address of NATS servers", false},
		{journal.Servers{URLs: "nats://" + host + "/path"}, "is no address of a NATS server", false},
		{journal.Servers{URLs: "nats://" + host, Credentials: "/nowhere.creds"}, "credentials cannot be read", false},
		{journal.Servers{URLs: "nats://" + host, CA: "/nowhere.pem"}, "CA cannot be read", false},
		{journal.Servers{URLs: "nats://" + host, Cert: "/nowhere.pem"}, "give both files or neither", false},
		{journal.Servers{URLs: "nats://" + host, Cert: "/nowhere.pem", Key: "/nowhere.pem"}, "certificate cannot be used", false},
		{journal.Servers{URLs: "tls://" + host, Login: "u:right"}, "no TLS with the NATS server", false},
	} {
		nc, err := journal.Connect(t.Context(), c.servers)
		if err == nil {
			nc.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) || errors.Is(err, hub.ErrUnavailable) != c.unavailable {
			t.Errorf("%+v: %v; want %q", c.servers, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v tells the password", err)
		}
	}
	nc, err := journal.Connect(t.Context(), journal.Servers{URLs: "nats://" + nobody + "," + host, Login: "u:right\n"})
	if err != nil {
		t.Fatal(err)
	}
	nc.Close()
}

// TestLostEnd puts an older state of the files back while two nodes are connected: the server then has less than it has
// acknowledged, as after a power failure.
func TestLostEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		more int // what somebody else appends before the nodes are back
	}{{"it is shorter", 0}, {"it has grown again since", 50}} {
		t.Run(c.name, func(t *testing.T) {
			s := journaltest.NewServer(t)
			s.Start(t)
			nodes := []*journal.Stream{opened(t, s, quick()), opened(t, s, quick())}
			was := fill(t, nodes[0], 10)
			keep := filepath.Join(t.TempDir(), "copy")
			s.Stop()
			if err := os.CopyFS(keep, os.DirFS(s.Options.StoreDir)); err != nil {
				t.Fatal(err)
			}
			s.Start(t)
			var ends []func() error
			until(t, "appended", func() bool {
				_, err := nodes[0].Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`0`)})
				return err == nil
			})
			seen := fill(t, nodes[0], 20)
			for _, n := range nodes {
				last, ended := follow(t, n, was)
				until(t, "delivered", func() bool { return last() == seen.Seq })
				ends = append(ends, ended)
			}

			s.Stop()
			port := s.Options.Port
			s.Options.StoreDir = keep
			if c.more > 0 {
				s.Options.Port = -1 // where no node looks
				s.Start(t)
				other := s.Open(t, quick())
				fill(t, other, c.more)
				shut(t, other)
				s.Stop()
				s.Options.Port = port
			}
			s.Start(t)
			for _, ended := range ends {
				if err := ended(); !errors.Is(err, hub.ErrEpoch) {
					t.Errorf("Tail ended with %v", err)
				}
			}
			var epochs []string
			for _, n := range nodes {
				state, err := n.State(t.Context())
				if err != nil || state.Last != uint64(10+c.more) {
					t.Errorf("%+v, %v", state, err)
				}
				epochs = append(epochs, state.Epoch)
			}
			info, err := nodes[0].Info(t.Context())
			if err != nil || epochs[0] == was.Epoch || epochs[1] != epochs[0] || info.Life != 1 {
				t.Errorf("the epoch was %s and is %v in life %d, %v", was.Epoch, epochs, info.Life, err)
			}
			if id := fill(t, nodes[1], 1); id.Epoch != epochs[0] {
				t.Errorf("%v", id)
			}
		})
	}
}

// TestLostEndOnAppend notices it by the number that an append got, when nothing else was asked.
func TestLostEndOnAppend(t *testing.T) {
	t.Parallel()
	s := journaltest.NewServer(t)
	s.Start(t)
	config := quick()
	config.CheckEvery = time.Hour
	log := opened(t, s, config)
	keep := filepath.Join(t.TempDir(), "copy")
	s.Stop()
	if err := os.CopyFS(keep, os.DirFS(s.Options.StoreDir)); err != nil {
		t.Fatal(err)
	}
	s.Start(t)
	until(t, "appended", func() bool {
		_, err := log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`0`), Key: "first"})
		return err == nil
	})
	was := fill(t, log, 5)
	s.Stop()
	s.Options.StoreDir = keep
	s.Start(t)
	var id event.ID
	until(t, "appended", func() (ok bool) {
		var err error
		id, err = log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`0`), Key: "second"})
		return err == nil
	})
	if id.Seq != 1 || id.Epoch == was.Epoch {
		t.Errorf("%v, after %v", id, was)
	}
	state, err := log.State(t.Context())
	if err != nil || state.Epoch != id.Epoch {
		t.Errorf("%+v, %v", state, err)
	}
}

// TestRenew checks that one node's Renew ends the tails of all.
func TestRenew(t *testing.T) {
	t.Parallel()
	s := journaltest.NewServer(t)
	s.Start(t)
	one, two := opened(t, s, quick()), opened(t, s, quick())
	id := fill(t, one, 3)
	_, first := follow(t, one, id)
	_, second := follow(t, two, id)
	if err := one.Renew(t.Context(), 7); err != nil {
		t.Fatal(err)
	}
	for _, ended := range []func() error{first, second} {
		if err := ended(); !errors.Is(err, hub.ErrEpoch) {
			t.Error(err)
		}
	}
	info, err := two.Info(t.Context())
	if err != nil || info.Life != 7 || info.State.Epoch == id.Epoch || info.State.Last != 3 {
		t.Errorf("%+v, %v", info, err)
	}
}

// TestTwoJournals checks that two journals on one server do not see each other.
func TestTwoJournals(t *testing.T) {
	t.Parallel()
	s := journaltest.NewServer(t)
	s.Start(t)
	c := quick()
	one := opened(t, s, c)
	c.Name = "log2"
	two := opened(t, s, c)
	fill(t, one, 5)
	a, err := one.State(t.Context())
	b, err2 := two.State(t.Context())
	if err != nil || err2 != nil || a.Last != 5 || b.Last != 0 || a.Epoch == b.Epoch {
		t.Errorf("%+v %+v %v %v", a, b, err, err2)
	}
}

// TestForeignMessages checks that what somebody else publishes on our subjects reaches nobody.
func TestForeignMessages(t *testing.T) {
	t.Parallel()
	s := journaltest.NewServer(t)
	s.Start(t)
	log := opened(t, s, quick())
	fill(t, log, 1)
	s.JetStream(t, func(ctx context.Context, js jetstream.JetStream) error {
		for subject, data := range map[string]string{"log.ev.a": "hello", "log.ev.b": "{\n}", "log.ev.$x": "1", "log.ev.c": ""} {
			if _, err := js.Publish(ctx, subject, []byte(data)); err != nil {
				return err
			}
		}
		return nil
	})
	id := fill(t, log, 1)
	page, err := log.Read(t.Context(), 0, hub.Range{Events: 10, Bytes: 1000})
	if err != nil || len(page.Events) != 2 || page.Events[1].ID != id || page.UpTo != 6 {
		t.Errorf("%+v, %v", page, err)
	}
	last, _ := follow(t, log, event.ID{Epoch: id.Epoch})
	until(t, "delivered", func() bool { return last() == id.Seq })
	if n := log.Stats.Foreign.Load(); n != 8 {
		t.Errorf("%d were left out", n)
	}
}

// A slow is a server behind a line that can be made slow.
func slow(t *testing.T) (*journaltest.Server, *fault.Proxy, string) {
	t.Helper()
	s := journaltest.NewServer(t)
	s.Start(t)
	address := strings.TrimPrefix(s.URL(), "nats://")
	proxy := fault.New(fault.Config{Dial: func(ctx context.Context, _ net.Conn) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() { proxy.Serve(context.Background(), l) })
	t.Cleanup(func() { proxy.Close(); serving.Wait() })
	return s, proxy, "nats://" + l.Addr().String()
}

func openAt(t *testing.T, url string, c journal.Config) *journal.Stream {
	t.Helper()
	nc, err := journal.Connect(t.Context(), journal.Servers{URLs: url})
	if err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(t.Context(), nc, c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { shut(t, log) })
	return log
}

// TestSilentServer checks what happens while the server answers nothing, though it is connected: everything ends in time,
// no more than Pending appends wait, and a retry tells what became of the first.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	_, proxy, url := slow(t)
	c := quick()
	c.Pending, c.AppendTimeout, c.ReadTimeout = 2, 300*time.Millisecond, 300*time.Millisecond
	var mu sync.Mutex
	outcomes := map[bool]int{}
	c.Appended = func(took time.Duration, err error) {
		mu.Lock()
		defer mu.Unlock()
		outcomes[err == nil]++
		if took > 5*time.Second {
			t.Errorf("an append took %v", took)
		}
	}
	log := openAt(t, url, c)
	before := fill(t, log, 1)
	if err := proxy.Set(fault.Fault{Down: fault.Line{Stall: true}}); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	var full, unanswered int
	for i := range 30 {
		running.Go(func() {
			_, err := log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`1`), Key: strconv.Itoa(i % 3)})
			mu.Lock()
			defer mu.Unlock()
			switch {
			case !errors.Is(err, hub.ErrUnavailable):
				t.Error(err)
			case strings.Contains(err.Error(), "2 appends wait for their answer already"):
				full++
			default:
				unanswered++
			}
		})
	}
	for name, call := range map[string]func() error{
		"Read":  func() error { _, err := log.Read(t.Context(), 0, hub.Range{}); return err },
		"State": func() error { _, err := log.State(t.Context()); return err },
		"Trim":  func() error { return log.Trim(t.Context(), 1) },
		"Info":  func() error { _, err := log.Info(t.Context()); return err },
	} {
		if err := call(); !errors.Is(err, hub.ErrUnavailable) || !strings.Contains(err.Error(), "did not answer within 300ms") {
			t.Errorf("%s: %v", name, err)
		}
	}
	running.Wait()
	if full < 10 || unanswered < 2 {
		t.Errorf("%d had no place, %d no answer", full, unanswered)
	}
	if err := proxy.Reset(); err != nil {
		t.Fatal(err)
	}
	// Each of the three keys is of one event, whatever was appended before.
	seqs := map[uint64]bool{}
	for i := range 6 {
		until(t, "appended", func() bool {
			id, err := log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`1`), Key: strconv.Itoa(i % 3)})
			if err == nil {
				seqs[id.Seq] = true
			}
			return err == nil
		})
	}
	var state hub.LogState
	until(t, "available", func() (ok bool) {
		var err error
		state, err = log.State(t.Context())
		return err == nil
	})
	if state.Last != before.Seq+3 || len(seqs) != 3 {
		t.Errorf("%+v, %v", state, seqs)
	}
	if outcomes[true] != 7 || outcomes[false] < 30 {
		t.Errorf("%v", outcomes)
	}
}

// TestSentAgain cuts the line while an answer is on its way: with a key the append ends well, and once.
func TestSentAgain(t *testing.T) {
	t.Parallel()
	_, proxy, url := slow(t)
	log := openAt(t, url, quick())
	before := fill(t, log, 1)
	if err := proxy.Set(fault.Fault{Down: fault.Line{Stall: true}}); err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	var keyed, plain error
	var id event.ID
	running.Go(func() {
		id, keyed = log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`1`), Key: "k"})
	})
	running.Go(func() {
		_, plain = log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`2`)})
	})
	until(t, "sent", func() bool { return log.Stats.Appending.Load() == 2 })
	if err := proxy.Reset(); err != nil {
		t.Fatal(err)
	}
	if err := proxy.Set(fault.Fault{Refuse: 20 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	running.Wait()
	if keyed != nil || id.Seq <= before.Seq {
		t.Errorf("with a key: %v, %v", id, keyed)
	}
	// Without one it may have been answered before the cut, or never.
	if plain != nil && !errors.Is(plain, hub.ErrUnavailable) {
		t.Errorf("without a key: %v", plain)
	}
	until(t, "available", func() bool {
		again, err := log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`1`), Key: "k"})
		if err == nil && again != id {
			t.Errorf("%v and %v", id, again)
		}
		return err == nil
	})
}

// TestLogsOnce checks that an interruption is two lines in the log, however many notice it.
func TestLogsOnce(t *testing.T) {
	t.Parallel()
	var lines lockedBuffer
	c := quick()
	c.Logger = slog.New(slog.NewTextHandler(&lines, nil))
	s := journaltest.NewServer(t)
	s.Start(t)
	log := opened(t, s, c)
	id := fill(t, log, 1)
	last, _ := follow(t, log, id)
	for i := range uint64(2) {
		s.Stop()
		until(t, "unavailable", func() bool {
			_, err := log.State(t.Context())
			return errors.Is(err, hub.ErrUnavailable)
		})
		s.Start(t)
		until(t, "back", func() bool {
			_, err := log.State(t.Context())
			return err == nil
		})
		if n := log.Stats.Reconnects.Load(); n != i+1 {
			t.Errorf("%d reconnects are counted", n)
		}
	}
	id = fill(t, log, 1)
	until(t, "delivered", func() bool { return last() == id.Seq })
	lost, back := strings.Count(lines.String(), "is lost"), strings.Count(lines.String(), "is back")
	if lost != 2 || back != 2 || strings.Count(lines.String(), "\n") != 4 {
		t.Errorf("the log is\n%s", lines.String())
	}
	if log.Stats.ConsumerResets.Load() == 0 {
		t.Error("no resets are counted")
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestReadsForgetTheirConsumers checks that pages leave nothing behind: a server holds some thousand consumers at most.
func TestReadsForgetTheirConsumers(t *testing.T) {
	t.Parallel()
	s := journaltest.NewServer(t)
	s.Start(t)
	log := opened(t, s, quick())
	fill(t, log, 10)
	var running sync.WaitGroup
	for range 8 {
		running.Go(func() {
			for after := range uint64(10) {
				if _, err := log.Read(t.Context(), after, hub.Range{Events: 3, Bytes: 100}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	s.JetStream(t, func(ctx context.Context, js jetstream.JetStream) error {
		stream, err := js.Stream(ctx, "log")
		if err == nil && stream.CachedInfo().State.Consumers != 0 {
			err = fmt.Errorf("%d consumers are left", stream.CachedInfo().State.Consumers)
		}
		return err
	})
}
