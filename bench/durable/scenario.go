package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/longpoll"
)

// A scenario says what runs, and what is killed.
type scenario struct {
	name    string
	nodes   int
	servers int    // NATS servers
	rovers  int    // subscribers that change node and transport on purpose
	victim  victim // nil: nothing is killed
	freeze  bool   // it is not killed, but stands still for some seconds, and goes on
}

var scenarios = []scenario{
	{name: "nothing", nodes: 2, servers: 3, rovers: 12},
	{name: "node", nodes: 2, servers: 3, rovers: 2, victim: someNode},
	{name: "directory", nodes: 1, rovers: 2, victim: someNode},
	{name: "leader", nodes: 2, servers: 3, rovers: 2, victim: leader},
	{name: "follower", nodes: 2, servers: 3, rovers: 2, victim: follows},
	{name: "two", nodes: 2, servers: 3, rovers: 2, victim: twoServers},
	{name: "all", nodes: 2, servers: 3, rovers: 2, victim: everything},
	// Others lead when it goes on, and it does not know that yet.
	{name: "frozen", nodes: 2, servers: 3, rovers: 2, victim: leaderOrAny, freeze: true},
	{name: "any", nodes: 2, servers: 3, rovers: 2, victim: anyOfAll},
}

// A victim chooses what to kill at a time.
type victim func(ctx context.Context, c *cluster, rng *rand.Rand) ([]*process, error)

func someNode(_ context.Context, c *cluster, rng *rand.Rand) ([]*process, error) {
	return []*process{c.nodes[rng.IntN(len(c.nodes))]}, nil
}

func leader(ctx context.Context, c *cluster, _ *rand.Rand) ([]*process, error) {
	leader, _, err := c.awaitReplicas(ctx)
	return []*process{leader}, err
}

func follows(ctx context.Context, c *cluster, rng *rand.Rand) ([]*process, error) {
	_, followers, err := c.awaitReplicas(ctx)
	if err != nil {
		return nil, err
	}
	return []*process{followers[rng.IntN(len(followers))]}, nil
}

func twoServers(ctx context.Context, c *cluster, rng *rand.Rand) ([]*process, error) {
	leader, followers, err := c.awaitReplicas(ctx)
	if err != nil {
		return nil, err
	}
	return []*process{leader, followers[rng.IntN(len(followers))]}, nil
}

func everything(ctx context.Context, c *cluster, _ *rand.Rand) ([]*process, error) {
	_, _, err := c.awaitReplicas(ctx)
	return slices.Concat(c.nats, c.nodes), err
}

func anyOfAll(ctx context.Context, c *cluster, rng *rand.Rand) ([]*process, error) {
	all, err := everything(ctx, c, rng)
	return []*process{all[rng.IntN(len(all))]}, err
}

func leaderOrAny(ctx context.Context, c *cluster, rng *rand.Rand) ([]*process, error) {
	if rng.IntN(2) == 0 {
		return leader(ctx, c, rng)
	}
	return anyOfAll(ctx, c, rng)
}

// topics is how many topics there are.
const topics = 3

// silent and discard take what nobody needs to read.
var (
	silent  = slog.New(slog.DiscardHandler)
	discard = log.New(io.Discard, "", 0)
)

// A run is one scenario while it runs.
type run struct {
	scenario
	program startup
	rounds  int
	rate    float64 // events a second that are attempted
	seed    uint64
	out     io.Writer

	cluster     *cluster
	record      record
	publishers  []*publisher
	subscribers []*subscriber
	base        time.Time    // where the clock of the history begins
	begun       atomic.Int64 // attempts to publish
	switches    atomic.Int64 // of rovers
	polls       *roundRobin
	finished    bool // nobody publishes any more

	published, delivered []time.Duration // the longest pause of each round
}

// settleTimeout is how long everybody may take, after a fault, until publishing goes on and all is delivered.
const settleTimeout = time.Minute

