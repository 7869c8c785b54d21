package lab

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
)

// A Source is what the lab publishes by itself.
type Source struct {
	Rate   float64 `json:"rate"` // events a second; 0: none
	Size   int     `json:"size"` // bytes of data
	Kind   string  `json:"kind"` // text, json, binary or emoji
	Bridge bool    `json:"bridge"`
}

var defaultSource = Source{Rate: 1, Size: 64, Kind: "json", Bridge: true}

var kinds = []string{"text", "json", "binary", "emoji"}

// generate publishes events at the rate that is set. It keeps to a schedule: events that are late follow each other
// without a pause, unless they are later than a second. A new rate is a new schedule: what the old one was waiting for
// makes no burst.
func (l *Lab) generate() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	last, rate := time.Now(), 0.0
	for {
		l.mu.Lock()
		source, changed := l.source, l.resource
		l.mu.Unlock()
		another := source.Rate != rate
		rate = source.Rate
		var due <-chan time.Time
		if source.Rate > 0 {
			next := last.Add(time.Duration(float64(time.Second) / source.Rate))
			if late := time.Since(next); late > time.Second || another && late > 0 {
				next = time.Now()
			}
			if wait := time.Until(next); wait > 0 {
				timer.Reset(wait)
				due = timer.C
			} else if l.ctx.Err() == nil {
				last = next
				l.step(l.ctx) // while the server is away it is nobody's
				continue
			}
		}
		select {
		case <-due:
		case <-changed:
		case <-l.ctx.Done():
			return
		}
	}
}

// step publishes an event.
func (l *Lab) step(ctx context.Context) (event.ID, error) {
	l.mu.Lock()
	l.count++
	n, source := l.count, l.source
	l.mu.Unlock()
	return l.publish(ctx, Topic, source.data(n))
}

// data returns the n-th event's data, of just as many bytes as are wanted.
func (s Source) data(n uint64) []byte {
	count := strconv.FormatUint(n, 10)
	switch s.Kind {
	case "json":
		const begin, pad, end = `{"n":`, `,"pad":"`, `"}`
		room := s.Size - len(begin) - len(count) - len(pad) - len(end)
		if room >= 0 {
			return []byte(begin + count + pad + strings.Repeat("x", room) + end)
		}
		// Too small for a member that fills: the count is long enough then, and begins at 1000… .
		digits := s.Size - len(begin) - 1
		return fmt.Appendf(nil, `%s1%0*d}`, begin, digits-1, n%pow10(digits-1))
	case "binary": // JSON has no bytes: they travel as text, a third longer
		b := binary.BigEndian.AppendUint64(nil, n)
		for len(b) < s.Size*3/4 {
			b = binary.BigEndian.AppendUint64(b, rand.Uint64())
		}
		return quoted(base64.RawStdEncoding.EncodeToString(b)[:s.Size-2])
	case "emoji":
		const faces = "🙂🙃😀🚀🌍🐙🧪🔌"
		room := s.Size - 2 - len(count)
		text := count + strings.Repeat(faces, room/len(faces)+1)[:room/4*4]
		return quoted(text + strings.Repeat(".", room%4))
	}
	const line = ` All work and no play makes a dull stream.\n` // as JSON writes a line's end
	room := s.Size - 2 - len(count)
	text := strings.Repeat(line, room/len(line)+1)[:room]
	if strings.HasSuffix(text, `\`) {
		text = text[:room-1] + "."
	}
	return quoted(count + text)
}

func quoted(text string) []byte { return []byte(`"` + text + `"`) }

func pow10(n int) uint64 {
	p := uint64(1)
	for range n {
		p *= 10
	}
	return p
}

// bridge brings the events of the main log in, while that is wanted. Of more than the generator may make it leaves out
// the rest: it is a page that is to show them.
func (l *Lab) bridge() {
	var sub *hub.Subscription // while it is wanted
	defer func() {
		if sub != nil {
			sub.Close()
		}
	}()
	var second time.Time
	let := 0 // in, in that second
	for l.ctx.Err() == nil {
		l.mu.Lock()
		wanted, changed, bridged := l.source.Bridge, l.resource, l.bridged
		l.mu.Unlock()
		if !wanted {
			if sub != nil {
				sub.Close()
				sub = nil
			}
			select {
			case <-changed:
			case <-l.ctx.Done():
			}
			continue
		}
		if sub == nil {
			sub = l.config.Main.Subscribe(nil, hub.After(bridged))
		}
		records, err := l.next(sub, changed)
		if gap := (*hub.GapError)(nil); err != nil && !errors.As(err, &gap) && !errors.Is(err, context.Canceled) {
			return // the main server leaves
		}
		if l.mu.Lock(); !l.source.Bridge { // not any more
			records = nil
		}
		l.mu.Unlock()
		for _, r := range records {
			if r.Topic == "clock" || r.Topic == "host" { // which come by themselves, and would never stop
				continue
			}
			if now := time.Now(); now.Sub(second) > time.Second {
				second, let = now, 0
			}
			if let++; let <= maxRate {
				l.publish(l.ctx, r.Topic, r.Data) // while the server is away it is nobody's
			} else if let == maxRate+1 {
				l.tap.Note("", fmt.Sprintf("the main server has more than %d events a second; not all of them come here", maxRate))
			}
		}
	}
}

// next waits for events, or until the source changes.
func (l *Lab) next(sub *hub.Subscription, changed <-chan struct{}) ([]*hub.Record, error) {
	ctx, cancel := context.WithCancel(l.ctx)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	})
	return sub.Next(ctx)
}
