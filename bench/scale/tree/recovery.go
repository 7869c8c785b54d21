package tree

import (
	"math"
	"math/rand/v2"
)

// A Manner is how subscribers lose their node, and come back.
type Manner string

// The manners.
const (
	// Drained: the node said goodbye to each, with a time to come back.
	Drained Manner = "drained, $bye"
	// Killed: the connections broke, and the clients are ours.
	Killed Manner = "killed, our clients"
	// Plain: the connections broke, and the clients are a browser's EventSource, which all wait for the same time.
	Plain Manner = "killed, EventSource"
)

// Manners returns all.
func Manners() []Manner { return []Manner{Drained, Killed, Plain} }

// first draws when a client loses its connection, and when it comes back for the first time.
func (in *Inputs) first(m Manner, clients float64) func(*rand.Rand) (left, comes float64) {
	switch m {
	case Drained:
		window := min(in.Drain*2/3, 0.010*clients) // hub.Drain takes 10 ms at the most for each
		return func(random *rand.Rand) (left, comes float64) {
			left = window * random.Float64()
			return left, left + in.Retry*(in.ByeFrom+(in.ByeTo-in.ByeFrom)*random.Float64())
		}
	case Plain:
		return func(*rand.Rand) (left, comes float64) { return 0, in.Retry }
	default:
		return func(random *rand.Rand) (left, comes float64) { return 0, in.again(m, random, 0) }
	}
}

// again draws how long a client waits after that many failures. Ours double it (common/client); a browser need not.
func (in *Inputs) again(m Manner, random *rand.Rand, failures int) float64 {
	if m == Plain {
		return in.Retry
	}
	delay := max(in.Retry, min(in.MaxBackoff, in.Retry*math.Pow(2, float64(failures))))
	return delay * (1 + in.RetryMore*random.Float64())
}

// ring is for how long the ring of a node has an event.
func (in *Inputs) ring() float64 { return in.History / in.Rate }

// connects is how many subscribers the machines of a region can take in a second, beside those that they have: proxies with
// TLS, nodes with what they send again.
func (in *Inputs) connects(nodes, proxies, onNodes, onProxies float64) float64 {
	spare := func(machines, subscribers float64, needs []need, cost float64) float64 {
		n := needs[0] // CPU
		left := n.has - n.fixed - subscribers/machines*n.each
		if machines <= 0 || left <= 0 {
			return 0
		}
		return machines * left / (1e-6 * cost)
	}
	return min(spare(nodes, onNodes, in.node(), in.ConnectCPU), spare(proxies, onProxies, in.proxy(), in.ProxyCon+in.HandshakeCPU))
}

// storm returns the storm on one of a region's nodes.
func (t *Tree) storm(m Manner, nodes, clients, perSecond float64, first func(*rand.Rand) (left, comes float64)) Storm {
	in := &t.In
	return Storm{
		Clients: int(math.Ceil(clients / nodes)),
		First:   first,
		Again:   func(random *rand.Rand, failures int) float64 { return in.again(m, random, failures) },
		Takes:   nodes / perSecond, // +Inf if there is no room
		Timeout: in.Timeout, Wasted: in.Wasted,
		Ring: in.ring(), Events: in.events(), Read: nodes * 1e-3 * in.Page / (replicas * in.Mirrors),
	}
}

// NodeLoss simulates the loss of a node, in the region where most of its subscribers come to each of the others there. With no
// other node nobody comes back.
func (t *Tree) NodeLoss(m Manner, seed uint64) (s Site, r Recovery) {
	s = t.Sites[0]
	each := func(s Site) float64 { return s.Subscribers / s.Nodes / (s.Nodes - 1) }
	for _, o := range t.Sites {
		if each(o) > each(s) {
			s = o
		}
	}
	victims, left := s.Subscribers/s.Nodes, s.Nodes-1
	if left < 1 {
		inf := math.Inf(1)
		return s, Recovery{Clients: int(victims), Half: inf, Most: inf, All: inf, Caught: inf}
	}
	// The room is that when all are back, the least there is.
	perSecond := t.In.connects(left, s.Proxies, s.Subscribers, s.Subscribers)
	return s, t.storm(m, left, victims, perSecond, t.In.first(m, victims)).Run(rand.New(rand.NewPCG(seed, 1<<32)))
}

// A RegionRecovery is what comes of the loss of a region.
type RegionRecovery struct {
	Lost Site
	// Worst is the resource of which most is used when everybody has moved, on the machines that are left.
	Worst Use
	// Moved is how many subscribers had to, and Nodes to how many nodes.
	Moved, Nodes float64
	// Recovery is that of those who came to one node, in the region with most nodes: there most of them read from one mirror.
	Recovery
}

