package bench

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"pushlab/bench/result"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/wire"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// TestMain checks that nothing is left over.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

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
func newFixture(t *testing.T, config hub.Config) *fixture { return newFixtureWith(t, config, Setup{}) }

// newFixtureWith returns one that is set up as a variant asks.
func newFixtureWith(t *testing.T, config hub.Config, s Setup) *fixture {
	h := hub.New(config)
	streams := httpstream.New(h, httpstream.Config{Heartbeat: s.Heartbeat})
	events := sse.New(h, sse.Config{Heartbeat: s.Heartbeat})
	sockets := websocket.New(h, websocket.Config{Heartbeat: s.Heartbeat, Compress: s.Compress})
	f := &fixture{hub: h, mux: http.NewServeMux(), transports: map[string]transport{
		longpoll.Name: longpoll.New(h, longpoll.Config{}), httpstream.Name: streams, sse.Name: events, websocket.Name: sockets,
	}}
	for _, name := range result.Transports() {
		f.mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) { f.transports[name].ServeHTTP(w, r) })
	}
	f.mux.HandleFunc("/metrics", f.metrics)
	f.mux.HandleFunc("/publish", f.publish)
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

// publish takes an event as web does.
func (f *fixture) publish(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(r.Body)
	if err == nil {
		data, err = event.Compact(data)
	}
	var id event.ID
	if err == nil {
		id, err = f.hub.Publish(r.Context(), r.URL.Query().Get("topic"), data)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.WriteHeader(http.StatusCreated)
	fmt.Fprintf(w, `{"id":%q}`, id)
}

// metrics tells the counters as web does.
func (f *fixture) metrics(w http.ResponseWriter, _ *http.Request) {
	fmt.Fprintf(w, "# HELP %s Events put into the log.\n# TYPE %[1]s counter\n%[1]s %d\n", "pushlab_events_published_total", f.hub.State().Head.Seq)
	for name, transport := range f.transports {
		c := transport.Counters()
		for metric, value := range map[string]int64{
			"pushlab_events_delivered_total": c.Delivered.Load(), "pushlab_writes_total": c.Writes.Load(), "pushlab_bytes_total": c.Bytes.Load(),
			"pushlab_gaps_total": c.Gaps.Load(), "pushlab_streams_open": c.Open.Load(),
		} {
			fmt.Fprintf(w, "%s{transport=%q} %d\n", metric, name, value)
		}
	}
}
