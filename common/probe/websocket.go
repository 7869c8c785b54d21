package probe

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// pingTime is after how long a server is expected to have sent a ping: proxies drop what is silent
// for a minute.
const pingTime = 60 * time.Second

// defaultMaxMessage is the size of the message that is sent when nobody said how large one may be.
const defaultMaxMessage = 1 << 20

func webSocketChecks() []Check {
	const rfc = "RFC 6455, section "
	return []Check{
		must("WS-01", rfc+"4.2.1", "A handshake without one of its fields, or with a bad one, is refused.", askHandshakes),
		must("WS-02a", rfc+"4.2.2", "A handshake is answered 101, with Upgrade, Connection, and the right Sec-WebSocket-Accept.", askAcceptValue),
		must("WS-02b", rfc+"4.2.2", "A version other than 13 is refused, with Sec-WebSocket-Version saying which there are.", askVersion),
		should("WS-02c", rfc+"4.2.2", "What is no handshake, or of another version, is answered 426 or 400.", askRefusals),
		must("WS-02d", "RFC 9110, section 15.5.22", "426 names the protocol in Upgrade.", askUpgradeField),
		should("WS-03a", rfc+"10.2", "A page of another origin is refused: the user's cookies come with its handshake.", askForeignOrigin),
		must("WS-03b", rfc+"4.2.2", "An origin is refused by 403.", askForbidden),
		must("WS-04a", rfc+"4.2.2", "The answer has one subprotocol that the client offered, or none.", askSubprotocol),
		must("WS-04b", rfc+"9.1", "The answer has no extension that the client did not offer.", askExtension),
		must("WS-05a", rfc+"5.1", "The server's frames are not masked.", askServerMask),
		must("WS-05b", rfc+"5.1", "A frame of the client that is not masked fails the connection (1002).", askClientMask),
		must("WS-06a", rfc+"5.2", "The server's frames have no reserved bit and no reserved opcode, and their length in its shortest form.", askServerFrames),
		must("WS-06b", rfc+"5.2", "A reserved bit or opcode fails the connection (1002).", askReserved),
		should("WS-06c", rfc+"5.2", "A length whose highest bit is set fails the connection (1002 or 1009).", askHighBit),
		must("WS-07a", rfc+"5.4", "A continuation of nothing, or a message within another, fails the connection (1002).", askFragments),
		must("WS-07b", rfc+"5.5", "A control frame that is fragmented, or longer than 125 bytes, fails the connection (1002).", askControls),
		must("WS-07c", rfc+"5.4", "A ping between the fragments of a message is answered, before the message ends.", askInterleaved),
		must("WS-07d", rfc+"5.4", "The server's fragments are in order, its control frames whole and at most 125 bytes long.", askServerFragments),
		must("WS-08a", rfc+"5.5.1", "A close frame is answered by one, with the same code.", askClose),
		must("WS-08b", rfc+"5.5.1", "Nothing follows the server's close frame.", askAfterClose),
		must("WS-08c", rfc+"7.1.1", "When both have sent a close frame the server closes the connection.", askClosed),
		must("WS-09a", rfc+"5.5.3", "A ping is answered by a pong with the same content.", askPing),
		must("WS-09b", rfc+"5.5.3", "A pong that nobody asked for is ignored.", askPong),
		must("WS-10a", rfc+"8.1", "Text that is not UTF-8 fails the connection (1007).", askBadText),
		must("WS-10b", rfc+"5.6", "A character may be divided between two fragments.", askDivided),
		must("WS-10c", rfc+"5.6", "The server's text messages are UTF-8.", askServerText),
		must("WS-11a", rfc+"7.4.1", "The server never sends a code that must not be sent, even if the client did.", askReservedCodes),
		should("WS-11b", rfc+"5.5.1", "A close frame with a content of one byte fails the connection (1002).", askShortClose),
		must("WS-11c", rfc+"8.1", "A close frame whose reason is not UTF-8 fails the connection (1007 or 1002).", askCloseReason),
		unseen("WS-12", rfc+"7.4.1", "A server that leaves says 1001.", "only who runs the server can have it leave"),
		must("WS-14", rfc+"10.4", "A message that is larger than the server allows fails the connection (1009).", askTooBig),
		should("WS-16", rfc+"5.5.2", "A quiet connection gets a ping about every minute or more often, so that no proxy drops it.", askKeepalive),
		must("PMD-01a", "RFC 7692, section 5.1", "permessage-deflate is not in the answer unless the client offered it.", askUnofferedDeflate),
		must("PMD-01b", "RFC 7692, section 7.1", "An offer of permessage-deflate with unknown, repeated or impossible parameters is declined.", askBadDeflate),
		must("PMD-01c", "RFC 7692, section 7.1", "An offer of permessage-deflate that is accepted is answered with parameters that it allows.", askDeflate),
		should("CORS-03", rfc+"10.2", "Origins are compared by scheme, host and port, and null is not one.", askOriginParts),
	}
}

