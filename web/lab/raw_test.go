package lab

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/memhttp"
)

// TestRawHolds: an answer that is held for longer than a write may take still comes to its end, and at its time.
func TestRawHolds(t *testing.T) {
	for query, want := range map[string]time.Duration{
		"hold=25s":                  25 * time.Second,
		"hold=10m":                  10 * time.Minute,
		"hold=11s&split=2&pause=9s": 29 * time.Second, // 5 bytes in three writes
	} {
		t.Run(query, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := new(raw)
				w.begin(t.Context())
				r, err := http.NewRequest("POST", memhttp.URL+"/raw?type=text/event-stream&"+query, strings.NewReader("xxxxx"))
				if err != nil {
					t.Fatal(err)
				}
				if problem := w.set(r); problem != nil {
					t.Fatal(problem)
				}
				begin := time.Now()
				response, err := memhttp.NewServer(t, w).Client().Get(memhttp.URL + "/raw")
				if err != nil {
					t.Fatal(err)
				}
				defer response.Body.Close()
				got, err := io.ReadAll(response.Body) // which fails if the last chunk does not come
				if err != nil || string(got) != "xxxxx" {
					t.Errorf("%q, %v", got, err)
				}
				if took := time.Since(begin); took != want {
					t.Errorf("it took %v, want %v", took, want)
				}
			})
		})
	}
}
