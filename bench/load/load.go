package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"pushlab/bench/result"
	"pushlab/common/hub"
)

// A Load is all subscribers of one lane. Its methods may be called from any goroutine, but Connect and
// Drop only one at a time.
type Load struct {
	transport   string
	plan        *plan    // how to subscribe
	echoing     *Echoing // nil: they do not publish
	dialer      Dialer
	way         Way
	base        time.Time // what due times count from
	network     network
	subscribers []*subscriber

	mu       sync.Mutex
	queue    []*subscriber // who is to connect when another has
	opened   int           // have their connection, or had it
	ended    int           // have lost it
	first    error         // why the first of them did
	closing  bool
	in, out  int64         // bytes
	split    split         // of them
	others   split         // of those who read slowly, which nobody asks for
	unsplit  bool          // what they are for is not known
	warmUp   int           // deliveries, each counted once
	measured int           // likewise
	now      time.Duration // when what is being taken came, since base
	waited   time.Duration // how long it then waited to be read
	returned time.Duration // when they began to come back, since base
	answer   []byte        // scratch

	bystanders int                  // the last of the subscribers, who are never dropped
	head       int                  // events that were published
	leaving    bool                 // who loses the connection is only away
	returning  bool                 // who cannot connect tries again
	delay      func() time.Duration // before one connects
	moves      moves                // what comes next
	wake       chan struct{}        // says that there are new ones
	backs      []time.Duration      // how long those took who are back
	refusals   int64                // could not connect, and tried again
	refusal    error                // why one could not
	goodbyes   int64                // were told that the server leaves
	replayed   int64                // events that came to one who had been away
	began      time.Duration        // the timeline, since base
	posters                         // of clients that get their own events back
	slowness                        // of some
	uneven     bool                 // not all were there from the first event of the warm-up
	timeline   result.Timeline

	delivery result.Recorder // from due until it has come to a subscriber
	reading  result.Recorder // from then until it was read
	calm     result.Recorder // likewise, to bystanders before anybody came back
	complete result.Recorder // from when one began to come back until it has all
	warming  result.Recorder // like delivery, of the warm-up since it was asked for last
	gauge    *gauge          // deliveries since the last glance, those of the warm-up too
	receivers

	below, above traffic         // bytes, below TLS and above it
	ticket       bool            // there is one to resume sessions by
	called       time.Duration   // when Connect, ConnectUpTo or Return was, since base
	connecting   time.Duration   // of all this, since Connect or Return: how long it took, but for the calls since called
	dials        int             // connections made
	resumed      int             // TLS sessions
	answered     time.Duration   // when the last first answer came, since base
	handshakes   result.Recorder // of TLS
	answers      result.Recorder // from when a subscriber began to connect until its first answer
	joins        result.Recorder // likewise, from when it asked on a connection that was there
	inflater     inflater
}

// A network carries the connections of a load.
type network interface {
	// connect begins to connect a subscriber; it is called with the load's mutex held, as the
	// subscriber's methods must be.
	connect(s *subscriber) error
	// disconnect ends a subscriber's connection. The mutex is held.
	disconnect(s *subscriber)
	// send sends something by a subscriber's connection, without waiting. The mutex is held.
	send(s *subscriber, b []byte) error
	// close ends all connections, and returns when nothing more comes. The mutex is not held.
	close()
	// segments returns those of all connections, ended ones too; not ok if they are not known. The mutex is held.
	segments() (s result.Segments, ok bool)
}

// A Config says what a load does.
type Config struct {
	// Transport is the label of the transport, Subscribe how to subscribe by it, Dialer how to connect to
	// the server. All are needed.
	Transport string
	Subscribe Subscription
	Dialer    Dialer
	// Base is what due times count from, here as in what is published.
	Base time.Time
	// Subscribers is how many there are.
	Subscribers int
	// Way is how they talk beyond the transport. Default: as simply as can be.
	Way Way
	// WarmUp and Measured are how many events each is to be given: the events of the warm-up have the
	// numbers from 0, the measured ones those behind. Other events are faults.
	WarmUp, Measured int
	// Bystanders is how many of them keep their connection when the others lose theirs. Then Deliveries has those
	// to them alone.
	Bystanders int
	// Echo makes each a client that gets its own events, with Size bytes of data, back on a topic of its own; then it is
	// what says how to subscribe. WarmUp and Measured are each client's. InFlight is how many events a client has under
	// way that waits for them to come back; 0 if it does not.
	Echo           *Echoing
	Size, InFlight int
	Data           result.Data // what these events are filled up with
	// Slow is how many of the subscribers read slowly from when Slow is called until Release is, and SlowRate how many bytes
	// each takes in a second. Accounts, bytes and latencies are of the others; SlowAccount has theirs.
	Slow, SlowRate int
	// Hub is read by the subscribers themselves, in this process, if there is one; then Transport,
	// Subscribe and Dialer are not needed.
	Hub *hub.Hub
}