// samples opens a connection, and returns frames that the server sends: a pong, and messages of
// several sizes if we can publish.
func (t *Target) samples(ctx context.Context) ([]frame, error) {
	topic := t.mark()
	s, err := t.upgrade(ctx, topic)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := s.send(clientFrame(fin|opPing, []byte("conform"))); err != nil {
		return nil, err
	}
	frames, err := s.until(isPong)
	if err != nil && !errors.Is(err, errQuiet) {
		return nil, fmt.Errorf("after a ping: %w", err)
	}
	if t.publisher != nil {
		for _, size := range []int{0, 125, 300, 70_000} { // one for each form of the length
			text := t.mark()
			if err := t.publish(ctx, topic, text+strings.Repeat(".", size)); err != nil {
				break // too large, perhaps
			}
			more, err := s.until(func(f frame) bool { return bytes.Contains(f.payload, []byte(text)) })
			frames = append(frames, more...)
			if err != nil {
				return nil, fmt.Errorf("while waiting for an event that was published: %w", err)
			}
		}
	}
	if len(frames) == 0 {
		return nil, skip("no frame came within %v", t.timeout())
	}
	return frames, nil
}

func askServerMask(ctx context.Context, t *Target) error {
	frames, err := t.samples(ctx)
	if err != nil {
		return err
	}
	for _, f := range frames {
		if f.masked {
			return breach(f.show(), "this frame is masked")
		}
	}
	return nil
}

func askServerFrames(ctx context.Context, t *Target) error {
	frames, err := t.samples(ctx)
	if err != nil {
		return err
	}
	for _, f := range frames {
		mask := byte(0)
		if f.masked {
			mask = 0x80
		}
		form := len(frameHead(0, mask, len(f.payload)))
		if f.masked {
			form += 4
		}
		switch {
		case f.rsv != 0:
			return breach(f.show(), "a reserved bit is set")
		case f.opcode > opBinary && f.opcode < opClose || f.opcode > opPong:
			return breach(f.show(), "the opcode %#x is reserved", f.opcode)
		case len(f.head) != form:
			return breach(f.show(), "a length of %d takes a head of %d bytes, not %d", len(f.payload), form, len(f.head))
		}
	}
	return nil
}

func askServerFragments(ctx context.Context, t *Target) error {
	frames, err := t.samples(ctx)
	if err != nil {
		return err
	}
	within := false
	for _, f := range frames {
		switch {
		case f.opcode >= opClose:
			if !f.fin || len(f.payload) > 125 {
				return breach(f.show(), "this control frame is fragmented, or too long")
			}
			continue
		case within != (f.opcode == opContinuation):
			return breach(f.show(), "this fragment is out of order")
		}
		within = !f.fin
	}
	return nil
}

func askServerText(ctx context.Context, t *Target) error {
	frames, err := t.samples(ctx)
	if err != nil {
		return err
	}
	if t.publisher != nil {
		more, err := t.sampleBytes(ctx)
		if err != nil {
			return err
		}
		frames = append(frames, more...)
	}
	var message []byte
	text := false
	for _, f := range frames {
		if f.opcode >= opClose {
			continue
		}
		if f.opcode != opContinuation {
			message, text = nil, f.opcode == opText
		}
		message = append(message, f.payload...)
		if f.fin && text && !utf8.Valid(message) {
			return breach(quoted(message), "this message is not")
		}
	}
	return nil
}

// sampleBytes returns what comes after something was published that is not UTF-8.
func (t *Target) sampleBytes(ctx context.Context) ([]frame, error) {
	topic, text := t.mark(), t.mark()
	s, err := t.upgrade(ctx, topic)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := t.publishBytes(ctx, topic); err != nil {
		return nil, err
	}
	if err := t.publish(ctx, topic, text); err != nil {
		return nil, err
	}
	frames, err := s.until(func(f frame) bool { return bytes.Contains(f.payload, []byte(text)) })
	if err != nil {
		return nil, fmt.Errorf("while waiting for an event that was published: %w", err)
	}
	return frames, nil
}

func askClientMask(ctx context.Context, t *Target) error {
	b := append(frameHead(fin|opText, 0, 2), "hi"...)
	return t.fails(ctx, "a frame without a mask", b, closeProtocol)
}

func askReserved(ctx context.Context, t *Target) error {
	for _, bad := range []struct {
		what  string
		first byte
	}{
		{"a frame with RSV1", fin | rsv1 | opPing},
		{"a frame with RSV2", fin | 0x20 | opPing},
		{"a frame with RSV3", fin | 0x10 | opPing},
		{"a frame with opcode 0x3", fin | 0x3},
		{"a frame with opcode 0xb", fin | 0xb},
	} {
		if err := t.fails(ctx, bad.what, clientFrame(bad.first, nil), closeProtocol); err != nil {
			return err
		}
	}
	return nil
}

