package load

import (
	"bufio"
	"fmt"
	"io"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/httpstream"
	"pushlab/sse"
	"pushlab/websocket"
)

// envelopeOf returns event n as a server would name it, which has taken no other.
func envelopeOf(n int, data []byte) event.Event {
	return event.Event{ID: event.ID{Epoch: ReferenceEpoch, Seq: uint64(n + 1)}, Topic: Topic, Data: data}
}

// ReferenceEpoch is the epoch in the ids of what the load frames itself.
const ReferenceEpoch = "mfrggzdf"

// Framing returns how a Pushlab server sends an event by a transport. It appends all bytes of event n to dst.
func Framing(transport string) func(dst []byte, n int, data []byte) []byte {
	return func(dst []byte, n int, data []byte) []byte {
		switch e := envelopeOf(n, data); transport {
		case httpstream.Name:
			return appendChunk(dst, httpstream.AppendFrame(nil, e))
		case sse.Name:
			return appendChunk(dst, sse.AppendFrame(nil, e))
		case websocket.Name:
			return websocket.AppendFrame(dst, e)
		default:
			content := AppendAnswer(nil, n, data)
			dst = append(dst, "HTTP/1.1 200 OK\r\n"...)
			for _, field := range AnswerFields(uint64(n+1), len(content)) {
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

// AppendAnswer appends to dst the content of the answer to a poll that brings event n alone.
func AppendAnswer(dst []byte, n int, data []byte) []byte {
	e := envelopeOf(n, data)
	dst = append(dst, `{"events":[`...)
	dst = e.AppendEnvelope(dst)
	return append(dst, `],"cursor":"`+e.ID.String()+`","more":false}`...)
}

// AnswerFields are the names and values of the header fields of an answer to a poll that brings the event
// with that sequence number and has that length; without the date, which net/http adds.
func AnswerFields(seq uint64, length int) [][2]string {
	return [][2]string{
		{"Cache-Control", "no-store"},
		{"Content-Length", fmt.Sprint(length)},
		{"Content-Type", "application/json"},
		{client.CursorHeader, event.ID{Epoch: ReferenceEpoch, Seq: seq}.String()},
		{"Vary", "Origin"},
		{"X-Content-Type-Options", "nosniff"},
	}
}

// ReadFrame reads one of the frames that Frames writes, and returns it without its length. It fails with
// io.EOF where they end, and on one that is too large.
func ReadFrame(r *bufio.Reader) ([]byte, error) {
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
