package second

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"
)

func TestEvents(t *testing.T) {
	l := Load{Size: 80}
	answer := append([]byte(`{"events":[{"id":"a-1","topic":"bench","data":`), l.appendData(nil, 7, 1234567)...)
	answer = append(append(answer, `},{"id":"a-2","topic":"bench","data":`...), l.appendData(nil, 8, 2*time.Second)...)
	answer = append(answer, `}],"cursor":"a-2","more":false}`...)
	found := map[int]time.Duration{}
	for n, due := range events(answer) {
		found[n] = due
	}
	if len(found) != 2 || found[7] != 1234567 || found[8] != 2*time.Second {
		t.Errorf("found %v in %s", found, answer)
	}
	for n := range events([]byte(`{"id":"a-0","topic":"$open","data":{"topics":["bench"]}}`)) {
		t.Errorf("found event %d where there is none", n)
	}
	if got := len(l.appendData(nil, 7, 1234567)); got != l.Size {
		t.Errorf("the data has %d bytes, want %d", got, l.Size)
	}
}

func TestPercentile(t *testing.T) {
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	for p, want := range map[float64]time.Duration{1: 1, 50: 50, 99: 99, 99.5: 100, 100: 100} {
		if got := percentile(hundred, p); got != want {
			t.Errorf("p%v of 1 to 100 is %d, want %d", p, got, want)
		}
	}
	if got := percentile(nil, 99); got != 0 {
		t.Errorf("p99 of nothing is %v", got)
	}
}

func TestFrames(t *testing.T) {
	for _, length := range []int{0, 125, 126, 1<<16 - 1, 1 << 16} {
		payload := slices.Repeat([]byte{'a'}, length)
		frame := []byte{0x81}
		switch {
		case length < 126:
			frame = append(frame, byte(length))
		case length < 1<<16:
			frame = binary.BigEndian.AppendUint16(append(frame, 126), uint16(length))
		default:
			frame = binary.BigEndian.AppendUint64(append(frame, 127), uint64(length))
		}
		s := &socket{r: bufio.NewReader(bytes.NewReader(append(frame, payload...)))}
		if got, err := s.next(); err != nil || !bytes.Equal(got, payload) {
			t.Errorf("a message of %d bytes was read as one of %d: %v", length, len(got), err)
		}
	}
	for _, bad := range [][]byte{{0x01, 0}, {0x81, 0x80}, {0xC1, 0}, {0x81, 127, 1, 0, 0, 0, 0, 0, 0, 0}} {
		s := &socket{r: bufio.NewReader(bytes.NewReader(bad))}
		if got, err := s.next(); err == nil {
			t.Errorf("% x was read as %q", bad, got)
		}
	}
}