func askHighBit(ctx context.Context, t *Target) error {
	b := binary.BigEndian.AppendUint64([]byte{fin | opText, 0x80 | 127}, 1<<63|5)
	b = append(b, 0, 0, 0, 0) // the mask
	return t.fails(ctx, "such a length", append(b, "hello"...), closeProtocol, closeTooBig)
}

func askFragments(ctx context.Context, t *Target) error {
	if err := t.fails(ctx, "a continuation of nothing", clientFrame(fin|opContinuation, nil), closeProtocol); err != nil {
		return err
	}
	within := append(clientFrame(opText, []byte("{")), clientFrame(fin|opText, []byte("}"))...)
	return t.fails(ctx, "a message within another", within, closeProtocol)
}

func askControls(ctx context.Context, t *Target) error {
	if err := t.fails(ctx, "a fragmented ping", clientFrame(opPing, nil), closeProtocol); err != nil {
		return err
	}
	return t.fails(ctx, "a ping of 126 bytes", clientFrame(fin|opPing, make([]byte, 126)), closeProtocol)
}

func askInterleaved(ctx context.Context, t *Target) error {
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return err
	}
	defer s.close()
	r, err := s.react(clientFrame(opText, []byte("{")))
	if err != nil {
		return err
	}
	if !r.open {
		return breach(r.last.show(), "the connection ends at a ping between two fragments")
	}
	return nil
}

// shut sends a close frame and waits for the server's.
func (s *socket) shut(b []byte) (frame, error) {
	if err := s.send(b); err != nil {
		return frame{}, err
	}
	frames, err := s.until(isClose)
	switch {
	case errors.Is(err, errQuiet):
		return frame{}, breach("", "it was not within %v", s.wait)
	case err != nil && s.ctx.Err() == nil:
		return frame{}, breach("", "the connection ended without one")
	case err != nil:
		return frame{}, err
	}
	return frames[len(frames)-1], nil
}

func askClose(ctx context.Context, t *Target) error {
	for _, code := range []int{closeNormal, 1001, 3000, 4999} {
		s, err := t.upgrade(ctx, t.mark())
		if err != nil {
			return err
		}
		f, err := s.shut(closeFrame(code, "conform"))
		s.close()
		if err != nil {
			return err
		}
		if f.code() != code {
			return advise(f.show(), "code %d was answered by %d", code, f.code())
		}
	}
	return nil
}

// shutDown exchanges close frames, and returns what comes behind the server's, and whether the
// connection then ends.
func (t *Target) shutDown(ctx context.Context) (rest []byte, ended bool, err error) {
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return nil, false, err
	}
	defer s.close()
	if err := s.send(closeFrame(closeNormal, "")); err != nil {
		return nil, false, err
	}
	if _, err := s.until(isClose); errors.Is(err, errQuiet) {
		return nil, false, skip("it does not answer a close frame")
	} else if err != nil && s.ctx.Err() != nil {
		return nil, false, err
	}
	rest, err = s.ends()
	if errors.Is(err, errQuiet) {
		return rest, false, nil
	}
	return rest, err == nil, err
}

func askAfterClose(ctx context.Context, t *Target) error {
	rest, _, err := t.shutDown(ctx)
	if err != nil {
		return err
	}
	if len(rest) > 0 {
		return breach(quoted(rest), "something does")
	}
	return nil
}

func askClosed(ctx context.Context, t *Target) error {
	_, ended, err := t.shutDown(ctx)
	if err != nil {
		return err
	}
	if !ended {
		return breach("", "it is still open after %v", t.timeout())
	}
	return nil
}

func askPing(ctx context.Context, t *Target) error {
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return err
	}
	defer s.close()
	for _, content := range [][]byte{nil, []byte("conform"), bytes.Repeat([]byte{0, 0xff}, 62)} {
		if err := s.send(clientFrame(fin|opPing, content)); err != nil {
			return err
		}
		frames, err := s.until(isEither)
		if errors.Is(err, errQuiet) {
			return breach("", "a ping is not answered within %v", t.timeout())
		} else if err != nil {
			return fmt.Errorf("after a ping: %w", err)
		}
		last := frames[len(frames)-1]
		if !isPong(last) || !bytes.Equal(last.payload, content) {
			return breach(last.show(), "this is the answer to a ping with the content %s", quoted(content))
		}
	}
	return nil
}

func askPong(ctx context.Context, t *Target) error {
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return err
	}
	defer s.close()
	r, err := s.react(clientFrame(fin|opPong, []byte("nobody asked")))
	if err != nil {
		return err
	}
	if !r.open {
		return breach(r.last.show(), "it ends the connection")
	}
	return nil
}

