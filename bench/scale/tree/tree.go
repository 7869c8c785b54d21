package tree

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// A Tree is what the inputs take: how many machines of each tier in each region.
type Tree struct {
	In    Inputs
	Sites []Site // one for each region, in their order
}

// A Site is what a region has.
type Site struct {
	Region
	Subscribers    float64
	Nodes, Proxies float64
	// NodesFor and ProxiesFor are the resources that their numbers come from.
	NodesFor, ProxiesFor string
}

// replicas is how many servers a stream has, and a mirror of it.
const replicas = 3

// Unlimited is how many machines a tier may have in a region: more is taken to be impossible.
const unlimited = 1e6

// Plan sizes a tree. It fails if the inputs make no sense, or if what each machine takes anyway leaves nothing of it; that
// error is a LimitError.
func Plan(in Inputs) (*Tree, error) {
	if err := in.Validate(); err != nil {
		return nil, fmt.Errorf("tree: %w", err)
	}
	t := &Tree{In: in.normalized()}
	for _, r := range t.In.Regions {
		s := Site{Region: r, Subscribers: t.In.Subscribers * r.Share}
		var err, perr error
		s.Nodes, s.NodesFor, err = t.In.size("nodes", s.Subscribers, t.In.node())
		s.Proxies, s.ProxiesFor, perr = t.In.size("proxies", s.Subscribers, t.In.proxy())
		if err := cmp.Or(err, perr); err != nil {
			return nil, err
		}
		t.Sites = append(t.Sites, s)
	}
	return t, nil
}

// rounding is by how much too many a quotient may be for the rounding of what it is made of.
const rounding = 1e-9

// A LimitError says what no number of machines helps against.
type LimitError struct{ Tier, Resource string }

func (e *LimitError) Error() string {
	return fmt.Sprintf("tree: %s of %s: what each machine takes anyway leaves no room for subscribers, so more machines do not help", e.Resource, e.Tier)
}

// A need is what a machine has of something, and what of it is taken.
type need struct {
	resource, unit string
	has            float64
	each           float64 // by each subscriber
	fixed          float64 // by the machine, however many there are
	whole          bool    // no headroom is kept: the number itself was chosen
}

// size returns how many machines a region takes, and for which resource.
func (in *Inputs) size(tier string, subscribers float64, needs []need) (machines float64, resource string, err error) {
	for _, n := range needs {
		left := n.has*in.Headroom - n.fixed
		if n.whole {
			left = n.has - n.fixed
		}
		if left <= 0 || subscribers*n.each/left > unlimited {
			return 0, "", &LimitError{tier, n.resource}
		}
		if m := math.Ceil(subscribers*n.each/left - rounding); m > machines {
			machines, resource = m, n.resource
		}
	}
	return max(1, machines) + in.Spare, resource, nil
}

// deliveries is how many a subscriber gets in a second, events and heartbeats.
func (in *Inputs) deliveries() float64 { return in.events() + max(0, 1/in.Heartbeat-in.events()) }

// events is how many events a subscriber gets in a second.
func (in *Inputs) events() float64 { return in.Rate * in.Share }

// nodeCPU is what a delivery takes of a node, in seconds.
func (in *Inputs) nodeCPU() float64 {
	return 1e-6 * in.mix(func(t Transport) float64 { return t.NodeCPU }) * in.Growth * in.FewSends
}

// proxyCPU is what a delivery takes of a proxy, in seconds.
func (in *Inputs) proxyCPU() float64 {
	return 1e-6 * (in.mix(func(t Transport) float64 { return t.ProxyCPU })*in.Growth*in.FewSends + in.RecordCPU)
}

// nodeBits and proxyBits are what a delivery takes of their network.
func (in *Inputs) nodeBits() float64 {
	return 8 * (in.mix(func(t Transport) float64 { return t.Bytes }) + in.SegmentBytes)
}
func (in *Inputs) proxyBits() float64 { return in.nodeBits() + 8*in.RecordBytes }