// New returns a load that is not connected yet. It must be closed. It fails if the system has nothing to
// wait for sockets with.
func New(config Config) (*Load, error) {
	l := &Load{
		transport: config.Transport, dialer: config.Dialer, way: config.Way, base: config.Base,
		echoing: config.Echo, bystanders: config.Bystanders, gauge: new(gauge),
	}
	l.plan = newPlan(config.Transport, config.Dialer.address, config.Subscribe, config.Way)
	if config.Hub != nil {
		l.network = newReaders(l, config.Hub)
	} else if err := l.prepare(); err != nil {
		return nil, err
	}
	l.unsplit = l.way.Streams > 0 || config.Echo != nil
	l.size, l.filling, l.slow, l.slowRate = config.Size, config.Data, config.Slow, config.SlowRate
	if config.InFlight > 0 {
		l.echoed = make(chan int, config.Subscribers*config.InFlight)
	}
	for i := range config.Subscribers {
		s := &subscriber{
			load: l, index: i, plan: l.plan, member: dataMember, slow: i < config.Slow,
			warmUp: newLedger(0, config.WarmUp), measured: newLedger(config.WarmUp, config.Measured),
		}
		if config.Echo != nil {
			s.echo(config.Echo)
		}
		l.subscribers = append(l.subscribers, s)
	}
	return l, nil
}

// Connect connects all subscribers, parallel of them at a time, and waits until each is subscribed, as far
// as the server tells. It fails when one cannot connect, when none does within 10 s, or when ctx ends. Who
// was dropped before comes back with its cursors.
func (l *Load) Connect(ctx context.Context, parallel int) error {
	return l.ConnectUpTo(ctx, len(l.subscribers), 0, parallel)
}

