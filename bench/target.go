package bench

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// A Target is a kind of server that can be measured: how to start one, and how to talk to it.
type Target struct {
	// Name is what results call it.
	Name string
	// Transports are the labels of the transports that it offers.
	Transports []string
	// Start starts a server that offers a transport. The server is measured once, and closed before
	// the next is started, so that none inherits what another left behind.
	Start func(ctx context.Context, transport string) (*Server, error)

	protocol
}

// A protocol is how to talk to a target.
type protocol struct {
	path     func(transport string) string     // of a subscription, with a query
	publish  func(transport string) publishing // of events
	bare     bool                              // events come without an envelope, so without a cursor
	accept   bool                              // SSE is asked for by Accept
	counters bool                              // /metrics has Pushlab's counters
	resumes  bool                              // a cursor brings what was missed
}

// Names of the targets that are no Pushlab server.
const (
	FloorName    = "floor"
	BaselineName = "baseline"
	NchanName    = "nchan"
	pushlabName  = "pushlab"
)

// NewTarget makes a target of what a command line calls it: "floor", "baseline", "nchan", or
// "pushlab" and more arguments for its serve command, such as "pushlab --heartbeat 5s". Instead of
// pushlab there may be the path of another such program. Name is text. The servers get the core.
func NewTarget(text string, core *int, serveArgs []string) (Target, error) {
	program, err := os.Executable()
	if err != nil {
		return Target{}, fmt.Errorf("bench: which program to start as the server: %w", err)
	}
	start := func(command ...string) func(context.Context, string) (*Server, error) {
		return func(ctx context.Context, transport string) (*Server, error) {
			return StartServer(ctx, ServerConfig{Command: command, Core: core})
		}
	}
	words := strings.Fields(text)
	switch {
	case text == FloorName:
		return floorTarget(start(program, "bench", "floor")), nil
	case text == BaselineName:
		return baselineTarget(start(program, "bench", "baseline")), nil
	case text == NchanName:
		return nchanTarget(core), nil
	case len(words) > 0 && strings.ContainsRune(words[0], filepath.Separator):
		program = words[0]
	case len(words) == 0 || words[0] != pushlabName:
		return Target{}, fmt.Errorf("bench: unknown target %q; use pushlab, %s, %s, %s, or the path of a program", text, FloorName, BaselineName, NchanName)
	}
	command := append([]string{program}, serveCommand...)
	command = append(append(command, serveArgs...), words[1:]...)
	return PushlabTarget(text, start(command...)), nil
}

// serveCommand is for a Pushlab program to serve what bench needs, and nothing else.
var serveCommand = []string{"serve", "--listen", "localhost:0", "--source", "none", "--log-level", "warn"}

// PushlabTarget is a Pushlab server.
func PushlabTarget(name string, start func(ctx context.Context, transport string) (*Server, error)) Target {
	return Target{Name: name, Transports: Transports(), Start: start, protocol: protocol{
		path: ourPath, publish: func(string) publishing { return asOurs() }, counters: true, resumes: true,
	}}
}

func ourPath(transport string) string { return "/" + transport + "?topic=" + topic }

// floorTarget is a server that does nothing but send to each subscriber what the publisher says: the
// bytes that a Pushlab server would send. Nobody who makes one system call for each can cost less.
func floorTarget(start func(context.Context, string) (*Server, error)) Target {
	return Target{Name: FloorName, Transports: Transports(), Start: start, protocol: protocol{
		path: ourPath, publish: func(transport string) publishing { return byFrames(framing(transport)) },
	}}
}

// baselineTarget is what net/http costs: a handler that waits for the event and writes the answer of
// a Pushlab server.
func baselineTarget(start func(context.Context, string) (*Server, error)) Target {
	return Target{Name: BaselineName, Transports: []string{longpoll.Name}, Start: start, protocol: protocol{
		path: ourPath, publish: func(string) publishing { return byFrames(answerOf) },
	}}
}

// envelopeOf returns event n as a server would name it, which has taken no other.
func envelopeOf(n int, data []byte) event.Event {
	return event.Event{ID: event.ID{Epoch: referenceEpoch, Seq: uint64(n + 1)}, Topic: topic, Data: data}
}

const referenceEpoch = "mfrggzdf"

// framing returns how a Pushlab server sends an event by a transport: all bytes of it.
func framing(transport string) func(dst []byte, n int, data []byte) []byte {
	return func(dst []byte, n int, data []byte) []byte {
		switch e := envelopeOf(n, data); transport {
		case httpstream.Name:
			return appendChunk(dst, httpstream.AppendFrame(nil, e))
		case sse.Name:
			return appendChunk(dst, sse.AppendFrame(nil, e))
		case websocket.Name:
			return websocket.AppendFrame(dst, e)
		default:
			content := answerOf(nil, n, data)
			dst = append(dst, "HTTP/1.1 200 OK\r\n"...)
			for _, field := range answerFields(uint64(n+1), len(content)) {
				dst = append(dst, field[0]+": "+field[1]+"\r\n"...)
			}
			dst = append(dst, "Date: Mon, 23 Nov 2026 10:00:00 GMT\r\n\r\n"...) // its length is always the same
			return append(dst, content...)
		}
	}
}

func appendChunk(dst, content []byte) []byte {
	dst = fmt.Appendf(dst, "%x\r\n", len(content))
	return append(append(dst, content...), "\r\n"...)
}

// answerOf appends the content of the answer to a poll that brings one event.
func answerOf(dst []byte, n int, data []byte) []byte {
	e := envelopeOf(n, data)
	dst = append(dst, `{"events":[`...)
	dst = e.AppendEnvelope(dst)
	return append(dst, `],"cursor":"`+e.ID.String()+`","more":false}`...)
}

// answerFields are the header fields of an answer to a poll, without the date that net/http adds.
func answerFields(seq uint64, length int) [][2]string {
	return [][2]string{
		{"Cache-Control", "no-store"},
		{"Content-Length", fmt.Sprint(length)},
		{"Content-Type", "application/json"},
		{client.CursorHeader, event.ID{Epoch: referenceEpoch, Seq: seq}.String()},
		{"Vary", "Origin"},
		{"X-Content-Type-Options", "nosniff"},
	}
}

// readFrame reads what byFrames writes.
func readFrame(r *bufio.Reader) ([]byte, error) {
	head, err := r.Peek(4)
	if err != nil {
		return nil, err
	}
	length := int(head[0])<<24 | int(head[1])<<16 | int(head[2])<<8 | int(head[3])
	if length > maxBody {
		return nil, fmt.Errorf("bench: a frame of %d bytes; the limit is %d", length, maxBody)
	}
	frame := make([]byte, length)
	r.Discard(4) // cannot fail: it was peeked
	_, err = io.ReadFull(r, frame)
	return frame, err
}

// writeFields writes an answer's fields.
func writeFields(h http.Header, seq uint64, length int) {
	for _, field := range answerFields(seq, length) {
		h[field[0]] = []string{field[1]}
	}
}
