package source

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Defaults and limits of load. minLoadSize holds the members with the largest numbers; the largest
// size is the longest line that other sources publish.
const (
	defaultLoadRate = 10
	minLoadRate     = 0.001
	maxLoadRate     = 1e6
	defaultLoadSize = 128
	minLoadSize     = 64
	maxLoadSize     = MaxLine
	maxLoadTopics   = 10_000
)

// load publishes events of a fixed size at a fixed rate.
type load struct {
	rate   float64 // events a second
	size   int     // bytes of data
	topics int     // load.0 to load.<topics-1>; 0: load
}

func parseLoad(arg string, hasArg bool) (run, error) {
	l := load{rate: defaultLoadRate, size: defaultLoadSize}
	if !hasArg {
		return l.run, nil
	}
	seen := map[string]bool{}
	for option := range strings.SplitSeq(arg, ",") {
		key, value, _ := strings.Cut(option, "=")
		if seen[key] {
			return nil, fmt.Errorf("the option %s is there twice; keep one", key)
		}
		seen[key] = true
		switch key {
		case "rate":
			r, err := strconv.ParseFloat(value, 64)
			if err != nil || !(r >= minLoadRate && r <= maxLoadRate) { // so written, it refuses NaN
				return nil, fmt.Errorf("the rate %.40q is not from %g to %d; use a number of events a second, such as rate=10",
					value, minLoadRate, int(maxLoadRate))
			}
			l.rate = r
		case "size":
			n, err := strconv.Atoi(value)
			if err != nil || n < minLoadSize || n > maxLoadSize {
				return nil, fmt.Errorf("the size %.40q is not from %d to %d; use a number of bytes, such as size=128",
					value, minLoadSize, maxLoadSize)
			}
			l.size = n
		case "topics":
			n, err := strconv.Atoi(value)
			if err != nil || n < 1 || n > maxLoadTopics {
				return nil, fmt.Errorf("the number of topics %.40q is not from 1 to %d; use one such as topics=10",
					value, maxLoadTopics)
			}
			l.topics = n
		default:
			return nil, fmt.Errorf("unknown option %.40q; use rate=, size= and topics=, such as load:rate=10,size=128", option)
		}
	}
	return l.run, nil
}

// run is an open loop: event n is due (n-1)/rate seconds after the start, whatever became of the
// events before it. None is left out; those that are late follow each other without a pause.
func (l load) run(ctx context.Context, publish Publish) error {
	pad := bytes.Repeat([]byte("x"), l.size)
	start := time.Now()
	for n := uint64(1); ; n++ {
		due := later(start, float64(n-1)/l.rate*float64(time.Second))
		if err := sleepUntil(ctx, due); err != nil {
			return err
		}
		if err := publish(ctx, l.topic(n), loadData(n, due, pad)); err != nil {
			return err
		}
	}
}

func (l load) topic(n uint64) string {
	if l.topics == 0 {
		return "load"
	}
	return "load." + strconv.FormatUint((n-1)%uint64(l.topics), 10)
}

// loadData returns JSON of exactly as many bytes as pad has: the count, the time in Unix nanoseconds
// at which the event was due, and so much of pad as is needed.
func loadData(n uint64, due time.Time, pad []byte) json.RawMessage {
	b := make([]byte, 0, len(pad))
	b = append(b, `{"n":`...)
	b = strconv.AppendUint(b, n, 10)
	b = append(b, `,"at":`...)
	b = strconv.AppendInt(b, due.UnixNano(), 10)
	b = append(b, `,"pad":"`...)
	b = append(b, pad[:len(pad)-len(b)-len(`"}`)]...)
	return append(b, `"}`...)
}
