package journal

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/event"
	"pushlab/common/hub"
)

// A life is what is known of the stream's present life. Its epoch names the time of the stream's creation and a counter
// in the stream's metadata. The counter is raised when the log has lost its end: otherwise numbers that somebody has
// seen would be given again, to other events, and who resumes from one would miss those in silence.
//
// The counter is raised by one from the value that was read, so that several nodes that notice the same loss
// come to the same epoch.
type life struct {
	mu    sync.Mutex
	turn  int           // how often it changed
	over  chan struct{} // closed when it changes
	epoch string
	last  uint64 // the highest sequence number that was acknowledged, delivered or told in this life

	maxBytes  int64 // what the stream may take; -1: anything
	clustered bool  // it is on several servers
}

// A moment is what was known when a question was asked.
type moment struct {
	turn  int
	epoch string
	last  uint64
}

func (l *life) now() moment {
	l.mu.Lock()
	defer l.mu.Unlock()
	return moment{l.turn, l.epoch, l.last}
}

// reached notes that there is an event with that number. It does nothing if the life has changed since the moment.
func (l *life) reached(m moment, seq uint64) (same bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.turn != m.turn {
		return false
	}
	l.last = max(l.last, seq)
	return true
}

// verdict is what an answer of the server means, beside what was known when it was asked.
type verdict int

const (
	current verdict = iota
	outrun          // the life changed meanwhile: the answer may be older than that
	shrunk          // the stream ends before what was known to be there
)

// judge takes in what the server says of the stream.
func (l *life) judge(m moment, info *jetstream.StreamInfo) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.turn != m.turn {
		return outrun
	}
	l.maxBytes, l.clustered = info.Config.MaxBytes, info.Config.Replicas > 1
	if epoch := epochOf(info); epoch != l.epoch {
		l.begin(epoch, info.State.LastSeq)
		return current
	}
	if info.State.LastSeq < m.last {
		return shrunk
	}
	l.last = max(l.last, info.State.LastSeq)
	return current
}

// begin begins another life.
func (l *life) begin(epoch string, last uint64) {
	if l.over != nil {
		close(l.over)
	}
	l.over = make(chan struct{})
	l.turn++
	l.epoch, l.last = epoch, last
}

func (l *life) ended() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.over
}

// lives returns the counter in a stream's metadata.
func lives(info *jetstream.StreamInfo) uint64 {
	n, _ := strconv.ParseUint(info.Config.Metadata[metaLife], 10, 64) // checkOurs has seen that it is a number
	return n
}

func epochOf(info *jetstream.StreamInfo) string {
	return event.EpochOf(info.Created.UTC().Format(time.RFC3339Nano) + " " + strconv.FormatUint(lives(info), 10))
}

// info asks for the state of the stream, and takes it in.
func (s *Stream) info(ctx context.Context) (*jetstream.StreamInfo, error) {
	for {
		m := s.life.now()
		info, err := s.ask(ctx)
		if err != nil {
			return nil, err
		}
		switch s.life.judge(m, info) {
		case current:
			if s.life.now().turn != m.turn {
				s.Stats.Renewed.Add(1)
				s.config.Logger.Warn("journal: the log has another epoch: it was made anew, or somebody else has seen that it lost its end; who resumes is told of a gap",
					"stream", s.config.Name, "epoch", epochOf(info), "before", m.epoch)
			}
			return info, nil
		case shrunk:
			if err := s.lostEnd(ctx, m, false); err != nil {
				return nil, err
			}
		}
	}
}

// ask asks for the state of the stream.
func (s *Stream) ask(ctx context.Context) (info *jetstream.StreamInfo, err error) {
	err = s.try(ctx, func(ctx context.Context) error {
		stream, err := s.js.Stream(ctx, s.config.Name)
		if err != nil {
			return err
		}
		info = stream.CachedInfo()
		return checkOurs(s.config.Name, info)
	})
	return info, err
}

// lostEnd gives the log another epoch, because it has less than was known at that moment. Unless that is sure, a cluster is
// asked again for a while first. It does nothing if the life has changed since, or the events are there after all.
func (s *Stream) lostEnd(ctx context.Context, m moment, sure bool) error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	for begun := time.Now(); ; {
		info, err := s.ask(ctx)
		if err != nil {
			return err
		}
		switch {
		case s.life.now().turn != m.turn, epochOf(info) != m.epoch, !sure && info.State.LastSeq >= m.last:
			return nil
		case leaderless(info):
			if time.Since(begun) >= s.config.Patience {
				return s.noLeader()
			}
		case sure, info.Config.Replicas <= 1, time.Since(begun) >= s.config.Patience:
			s.config.Logger.Warn("journal: the log has lost its end; it gets a new epoch, and who resumes is told of a gap",
				"stream", s.config.Name, "had", m.last, "has", info.State.LastSeq)
			return s.renew(ctx, info, 0)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
}

// Renew gives the log a new epoch, as after a loss: for who knows of one that the log itself cannot see, such as a
// backup that was put back. The counter of its lives becomes at least that.
func (s *Stream) Renew(ctx context.Context, atLeast uint64) error {
	s.renewing.Lock()
	defer s.renewing.Unlock()
	info, err := s.ask(ctx)
	if err != nil {
		return err
	}
	return s.renew(ctx, info, atLeast)
}

// renew raises the counter of lives.
func (s *Stream) renew(ctx context.Context, info *jetstream.StreamInfo, atLeast uint64) error {
	next := max(lives(info)+1, atLeast)
	if s.config.Renewing != nil {
		if err := s.config.Renewing(next); err != nil {
			return fmt.Errorf("%w: it cannot get a new epoch: %w", hub.ErrUnavailable, err)
		}
	}
	config := info.Config
	config.Metadata = maps.Clone(config.Metadata)
	config.Metadata[metaLife] = strconv.FormatUint(next, 10)
	var renewed *jetstream.StreamInfo
	err := s.try(ctx, func(ctx context.Context) error {
		stream, err := s.js.UpdateStream(ctx, config)
		if err == nil {
			renewed = stream.CachedInfo()
		}
		return err
	})
	if err != nil {
		return err
	}
	s.life.mu.Lock()
	defer s.life.mu.Unlock()
	s.life.begin(epochOf(renewed), renewed.State.LastSeq)
	s.Stats.Renewed.Add(1)
	return nil
}
