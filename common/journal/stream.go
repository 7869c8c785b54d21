package journal

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/hub"
)

// A Stream is a log on a JetStream stream: a hub.Log. All methods may be called from any goroutine.
type Stream struct {
	// Stats counts what happens.
	Stats Stats

	config Config
	nc     *nats.Conn
	js     jetstream.JetStream
	prefix string        // of the subjects, before the topic
	places chan struct{} // one is taken by each append that waits for its answer
	ahead  chan struct{} // one is taken by each read that waits for the leader
	link   *link
	life   life
	// renewing is held while the epoch is changed.
	renewing sync.Mutex
	closing  atomic.Bool
	closed   chan struct{} // closed when the connection is

	onceClosed sync.Once
}

var _ hub.Log = (*Stream)(nil)

// Open opens the stream, and creates it if there is none. The connection belongs to the stream from then on, and is closed with it;
// if Open fails, too.
//
// It fails with an error that says what to do: if the servers have no JetStream, too few of them, or too little storage; if there is
// another program's stream of that name; or if the configuration asks for what cannot be.
func Open(ctx context.Context, nc *nats.Conn, config Config) (*Stream, error) {
	config = config.withDefaults()
	s := &Stream{
		config: config,
		nc:     nc,
		prefix: config.Name + ".ev.",
		places: make(chan struct{}, config.Pending),
		ahead:  make(chan struct{}, maxAhead),
		link:   newLink(),
		closed: make(chan struct{}),
	}
	s.watch()
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(err, s.Close(ctx))
	}
	return s, nil
}

func (s *Stream) open(ctx context.Context) (err error) {
	if err := s.config.Check(); err != nil {
		return err
	}
	if s.js, err = jetstream.New(s.nc); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	var info *jetstream.StreamInfo
	var said error
	err = s.try(ctx, func(ctx context.Context) error {
		info, said = s.find(ctx)
		return said
	})
	if err != nil {
		return s.cannotOpen(said, err)
	}
	if err := checkOurs(s.config.Name, info); err != nil {
		return err
	}
	if changed := info.Config; s.config.change(&changed) {
		err := s.try(ctx, func(ctx context.Context) error {
			stream, err := s.js.UpdateStream(ctx, changed)
			if said = err; err == nil {
				info = stream.CachedInfo()
			}
			return err
		})
		if err != nil {
			return s.cannotOpen(said, err)
		}
	}
	s.life.judge(moment{}, info)
	return nil
}

// find returns what the server says of the stream, and creates it if there is none.
func (s *Stream) find(ctx context.Context) (*jetstream.StreamInfo, error) {
	stream, err := s.js.Stream(ctx, s.config.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) && !s.config.Existing {
		stream, err = s.js.CreateStream(ctx, s.config.stream())
		if err != nil {
			// Another node may have been quicker, and was told otherwise; or we were, when no answer came in time: the
			// storage that was taken then is missing now.
			if made, missing := s.js.Stream(ctx, s.config.Name); missing == nil {
				stream, err = made, nil
			}
		}
		// To one of several nodes that create it at once, the answer can come before the servers know it.
		for created := err == nil; created && err == nil; {
			stream, err = s.js.Stream(ctx, s.config.Name)
			if created = errors.Is(err, jetstream.ErrStreamNotFound); created {
				err = pause(ctx, 20*time.Millisecond)
			}
		}
	}
	if err != nil {
		return nil, err
	}
	return stream.CachedInfo(), nil
}

// checkOurs tells whether a stream is one that Open has created.
func checkOurs(name string, info *jetstream.StreamInfo) error {
	c := info.Config
	_, err := strconv.ParseUint(c.Metadata[metaLife], 10, 64)
	switch {
	case c.Metadata[metaFormat] == "":
		return fmt.Errorf("journal: the stream %q belongs to another program; take another name for ours", name)
	case c.Metadata[metaFormat] != format:
		return fmt.Errorf("journal: the stream %q has format %q, and this version knows %q; take the version that wrote it, or another name",
			name, c.Metadata[metaFormat], format)
	case err != nil || !slices.Equal(c.Subjects, []string{name + ".ev.>"}) || c.Mirror != nil || len(c.Sources) > 0 || c.Retention != jetstream.LimitsPolicy:
		return fmt.Errorf("journal: the stream %q is one of ours, but was changed: it must have the subjects %s.ev.> alone, and our metadata; put that back, or take another name",
			name, name)
	}
	return nil
}

