package result

import (
	"math"
	"time"
)

// Variants of a case of the kind Slow; without one all read as quickly as they can.
const (
	// Slow1 and Slow10 have one subscriber in a hundred, or in ten, read 1 KiB in a second.
	Slow1  = "slow-1%"
	Slow10 = "slow-10%"
	// Stuck1 has one in a hundred read nothing.
	Stuck1 = "stuck-1%"
)

// SlowReaders returns how many subscribers read slowly in a variant, at least one if any do, and how many bytes each takes
// in a second.
func (c Case) SlowReaders(variant string) (readers, bytesPerSecond int) {
	share, rate := 0.0, 1024
	switch variant {
	case Slow1:
		share = 0.01
	case Slow10:
		share = 0.1
	case Stuck1:
		share, rate = 0.01, 0
	default:
		return 0, 0
	}
	return max(1, int(math.Round(share*float64(c.Subscribers)))), rate
}

// A Laggards is what became of the subscribers that read slowly. The rest of the measurement is of the others:
// what these were sent, and how long it took; but the server's CPU time and memory have both in them.
//
// A slow reader's socket has a receive buffer of 4 KiB, which the kernel doubles, so that it is the server's affair soon
// that it reads slowly; the server's own send buffer is as the server has it, which on a loopback interface may
// be some megabytes. When all events are published, and the others have them, the slow ones read all that
// there is as quickly as they can: then it shows whether they were told of what they do not get.
type Laggards struct {
	// Readers is how many there are, BytesPerSecond how many bytes each takes; 0 if they take none.
	Readers        int `json:"readers"`
	BytesPerSecond int `json:"bytes_per_second"`
	// Taken is how many bytes they took together while they were slow.
	Taken int64 `json:"taken_bytes"`
	// Cut is how many were cut off by the server, and CutAfter how long after they had become slow: by the
	// server's count of open streams if it tells, or else when they noticed.
	Cut      int      `json:"cut"`
	CutAfter *Latency `json:"cut_after,omitempty"`
	// Expected is how many deliveries were due to them, Delivered how many came in the end, and Lost how many did
	// not; Silent is how many of these nobody told of: neither by a gap just there, nor by cutting them off.
	Expected  int64 `json:"expected"`
	Delivered int64 `json:"delivered"`
	Lost      int64 `json:"lost"`
	Silent    int64 `json:"lost_silently"`
	// Gaps, Duplicated and Reordered are as in the measurement.
	Gaps       int64 `json:"gaps"`
	Duplicated int64 `json:"duplicated"`
	Reordered  int64 `json:"reordered"`
}

// judgeLaggards judges what is particular to slow readers: they may lose events, but not in silence.
func (m Measurement) judgeLaggards(v *Verdict) {
	s := m.Laggards
	if s == nil || s.Readers == 0 {
		return
	}
	failed := func(format string, args ...any) { v.Failed = append(v.Failed, sprintf(format, args...)) }
	if s.Silent > 0 {
		failed("slow readers lost %d of %d deliveries without being told", s.Silent, s.Expected)
	}
	if s.Duplicated > 0 {
		failed("deliveries to slow readers duplicated: %d", s.Duplicated)
	}
	if s.Reordered > 0 {
		failed("deliveries to slow readers out of order: %d", s.Reordered)
	}
	if told := s.Lost - s.Silent; told > 0 {
		what := sprintf("slow readers lost %d of %d deliveries, and were told: %d gaps, %d of %d cut off", told, s.Expected, s.Gaps, s.Cut, s.Readers)
		if s.CutAfter != nil {
			what += sprintf(" after %v in the median", s.CutAfter.P50.Round(100*time.Millisecond))
		}
		v.Notes = append(v.Notes, what)
	}
}
