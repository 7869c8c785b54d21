package bench

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"pushlab/common/hub"
	"pushlab/common/wire"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// TestMain runs the tests, or, if the test of the server process has started it, plays the server.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "play-server" {
		playServer(os.Args[2])
		return
	}
	goleak.VerifyTestMain(m)
}

// playServer behaves as the process of a server does, or should not.
func playServer(how string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	for _, v := range os.Environ() {
		if len(v) > 8 && v[:8] == "PUSHLAB_" {
			fmt.Fprintln(os.Stderr, "it was given", v)
			os.Exit(1)
		}
	}
	switch how {
	case "dies at once":
		fmt.Fprintln(os.Stderr, "no port is free")
		os.Exit(3)
	case "says nothing":
		<-ctx.Done()
		return
	case "dies later":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Printf("listening on http://%s/\n", l.Addr())
		l.Accept() // the first who connects brings it down
		fmt.Fprintln(os.Stderr, "out of memory")
		os.Exit(4)
	}
	fmt.Println("pushlab: some words first")
	fmt.Println("pushlab: listening on http://127.0.0.1:4321")
	<-ctx.Done()
	if how == "does not leave" {
		select {}
	}
}

// A fixture is a server of the four transports, and of the counters that a run reads.
type fixture struct {
	hub        *hub.Hub
	mux        *http.ServeMux
	transports map[string]transport
}

// A transport is what fixture needs of one.
type transport interface {
	http.Handler
	Counters() *wire.Counters
}

// newFixture returns a server with a hub of that configuration.
func newFixture(t *testing.T, config hub.Config) *fixture {
	h := hub.New(config)
	streams := httpstream.New(h, httpstream.Config{})
	events := sse.New(h, sse.Config{})
	sockets := websocket.New(h, websocket.Config{})
	f := &fixture{hub: h, mux: http.NewServeMux(), transports: map[string]transport{
		longpoll.Name: longpoll.New(h, longpoll.Config{}), httpstream.Name: streams, sse.Name: events, websocket.Name: sockets,
	}}
	for _, name := range Transports() {
		f.mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) { f.transports[name].ServeHTTP(w, r) })
	}
	f.mux.HandleFunc("/metrics", f.metrics)
	t.Cleanup(func() {
		h.Close()
		for _, s := range []interface{ Shutdown(context.Context) error }{streams, events, sockets} {
			if err := s.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	return f
}

// metrics tells the counters as web does.
func (f *fixture) metrics(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "# HELP %s Events put into the log.\n# TYPE %[1]s counter\n%[1]s %d\n", publishedMetric, f.hub.State().Head.Seq)
	for name, transport := range f.transports {
		c := transport.Counters()
		for metric, value := range map[string]int64{
			deliveredMetric: c.Delivered.Load(), writesMetric: c.Writes.Load(), bytesMetric: c.Bytes.Load(),
			gapsMetric: c.Gaps.Load(), openMetric: c.Open.Load(),
		} {
			fmt.Fprintf(w, "%s{transport=%q} %d\n", metric, name, value)
		}
	}
}

// golden compares with a file in testdata, which UPDATE=1 writes anew.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.MkdirAll("testdata", 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what came; if that is right, run the test with UPDATE=1:\n%s", path, got)
	}
}
