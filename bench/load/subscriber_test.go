package load

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
	"pushlab/common/event"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// What a server answers to the first request, of long polling and of WebSocket.
const (
	firstPoll = "HTTP/1.1 204 No Content\r\nPushlab-Cursor: " + ReferenceEpoch + "-0\r\n\r\n"
	switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
)

// newSubscriber returns a subscriber that has just sent its first request, to a server of 50 events.
func newSubscriber(transport string) *subscriber {
	return subscriberOf(transport, Pushlab(transport).Subscribe)
}

// subscriberOf is newSubscriber for a server that is subscribed to in that way.
func subscriberOf(transport string, how Subscription) *subscriber {
	l := &Load{transport: transport, plan: newPlan(transport, "localhost:80", how, Way{}), dialer: Dialer{address: "localhost:80"}, now: time.Second, gauge: new(gauge)}
	s := &subscriber{load: l, plan: l.plan, member: dataMember, state: connecting, warmUp: newLedger(0, 10), measured: newLedger(10, 40)}
	s.begin(nil)
	return s
}

// fed hands a stream to a subscriber in pieces of that size, and returns all that it answers.
func fed(s *subscriber, stream []byte, size int) (answers []byte, err error) {
	for len(stream) > 0 {
		n := min(size, len(stream))
		answer, err := s.feed(bytes.Clone(stream[:n]))
		if err != nil {
			return answers, err
		}
		answers = append(answers, answer...)
		stream = stream[n:]
	}
	return answers, nil
}

