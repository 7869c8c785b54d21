package longpoll_test

import (
	"bytes"
	"fmt"
	"testing"

	"pushlab/common/event"
	"pushlab/common/transporttest"
	"pushlab/longpoll"
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
			frame := longpoll.AppendFrame(nil, e)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				frame = longpoll.AppendFrame(frame[:0], e)
			}
		})
	}
}

// BenchmarkDecoder decodes an answer, which comes as a whole.
func BenchmarkDecoder(b *testing.B) {
	for _, size := range []int{128, 16 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("size=%d", size), func(b *testing.B) {
			var frames []string
			const events = 10
			for range events {
				frames = append(frames, string(longpoll.AppendFrame(nil, benchEvent(size))))
			}
			content := answer(frames...)
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				var d longpoll.Decoder
				decoded, err := d.Decode(nil, content)
				if err != nil {
					b.Fatal(err)
				}
				if len(decoded) != events {
					b.Fatalf("%d events came back of %d", len(decoded), events)
				}
			}
		})
	}
}

func BenchmarkFanOut(b *testing.B) { transporttest.FanOut(b, transport) }
