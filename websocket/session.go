package websocket

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
	"unicode/utf8"

	gorilla "github.com/gorilla/websocket"

	"pushlab/common/access"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/request"
	"pushlab/common/wire"
)

// A session is what a client says on its connection, and the answers to it.
type session struct {
	frames
	*Handler
	stream   *wire.Stream
	grant    *access.Grant // what the client may do
	answer   *bytes.Buffer // what gorilla has written, during the handshake
	deflates bool          // compression was agreed on

	publishing atomic.Bool // nothing is read meanwhile
}

// start starts the stream; head is the answer to the handshake.
func (s *session) start(stream *wire.Stream, head []byte) {
	s.stream, s.controls = stream, s
	stream.Start(head, reader{s})
}

// Write takes what gorilla writes, so that the connection has one writer. After the handshake that is
// a close frame, in one piece, which answers a violation. Nothing may follow it: RFC 6455, section
// 5.5.1 (WS-08).
func (s *session) Write(p []byte) (int, error) {
	if s.answer != nil {
		return s.answer.Write(p)
	}
	if err := s.stream.Finish(bytes.Clone(p), wire.Refused); err != nil {
		return 0, err
	}
	return len(p), nil
}

// A reader is the session as the stream sees it (wire.Reader).
type reader struct{ *session }

// Beat is called with each heartbeat, which carries a ping: its pong is due within the interval
// (WS-16). The next heartbeat may come before that, and must not put it off. While the client waits for the log its pongs are
// not read, and it is not to blame: see publish.
func (s reader) Beat() {
	if !s.stream.Expecting() {
		s.stream.Expect(s.config.Heartbeat)
	}
	if s.publishing.Load() {
		s.stream.Heard()
	}
}

var errClosed = errors.New("websocket: the client has closed the connection")

// control answers a control frame.
func (s *session) control(opcode byte, payload []byte) error {
	s.stream.Heard()
	switch opcode {
	case opPing:
		// RFC 6455, section 5.5.3 (WS-09): a pong has the ping's payload. When the stream has ended
		// nothing is answered any more.
		s.stream.Send(append(appendHeader(nil, opPong, len(payload)), payload...))
	case opClose:
		code, ok := closeCode(payload)
		if !ok {
			return errHeader
		}
		// RFC 6455, section 5.5.1 (WS-08): answer with the same code, and then send nothing more.
		s.stream.Finish(appendClose(nil, code, ""), wire.Left)
		return errClosed
	}
	return nil
}

// Read serves what has come from the client: a message at the least, or a control frame.
func (s reader) Read() error {
	for {
		message, err := s.await()
		if err == nil && message {
			err = s.serveMessage()
		}
		if errors.Is(err, errHeader) {
			s.refuse(gorilla.CloseProtocolError, "bad frame header")
		}
		if err != nil {
			s.settle() // nothing more is waited for
			return err
		}
		if s.drained() {
			return nil
		}
	}
}

// serveMessage reads and serves a message. RFC 6455, section 7.4.1 (WS-12): each violation has its code.
func (s *session) serveMessage() error {
	s.inside = true
	messageType, message, err := s.readMessage()
	s.inside = false
	if late := s.settle(); late != nil {
		return late
	}
	if errors.Is(err, errTooBig) || errors.Is(err, gorilla.ErrReadLimit) {
		s.config.Refused(request.LimitMessage)
	}
	switch {
	case errors.Is(err, errTooBig):
		return s.refuse(gorilla.CloseMessageTooBig, "")
	case err != nil:
		return err
	case messageType != gorilla.TextMessage:
		return s.refuse(gorilla.CloseUnsupportedData, "messages are JSON text")
	case !utf8.Valid(message):
		// RFC 6455, section 8.1 (WS-10). Gorilla leaves this to its caller.
		return s.refuse(gorilla.CloseInvalidFramePayloadData, "text must be UTF-8")
	}
	s.stream.Heard()
	// When the stream has ended nothing is answered any more, but read on: the client's close frame
	// is to come, and to close with something unread would reset the connection.
	s.operate(message)
	return nil
}

// refuse ends the connection because of what the client sent: nothing more is to be read.
func (s *session) refuse(code int, reason string) error {
	s.stream.Finish(appendClose(nil, code, reason), wire.Refused)
	return errors.New("websocket: " + reason)
}

// An operation is a client's message.
type operation struct {
	Op     string          `json:"op"`
	Ref    json.RawMessage `json:"ref"`
	Topic  string          `json:"topic"`
	Data   json.RawMessage `json:"data"`
	Key    *string         `json:"key"`
	Topics []string        `json:"topics"`
	After  *string         `json:"after"`
}

// maxRef is how long a ref may be, in bytes: each answer holds one, and some may wait for a client that does not read.
const maxRef = 4 << 10

// A reply answers one. An envelope has no member op, so that the two cannot be confused.
type reply struct {
	Op    string          `json:"op"`
	Ref   json.RawMessage `json:"ref,omitempty"`
	ID    string          `json:"id,omitempty"`
	Error string          `json:"error,omitempty"`
}

// isReply tells a reply from an envelope.
func isReply(message []byte) bool { return bytes.HasPrefix(message, []byte(`{"op":`)) }

// operate does what a message asks for and answers it. It fails when the stream has ended.
func (s *session) operate(message []byte) error {
	var op operation
	err := json.Unmarshal(message, &op)
	switch {
	case len(op.Ref) > maxRef:
		return s.reply(reply{Op: "error", Error: fmt.Sprintf("ref has %d bytes; the limit is %d", len(op.Ref), maxRef)})
	case err != nil:
		return s.reply(reply{Op: "error", Ref: op.Ref, Error: badMessage(err)})
	}
	answer := reply{Ref: op.Ref}
	switch op.Op {
	case "publish":
		var id event.ID
		err := s.allow(s.grant.CheckPublish(op.Topic))
		if err == nil {
			id, err = s.publish(op)
		}
		if err != nil {
			answer.Op, answer.Error = "error", request.Reason(err)
			break
		}
		answer.Op, answer.ID = "ack", id.String()
	case "subscribe":
		start, err := s.check(op)
		if err == nil {
			op.Topics, err = s.grant.Subscription(op.Topics)
			err = s.allow(err)
		}
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

// allow passes on why the client may not do something, if it may not, and says so for those who count. A client
// that has no time left may do nothing, though it reads too slowly to have got its goodbye.
func (s *session) allow(denied error) error {
	denied = cmp.Or(denied, s.grant.CheckTime(time.Now()))
	if denied != nil {
		s.config.Refused(request.NotGranted)
	}
	return denied
}

// check reads what a subscribe asks for, beside its topics.
func (s *session) check(op operation) (*hub.Start, error) {
	if len(op.Topics) > request.MaxTopics {
		s.config.Refused(request.LimitTopics)
	}
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