// streamOf is what a server sends: events from 0, of which 25 comes twice and 20 is a large one, and
// then a gap.
func streamOf(transport string, events, large int) []byte {
	var stream []byte
	frame := Framing(transport)
	gap := event.NewGap(event.ID{Epoch: ReferenceEpoch, Seq: 30}, event.Gap{After: "x"})
	switch transport {
	case longpoll.Name:
		stream = append(stream, firstPoll...)
	case websocket.Name:
		stream = append(stream, switching...)
		stream = append(stream, 0x89, 2, 'h', 'i', 0x8a, 0) // a ping with a text, a pong
	default:
		stream = append(stream, "HTTP/1.1 200 OK\r\ncontent-type: x\r\ntransfer-encoding: chunked\r\n\r\n"...)
	}
	for n := range events {
		size := 128
		if n == 20 {
			size = large
		}
		data := appendData(nil, n, time.Millisecond*time.Duration(n), size)
		stream = frame(stream, n, data)
		if n == 25 {
			stream = frame(stream, n, data)
		}
	}
	switch transport {
	case longpoll.Name:
		content := `{"events":[` + string(gap.Envelope()) + `],"cursor":"` + ReferenceEpoch + `-30","more":false}`
		stream = fmt.Appendf(stream, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nPushlab-Cursor: %s-30\r\n\r\n%s", len(content), ReferenceEpoch, content)
	case websocket.Name:
		stream = websocket.AppendFrame(stream, gap)
	case httpstream.Name: // in two chunks
		line := httpstream.AppendFrame(nil, gap)
		stream = appendChunk(appendChunk(stream, line[:20]), line[20:])
	default:
		stream = appendChunk(stream, sse.AppendFrame(nil, gap))
	}
	return stream
}

// However the bytes are cut, the same events come.
func TestSubscriberReadsAnyPieces(t *testing.T) {
	for _, transport := range result.Transports() {
		stream := streamOf(transport, 30, 70_000)
		for _, size := range []int{1, 7, 4096, len(stream)} {
			s := newSubscriber(transport)
			answers, err := fed(s, stream, size)
			if err != nil {
				t.Errorf("%s in pieces of %d: %v", transport, size, err)
				continue
			}
			if s.warmUp.came != 10 || s.measured.came != 20 || s.measured.duplicated != 1 || s.measured.reordered != 0 || s.gaps != 1 || s.state != present {
				t.Errorf("%s in pieces of %d: %+v", transport, size, s)
			}
			if string(s.cursors[0]) != ReferenceEpoch+"-30" || len(s.rest)+len(s.line) > 0 || s.load.in != int64(len(stream)) {
				t.Errorf("%s in pieces of %d: cursor %q, rest %q and %q, %d bytes", transport, size, s.cursors, s.rest, s.line, s.load.in)
			}
			if got, err := s.load.delivery.Latency(); err != nil || got.Count != 20 || got.Max != time.Second-10*time.Millisecond {
				t.Errorf("%s in pieces of %d: %d latencies, the largest %v, %v", transport, size, got.Count, got.Max, err)
			}
			switch transport {
			case longpoll.Name:
				polls := strings.Count(string(answers), "GET /longpoll?topic=bench&after=")
				if polls != 33 || !strings.HasSuffix(string(answers), "&after="+ReferenceEpoch+"-30 HTTP/1.1\r\nHost: localhost:80\r\n\r\n") {
					t.Errorf("%d polls were sent; the last is …%q", polls, answers[max(0, len(answers)-100):])
				}
			case websocket.Name:
				if len(answers) != 8 || answers[0] != finalBit|opPong || answers[6]^answers[2] != 'h' {
					t.Errorf("the answer to the ping is % x", answers)
				}
			default:
				if len(answers) > 0 {
					t.Errorf("%s: it answered %q", transport, answers)
				}
			}
		}
	}
}

// However the bytes of a server are cut that is not ours, the same events come, and the same cursors.
func TestSubscriberReadsAnyPiecesOfOthers(t *testing.T) {
	cursors := []Cursor{{From: "json:seq", To: "query:a"}, {From: "id", To: "query:b"}}
	escaped := func(n int) string { return strings.ReplaceAll(string(appendData(nil, n, 0, 128)), `"`, `\"`) }
	chunked := "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	for _, c := range []struct {
		name, transport, head string
		event                 func(n int) string
	}{
		{"SSE", "sse", chunked, func(n int) string {
			return string(appendChunk(nil, fmt.Appendf(nil, "id: i%d\r\ndata: {\"d\":%s,\"seq\":%d}\r\n\r\n", n, appendData(nil, n, 0, 128), n)))
		}},
		{"lines", "httpstream", chunked, func(n int) string {
			return string(appendChunk(nil, fmt.Appendf(nil, "id:i%d\n{\"d\":\"%s\",\"seq\":\"%d\"}\n", n, escaped(n), n)))
		}},
		{"polls", "longpoll", "", func(n int) string {
			body := fmt.Sprintf("id: i%d\n[%s,{\"seq\":%d}]", n, appendData(nil, n, 0, 128), n)
			if n%2 == 0 {
				return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
			}
			return chunked + string(appendChunk(appendChunk(nil, []byte(body[:60])), []byte(body[60:]))) + "0\r\n\r\n"
		}},
		{"messages", "websocket", switching, func(n int) string {
			text := fmt.Sprintf("id: i%d\n\n{\"seq\":%d,\"d\":\"%s\"}", n, n, escaped(n))
			return "\x01\x28" + text[:40] + "\x00\x28" + text[40:80] + "\x89\x00" + "\x80" + string(rune(len(text)-80)) + text[80:]
		}},
	} {
		stream := c.head
		for n := range 50 {
			stream += c.event(n)
		}
		for _, size := range []int{1, 7, 100, len(stream)} {
			s := subscriberOf(c.transport, Subscription{Cursors: cursors})
			s.begin(nil)
			if _, err := fed(s, []byte(stream), size); err != nil || s.warmUp.came != 10 || s.measured.came != 40 || s.measured.duplicated+s.measured.reordered != 0 {
				t.Errorf("%s in pieces of %d: %v, %+v", c.name, size, err, s)
			}
			if string(s.cursors[0]) != "49" || string(s.cursors[1]) != "i49" || len(s.line)+len(s.rest) > 0 {
				t.Errorf("%s in pieces of %d: the cursors are %q, the rest %q and %q", c.name, size, s.cursors, s.line, s.rest)
			}
		}
	}
}

