package client_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/memhttp"
)

// All parts together, over HTTP: a server that breaks off anywhere, refuses, or falls silent, and a
// follower that gets every event once.
func TestFollowThroughCuts(t *testing.T) {
	const total = 300
	for seed := range uint64(20) {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 0)) // requests come one after the other
				requests := 0
				s := serve(t, func(w http.ResponseWriter, r *http.Request) {
					requests++
					id, err := event.ParseID(r.URL.Query().Get("after"))
					if err != nil {
						t.Error(err)
					}
					if random.IntN(4) == 0 {
						answerWith(503, "text/plain", "not now", "Retry-After", "2")(w, r)
						return
					}
					w.Header().Set("Content-Type", streamType)
					w.Header().Set(client.CursorHeader, id.String())
					flush(w)
					for range random.IntN(30) {
						if id.Seq++; id.Seq > total {
							t.Errorf("event %d is asked for", id.Seq)
							return
						}
						fmt.Fprintln(w, id.Seq)
						if random.IntN(3) > 0 {
							flush(w)
							time.Sleep(time.Duration(random.IntN(100)) * time.Millisecond)
						}
					}
					switch random.IntN(4) {
					case 0: // a clean end
					case 1:
						panic(http.ErrAbortHandler) // what was not flushed is lost
					case 2:
						io.WriteString(w, "1") // the beginning of an event
						flush(w)
						panic(http.ErrAbortHandler)
					case 3:
						flush(w)
						<-r.Context().Done() // silence
					}
				})
				dial := func(ctx context.Context, after string) (client.Conn, error) {
					opts := client.Options{After: after, DialContext: s.Dial}
					url, err := opts.URL(memhttp.URL + "/stream")
					if err != nil {
						return nil, err
					}
					response, closeIt, err := client.Get(ctx, url, opts, streamType, nil)
					if err != nil {
						return nil, err
					}
					return client.NewStream(response.Header.Get(client.CursorHeader), client.Reader(response.Body, &lineDecoder{}), closeIt), nil
				}
				f := client.Follow(dial, place(0).String(), client.Policy{Idle: 5 * time.Second})
				var ledger client.Ledger
				ledger.Begin(place(0))
				for ledger.Events < total-30 { // the server may be that far ahead
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(1+rand.IntN(2000))*time.Millisecond)
					e, err := f.Next(ctx)
					if err == nil {
						ledger.Observe(e)
					} else if ctx.Err() == nil {
						t.Fatal(err)
					}
					cancel()
				}
				if ledger.Lost != 0 || ledger.Repeated != 0 || ledger.Gaps != 0 {
					t.Errorf("%+v", ledger)
				}
				if requests < 10 {
					t.Errorf("only %d requests: this shows little", requests)
				}
				f.Close()
				s.wantClosed(t)
			})
		})
	}
}
