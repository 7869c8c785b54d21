package sse_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/memhttp"
	"pushlab/common/transporttest"
	"pushlab/sse"
)

func TestClient(t *testing.T) { transporttest.RunClient(t, transport) }

// TestForeignServer: the client reads any server's stream, whose events are no envelopes and whose
// ids are no cursors of ours, and resumes it.
func TestForeignServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got http.Header
		blocks := make(chan string)
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got = r.Header
			w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
			for block := range blocks {
				io.WriteString(w, block)
				w.(http.Flusher).Flush()
			}
		}))
		opts := client.Options{After: "#7 <é>", DialContext: server.Dial}
		go func() { blocks <- ": welcome\n\n" }() // some servers send no header without
		conn, err := sse.Dial(context.Background(), memhttp.URL+"/feed?a=b", opts)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		want := http.Header{"Accept": {"text/event-stream"}, "Cache-Control": {"no-cache"}, "Last-Event-Id": {"#7 <é>"}}
		for name := range want {
			if diff := cmp.Diff(want[name], got[name]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
		}
		if conn.Cursor() != "#7 <é>" {
			t.Errorf("the cursor is %q before anything came", conn.Cursor())
		}
		for _, c := range []struct {
			block  string
			want   event.Event
			cursor string
		}{
			{"data: hello\n\n", message("message", `"hello"`), "#7 <é>"},
			{"id: #8\nevent: price\ndata: {\"eur\":\ndata: 1}\n\n", message("price", `{"eur":1}`), "#8"},
			{"retry: 10\nid: 9\r\n\r\nid: ten\r\nevent: on sale\ndata: x\r\n\r\n", message("message", `"x"`), "ten"},
			{"id: mfrggzdf-1\ndata: {\"id\":\"mfrggzdf-2\",\"topic\":\"a\",\"data\":3}\n\n",
				event.Event{ID: transporttest.ID(2), Topic: "a", Data: []byte("3")}, "mfrggzdf-1"},
		} {
			blocks <- c.block
			e, err := conn.Next(context.Background())
			if diff := cmp.Diff(c.want, e); err != nil || diff != "" {
				t.Fatalf("%q: %v (-want +got):\n%s", c.block, err, diff)
			}
			// Nothing more comes. A foreign event carries no cursor; what was read with it does.
			over, cancel := context.WithTimeout(context.Background(), time.Second)
			conn.Next(over)
			cancel()
			if conn.Cursor() != c.cursor {
				t.Errorf("%q: the cursor is %q, want %q", c.block, conn.Cursor(), c.cursor)
			}
		}
		close(blocks)
		if e, err := conn.Next(context.Background()); !errors.Is(err, io.EOF) {
			t.Errorf("the end is %v, %v", e, err)
		}
	})
}
