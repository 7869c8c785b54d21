package cost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
)

// A Config says what is measured. A zero field means its default, where it has one.
type Config struct {
	// Program is the pushlab that serves; Args are further arguments of its serve.
	Program string
	Args    []string
	// Journal is what its --journal is given. Default: none.
	Journal string
	// NATS is a nats-server that is started anew for each measurement, and is the journal then. Default: none.
	NATS string
	// Nodes is up to how many nodes there are. Default 3.
	Nodes int
	// Rounds is how often each is measured. Default 5.
	Rounds int
	// Transport is that of the subscribers.
	Transport string
	// Loads are what the nodes have to do.
	Loads []Load
	// WarmUp and Measure are for how long events are published, before it is measured and while it is. Default 1 s and 3 s.
	WarmUp, Measure time.Duration
	// Patience is for how long what is under way in the end is waited for. Default 15 s.
	Patience time.Duration
	// Size is how many bytes of data an event has. Default 128.
	Size int
	// Log is told what is going on. Default: nobody.
	Log io.Writer
}

// A Load is what each node has to do: so many subscribers, who all get that many events a second.
type Load struct {
	Subscribers int
	Rate        float64
}

func (l Load) String() string {
	return fmt.Sprintf("%d subscribers, %g events/s", l.Subscribers, l.Rate)
}

// A Lane is a number of nodes, with the journal or apart.
type Lane struct {
	Nodes   int
	Journal bool
}

// A Measurement is what one lane took in one round.
type Measurement struct {
	Load  Load
	Lane  Lane
	Round int
	// Delivery is the CPU time of a node, in microseconds for each event that it delivered to a subscriber: the mean of the nodes.
	Delivery float64
	// First and Others are the same for each event that was published: of the first node, and the mean of the others, 0 if there
	// are none. With a journal only the first is published to.
	First, Others float64
	// Broker is the CPU time of the NATS server in microseconds for each event that was published; 0 without one that was started.
	Broker float64
	// P50 and P99 are how long a delivery took, in milliseconds, at the node where it took longest.
	P50, P99 float64
	// Busy is how much of the machine was busy, whoever was.
	Busy float64
	// Late is how late an event was published at the most.
	Late time.Duration
}

const (
	parallel = 32               // who connect at the same time
	starting = 30 * time.Second // how long it may take until a measurement begins
)

func (c Config) withDefaults() Config {
	c.Nodes = cmp.Or(c.Nodes, 3)
	c.Rounds = cmp.Or(c.Rounds, 5)
	c.WarmUp = cmp.Or(c.WarmUp, time.Second)
	c.Measure = cmp.Or(c.Measure, 3*time.Second)
	c.Patience = cmp.Or(c.Patience, 15*time.Second)
	c.Size = cmp.Or(c.Size, 128)
	c.Log = cmp.Or[io.Writer](c.Log, io.Discard)
	return c
}

// lanes are the numbers of nodes: apart, and then with the journal if there is one.
func (c Config) lanes() (lanes []Lane) {
	for n := range c.Nodes {
		lanes = append(lanes, Lane{n + 1, false})
	}
	if c.Journal != "" || c.NATS != "" {
		for n := range c.Nodes {
			lanes = append(lanes, Lane{n + 1, true})
		}
	}
	return lanes
}

// Limit is how long Run takes at the most.
func (c Config) Limit() time.Duration {
	c = c.withDefaults()
	each := starting + c.WarmUp + c.Measure + 2*c.Patience
	return time.Duration(c.Rounds*len(c.Loads)*len(c.lanes())) * each
}