// What the servers say to a stream that cannot be: codes of their API.
const (
	codeNotNow        jetstream.ErrorCode = 10008
	codeNoPeers       jetstream.ErrorCode = 10005
	codeResources     jetstream.ErrorCode = 10023
	codeStorage       jetstream.ErrorCode = 10047
	codeTooLarge      jetstream.ErrorCode = 10054
	codeOverlap       jetstream.ErrorCode = 10065
	codeOneServer     jetstream.ErrorCode = 10074
	codeNeedsMaxBytes jetstream.ErrorCode = 10113
	codeMaxBytes      jetstream.ErrorCode = 10122
)

// cannotOpen says why a stream cannot be opened, and what to do, from what the server said last; or else it returns err.
func (s *Stream) cannotOpen(said, err error) error {
	api := new(jetstream.APIError)
	errors.As(said, &api)
	switch {
	case errors.Is(said, jetstream.ErrStreamNotFound):
		return fmt.Errorf("journal: there is no stream %q; name another, or start a server on it, which creates it", s.config.Name)
	case errors.Is(said, jetstream.ErrJetStreamNotEnabled), errors.Is(said, nats.ErrNoResponders):
		return fmt.Errorf("journal: the NATS server has no JetStream (%w); start it with -js, or with a jetstream section in its configuration", said)
	case errors.Is(said, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("journal: our NATS account has no JetStream (%w); enable it there, or use other credentials", said)
	}
	switch api.ErrorCode {
	case codeOneServer, codeNoPeers:
		return fmt.Errorf("journal: there are not enough NATS servers for a stream of %d replicas (%w); start more, or ask for fewer",
			max(s.config.Replicas, 1), said)
	case codeResources, codeStorage, codeMaxBytes:
		return fmt.Errorf("journal: the NATS servers have not enough storage for the stream (%w); ask for fewer bytes, or give them more", said)
	case codeNeedsMaxBytes:
		return fmt.Errorf("journal: our NATS account wants a limit of bytes for each stream (%w); ask for one", said)
	case codeOverlap:
		return fmt.Errorf("journal: another stream already takes the subjects %s> (%w); take another name", s.prefix, said)
	}
	return err
}

// failed returns the error of a question that got no answer, or one that we can do nothing with.
func (s *Stream) failed(ctx, asking context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("journal: %w", ctx.Err())
	case errors.Is(err, hub.ErrUnavailable):
		return err
	case asking.Err() != nil:
		return context.Cause(asking)
	case errors.Is(err, jetstream.ErrStreamNotFound), errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("%w: the NATS servers have no stream %q now (%w); if it was deleted, a server that is started creates another",
			hub.ErrUnavailable, s.config.Name, err)
	default:
		return fmt.Errorf("%w: %w; try again, and look at the logs of the NATS servers", hub.ErrUnavailable, err)
	}
}

// State returns what the log holds.
func (s *Stream) State(ctx context.Context) (hub.LogState, error) {
	for begun := time.Now(); ; {
		info, err := s.info(ctx)
		switch {
		case err != nil:
			return hub.LogState{}, err
		case !leaderless(info):
			return stateOf(info), nil
		case time.Since(begun) >= s.config.Patience: // it takes a moment to elect one
			return hub.LogState{}, s.noLeader()
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return hub.LogState{}, fmt.Errorf("journal: %w", err)
		}
	}
}

// leaderless reports whether a cluster has answered that can append nothing now. What it says may be old.
func leaderless(info *jetstream.StreamInfo) bool {
	return info.Config.Replicas > 1 && info.Cluster != nil && info.Cluster.Leader == ""
}

func (s *Stream) noLeader() error {
	return fmt.Errorf("%w: the stream %q has no leader, since too few of its NATS servers run; start them", hub.ErrUnavailable, s.config.Name)
}

