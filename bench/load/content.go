package load

import (
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"pushlab/bench/result"
)

// The data of an event is a JSON string where it is not an object: a sign, the event's number, its due time in
// nanoseconds, and what fills it up.
//
//	"~AAAAdAAALpD0Axxxxxxxx"
//	 │└─┬─┘└──┬───┘└──┬───┘
//	 │  │     │       what fills it up
//	 │  │     due, in 8 digits to the base of 64
//	 │  number, in 5
//	 sign
const (
	sign       = '~'
	numberSize = 5
	dueSize    = 8
	objectSize = 64 // below that there is no room for an object
)

// digits to the base of 64, none of which JSON has to escape; they are those of base64 for URLs.
const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

var valueOf = func() (values [256]int8) {
	for i := range values {
		values[i] = -1
	}
	for i, d := range []byte(digits) {
		values[d] = int8(i)
	}
	return values
}()

// appendDataOf appends the data of event n, which is due that long after the load's start. It is the same each time for
// an event.
func appendDataOf(dst []byte, n int, due time.Duration, size int, kind result.Data) []byte {
	fill := xs
	switch {
	case kind == result.TextData:
		fill = text()
	case kind == result.BinaryData:
		fill, size = chance(), (size+2)/3*4+2
	case size >= objectSize:
		return appendObject(dst, n, due, size, kind)
	case kind == result.RandomData:
		fill = chance()
	}
	dst = append(dst, '"', sign)
	dst = appendDigits(dst, uint64(n), numberSize)
	dst = appendDigits(dst, uint64(due), dueSize)
	// Neighbours begin elsewhere, so that a compressor does not find one in the other.
	for from, left := n*7919%len(fill), size-1-(2+numberSize+dueSize); left > 0; from = 0 {
		piece := fill[from:min(len(fill), from+left)]
		dst = append(dst, piece...)
		left -= len(piece)
	}
	return append(dst, '"')
}

func appendDigits(dst []byte, v uint64, size int) []byte {
	for shift := 6 * (size - 1); shift >= 0; shift -= 6 {
		dst = append(dst, digits[v>>shift&63])
	}
	return dst
}

// cutDigits splits so many digits off.
func cutDigits(text []byte, size int) (v int64, rest []byte, ok bool) {
	if len(text) < size {
		return 0, text, false
	}
	for _, d := range text[:size] {
		digit := valueOf[d]
		if digit < 0 {
			return 0, text, false
		}
		v = v<<6 | int64(digit)
	}
	return v, text[size:], true
}

var xs = strings.Repeat("x", 4<<10)

// text is English, as far as a compressor is concerned.
var text = sync.OnceValue(func() string {
	words := strings.Fields(`the server pushes an event to each of its subscribers as soon as it has one and
		a client that was away comes back with a cursor and gets what it has missed in order without asking twice while
		others wait for news of prices seats scores messages orders parcels and weather on a connection that stays open`)
	random := rand.New(rand.NewPCG(1, 2))
	var b strings.Builder
	for b.Len() < 256<<10 {
		b.WriteString(words[random.IntN(len(words))])
		b.WriteString([]string{" ", " ", " ", " ", ", ", ". "}[random.IntN(6)])
	}
	return b.String()
})

// chance is base64 of random bytes, always the same, in the alphabet of URLs.
var chance = sync.OnceValue(func() string {
	random := rand.New(rand.NewPCG(3, 4))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = digits[random.IntN(len(digits))]
	}
	return string(b)
})
