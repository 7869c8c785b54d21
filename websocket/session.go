package websocket

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
}

// serve starts the stream on an upgraded connection.
func (h *Handler) serve(conn *gorilla.Conn, s *socket, sub *hub.Subscription, peer string) {
	head := s.head
	s.head = nil
	s.stream = h.streams.Accept(s.Conn, sub, peer)
	session := &session{Handler: h, conn: conn, stream: s.stream}
	conn.SetReadLimit(int64(h.config.MaxMessage))
	conn.SetPongHandler(func(string) error { return conn.SetReadDeadline(time.Time{}) })
	conn.SetCloseHandler(func(code int, _ string) error {
		// RFC 6455, section 5.5.1: answer with the same code, and then send nothing more.
		return session.stream.Finish(appendClose(nil, code, ""), wire.Left)
	})
	session.stream.Start(head, session.read, func() {
		// A heartbeat carries a ping; its pong is due before the next.
		conn.SetReadDeadline(time.Now().Add(h.config.Heartbeat))
	})
}

// read serves the client's messages until the connection ends.
func (s *session) read() {
	for {
		messageType, message, err := s.conn.ReadMessage()
		var timeout interface{ Timeout() bool }
		switch {
		case errors.As(err, &timeout) && timeout.Timeout():
			s.stream.Finish(nil, wire.Stalled)
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
		s.conn.SetReadDeadline(time.Time{}) // whoever talks is alive
		if s.serveMessage(message) != nil {
			return // the stream has ended
		}
	}
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
		return s.reply(reply{Op: "error", Ref: op.Ref, Error: "the message is not as it should be: " + err.Error()})
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