// ringBytes is what a node's ring takes.
func (in *Inputs) ringBytes() float64 {
	return in.History * in.Encodings * in.mix(func(t Transport) float64 { return t.Bytes })
}

// message is the bytes of an event between servers of NATS, and to a node.
func (in *Inputs) message() float64 { return in.Size + in.MessageBytes + in.SegmentBytes }

// usable is how many cores of a machine count.
func (in *Inputs) usable() float64 { return in.Cores * in.Efficiency }

func (in *Inputs) nic() float64 { return 1e9 * in.NICGbit }

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// The resources.
const (
	cpu     = "CPU"
	memory  = "memory"
	network = "network"
	files   = "open files"
	crowd   = "crowd"
)

// node is what a node takes.
func (in *Inputs) node() []need {
	return []need{
		{resource: cpu, unit: "cores", has: in.usable(), each: in.deliveries() * in.nodeCPU(), fixed: 1e-6 * in.Rate * in.Tail},
		{resource: memory, unit: "GiB", has: in.MemoryGiB, each: kib * (in.mix(func(t Transport) float64 { return t.NodeKiB }) + in.SocketKiB) / gib, fixed: (in.NodeBase*mib + in.ringBytes()) / gib},
		{resource: network, unit: "Gbit/s", has: in.NICGbit, each: 1e-9 * in.deliveries() * in.nodeBits()},
		{resource: files, has: in.NodeFiles, each: 1},
		{resource: crowd, has: in.Crowd, each: 1, whole: true},
	}
}

// proxy is what a proxy takes.
func (in *Inputs) proxy() []need {
	return []need{
		{resource: cpu, unit: "cores", has: in.usable(), each: in.deliveries() * in.proxyCPU()},
		{resource: memory, unit: "GiB", has: in.MemoryGiB, each: kib * (in.mix(func(t Transport) float64 { return t.ProxyKiB }) + 2*in.SocketKiB + in.TLSKiB) / gib},
		{resource: network, unit: "Gbit/s", has: in.NICGbit, each: 1e-9 * in.deliveries() * in.proxyBits()},
		{resource: files, has: in.ProxyFiles, each: 2},
		{resource: crowd, has: in.Crowd, each: 1, whole: true},
	}
}

// A Use is how much of a resource is used.
type Use struct {
	Tier, Region, Resource, Unit string
	Used, Has                    float64
	// Grows reports whether more machines of the tier lower it.
	Grows bool
	// Chosen reports whether it is a limit that was chosen, and breaks nothing when it is crossed.
	Chosen bool
}

// Share is which part is used.
func (u Use) Share() float64 { return u.Used / u.Has }