// Run measures all lanes with all loads in each round; which lane is first changes from round to round. It fails if a server
// does, if an event is lost, repeated or out of order, or when ctx ends; then it returns what it has.
func Run(ctx context.Context, c Config) (all []Measurement, err error) {
	c = c.withDefaults()
	ctx, cancel := context.WithTimeout(ctx, c.Limit())
	defer cancel()
	lanes := c.lanes()
	for round := range c.Rounds {
		for _, l := range c.Loads {
			for i := range lanes {
				lane := lanes[(i+round)%len(lanes)]
				fmt.Fprintf(c.Log, "round %d of %d: %v, nodes: %d\n", round+1, c.Rounds, l, lane.Nodes)
				m, err := c.measure(ctx, lane, l)
				if err != nil {
					return all, fmt.Errorf("%v, nodes: %d: %w", l, lane.Nodes, err)
				}
				m.Round = round
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// A node is a server and its subscribers.
type node struct {
	*machine.Server
	*load.Load
}

// measure measures one lane, with servers of its own.
func (c Config) measure(ctx context.Context, lane Lane, l Load) (m Measurement, err error) {
	m.Load, m.Lane = l, lane
	var broker *machine.Server
	args := append([]string{c.Program, "serve", "--source", "none", "--log-level", "warn", "--listen", "localhost:0"}, c.Args...)
	if lane.Journal {
		journal := c.Journal
		if c.NATS != "" {
			dir, err := os.MkdirTemp("", "pushlab-scale-")
			if err != nil {
				return m, err
			}
			defer os.RemoveAll(dir)
			if broker, journal, err = startNATS(ctx, c.NATS, dir); err != nil {
				return m, err
			}
			defer broker.Close()
		}
		args = append(args, "--journal", journal)
	}
	warmUp, measured := max(1, int(l.Rate*c.WarmUp.Seconds())), max(1, int(l.Rate*c.Measure.Seconds()))
	base := time.Now()
	var nodes []node
	var publishers []*load.Publisher
	for i := range lane.Nodes {
		server, err := machine.StartServer(ctx, machine.ServerConfig{Command: args})
		if err != nil {
			return m, err
		}
		defer server.Close()
		dialer, err := load.NewDialer(server.URL, nil)
		if err != nil {
			return m, err
		}
		subscribers, err := load.New(load.Config{
			Transport: c.Transport, Subscribe: load.Pushlab(c.Transport).Subscribe, Dialer: dialer, Base: base,
			Subscribers: l.Subscribers, WarmUp: warmUp, Measured: measured,
		})
		if err != nil {
			return m, err
		}
		defer subscribers.Close()
		if err := subscribers.Connect(ctx, parallel); err != nil {
			return m, err
		}
		nodes = append(nodes, node{server, subscribers})
		if i == 0 || !lane.Journal {
			p, err := load.ConnectPublisher(ctx, dialer, c.Size, load.ToPushlab())
			if err != nil {
				return m, err
			}
			defer p.Close()
			publishers = append(publishers, p)
		}
	}
	publish := func(from, count int) error {
		pace := load.Pacer{Rate: l.Rate, Sleep: load.SleepExactly}
		_, err := pace.Run(ctx, time.Now(), count, func(n int, due time.Time) error {
			m.Late = max(m.Late, time.Since(due))
			for _, p := range publishers {
				if err := p.Publish(from+n, due.Sub(base)); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	}
	if err := publish(0, warmUp); err != nil {
		return m, err
	}
	if err := c.came(ctx, nodes, false, warmUp); err != nil {
		return m, err
	}
	m.Late = 0
	before, err := read(nodes, broker)
	if err != nil {
		return m, err
	}
	if err := publish(warmUp, measured); err != nil {
		return m, err
	}
	if err := c.came(ctx, nodes, true, measured); err != nil {
		return m, err
	}
	after, err := read(nodes, broker)
	if err != nil {
		return m, err
	}
	if err := m.account(nodes, measured); err != nil {
		return m, err
	}
	m.charge(before, after, measured, l.Subscribers)
	return m, nil
}

// came waits until all subscribers have that many events. It fails if they do not get them, or one has lost its connection.
func (c Config) came(ctx context.Context, nodes []node, measured bool, events int) error {
	ctx, cancel := context.WithTimeout(ctx, c.Patience)
	defer cancel()
	for i, n := range nodes {
		for !n.Came(measured, events) {
			if lost, why := n.Lost(); lost > 0 {
				return fmt.Errorf("node %d: %d subscribers lost their connection; one of them: %w", i+1, lost, why)
			}
			select {
			case <-time.After(2 * time.Millisecond):
			case <-ctx.Done():
				return fmt.Errorf("node %d: not all of the %d events have come %v after the last: %w", i+1, events, c.Patience, ctx.Err())
			}
		}
	}
	return nil
}

// account checks that each subscriber got everything once and in order, and reads how long that took.
func (m *Measurement) account(nodes []node, measured int) error {
	for i, n := range nodes {
		a := n.Account()
		if want := int64(m.Load.Subscribers * measured); a.Delivered != want || a.Duplicated+a.Reordered+a.WarmUpFaults+a.Gaps > 0 {
			return fmt.Errorf("node %d: %d of %d deliveries came, %d again, %d out of order, %d faults in the warm-up, %d gaps",
				i+1, a.Delivered, want, a.Duplicated, a.Reordered, a.WarmUpFaults, a.Gaps)
		}
		took, err := n.Deliveries()
		if err != nil {
			return err
		}
		m.P50, m.P99 = max(m.P50, 1e3*took.P50.Seconds()), max(m.P99, 1e3*took.P99.Seconds())
	}
	return nil
}

// A reading is what CPU time everybody had taken at a moment.
type reading struct {
	at     time.Time
	nodes  []time.Duration
	broker time.Duration
	busy   time.Duration // of the whole machine
}

func read(nodes []node, broker *machine.Server) (r reading, err error) {
	var failed []error
	cpu := func(s *machine.Server) time.Duration {
		took, err := machine.CPUTime(machine.Family(s.PID)...)
		failed = append(failed, err)
		return took
	}
	for _, n := range nodes {
		r.nodes = append(r.nodes, cpu(n.Server))
	}
	if broker != nil {
		r.broker = cpu(broker)
	}
	r.busy, err = machine.BusyTime(nil)
	r.at = time.Now()
	return r, errors.Join(append(failed, err)...)
}

// charge shares out what was taken between two readings.
func (m *Measurement) charge(before, after reading, events, subscribers int) {
	us := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	for i := range after.nodes {
		event := us(after.nodes[i]-before.nodes[i]) / float64(events)
		m.Delivery += event / float64(subscribers*len(after.nodes))
		if i == 0 {
			m.First = event
		} else {
			m.Others += event / float64(len(after.nodes)-1)
		}
	}
	m.Broker = us(after.broker-before.broker) / float64(events)
	m.Busy = float64(after.busy-before.busy) / float64(after.at.Sub(before.at)) / float64(runtime.NumCPU())
}