// do runs the scenario, and makes up its account. It fails if that could not be done; what the account says is another thing.
func (r *run) do(ctx context.Context) (a account, err error) {
	dir := filepath.Join(r.program.dir, r.name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return a, err
	}
	program := r.program
	program.dir, program.nodes, program.servers = dir, r.nodes, r.servers
	r.cluster, err = program.start(ctx)
	defer func() { err = errors.Join(err, r.cluster.close()) }()
	if err != nil {
		return a, err
	}
	if r.record.start, err = head(ctx, r.cluster.urls[0]); err != nil {
		return a, err
	}
	r.polls = newRoundRobin(r.cluster.urls)
	defer r.polls.Close()
	r.people()

	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	publishing, finish := context.WithCancel(ctx)
	defer finish()
	var publishers, subscribers sync.WaitGroup
	defer subscribers.Wait()
	defer publishers.Wait()
	defer cancel(nil)
	for _, p := range r.publishers {
		publishers.Go(func() {
			if err := p.run(publishing); err != nil {
				cancel(err)
			}
		})
	}
	for _, s := range r.subscribers {
		subscribers.Go(func() {
			if err := s.follow(ctx, s); ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", s.name, err))
			}
		})
	}
	rng := rand.New(rand.NewPCG(r.seed, uint64(len(r.name))))
	for n := range r.rounds {
		if err := r.round(ctx, rng, n+1); err != nil {
			return a, fmt.Errorf("round %d: %w", n+1, cause(ctx, err))
		}
	}
	finish()
	publishers.Wait()
	r.finished = true
	if err := r.settle(ctx); err != nil {
		return a, cause(ctx, err)
	}
	if err := r.readAgain(ctx); err != nil {
		return a, cause(ctx, err)
	}
	cancel(nil)
	subscribers.Wait()
	r.polls.Close()
	for _, p := range r.publishers {
		r.record.operations = append(r.record.operations, p.operations...)
	}
	for _, s := range r.subscribers {
		r.record.streams = append(r.record.streams, stream{s.name, s.topics, s.got})
	}
	return r.record.settle(), nil
}

// cause returns why a context was ended, if it was, else the error.
func cause(ctx context.Context, err error) error {
	if ended := context.Cause(ctx); ended != nil {
		return ended
	}
	return err
}

// head returns the cursor of who has everything.
func head(ctx context.Context, url string) (event.ID, error) {
	conn, err := longpoll.Dial(ctx, url+"/longpoll", client.Options{})
	if err != nil {
		return event.ID{}, err
	}
	defer conn.Close()
	return event.ParseID(conn.Cursor())
}

// people makes the publishers and the subscribers.
func (r *run) people() {
	urls, base := r.cluster.urls, time.Now()
	r.base = base
	const each = 3 // with keys, by POST and by WebSocket; and one of each without
	every := time.Duration(float64(2*(each+1)) / r.rate * float64(time.Second))
	for n := range each + 1 {
		keys := n < each
		r.publishers = append(r.publishers,
			&publisher{name: fmt.Sprintf("post-%d", n+1), keys: keys, nodes: len(urls), base: base, every: every, begun: &r.begun,
				to: poster{urls, client.Options{}.HTTPClient()}},
			&publisher{name: fmt.Sprintf("websocket-%d", n+1), keys: keys, nodes: len(urls), base: base, every: every, begun: &r.begun,
				to: &talker{urls: urls}})
	}
	start := r.record.start
	for node := range urls {
		for _, t := range transports {
			r.subscribers = append(r.subscribers, follower(t, urls, node, nil, start, base))
		}
	}
	for i, t := range transports { // those of a topic: what of the log is theirs is found in another way
		r.subscribers = append(r.subscribers, follower(t, urls, i%len(urls), []string{fmt.Sprintf("t%d", i%topics)}, start, base))
	}
	for n := range r.rovers {
		r.subscribers = append(r.subscribers, rover(fmt.Sprintf("rover %d", n+1), urls, start, base, &r.switches))
	}
	robin := follower(transports[0], []string{r.polls.URL}, 0, nil, start, base)
	robin.name = "longpoll, round robin"
	r.subscribers = append(r.subscribers, robin)
}

