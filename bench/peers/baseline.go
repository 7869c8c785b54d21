package peers

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"pushlab/bench/load"
	"pushlab/common/client"
	"pushlab/longpoll"
)

// A baseline is long polling as one writes it by hand: a handler that waits on a channel, and writes
// the answer of a Pushlab server, whose bytes the publisher sends.
type baseline struct {
	mu       sync.Mutex
	contents [][]byte      // of the answers, one for each event
	more     chan struct{} // closed with the next
}

// Baseline serves the baseline on a port of its own, which it tells on out, until ctx ends.
func Baseline(ctx context.Context, out io.Writer) error {
	b := &baseline{more: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+load.FramesPath, b.publish)
	mux.HandleFunc("GET /"+longpoll.Name, b.poll)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("bench: the baseline: %w", err)
	}
	fmt.Fprintf(out, "baseline: listening on http://%s\n", l.Addr())
	server := &http.Server{Handler: mux}
	defer context.AfterFunc(ctx, func() { server.Close() })()
	if err := server.Serve(l); err != http.ErrServerClosed {
		return fmt.Errorf("bench: the baseline: %w", err)
	}
	return nil
}

// publish takes events until the publisher leaves.
func (b *baseline) publish(w http.ResponseWriter, r *http.Request) {
	body := bufio.NewReader(r.Body)
	for {
		content, err := load.ReadFrame(body)
		if err != nil {
			return
		}
		b.mu.Lock()
		b.contents = append(b.contents, content)
		close(b.more)
		b.more = make(chan struct{})
		b.mu.Unlock()
	}
}

// poll answers with the event behind the cursor, as soon as there is one.
func (b *baseline) poll(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(strings.TrimPrefix(r.FormValue("after"), load.ReferenceEpoch+"-"))
	if err != nil {
		b.mu.Lock()
		after = len(b.contents)
		b.mu.Unlock()
	}
	if r.FormValue("wait") == "0" {
		w.Header().Set(client.CursorHeader, load.ReferenceEpoch+"-"+strconv.Itoa(after))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	for {
		b.mu.Lock()
		contents, more := b.contents, b.more
		b.mu.Unlock()
		if after < len(contents) {
			content := contents[after]
			writeFields(w.Header(), uint64(after+1), len(content))
			w.Write(content)
			return
		}
		select {
		case <-more:
		case <-r.Context().Done():
			return
		}
	}
}

// writeFields writes an answer's fields.
func writeFields(h http.Header, seq uint64, length int) {
	for _, field := range load.AnswerFields(seq, length) {
		h[field[0]] = []string{field[1]}
	}
}