func stateOf(info *jetstream.StreamInfo) hub.LogState {
	state := hub.LogState{
		Epoch: epochOf(info),
		First: info.State.FirstSeq,
		Last:  info.State.LastSeq,
		Bytes: int64(info.State.Bytes),
	}
	if info.State.Msgs == 0 {
		state.First = state.Last + 1
	}
	return state
}

// Info is what there is to know about a stream.
type Info struct {
	Name    string       `json:"name"`
	Created time.Time    `json:"created"`
	Life    uint64       `json:"life"` // how often the log lost its end, as far as that was noticed
	State   hub.LogState `json:"state"`
	Events  uint64       `json:"events"`
	// Oldest and Newest are when the first and the last event were appended; zero if there is none.
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`

	// MaxEvents and MaxBytes are -1 for any number, MaxAge is 0 for ever.
	MaxEvents int64         `json:"max_events"`
	MaxBytes  int64         `json:"max_bytes"`
	MaxAge    time.Duration `json:"max_age"`
	KeyWindow time.Duration `json:"key_window"`

	Replicas int    `json:"replicas"`
	Server   string `json:"server"`           // the one that we are connected with
	Leader   string `json:"leader,omitempty"` // of the replicas, and those that follow it
	Peers    []Peer `json:"peers,omitempty"`
}

// A Peer is a server that has a copy of the stream.
type Peer struct {
	Name    string `json:"name"`
	Current bool   `json:"current"` // it has all that the leader has
	Offline bool   `json:"offline"`
	Lag     uint64 `json:"lag"` // how many operations it is behind
}

// Info asks for what there is to know.
func (s *Stream) Info(ctx context.Context) (Info, error) {
	info, err := s.info(ctx)
	if err != nil {
		return Info{}, err
	}
	c := info.Config
	out := Info{
		Name: c.Name, Created: info.Created, Life: lives(info), State: stateOf(info), Events: info.State.Msgs,
		MaxEvents: c.MaxMsgs, MaxBytes: c.MaxBytes, MaxAge: c.MaxAge, KeyWindow: c.Duplicates,
		Replicas: c.Replicas, Server: s.nc.ConnectedServerName(),
	}
	if info.State.Msgs > 0 {
		out.Oldest, out.Newest = info.State.FirstTime, info.State.LastTime
	}
	if info.Cluster != nil {
		out.Leader = info.Cluster.Leader
		for _, p := range info.Cluster.Replicas {
			out.Peers = append(out.Peers, Peer{p.Name, p.Current, p.Offline, p.Lag})
		}
	}
	return out, nil
}

// Trim deletes the events up to and including that number. Who resumes from before it is told of a gap. Hubs that hold
// the events in their rings go on giving them.
func (s *Stream) Trim(ctx context.Context, upTo uint64) error {
	if upTo == 0 {
		return nil
	}
	return s.try(ctx, func(ctx context.Context) error {
		stream, err := s.js.Stream(ctx, s.config.Name)
		if err != nil {
			return err
		}
		if err := checkOurs(s.config.Name, stream.CachedInfo()); err != nil {
			return err
		}
		// The server purges what is before the number. Beyond the end it would raise the numbers to there.
		return stream.Purge(ctx, jetstream.WithPurgeSequence(min(upTo, stream.CachedInfo().State.LastSeq)+1))
	})
}

// Suspend makes everything fail with hub.ErrUnavailable and that reason, and Tail wait, until Resume. It is for who runs the
// server, and knows what its answers do not tell.
func (s *Stream) Suspend(why error) {
	s.link.suspend(fmt.Errorf("%w: %w", hub.ErrUnavailable, why))
}

// Resume ends what Suspend began.
func (s *Stream) Resume() { s.link.suspend(nil) }

// Close closes the connection, and waits until that is done.
func (s *Stream) Close(ctx context.Context) error {
	s.closing.Store(true)
	s.nc.Close()
	select {
	case <-s.closed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("journal: closing: %w", ctx.Err())
	}
}

// topic returns the topic of a subject of ours.
func (s *Stream) topic(subject string) string { return strings.TrimPrefix(subject, s.prefix) }

// pause waits for about that time.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d/2 + rand.N(d))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