// RegionLoss simulates the loss of the region with most subscribers: when that is known, they learn another address, one after the
// other, and are shared out to the other regions by the number of their nodes. Meanwhile they have tried in vain, so that the next try
// of each is somewhere in the longest wait. It says nothing of publishing, which ends with the home.
func (t *Tree) RegionLoss(seed uint64) (l RegionRecovery) {
	in := &t.In
	worst := 0
	for i, s := range t.Sites {
		if s.Subscribers > t.Sites[worst].Subscribers {
			worst = i
		}
	}
	l.Lost = t.Sites[worst]
	l.Moved = l.Lost.Subscribers
	after := Tree{In: *in}
	for i, s := range t.Sites {
		if i != worst {
			after.Sites = append(after.Sites, s)
			l.Nodes += s.Nodes
		}
	}
	inf := math.Inf(1)
	if l.Nodes == 0 {
		l.Recovery = Recovery{Half: inf, Most: inf, All: inf, Caught: inf}
		return l
	}
	perNode := inf // connects a second
	for i := range after.Sites {
		s := &after.Sites[i]
		s.Subscribers += l.Moved * s.Nodes / l.Nodes
		perNode = min(perNode, in.connects(s.Nodes, s.Proxies, s.Subscribers, s.Subscribers)/s.Nodes)
	}
	for _, u := range after.Worst() {
		if u.Tier == "home stream" || u.Chosen {
			continue // it is where it was; a limit that was chosen breaks nothing
		}
		l.Worst = u
		break
	}
	nodes := 0.0
	for _, s := range after.Sites {
		nodes = max(nodes, s.Nodes)
	}
	first := func(random *rand.Rand) (left, comes float64) {
		return 0, in.Detect + in.TTL*random.Float64() + in.MaxBackoff*(1+in.RetryMore)*random.Float64()
	}
	storm := t.storm(Killed, nodes, l.Moved*nodes/l.Nodes, nodes*perNode, first)
	l.Recovery = storm.Run(rand.New(rand.NewPCG(seed, 2<<32)))
	return l
}

// A Lag is what comes of a mirror that is behind.
type Lag struct {
	Events, Gigabytes float64 // that it has to get
	// Rate is how many it gets in a second, and From what bounds it.
	Rate float64
	From string
	// Mirror is after how many seconds the mirror has all, and Subscribers after how many they do; infinite if that is never.
	Mirror, Subscribers float64
	// Ahead is how many events the rings of the nodes are then ahead of the subscribers, at the most. If that is more than
	// a ring has, subscribers read from the mirror, for Reading seconds at least.
	Ahead   float64
	Past    bool
	Reading float64
}

// MirrorBehind computes what comes after the link to the region with most subscribers was cut for a while. Events share a write then, as
// many at the most as a subscriber gets of those that a ring has: who waits longer falls out of the ring.
func (t *Tree) MirrorBehind() (l Lag) {
	in := &t.In
	s := t.Sites[0]
	for _, o := range t.Sites {
		if o.Subscribers > s.Subscribers {
			s = o
		}
	}
	l.Events = in.Rate * in.Behind
	l.Gigabytes = l.Events * in.message() / 1e9
	l.Rate = math.Inf(1)
	for _, b := range []struct {
		from string
		rate float64
	}{
		{"the mirror's appends", in.Appends},
		{"one reader of the home stream", in.CatchUp},
		{"the leaf link", 1e9 * in.LinkGbit / (8 * in.message() * in.Mirrors)},
		{"deliveries to the nodes", in.Deliveries * replicas / (s.Nodes / in.Mirrors)},
		{"a node's tail", 1 / (1e-6 * in.Tail)},
	} {
		if b.rate < l.Rate {
			l.Rate, l.From = b.rate, b.from
		}
	}
	until := func(events, rate, more float64) float64 {
		if rate <= more {
			return math.Inf(1)
		}
		return events / (rate - more)
	}
	l.Mirror = until(l.Events, l.Rate, in.Rate)
	// What nodes and proxies can send, in events of the log a second.
	shared := max(1, in.History*in.Share)
	sends := math.Inf(1)
	for _, tier := range []struct {
		machines, cpu, bits float64
	}{{s.Nodes, in.nodeCPU(), in.nodeBits()}, {s.Proxies, in.proxyCPU(), in.proxyBits()}} {
		each := s.Subscribers / tier.machines * in.Share // deliveries of an event
		sends = min(sends, in.usable()/(each*(tier.cpu/shared+1e-6*in.Replay)), in.nic()/(each*tier.bits))
	}
	l.Subscribers = max(l.Mirror, until(l.Events, sends, in.Rate))
	if sends < l.Rate && !math.IsInf(l.Mirror, 1) {
		l.Ahead = (l.Rate - sends) * l.Mirror
	}
	if l.Past = l.Ahead > in.History; l.Past {
		l.Reading = s.Subscribers * 1e-3 * in.Page / (replicas * in.Mirrors)
		l.Subscribers = max(l.Subscribers, l.Reading)
	}
	return l
}