// Uses returns what is used of everything: of each machine of a tier, and each link.
func (t *Tree) Uses() (all []Use) {
	in := &t.In
	bits := 8 * in.message() * in.Rate
	tier := func(name, region string, subscribers, machines float64, needs []need) {
		for _, n := range needs {
			all = append(all, Use{Tier: name, Region: region, Resource: n.resource, Unit: n.unit, Used: n.fixed + subscribers*n.each/machines, Has: n.has, Grows: true, Chosen: n.whole})
		}
	}
	for _, s := range t.Sites {
		tier("node", s.Name, s.Subscribers, s.Nodes, in.node())
		tier("proxy", s.Name, s.Subscribers, s.Proxies, in.proxy())
		readers := s.Nodes / in.Mirrors // of each mirror
		all = append(all,
			Use{Tier: "proxy", Region: s.Name, Resource: "ports to a node", Used: s.Subscribers / s.Nodes / s.Proxies, Has: in.ProxyPorts, Grows: true},
			Use{Tier: "node", Region: s.Name, Resource: "one core for the tail", Unit: "cores", Used: 1e-6 * in.Rate * in.Tail, Has: 1},
			Use{Tier: "mirror", Region: s.Name, Resource: "deliveries", Unit: "events/s", Used: in.Rate * readers / replicas, Has: in.Deliveries},
			Use{Tier: "mirror", Region: s.Name, Resource: network, Unit: "Gbit/s", Used: 1e-9 * bits * (replicas - 1 + readers/replicas), Has: in.NICGbit},
			Use{Tier: "mirror", Region: s.Name, Resource: "appends", Unit: "events/s", Used: in.Rate, Has: in.Appends},
			Use{Tier: "mirror", Region: s.Name, Resource: "consumers", Used: readers, Has: in.Consumers},
			Use{Tier: "leaf link", Region: s.Name, Resource: network, Unit: "Gbit/s", Used: 1e-9 * bits * in.Mirrors, Has: in.LinkGbit},
		)
	}
	mirrors := in.Mirrors * float64(len(t.Sites))
	return append(all,
		Use{Tier: "home stream", Region: t.Sites[0].Name, Resource: "appends", Unit: "events/s", Used: in.Rate, Has: in.Appends},
		Use{Tier: "home stream", Region: t.Sites[0].Name, Resource: "deliveries", Unit: "events/s", Used: in.Rate * mirrors, Has: in.Deliveries},
		Use{Tier: "home stream", Region: t.Sites[0].Name, Resource: network, Unit: "Gbit/s", Used: 1e-9 * bits * (replicas - 1 + mirrors), Has: in.NICGbit},
	)
}

// Worst returns of each tier and resource the region where most is used, most used first.
func (t *Tree) Worst() (worst []Use) {
	for _, u := range t.Uses() {
		i := slices.IndexFunc(worst, func(o Use) bool { return o.Tier == u.Tier && o.Resource == u.Resource })
		switch {
		case i < 0:
			worst = append(worst, u)
		case u.Share() > worst[i].Share():
			worst[i] = u
		}
	}
	slices.SortStableFunc(worst, func(a, b Use) int { return cmp.Compare(b.Share(), a.Share()) })
	return worst
}

// Totals are all machines together.
type Totals struct {
	Nodes, Proxies, Brokers float64
	// Busy is how many cores nodes and proxies keep busy; what a broker takes was not measured apart.
	Busy struct{ Nodes, Proxies float64 }
	// GiB is the memory of nodes and proxies.
	GiB struct{ Nodes, Proxies float64 }
	// Out is what all subscribers are sent, in Gbit/s, with what segments and TLS add.
	Out float64
	// Deliveries is how many there are in a second.
	Deliveries float64
}

// Machines is how many there are.
func (t Totals) Machines() float64 { return t.Nodes + t.Proxies + t.Brokers }

// Totals adds everything up.
func (t *Tree) Totals() (sum Totals) {
	for _, s := range t.Sites {
		sum.Nodes += s.Nodes
		sum.Proxies += s.Proxies
	}
	sum.Brokers = replicas * (1 + t.In.Mirrors*float64(len(t.Sites)))
	for _, u := range t.Uses() {
		i := slices.IndexFunc(t.Sites, func(s Site) bool { return s.Name == u.Region })
		switch s := t.Sites[i]; u.Tier + " " + u.Resource {
		case "node " + cpu:
			sum.Busy.Nodes += s.Nodes * u.Used / t.In.Efficiency
		case "proxy " + cpu:
			sum.Busy.Proxies += s.Proxies * u.Used / t.In.Efficiency
		case "node " + memory:
			sum.GiB.Nodes += s.Nodes * u.Used
		case "proxy " + memory:
			sum.GiB.Proxies += s.Proxies * u.Used
		case "proxy " + network:
			sum.Out += s.Proxies * u.Used
		}
	}
	sum.Deliveries = t.In.Subscribers * t.In.deliveries()
	return sum
}

// TailBits is what a node reads of its mirror in a second, in bits.
func (in *Inputs) TailBits() float64 { return 8 * in.message() * in.Rate }
