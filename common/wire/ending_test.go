package wire_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// TestOnEnd: what is to be done at the end of a stream is done then, once, whoever serves it, and however it ends; and never
// if there was none.
func TestOnEnd(t *testing.T) {
	for _, query := range []string{"", wrapped} {
		t.Run("query="+query, func(t *testing.T) {
			onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
				f := start(t, k, wire.Protocol{HTTP: true}, wire.Config{})
				ended := 0
				var taken func() bool
				server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r, taken = wire.OnEnd(r, func() { ended++ })
					f.ServeHTTP(w, r)
				}))
				f.server = server
				left, told := f.get(query), f.get(query)
				synctest.Wait()
				if ended != 0 || !taken() {
					t.Errorf("while they are open %d have ended; taken: %v", ended, taken())
				}
				left.Close()
				synctest.Wait()
				if ended != 1 {
					t.Errorf("%d have ended, want the one whose peer has left", ended)
				}
				f.hub.Close()
				told.rest()
				if err := f.shutdown(time.Minute); err != nil {
					t.Error(err)
				}
				if ended != 2 {
					t.Errorf("%d have ended, want both", ended)
				}
			})
		})
	}
	_, taken := wire.OnEnd(httptest.NewRequest("GET", "/", nil), func() { t.Error("there was no stream") })
	if taken() {
		t.Error("there was no stream")
	}
}

// TestOnEndOfAccept: on a connection that the transport took over, the transport says which request it was.
func TestOnEndOfAccept(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{Trailer: []byte(trailer)}, wire.Config{})
		ended := 0
		r, taken := wire.OnEnd(httptest.NewRequest("GET", "/", nil), func() { ended++ })
		near, far := memhttp.Pipe(memhttp.BufferSize)
		stream := f.streams.Accept(near, f.hub.Subscribe(nil, hub.Start{}), "memory")
		stream.EndAt(time.Now().Add(time.Hour)) // both are done
		stream.Answer(r)
		stream.Start(nil, reader{func() { io.Copy(io.Discard, near) }, func() {}})
		if far.Close(); !taken() || stream.Peer() != "memory" {
			t.Errorf("taken: %v, by %q", taken(), stream.Peer())
		}
		if err := f.shutdown(time.Minute); err != nil || ended != 1 {
			t.Errorf("%d have ended, %v", ended, err)
		}
	})
}