// ConnectUpTo is Connect for those of the first n subscribers that are not connected. They are to be given the events of the
// warm-up from that number on, since those before are out.
func (l *Load) ConnectUpTo(ctx context.Context, n, from, parallel int) error {
	if err := l.fetchTicket(ctx); err != nil {
		return fmt.Errorf("bench: no ticket to resume TLS sessions by: %w", err)
	}
	l.mu.Lock()
	l.now = time.Since(l.base)
	if l.opened == 0 {
		l.forgetArrivals()
	}
	l.connecting += max(0, l.answered-l.called)
	l.called, l.answered = l.now, 0
	l.queue = l.queue[:0]
	for _, s := range l.subscribers[:n] {
		if s.state == absent {
			l.queue = append(l.queue, s)
			if from > 0 {
				s.warmUp = newLedger(from, s.warmUp.first+s.warmUp.count-from)
				l.uneven = true
			}
		}
	}
	count := len(l.queue)
	want := l.opened + count
	for range min(parallel, count) {
		l.connectNext()
	}
	l.mu.Unlock()
	settle := l.plan.Settle
	progress, limit := 0, time.Now().Add(handshakeTime)
	for {
		l.mu.Lock()
		opened, err := l.opened, l.first
		l.mu.Unlock()
		switch {
		case err != nil:
			return fmt.Errorf("bench: a subscriber could not connect: %w", err)
		case opened >= want && settle == 0:
			return nil
		case opened >= want: // then it looks once more
			select {
			case <-time.After(settle):
				settle = 0
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		case opened > progress:
			progress, limit = opened, time.Now().Add(handshakeTime)
		case time.Now().After(limit):
			return fmt.Errorf("bench: %d of %d subscribers could not connect, and none within %v", want-opened, count, handshakeTime)
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// connectNext connects one of the queue.
func (l *Load) connectNext() {
	if len(l.queue) == 0 || l.closing {
		return
	}
	s := l.queue[0]
	l.queue = l.queue[1:]
	l.join(s)
}

// join begins to connect a subscriber.
func (l *Load) join(s *subscriber) {
	s.state, s.asking, s.began, s.joined, s.closes = connecting, true, time.Since(l.base), 0, false
	if err := l.network.connect(s); err != nil {
		l.lose(s, err)
	}
}

// open enters that a subscriber is subscribed.
func (l *Load) open(s *subscriber) {
	s.state = present
	l.opened++
	if s.slow {
		l.slowOpened++
	}
	l.note(1, 0)
	s.owed = min(max(0, l.head-s.measured.first), s.measured.count)
	s.behind = s.measured.first + s.owed
	l.caughtUp(s)
	l.connectNext()
}

// greet enters that the first answer to a subscriber has come.
func (l *Load) greet(s *subscriber) {
	s.asking, l.answered = false, l.now
	l.answers.Record(l.now - s.began)
	if s.joined > 0 {
		l.joins.Record(l.now - s.joined)
	}
}

// lose enters that a subscriber has lost its connection.
func (l *Load) lose(s *subscriber, err error) {
	if l.closing || s.state == lost || s.state == absent {
		return
	}
	l.network.disconnect(s)
	if errors.Is(err, errClosing) { // it has lost nothing, and goes on by another
		if err = l.network.connect(s); err == nil {
			return
		}
	}
	switch {
	case l.cutOff(s, err):
		return
	case l.returning && s.state == connecting:
		l.retry(s, err)
		return
	case l.leaving && s.state == present:
		if errors.Is(err, errLeaving) {
			l.goodbyes++
		}
		s.state = absent
		l.opened--
		l.note(0, 0)
		return
	}
	if s.state == connecting { // so that present is right
		l.opened++
	}
	s.state, s.err = lost, unexpected(err)
	l.ended++
	l.note(0, 0)
	if l.first == nil {
		l.first = s.err
	}
}

// Drop ends the connections of all who are not bystanders; they keep their cursors, and may come back.
func (l *Load) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.begin()
	defer l.note(0, 0)
	for _, s := range l.subscribers[:len(l.subscribers)-l.bystanders] {
		if s.state == present {
			l.network.disconnect(s)
			s.state = absent
			l.opened--
		}
	}
}

// Close ends all subscribers and waits for them. It may be called again.
func (l *Load) Close() {
	l.mu.Lock()
	closed := l.closing
	l.closing = true
	l.mu.Unlock()
	if closed {
		return
	}
	l.Release()
	l.stop()
	l.network.close()
	for _, s := range l.subscribers {
		s.stopUnzipping()
	}
}

// Lost returns how many have lost their connection, and why the first did.
func (l *Load) Lost() (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended, l.first
}

// Present returns how many have their connection.
func (l *Load) Present() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.opened - l.ended - len(l.cuts)
}

// Bytes returns how many came, and how many were sent; with TLS, below it.
func (l *Load) Bytes() (in, out int64) {
	if l.way.TLS != nil {
		return l.below.in.Load(), l.below.out.Load()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.in, l.out
}

// Segments returns the TCP segments of all connections so far, but of those that read slowly; not ok if they are not
// known.
func (l *Load) Segments() (s result.Segments, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.network.segments()
}

// Came reports whether all who have their connection and do not read slowly have that many events: of the
// measured ones, or of the warm-up.
func (l *Load) Came(measured bool, events int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := l.warmUp
	if measured {
		all = l.measured
	}
	if all >= events*(l.opened-l.slowOpened) {
		return true
	}
	if l.ended == 0 && !l.uneven {
		return false
	}
	for _, s := range l.subscribers {
		of, due := &s.warmUp, events-s.warmUp.first
		if measured {
			of, due = &s.measured, events
		}
		if s.state == present && !s.slow && of.came < due {
			return false
		}
	}
	return true
}

// Measured returns how many deliveries of measured events have come, each counted once.
func (l *Load) Measured() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.measured
}

// An Account is what the ledgers of all subscribers say together.
type Account struct {
	// Delivered is how many deliveries of measured events came, each counted once; Duplicated how many
	// came again, Reordered how many came behind a later event.
	Delivered, Duplicated, Reordered int64
	// WarmUpFaults is how many deliveries of the warm-up were lost, duplicated or reordered.
	WarmUpFaults int64
	// Gaps is how many gaps were announced, in the warm-up too.
	Gaps int64
}

// Account adds the ledgers up, as they are now.
func (l *Load) Account() Account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := Account{Delivered: int64(l.measured)}
	for _, s := range l.subscribers[l.slow:] {
		a.Duplicated += s.measured.duplicated
		a.Reordered += s.measured.reordered
		a.WarmUpFaults += s.warmUp.faults()
		a.Gaps += s.gaps
	}
	return a
}

// Silent returns how many of the first measured events are missing without a word: no gap was announced where they
// should have come.
func (l *Load) Silent(events int) (missing int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.subscribers {
		s.settle(events)
		missing += s.measured.silent(events)
	}
	return missing
}

// WarmingUp returns how long deliveries of the warm-up took since it was asked last.
func (l *Load) WarmingUp() (result.Latency, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer func() { l.warming = result.Recorder{} }()
	return l.warming.Latency()
}

// WarmedUp says that the warm-up has ended after so many events, of those that it may have.
func (l *Load) WarmedUp(events int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.subscribers {
		s.warmUp.count = min(s.warmUp.count, events)
	}
}

// Deliveries returns how long deliveries of measured events took: from when an event was due until it had come to a
// subscriber's socket. It fails if the histogram cannot be encoded.
func (l *Load) Deliveries() (result.Latency, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.delivery.Latency()
}

// ReadDelays returns how long they then waited until the load read them; all are 0 where the system does not
// tell when something came, which is anything but Linux. It fails as Deliveries does.
func (l *Load) ReadDelays() (result.Latency, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reading.Latency()
}

// CatchUps returns how long subscribers took that came back, each until it had all that was published before it
// was back: from when Return was called, or its own connection cut. It fails as Deliveries does.
func (l *Load) CatchUps() (result.Latency, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.complete.Latency()
}
