package httpstream_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"

	"pushlab/common/client"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/httpstream"
)

func TestClient(t *testing.T) { transporttest.RunClient(t, transport) }

// TestPost: what is asked by a POST is asked so.
func TestPost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if body, err := io.ReadAll(r.Body); err != nil || r.Method != "POST" || string(body) != "question" {
				t.Errorf("%s %s, %v", r.Method, body, err)
			}
			w.Header().Set("Content-Type", "application/x-ndjson")
		}))
		conn, err := httpstream.Dial(context.Background(), memhttp.URL, client.Options{Method: "POST", Body: []byte("question"), DialContext: server.Dial})
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
	})
}

// TestMissingLastChunk: HTTP-02. A body whose last chunk does not come was cut, though every line of it
// is complete.
func TestMissingLastChunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/x-ndjson")
			io.WriteString(w, `{"id":"mfrggzdf-1","topic":"a","data":1}`+"\n")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}))
		conn, err := httpstream.Dial(context.Background(), memhttp.URL, client.Options{DialContext: server.Dial})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if e, err := conn.Next(context.Background()); err != nil || e.ID.Seq != 1 {
			t.Errorf("%s, %v", e.Envelope(), err)
		}
		if _, err := conn.Next(context.Background()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("the end is %v", err)
		}
	})
}

// TestForeignServer: lines of another server are events if they are envelopes.
func TestForeignServer(t *testing.T) {
	for _, c := range []struct {
		name, body string
		cursors    []string // after each event
		end        error    // nil: some other error
	}{
		{"it ends in order", `{"id":"mfrggzdf-1","topic":"a","data":1}` + "\n\n" + `{"id":"mfrggzdf-2","topic":"a","data":1}` + "\n",
			[]string{"mfrggzdf-1", "mfrggzdf-2"}, io.EOF},
		{"it ends within a line", `{"id":"mfrggzdf-1","topic":"a","data":1}` + "\n" + `{"id":"mfrgg`, []string{"mfrggzdf-1"}, io.ErrUnexpectedEOF},
		{"it sends something else", `{"price":1}` + "\n", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "application/x-ndjson; charset=utf-8")
					io.WriteString(w, c.body)
				}))
				conn, err := httpstream.Dial(context.Background(), memhttp.URL, client.Options{DialContext: server.Dial})
				if err != nil {
					t.Fatal(err)
				}
				defer conn.Close()
				if conn.Cursor() != "" {
					t.Errorf("the cursor is %q, but nobody said so", conn.Cursor())
				}
				for _, want := range c.cursors {
					if e, err := conn.Next(context.Background()); err != nil || conn.Cursor() != want {
						t.Errorf("%s, %v; the cursor is %q, want %q", e.Envelope(), err, conn.Cursor(), want)
					}
				}
				_, err = conn.Next(context.Background())
				if c.end != nil && !errors.Is(err, c.end) || c.end == nil && (err == nil || errors.Is(err, io.EOF)) {
					t.Errorf("the end is %v, want %v", err, c.end)
				}
			})
		})
	}
}
