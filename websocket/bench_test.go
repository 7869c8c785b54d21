package websocket_test

import (
	"bytes"
	"fmt"
	"testing"

	"pushlab/common/event"
	"pushlab/common/transporttest"
	"pushlab/websocket"
)

// benchEvent returns an event with so many bytes of data.
func benchEvent(size int) event.Event {
	data := append(append([]byte{'"'}, bytes.Repeat([]byte("x"), size-2)...), '"')
	return event.Event{ID: transporttest.ID(42), Topic: "bench", Data: data}
}

func BenchmarkAppendFrame(b *testing.B) {
	for _, size := range []int{128, 16 << 10} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			e := benchEvent(size)
			frame := websocket.AppendFrame(nil, e)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				frame = websocket.AppendFrame(frame[:0], e)
			}
		})
	}
}

// BenchmarkDecoder decodes a stream in pieces as large as the client's reads.
func BenchmarkDecoder(b *testing.B) {
	for _, size := range []int{128, 16 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			var stream []byte
			const events = 10
			for range events {
				stream = websocket.AppendFrame(stream, benchEvent(size))
			}
			b.SetBytes(int64(len(stream)))
			b.ReportAllocs()
			for b.Loop() {
				var d websocket.Decoder
				n := 0
				for rest := stream; len(rest) > 0; {
					piece := rest[:min(len(rest), 4<<10)]
					rest = rest[len(piece):]
					decoded, err := d.Decode(nil, piece)
					if err != nil {
						b.Fatal(err)
					}
					n += len(decoded)
				}
				if n != events {
					b.Fatalf("%d events came back of %d", n, events)
				}
			}
		})
	}
}

func BenchmarkFanOut(b *testing.B) { transporttest.FanOut(b, transport) }