func askBadText(ctx context.Context, t *Target) error {
	for _, bad := range []struct{ what, content string }{
		{"a byte that is not UTF-8", "\"\xff\""},
		{"half of a surrogate pair as UTF-8", "\"\xed\xa0\x80\""},
		{"a character that is not complete", "\"\xe4\xb8"},
	} {
		if err := t.fails(ctx, bad.what, clientFrame(fin|opText, []byte(bad.content)), closeInvalid); err != nil {
			return err
		}
	}
	return nil
}

func askDivided(ctx context.Context, t *Target) error {
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return err
	}
	defer s.close()
	text := `{"op":"ping","ref":"` + "世" + `"}`
	half := strings.Index(text, "世") + 1
	r, err := s.react(append(clientFrame(opText, []byte(text[:half])), clientFrame(fin|opContinuation, []byte(text[half:]))...))
	switch {
	case err != nil:
		return err
	case !r.open && (r.code == closeInvalid || r.code == closeProtocol):
		return breach(r.last.show(), "such a message fails the connection")
	case !r.open:
		return skip("it takes no such message: code %d", r.code)
	}
	return nil
}

func askReservedCodes(ctx context.Context, t *Target) error {
	var odd error
	for _, code := range []int{0, 999, 1004, closeNoStatus, closeAbnormal, 1015, 5000, 65535} {
		s, err := t.upgrade(ctx, t.mark())
		if err != nil {
			return err
		}
		r, err := s.react(closeFrame(code, ""))
		s.close()
		var f *finding
		switch {
		case errors.As(err, &f):
			odd = advise("", "after the code %d %s", code, f.Note)
		case err != nil:
			return err
		case !r.open && r.code == code && len(r.last.payload) >= 2:
			return breach(r.last.show(), "the code %d is sent back", code)
		case r.open:
			odd = advise(r.last.show(), "after the code %d the connection stays open", code)
		case r.code != closeProtocol && r.code != closeAbnormal:
			odd = advise(r.last.show(), "the code %d is answered by %d, and should be by 1002", code, r.code)
		}
	}
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return err
	}
	defer s.close()
	r, err := s.react(clientFrame(fin|opClose, nil))
	if err != nil {
		return err
	}
	if r.code == closeNoStatus && len(r.last.payload) >= 2 {
		return breach(r.last.show(), "a close frame without a code is answered by one with 1005")
	}
	return odd
}

func askShortClose(ctx context.Context, t *Target) error {
	return t.fails(ctx, "such a close frame", clientFrame(fin|opClose, []byte{3}), closeProtocol)
}

func askCloseReason(ctx context.Context, t *Target) error {
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return err
	}
	defer s.close()
	r, err := s.react(closeFrame(closeNormal, "\xff"))
	switch {
	case err != nil:
		return err
	case r.open || r.code == closeNormal:
		return breach(r.last.show(), "it is taken for a good one")
	}
	return r.judged("such a reason", []int{closeInvalid, closeProtocol})
}

func askTooBig(ctx context.Context, t *Target) error {
	size := t.options.MaxMessage
	if size == 0 {
		size = defaultMaxMessage
	}
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return err
	}
	message := clientFrame(fin|opText, []byte(`"`+strings.Repeat("x", size-1)+`"`))
	// The server may answer before it has all of it, and close before it can be written.
	var writing sync.WaitGroup
	writing.Go(func() { s.send(append(message, clientFrame(fin|opPing, nil)...)) })
	r, err := s.reaction()
	s.close()
	writing.Wait()
	switch {
	case err != nil:
		return err
	case r.open && t.options.MaxMessage == 0:
		return skip("it takes %d bytes; say how many it should take", size+1)
	case r.open:
		return breach(r.last.show(), "it takes %d bytes", size+1)
	}
	return r.judged(fmt.Sprintf("%d bytes", size+1), []int{closeTooBig})
}

func askKeepalive(ctx context.Context, t *Target) error {
	const worth = 15 * time.Second
	if t.timeout() < worth {
		return skip("a silence has to be waited for: ask with a timeout of %v or more", pingTime)
	}
	s, err := t.upgrade(ctx, t.mark())
	if err != nil {
		return err
	}
	defer s.close()
	_, err = s.until(func(f frame) bool { return f.opcode == opPing })
	switch {
	case errors.Is(err, errQuiet) && t.timeout() < pingTime:
		return skip("none came within %v: ask with a timeout of %v or more", t.timeout(), pingTime)
	case errors.Is(err, errQuiet):
		return breach("", "none came within %v", t.timeout())
	case err != nil:
		return fmt.Errorf("while waiting for a ping: %w", err)
	}
	return nil
}
