package load

import (
	"fmt"
	"testing"
	"time"

	"pushlab/bench/result"
	"pushlab/common/event"
	"pushlab/common/tap"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// talk is what a Pushlab server sends: some events, a heartbeat, and a ping.
func talk(transport string) []byte {
	var stream []byte
	beat := event.Beat(event.ID{Epoch: ReferenceEpoch, Seq: 9})
	switch transport {
	case longpoll.Name:
		stream = append(stream, firstPoll...)
	case websocket.Name:
		stream = append(stream, switching...)
		stream = append(stream, 0x89, 2, 'h', 'i', 0x8a, 0)
		stream = websocket.AppendFrame(stream, beat)
	case httpstream.Name:
		stream = append(stream, "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"...)
		stream = appendChunk(stream, httpstream.AppendFrame([]byte("\n"), beat))
	case sse.Name:
		stream = append(stream, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"...)
		stream = appendChunk(stream, sse.AppendFrame([]byte("retry: 7\n: hello\r\ndata\ndata:no space\ndata: \r\n\n"), beat))
	}
	for n := range 30 {
		stream = Framing(transport)(stream, n, appendData(nil, n, time.Millisecond, 64+50*n))
	}
	return stream
}

// roles adds up the bytes of spans by what they are there for.
func roles(spans []*tap.Span, sum map[tap.Role]int64) {
	for _, s := range spans {
		if len(s.Children) > 0 && s.Children[0].Bits == "" {
			roles(s.Children, sum)
			continue
		}
		sum[s.Role()] += s.Length
	}
}

// The load counts what bytes are there for as package tap does, which labels each of them.
func TestSplitIsThatOfTap(t *testing.T) {
	for _, transport := range result.Transports() {
		down := talk(transport)
		for _, size := range []int{1, 7, 4096, len(down)} {
			s := newSubscriber(transport)
			s.phase = head
			up := s.begin(nil)
			s.sent(len(up))
			parser, want, wantUp := tap.NewParser(), map[tap.Role]int64{}, map[tap.Role]int64{}
			roles(parser.Feed(tap.Up, up, 0).Spans, wantUp)
			for rest := down; len(rest) > 0; {
				n := min(size, len(rest))
				answer, err := s.feed(rest[:n])
				if err != nil {
					t.Fatal(err)
				}
				s.sent(len(answer))
				roles(parser.Feed(tap.Down, rest[:n], 0).Spans, want)
				roles(parser.Feed(tap.Up, answer, 0).Spans, wantUp)
				rest = rest[n:]
			}
			roles(parser.End(tap.Down, 0).Spans, want)
			got := s.load.Split()
			wanted := result.Roles{
				RequestHeads: wantUp[tap.Head], ResponseHeads: want[tap.Head], Framing: want[tap.Framing] + wantUp[tap.Framing], Payload: want[tap.Payload],
			}
			if got != wanted || want[tap.Opaque]+wantUp[tap.Opaque]+wantUp[tap.Payload] != 0 {
				t.Errorf("%s in pieces of %d: %+v, tap has %+v (%v, %v)", transport, size, got, wanted, want, wantUp)
			}
			if in, out := s.load.Bytes(); got.Total() != in+out || in != int64(len(down)) {
				t.Errorf("%s: the parts are %d bytes of %d and %d", transport, got.Total(), in, out)
			}
		}
	}
}

func TestReceivers(t *testing.T) {
	l := &Load{}
	for n := range 3 * onTheWay {
		due := time.Duration(n) * time.Millisecond
		for i := range 3 {
			if n%2 == 0 || i < 2 { // every other event is lost on the way to the third
				l.receivers.observe(n, due, due+time.Duration(i+1)*time.Millisecond, 3)
			}
		}
	}
	r, err := l.Receivers(3 * onTheWay)
	if err != nil || r.First.Max != time.Millisecond || r.Last.P50 != 3*time.Millisecond || r.Spread.Mean != 2*time.Millisecond {
		t.Errorf("%v: %+v", err, r)
	}
	if half := int64(3 * onTheWay / 2); r.Last.Count != half || r.Incomplete != half {
		t.Errorf("%d events are complete, %d not", r.Last.Count, r.Incomplete)
	}
	l.receivers.observe(0, 0, time.Minute, 3) // long forgotten
	if again, _ := l.Receivers(3 * onTheWay); again.Last.Count != r.Last.Count {
		t.Error("a late event counts")
	}
}

// What a subscriber does with an event must cost less than what the kernel does to bring it.
func BenchmarkFeed(b *testing.B) {
	for _, transport := range result.Transports() {
		b.Run(fmt.Sprintf("transport=%s", transport), func(b *testing.B) {
			const events = 1000
			s := newSubscriber(transport)
			stream := talk(transport)
			if _, err := s.feed(stream); err != nil {
				b.Fatal(err)
			}
			var frames [][]byte
			for n := range events {
				frames = append(frames, Framing(transport)(nil, n, appendData(nil, n, time.Millisecond, 128)))
			}
			for n := 0; b.Loop(); n++ {
				if n%events == 0 {
					s.warmUp, s.measured = newLedger(0, 0), newLedger(0, events)
				}
				if _, err := s.feed(frames[n%events]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
