package websocket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
	"unicode/utf8"

	gorilla "github.com/gorilla/websocket"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/request"
	"pushlab/common/wire"
)

// A session is what a client says on its connection, and the answers to it.
type session struct {
	*Handler
	conn   *gorilla.Conn
	stream *wire.Stream

	mu       sync.Mutex // guards the read deadline, which the stream sets and the reader lifts
	awaiting bool       // a pong is due
}

// serve starts the stream on an upgraded connection.
func (h *Handler) serve(conn *gorilla.Conn, s *socket, stream *wire.Stream) {
	head := s.head
	s.head, s.stream = nil, stream
	session := &session{Handler: h, conn: conn, stream: stream}
	conn.SetReadLimit(int64(h.config.MaxMessage))
	conn.SetPingHandler(func(payload string) error {
		// RFC 6455, section 5.5.3: a pong has the ping's payload. Gorilla's own answer would end
		// the reading when the stream has ended.
		stream.Send(append(appendHeader(nil, opPong, len(payload)), payload...))
		return session.alive()
	})
	conn.SetPongHandler(func(string) error { return session.alive() })
	conn.SetCloseHandler(func(code int, _ string) error {
		// RFC 6455, section 5.5.1: answer with the same code, and then send nothing more.
		return stream.Finish(appendClose(nil, code, ""), wire.Left)
	})
	stream.Start(head, session.read, session.pinged)
}

// pinged is called with each heartbeat, which carries a ping: its pong is due within the interval.
// The next heartbeat may come before that, and must not put it off.
func (s *session) pinged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.awaiting {
		s.awaiting = true
		s.conn.SetReadDeadline(time.Now().Add(s.config.Heartbeat)) // of a connection that is closed: it is read no more
	}
}

// alive is called when the client has answered, or said anything else.
func (s *session) alive() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.awaiting = false
	return s.conn.SetReadDeadline(time.Time{})
}

// read serves the client's messages until the connection ends.
func (s *session) read() {
	for {
		messageType, message, err := readMessage(s.conn, s.config.MaxMessage)
		var timeout interface{ Timeout() bool }
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			s.stream.Finish(nil, wire.Stalled)
			return
		case errors.Is(err, errTooBig):
			s.refuse(gorilla.CloseMessageTooBig, "")
			return
		case errors.Is(err, errHeader):
			s.refuse(gorilla.CloseProtocolError, "bad frame header")
			return
		case err != nil:
			return
		case messageType != gorilla.TextMessage:
			s.refuse(gorilla.CloseUnsupportedData, "messages are JSON text")
			return
		case !utf8.Valid(message):
			// RFC 6455, section 8.1. Gorilla leaves this to its caller.
			s.refuse(gorilla.CloseInvalidFramePayloadData, "text must be UTF-8")
			return
		}
		if s.alive() != nil {
			return
		}
		// When the stream has ended nothing is answered any more, but read on: the client's
		// close frame is to come, and to close with something unread would reset the connection.
		s.serveMessage(message)
	}
}

var errTooBig = errors.New("websocket: the message is too big")

// readMessage reads a message of at most that many bytes. Gorilla's own limit counts compressed
// bytes, of which a few can inflate to very many.
func readMessage(conn *gorilla.Conn, limit int) (messageType int, message []byte, err error) {
	messageType, r, err := conn.NextReader()
	if err != nil {
		return 0, nil, err
	}
	message, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(message) > limit {
		err = errTooBig
	}
	return messageType, message, err
}

// refuse ends the connection because of what the client sent.
func (s *session) refuse(code int, reason string) {
	s.stream.Finish(appendClose(nil, code, reason), wire.Refused)
}

// An operation is a client's message.
type operation struct {
	Op     string          `json:"op"`
	Ref    json.RawMessage `json:"ref"`
	Topic  string          `json:"topic"`
	Data   json.RawMessage `json:"data"`
	Topics []string        `json:"topics"`
	After  *string         `json:"after"`
}

// A reply answers one. An envelope has no member op, so that the two cannot be confused.
type reply struct {
	Op    string          `json:"op"`
	Ref   json.RawMessage `json:"ref,omitempty"`
	ID    string          `json:"id,omitempty"`
	Error string          `json:"error,omitempty"`
}

// isReply tells a reply from an envelope.
func isReply(message []byte) bool { return bytes.HasPrefix(message, []byte(`{"op":`)) }

// serveMessage does what a message asks for and answers it. It fails when the stream has ended.
func (s *session) serveMessage(message []byte) error {
	var op operation
	if err := json.Unmarshal(message, &op); err != nil {
		return s.reply(reply{Op: "error", Ref: op.Ref, Error: badMessage(err)})
	}
	answer := reply{Ref: op.Ref}
	switch op.Op {
	case "publish":
		id, err := s.publish(op)
		if err != nil {
			answer.Op, answer.Error = "error", request.Reason(err)
			break
		}
		answer.Op, answer.ID = "ack", id.String()
	case "subscribe":
		start, err := s.check(op)
		if err == nil {
			return s.stream.Resubscribe(op.Topics, start) // $open is the answer
		}
		answer.Op, answer.Error = "error", request.Reason(err)
	case "ping":
		answer.Op = "pong"
	default:
		answer.Op, answer.Error = "error", fmt.Sprintf("op is %.40q; use publish, subscribe or ping", op.Op)
	}
	return s.reply(answer)
}

// badMessage says in the client's terms why a message could not be read.
func badMessage(err error) string {
	var wrong *json.UnmarshalTypeError
	switch {
	case !errors.As(err, &wrong):
		return "the message is not JSON: " + err.Error()
	case wrong.Field == "":
		return `the message must be a JSON object, such as {"op":"ping"}`
	case wrong.Field == "topics":
		return "topics must be a list of strings"
	default:
		return wrong.Field + " must be a string"
	}
}

func (s *session) publish(op operation) (event.ID, error) {
	if op.Data == nil {
		return event.ID{}, errors.New("data is missing; give any JSON value")
	}
	data, err := event.Compact(op.Data)
	if err != nil {
		return event.ID{}, err
	}
	return s.hub.Publish(context.Background(), op.Topic, data)
}

// check reads what a subscribe asks for, beside its topics.
func (s *session) check(op operation) (*hub.Start, error) {
	if err := request.CheckTopics(op.Topics); err != nil {
		return nil, err
	}
	if op.After == nil {
		return nil, nil
	}
	start, err := request.ParseCursor(*op.After)
	return &start, err
}

func (s *session) reply(r reply) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("websocket: %w", err)
	}
	return s.stream.Send(appendText(nil, b))
}