// round kills a server at a random moment, starts it again after a random time, and waits until all is well.
func (r *run) round(ctx context.Context, rng *rand.Rand, n int) error {
	if err := pause(ctx, 50*time.Millisecond+time.Duration(rng.Int64N(int64(450*time.Millisecond)))); err != nil {
		return err
	}
	down := time.Duration(rng.Int64N(int64(time.Second)))
	if r.freeze {
		down *= 8 // an election takes more than four
	}
	interrupted := time.Duration(0)
	if rng.IntN(3) == 0 { // while they start, and look through their files
		interrupted = time.Duration(rng.Int64N(int64(300 * time.Millisecond)))
	}
	var victims []*process
	if r.victim != nil {
		var err error
		if victims, err = r.victim(ctx, r.cluster, rng); err != nil {
			return err
		}
	}
	r.takePauses()
	r.awaitAttempt(ctx)
	early := rng.Float64()
	pause(ctx, time.Duration(early*early*early*float64(3*time.Millisecond))) // it may be stored, or its answer on the way
	begun := time.Now()
	var err error
	if r.freeze {
		err = standStill(ctx, victims, down)
	} else {
		err = restart(ctx, victims, down, interrupted)
	}
	if err != nil {
		return err
	}
	if err := r.settle(ctx); err != nil {
		return err
	}
	published, delivered := r.takePauses()
	r.published, r.delivered = append(r.published, published), append(r.delivered, delivered)
	lost, repeated, gaps := uint64(0), uint64(0), uint64(0)
	for _, s := range r.subscribers {
		s.mu.Lock()
		if s.topics == nil {
			lost, repeated, gaps = lost+s.ledger.Lost, repeated+s.ledger.Repeated, gaps+s.ledger.Gaps
		}
		s.mu.Unlock()
	}
	if lost+repeated+gaps > 0 {
		fmt.Fprintf(r.out, "%s %d: WRONG so far: %d lost, %d repeated, %d gaps\n", r.name, n, lost, repeated, gaps)
	}
	fmt.Fprintf(r.out, "%s %d: %s down for %v, all well after %v; pauses: publishing %v, delivery %v\n", r.name, n, names(victims),
		down.Round(time.Millisecond), time.Since(begun).Round(time.Millisecond), published.Round(time.Millisecond), delivered.Round(time.Millisecond))
	return nil
}

func names(all []*process) string {
	var names []string
	for _, p := range all {
		names = append(names, p.name)
	}
	return cmp.Or(strings.Join(names, ", "), "nothing")
}

// awaitAttempt waits until somebody has begun to publish an event.
func (r *run) awaitAttempt(ctx context.Context) {
	begun := r.begun.Load()
	for r.begun.Load() == begun && pause(ctx, 50*time.Microsecond) == nil {
	}
}

// takePauses returns the longest pauses since it was called last.
func (r *run) takePauses() (published, delivered time.Duration) {
	for _, p := range r.publishers {
		published = max(published, p.waited.take())
	}
	for _, s := range r.subscribers {
		delivered = max(delivered, s.waited.take())
	}
	return published, delivered
}

// settle waits until each publisher has another answer, if they still publish, and each subscriber everything that was acknowledged
// until then. Then nothing may have been lost or repeated.
func (r *run) settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	return r.settled(ctx)
}

func (r *run) settled(ctx context.Context) error {
	before := make([]int, len(r.publishers))
	for i, p := range r.publishers {
		before[i], _ = p.told()
	}
	for i, p := range r.publishers {
		for !r.finished {
			if n, _ := p.told(); n > before[i] {
				break
			}
			if pause(ctx, lookEvery) != nil {
				return fmt.Errorf("%s got no answer any more", p.name)
			}
		}
	}
	latest := map[string]event.ID{}
	for _, p := range r.publishers {
		_, acked := p.told()
		for topic, id := range acked {
			if id.Seq > latest[topic].Seq {
				latest[topic] = id
			}
		}
	}
	for _, s := range r.subscribers {
		if err := s.await(ctx, latest); err != nil {
			return err
		}
	}
	return nil
}

// lookEvery is how often it is looked whether something has happened.
const lookEvery = 10 * time.Millisecond

// readAgain has each node give everything again, to a subscriber that was not there.
func (r *run) readAgain(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	latest := map[string]event.ID{}
	for _, s := range r.subscribers {
		s.mu.Lock()
		if s.topics == nil && s.last.Seq > latest[""].Seq {
			latest[""] = s.last
		}
		s.mu.Unlock()
	}
	for node, url := range r.cluster.urls {
		s := follower(transports[rand.N(len(transports))], []string{url}, 0, nil, r.record.start, r.base)
		s.name = fmt.Sprintf("read again from node %d", node+1)
		reading, stop := context.WithCancel(ctx)
		var following sync.WaitGroup
		following.Go(func() { s.follow(reading, s) })
		err := s.await(ctx, latest)
		stop()
		following.Wait()
		if err != nil {
			return err
		}
		r.record.streams = append(r.record.streams, stream{s.name, nil, s.got})
	}
	return nil
}
