package peers

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// FlushName is what Flush calls itself.
const FlushName = "flush"

// history is how many events are kept for clients that come back.
const history = 10_000

// A broker keeps the channels of the clients, and the last events.
type broker struct {
	mu      sync.Mutex
	clients map[chan message]bool
	last    int // ID
	history []message
}

// A message is an event with its ID.
type message struct {
	id   int
	data []byte
}

// Flush serves Server-Sent Events by the typical handler on a port of its own, which it tells on
// out, until ctx ends.
func Flush(ctx context.Context, out io.Writer) error {
	b := &broker{clients: map[chan message]bool{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /sse", b.subscribe)
	mux.HandleFunc("/publish", publishing(b.publish))
	return serve(ctx, out, FlushName, mux)
}

func (b *broker) publish(data []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	m := message{b.last, data}
	b.history = append(b.history, m)
	if len(b.history) > history {
		b.history = b.history[1:]
	}
	for events := range b.clients {
		select {
		case events <- m:
		default: // it is too slow: it may come back and ask for what it missed
			delete(b.clients, events)
			close(events)
		}
	}
}

// add returns a channel of a client, and what was published after the event that it had last.
func (b *broker) add(last string) (events chan message, missed []message) {
	events = make(chan message, 256)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clients[events] = true
	if id, err := strconv.Atoi(last); err == nil {
		n := min(max(0, b.last-id), len(b.history))
		missed = b.history[len(b.history)-n:]
	}
	return events, missed
}

func (b *broker) remove(events chan message) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.clients, events)
}

func (b *broker) subscribe(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "this server cannot stream", http.StatusInternalServerError)
		return
	}
	events, missed := b.add(r.Header.Get("Last-Event-ID"))
	defer b.remove(events)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	for _, m := range missed {
		m.write(w)
	}
	flusher.Flush()
	for {
		select {
		case m, ok := <-events:
			if !ok {
				return
			}
			m.write(w)
			flusher.Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// write writes a message whose data has no line break. If the client is gone, the context ends.
func (m message) write(w io.Writer) {
	fmt.Fprintf(w, "id: %d\ndata: %s\n\n", m.id, m.data)
}