// Without chunks the response is all content, as Nchan's is.
func TestSubscriberReadsContentWithoutChunks(t *testing.T) {
	s := subscriberOf(sse.Name, Subscription{Request: Request{Path: "/sse"}})
	stream := []byte("HTTP/1.1 200 OK\r\n\r\n: hi\n\n")
	for n := range 50 {
		stream = append(append(append(stream, "data: "...), appendData(nil, n, 0, 128)...), "\n\n"...)
	}
	if _, err := fed(s, stream, 11); err != nil || s.measured.came != 40 || s.warmUp.came != 10 {
		t.Errorf("%v: %+v", err, s)
	}
}

func TestSubscriberRefuses(t *testing.T) {
	const ok = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	socket := switching
	for name, c := range map[string]struct{ transport, stream, says string }{
		"another status":       {"sse", "HTTP/1.1 404 Not Found\r\n\r\nno such page", "404 Not Found: no such page"},
		"no upgrade":           {"websocket", "HTTP/1.1 200 OK\r\n\r\n", "200 OK"},
		"no HTTP":              {"sse", "hello\r\n\r\n", "hello"},
		"no chunk":             {"sse", ok + "hello\r\n", "a chunk was expected"},
		"a chunk too large":    {"sse", ok + "ffffffff\r\n", "a chunk was expected"},
		"the last chunk":       {"sse", ok + "0\r\n\r\n", "unexpected EOF"},
		"a foreign event":      {"httpstream", ok + "d\r\n\"topic\":\"x\"}\n\r\n", "did not publish"},
		"event 99":             {"httpstream", ok + string(Framing("httpstream")(nil, 99, appendData(nil, 99, 0, 64))), "number 99"},
		"a goodbye":            {"sse", ok + string(appendChunk(nil, sse.AppendFrame(nil, event.Bye(event.ID{Epoch: ReferenceEpoch}, time.Second)))), "goodbye"},
		"a poll's goodbye":     {"longpoll", "HTTP/1.1 200 OK\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", "goodbye"},
		"no length":            {"longpoll", "HTTP/1.1 200 OK\r\n\r\n", "Content-Length"},
		"a length of nonsense": {"longpoll", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length"},
		"a masked frame":       {"websocket", socket + "\x81\x80\x00\x00\x00\x00", "masks"},
		"a binary message":     {"websocket", socket + "\x82\x01x", "0x82"},
		"a message too large":  {"websocket", socket + "\x81\x7f\x00\x00\x01\x00\x00\x00\x00\x00", "the limit is"},
		"a close frame":        {"websocket", socket + "\x88\x00", "unexpected EOF"},
	} {
		if _, err := fed(newSubscriber(c.transport), []byte(c.stream), len(c.stream)); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: the error is %v; it should say %q", name, err, c.says)
		}
	}
}

// Whatever comes, cutting it in two makes no difference.
func FuzzSubscriber(f *testing.F) {
	for i, transport := range result.Transports() {
		f.Add(uint(i), streamOf(transport, 3, 128), uint(100))
	}
	f.Fuzz(func(t *testing.T, transport uint, stream []byte, cut uint) {
		name := result.Transports()[transport%4]
		whole, parts := newSubscriber(name), newSubscriber(name)
		_, err := fed(whole, stream, len(stream)+1)
		at := int(cut % uint(len(stream)+1))
		_, errParts := fed(parts, stream[:at], at+1)
		if errParts == nil {
			_, errParts = fed(parts, stream[at:], len(stream)+1)
		}
		if (err == nil) != (errParts == nil) || err == nil && (whole.measured.came != parts.measured.came || !bytes.Equal(whole.cursors[0], parts.cursors[0]) || !bytes.Equal(whole.rest, parts.rest) || whole.load.Split() != parts.load.Split()) {
			t.Errorf("at once: %v, %+v\nin two: %v, %+v", err, whole, errParts, parts)
		}
	})
}
