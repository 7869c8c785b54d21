package tree

import (
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// plain is a tree that can be computed by hand: one region with 1,000 subscribers of one transport, one event a second to each. A
// delivery takes a node 1 ms and a proxy 2 ms; a machine has one core, of which half is used.
func plain() Inputs {
	in := Default()
	in.Regions = []Region{{"here", 1, 0}}
	in.Transports = []Transport{{Name: "t", Share: 1, NodeCPU: 1000, NodeKiB: 6, ProxyCPU: 2000, ProxyKiB: 10, Bytes: 34}}
	in.Subscribers, in.Rate, in.Share, in.Size = 1000, 10, 0.1, 100
	in.Headroom, in.Crowd, in.Spare, in.Cores, in.Efficiency = 0.5, 1000, 0, 1, 1
	in.Growth, in.FewSends, in.Tail, in.RecordCPU, in.RecordBytes, in.SegmentBytes = 1, 1, 0, 0, 25, 66
	in.SocketKiB, in.TLSKiB, in.NodeBase, in.Encodings, in.MessageBytes = 4, 2, 100, 1, 34
	return in
}

func planned(t testing.TB, in Inputs) *Tree {
	t.Helper()
	tr, err := Plan(in)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func find(t testing.TB, uses []Use, tier, resource string) Use {
	t.Helper()
	i := slices.IndexFunc(uses, func(u Use) bool { return u.Tier == tier && u.Resource == resource })
	if i < 0 {
		t.Fatalf("there is no %s of %s", resource, tier)
	}
	return uses[i]
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-9*max(1, math.Abs(a), math.Abs(b)) }

// 1,000 deliveries a second take nodes 1 core and proxies 2; with half of a core each that is 2 and 4. The bytes are those of a
// delivery and its segment, 34 + 66, and 25 of TLS behind the proxy.
func TestPlanByHand(t *testing.T) {
	tr := planned(t, plain())
	s, sum := tr.Sites[0], tr.Totals()
	if s.Nodes != 2 || s.NodesFor != cpu || s.Proxies != 4 || s.ProxiesFor != cpu || sum.Brokers != 6 || sum.Machines() != 12 {
		t.Errorf("%+v, %+v", s, sum)
	}
	if !near(sum.Busy.Nodes, 1) || !near(sum.Busy.Proxies, 2) || !near(sum.Out, 0.001) || !near(sum.Deliveries, 1000) {
		t.Errorf("%+v", sum)
	}
	for _, w := range []struct {
		tier, resource string
		used           float64
	}{
		{"node", network, 500 * 100 * 8e-9},
		{"proxy", network, 250 * 125 * 8e-9},
		{"node", memory, (100<<20 + 10_000*34 + 500*10<<10) / float64(gib)},
		{"proxy", memory, 250 * 20 * kib / float64(gib)},
		{"node", files, 500},
		{"proxy", files, 500},
		{"proxy", "ports to a node", 125},
		{"mirror", "deliveries", 10 * 2. / 3},
		{"mirror", network, 10 * 200 * 8e-9 * (2 + 2./3)},
		{"leaf link", network, 10 * 200 * 8e-9},
		{"home stream", "deliveries", 10},
		{"home stream", network, 10 * 200 * 8e-9 * 3},
	} {
		if got := find(t, tr.Uses(), w.tier, w.resource).Used; !near(got, w.used) {
			t.Errorf("%s of %s: %v, want %v", w.resource, w.tier, got, w.used)
		}
	}
}

// What a node takes anyway leaves less of it: a tail of 10 ms an event takes 0.1 core, so that 0.4 are left, and it takes 3. If it
// takes all, there is no number of nodes.
func TestPlanWithATail(t *testing.T) {
	in := plain()
	in.Tail = 10_000
	if s := planned(t, in).Sites[0]; s.Nodes != 3 {
		t.Errorf("%v nodes, want 3", s.Nodes)
	}
	in.Tail = 50_000
	var limit *LimitError
	if _, err := Plan(in); !errors.As(err, &limit) || limit.Tier != "nodes" || limit.Resource != cpu {
		t.Errorf("a tail that takes all that may be used: %v", err)
	}
}

// The other resources decide where they are the least.
func TestWhatDecides(t *testing.T) {
	for _, c := range []struct {
		change func(in *Inputs)
		nodes  float64
		why    string
	}{
		{func(in *Inputs) { in.Crowd = 100 }, 10, crowd},
		{func(in *Inputs) { in.NodeFiles = 500 }, 4, files},
		{func(in *Inputs) { in.NICGbit = 0.0004 }, 4, network}, // 800 kbit/s in all, and 200 of each machine
		{func(in *Inputs) { in.Rate, in.Transports[0].NodeCPU = 0.1, 1 }, 1, cpu},
		{func(in *Inputs) { in.Spare = 3 }, 5, cpu},
	} {
		in := plain()
		c.change(&in)
		if s := planned(t, in).Sites[0]; s.Nodes != c.nodes || c.nodes > 1 && s.NodesFor != c.why {
			t.Errorf("%v nodes for %s, want %v for %s", s.Nodes, s.NodesFor, c.nodes, c.why)
		}
	}
}

// Who gets an event a minute gets a heartbeat every 15 s instead: 1/60 + (1/15 - 1/60) deliveries a second.
func TestHeartbeats(t *testing.T) {
	in := plain()
	in.Share = 1.0 / 600
	if got := in.deliveries(); !near(got, 1.0/15) {
		t.Errorf("%v deliveries a second, want one in 15 s", got)
	}
	in.Share = 0.1
	if got := in.deliveries(); !near(got, 1) {
		t.Errorf("%v deliveries a second, want one", got)
	}
}

// Two nodes use half of their core for what comes: so there is room for twice as much. With more nodes as it takes, what ends it is
// the mirror, each of whose servers gives all events to a third of the nodes.
func TestBreaksByHand(t *testing.T) {
	in := plain()
	in.Crowd = 1e9 // no limit of its own
	tr := planned(t, in)
	events := Axes()[1]
	breaks := tr.Breaks(events)
	if len(breaks) == 0 || breaks[0].Resource != cpu || math.Abs(breaks[0].Times-2) > 1e-6 || math.Abs(tr.FirstBreak(events)-2) > 1e-6 {
		t.Errorf("%+v", breaks)
	}
	// x times the rate takes 2x nodes, and 10x events a second to a third of them: 20x²/3 = 115,000.
	b, ok := Wall(in, events)
	if want := math.Sqrt(3 * 115_000 / 20.); !ok || b.Resource != "deliveries" || b.Tier != "mirror" || math.Abs(b.Times/want-1) > 0.01 {
		t.Errorf("%+v, want x %v", b, want)
	}
	// With brokers without limits it is the number of nodes: x times the rate takes 2x of them, up to a million.
	in.Deliveries, in.Appends, in.Consumers, in.NICGbit = 1e12, 1e12, 1e12, 1e9
	in.LinkGbit = 1e9
	if b, ok := Wall(in, events); ok {
		t.Errorf("with brokers without limits: %+v", b)
	}
	in.Tail = 1000 // and with a tail it is that: half a core for 500 events a second
	if b, ok := Wall(in, events); !ok || b.Tier != "nodes" || b.Resource != cpu || math.Abs(b.Times/50-1) > 0.01 {
		t.Errorf("with a tail: %+v", b)
	}
}

// An M/D/1 queue that is half full waits ρ·S / 2(1-ρ) = S/2 on average; one that is full waits for ever.
func TestQueue(t *testing.T) {
	wait := queue(rand.New(rand.NewPCG(1, 2)), 0.5, 1)
	sum := 0.0
	for range 400_000 {
		sum += wait()
	}
	if mean := sum / 400_000; math.Abs(mean-0.5) > 0.02 {
		t.Errorf("it waits %v on average, want 0.5", mean)
	}
	if got := queue(rand.New(rand.NewPCG(1, 2)), 1, 1)(); !math.IsInf(got, 1) {
		t.Errorf("one that is full waits %v", got)
	}
}

func TestLognormal(t *testing.T) {
	draw := lognormal(rand.New(rand.NewPCG(1, 2)), 20, 150)
	var all []float64
	for range 200_000 {
		all = append(all, draw())
	}
	slices.Sort(all)
	if p50, p99 := percentile(all, 0.5), percentile(all, 0.99); math.Abs(p50/20-1) > 0.02 || math.Abs(p99/150-1) > 0.04 {
		t.Errorf("p50 %v and p99 %v, want 20 and 150", p50, p99)
	}
	if got := percentile([]float64{1, 2, 3, 4}, 0.5); got != 2 {
		t.Errorf("the median of four is %v, want the second", got)
	}
}

// An event passes the tiers one after the other, and no sooner than its distance allows; the node adds the time it takes to send.
func TestDelays(t *testing.T) {
	in := plain()
	in.Regions[0].RTT = 100
	before := 0.0
	for _, d := range planned(t, in).Delays(1) {
		if d.P50 <= before || d.P99 < d.P50 {
			t.Errorf("%s: %v, %v after %v", d.Tier, d.P50, d.P99, before)
		}
		if before = d.P50; d.Tier != "home stream" && d.P50 < 0.050 {
			t.Errorf("%s has it after %v s, though half a round trip takes 0.05", d.Tier, d.P50)
		}
	}
	in.Transports[0].ProxyCPU = 1e6 * 0.001 // such proxies serve what they are sized for
	tr := planned(t, in)
	tr.Sites[0].Proxies = 0.5
	if last := tr.Delays(1)[len(Tiers())-1]; !math.IsInf(last.P50, 1) {
		t.Errorf("proxies that do not keep up deliver after %v s", last.P50)
	}
}

// Three come at once to a machine that takes half a second for each, and wait for a second at most. The third would wait for one
// and a half: it fails after a second, comes again three seconds later, and is served at 5.5. The machine had half the work
// with it, done by 2.25. All have missed something, and the mirror reads one after the other, a second each.
func TestStormByHand(t *testing.T) {
	s := Storm{
		Clients: 3, First: func(*rand.Rand) (left, comes float64) { return 0, 1 },
		Again: func(_ *rand.Rand, failures int) float64 { return 3 * float64(failures) },
		Takes: 0.5, Timeout: 1, Wasted: 0.5, Ring: 1, Events: 1e12, Read: 1,
	}
	r := s.Run(rand.New(rand.NewPCG(1, 1)))
	if r.Attempts != 4 || !near(r.Half, 2) || !near(r.All, 5.5) || r.Peak != 3 || r.Past != 3 || !near(r.Caught, 6.5) {
		t.Errorf("%+v", r)
	}
	s.Ring = 10
	if r := s.Run(rand.New(rand.NewPCG(1, 1))); r.Past != 0 || !near(r.Caught, 5.5) {
		t.Errorf("with a larger ring: %+v", r)
	}
	s.Takes = math.Inf(1)
	if r := s.Run(rand.New(rand.NewPCG(1, 1))); !math.IsInf(r.All, 1) {
		t.Errorf("with no room: %+v", r)
	}
	s.Takes, s.Wasted, s.Again = 2, 1, func(*rand.Rand, int) float64 { return 0 } // nobody is served in time, ever
	if r := s.Run(rand.New(rand.NewPCG(1, 1))); !math.IsInf(r.All, 1) {
		t.Errorf("with a machine that is too slow: %+v", r)
	}
}

// A goodbye names half to one and a half of the retry time; our clients wait as long as that or a quarter longer, and double it up
// to a bound; a browser waits for just that.
func TestManners(t *testing.T) {
	in, random := plain(), rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		if left, comes := in.first(Drained, 1e9)(random); left < 0 || left > 2 || comes-left < 1.5 || comes-left > 4.5 {
			t.Fatalf("drained: left at %v, comes at %v", left, comes)
		}
		if left, _ := in.first(Drained, 10)(random); left > 0.1 {
			t.Fatalf("ten are drained in 10 ms each: left at %v", left)
		}
		if left, comes := in.first(Killed, 1)(random); left != 0 || comes < 3 || comes > 3.75 {
			t.Fatalf("killed: left at %v, comes at %v", left, comes)
		}
		if again := in.again(Killed, random, 2); again < 12 || again > 15 {
			t.Fatalf("after two failures: %v", again)
		}
		if again := in.again(Killed, random, 50); again < 30 || again > 37.5 {
			t.Fatalf("after fifty failures: %v", again)
		}
	}
	if _, comes := in.first(Plain, 1)(random); comes != 3 || in.again(Plain, random, 9) != 3 {
		t.Error("a browser waits for something else than it was told")
	}
}

// Two nodes hold 500 each. When one is lost, the other has no room for its 500: the core is full with all of them. With two spare nodes
// four hold 250 each, and three are left, with two cores too many: at 1 ms a connect, 2,000 a second on all of them, or
// one in 1.5 ms on each. Of proxies there are six, with four cores too many, so they do not decide. 84 come to each node.
func TestNodeLossByHand(t *testing.T) {
	if _, r := planned(t, plain()).NodeLoss(Killed, 1); !math.IsInf(r.All, 1) {
		t.Errorf("the last node is full: %+v", r)
	}
	in := plain()
	in.Spare, in.ConnectCPU, in.ProxyCon, in.HandshakeCPU = 2, 1000, 1000, 0
	_, r := planned(t, in).NodeLoss(Plain, 1)
	if r.Clients != 84 || r.Attempts != 84 || !near(r.All, 3+84*0.0015) {
		t.Errorf("%+v", r)
	}
	one := plain()
	one.Transports[0].NodeCPU = 1
	if _, r := planned(t, one).NodeLoss(Killed, 1); !math.IsInf(r.All, 1) {
		t.Errorf("the only node is lost: %+v", r)
	}
}

// 600 events of 10 a second are behind; the leaf link brings 40 a second, so it takes 20 s.
func TestMirrorBehindByHand(t *testing.T) {
	in := plain()
	in.Behind, in.LinkGbit = 60, 40*200*8e-9
	in.Replay = 0
	l := planned(t, in).MirrorBehind()
	if l.Events != 600 || l.From != "the leaf link" || !near(l.Rate, 40) || !near(l.Mirror, 20) || l.Past || !near(l.Subscribers, 20) {
		t.Errorf("%+v", l)
	}
	in.LinkGbit = 10 * 200 * 8e-9
	if l := planned(t, in).MirrorBehind(); !math.IsInf(l.Mirror, 1) {
		t.Errorf("a link that brings only what comes: %+v", l)
	}
	// Nodes that send no more than 20 a second, since a ring of 10 events lets none share a write: subscribers take 60 s. The rings
	// get ahead by (40-20)·20 s = 400 events, and hold 10.
	in.LinkGbit, in.History = 40*200*8e-9, 10
	if l := planned(t, in).MirrorBehind(); !near(l.Ahead, 400) || !l.Past || !near(l.Reading, 1000*0.0056/3) || !near(l.Subscribers, 60) {
		t.Errorf("%+v", l)
	}
}

// A region that is lost moves to the others; where they have no room nobody comes back.
func TestRegionLoss(t *testing.T) {
	in := plain()
	in.Regions = []Region{{"a", 0.5, 0}, {"b", 0.25, 0}, {"c", 0.25, 0}}
	if l := planned(t, in).RegionLoss(1); l.Lost.Name != "a" || l.Moved != 500 || !math.IsInf(l.All, 1) || l.Worst.Share() < 0.99 {
		t.Errorf("%+v", l)
	}
	in.Spare = 4
	l := planned(t, in).RegionLoss(1)
	if math.IsInf(l.All, 1) || l.All < in.Detect || l.All > in.Detect+in.TTL+in.MaxBackoff*(1+in.RetryMore)+1 || l.Worst.Share() > 1 {
		t.Errorf("%+v", l)
	}
	in.Regions = in.Regions[:1]
	if l := planned(t, in).RegionLoss(1); !math.IsInf(l.Caught, 1) {
		t.Errorf("the only region is lost: %+v", l)
	}
}

// Every number of the inputs is in the table once, with a source.
func TestTable(t *testing.T) {
	in := Default()
	names, places := map[string]bool{}, map[*float64]bool{}
	for _, i := range in.Table() {
		if names[i.Name] || places[i.Value] || i.Source == "" || i.Kind == "" {
			t.Errorf("%+v", i)
		}
		names[i.Name], places[i.Value] = true, true
	}
	var look func(v reflect.Value)
	look = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Float64:
			if !places[v.Addr().Interface().(*float64)] {
				t.Errorf("a number with the value %v is not in the table", v)
			}
		case reflect.Struct:
			for i := range v.NumField() {
				look(v.Field(i))
			}
		case reflect.Slice:
			for i := range v.Len() {
				look(v.Index(i))
			}
		}
	}
	look(reflect.ValueOf(&in).Elem())
	if err := in.Set("crowd", 7); err != nil || in.Crowd != 7 {
		t.Errorf("crowd is %v: %v", in.Crowd, err)
	}
	if err := in.Set("crowds", 7); err == nil {
		t.Error("an unknown name is accepted")
	}
}

func TestValidate(t *testing.T) {
	for _, change := range []func(in *Inputs){
		func(in *Inputs) { in.Subscribers = 0 },
		func(in *Inputs) { in.Subscribers = math.NaN() },
		func(in *Inputs) { in.Rate = math.Inf(1) },
		func(in *Inputs) { in.Crowd = -1 },
		func(in *Inputs) { in.Headroom = 1.5 },
		func(in *Inputs) { in.Share = 2 },
		func(in *Inputs) { in.StoreP99 = in.StoreP50 / 2 },
		func(in *Inputs) { in.ByeTo = 0.1 },
		func(in *Inputs) { in.Regions = nil },
		func(in *Inputs) { in.Regions = []Region{{"a", 0, 1}} },
	} {
		in := Default()
		change(&in)
		if _, err := Plan(in); err == nil {
			t.Errorf("%+v is accepted", in)
		}
	}
}

// Shares are shares, whatever they add up to, and a plan changes nothing of what it was given.
func TestSharesAddUp(t *testing.T) {
	in := Default()
	for i := range in.Regions {
		in.Regions[i].Share *= 3
	}
	if a, b := planned(t, in), planned(t, Default()); a.Totals().Machines() != b.Totals().Machines() {
		t.Errorf("%+v, %+v", a.Totals(), b.Totals())
	}
	if !near(in.Regions[0].Share, 0.9) {
		t.Error("the inputs were changed")
	}
}

// someInputs draws inputs around the default ones.
func someInputs(t *rapid.T) Inputs {
	in := Default()
	for _, i := range in.Table() {
		if *i.Value > 0 && *i.Value < 1 || i.Name == "headroom" || i.Name == "core_efficiency" {
			continue // parts, and delays whose percentiles have an order
		}
		*i.Value *= rapid.Float64Range(0.5, 2).Draw(t, i.Name)
	}
	in.TailP99, in.StoreP99 = max(in.TailP99, in.TailP50), max(in.StoreP99, in.StoreP50)
	in.LastP99, in.PublisherP99 = max(in.LastP99, in.LastP50), max(in.PublisherP99, in.PublisherP50)
	in.ByeTo = max(in.ByeTo, in.ByeFrom)
	in.Spare = math.Round(in.Spare)
	return in
}

// What goes in comes out: subscribers, deliveries and bytes add up, over whatever machines; and no machine that was sized has more to do than
// was allowed.
func TestConservation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := someInputs(t)
		tr, err := Plan(in)
		if err != nil {
			t.Fatal(err)
		}
		sum, subscribers := tr.Totals(), 0.0
		for _, s := range tr.Sites {
			subscribers += s.Subscribers
		}
		if !near(subscribers, in.Subscribers) || !near(sum.Deliveries, in.Subscribers*tr.In.deliveries()) || !near(1e9*sum.Out, sum.Deliveries*tr.In.proxyBits()) {
			t.Fatalf("%v subscribers, %+v", subscribers, sum)
		}
		cores := sum.Deliveries*tr.In.nodeCPU() + sum.Nodes*1e-6*in.Rate*in.Tail
		if !near(sum.Busy.Nodes*in.Efficiency, cores) || !near(sum.Busy.Proxies*in.Efficiency, sum.Deliveries*tr.In.proxyCPU()) {
			t.Fatalf("%+v, want %v cores of nodes", sum.Busy, cores)
		}
		for _, u := range tr.Uses() {
			bound := in.Headroom
			if u.Chosen {
				bound = 1
			}
			if u.Grows && u.Resource != "ports to a node" && u.Share() > bound*(1+1e-9) {
				t.Fatalf("%+v", u)
			}
		}
	})
}

// More subscribers, or more events, never take fewer machines; better machines never more.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := someInputs(t)
		more := rapid.Float64Range(1, 4).Draw(t, "more")
		what := rapid.SampledFrom([]string{"subscribers", "rate", "tail_us", "sse.node_us", "websocket.proxy_us", "tls_memory"}).Draw(t, "what")
		better := rapid.SampledFrom([]string{"cores", "memory", "nic", "crowd", "node_files"}).Draw(t, "better")
		before, err := Plan(in)
		if err != nil {
			t.Fatal(err)
		}
		machines := func(name string) (all []float64) {
			changed := in.Clone()
			for _, i := range changed.Table() {
				if i.Name == name {
					*i.Value *= more
				}
			}
			tr, err := Plan(changed)
			if err != nil { // no number is enough
				return slices.Repeat([]float64{math.Inf(1)}, 2*len(in.Regions))
			}
			for _, s := range tr.Sites {
				all = append(all, s.Nodes, s.Proxies)
			}
			return all
		}
		var now []float64
		for _, s := range before.Sites {
			now = append(now, s.Nodes, s.Proxies)
		}
		for i, n := range machines(what) {
			if n < now[i] {
				t.Fatalf("with %v times as much of %s there are %v machines instead of %v", more, what, n, now[i])
			}
		}
		for i, n := range machines(better) {
			if n > now[i] {
				t.Fatalf("with %v times as much of %s there are %v machines instead of %v", more, better, n, now[i])
			}
		}
	})
}

// Everybody comes back once, nobody sooner than the machine can, and one after the other as far as it goes.
func TestStorms(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Storm{
			Clients: rapid.IntRange(1, 300).Draw(t, "clients"),
			Takes:   rapid.Float64Range(0.0001, 0.05).Draw(t, "takes"),
			Timeout: rapid.Float64Range(0.1, 5).Draw(t, "timeout"), Wasted: rapid.Float64Range(0, 1).Draw(t, "wasted"),
			Ring: rapid.Float64Range(0, 10).Draw(t, "ring"), Events: 1, Read: rapid.Float64Range(0, 0.1).Draw(t, "read"),
		}
		least := rapid.Float64Range(0, 3).Draw(t, "first")
		s.First = func(random *rand.Rand) (left, comes float64) { return 0, least + random.Float64() }
		s.Again = func(random *rand.Rand, failures int) float64 { return float64(failures) * (1 + random.Float64()) }
		seed := rapid.Uint64().Draw(t, "seed")
		r := s.Run(rand.New(rand.NewPCG(seed, 1)))
		if r != s.Run(rand.New(rand.NewPCG(seed, 1))) {
			t.Fatal("the same seed gives something else")
		}
		if math.IsInf(r.All, 1) {
			if s.Takes <= s.Timeout && r.Attempts <= giveUp*s.Clients {
				t.Fatalf("nobody comes back: %+v", r)
			}
			return
		}
		if r.Clients != s.Clients || r.Attempts < r.Clients || r.Past > r.Clients || r.Peak > r.Attempts {
			t.Fatalf("%+v", r)
		}
		if r.Half > r.Most || r.Most > r.All || r.All > r.Caught || r.All < least+float64(r.Clients)*s.Takes {
			t.Fatalf("%+v", r)
		}
	})
}

// Just before the first break nothing is used up, just behind it something is.
func TestBreaksAreThere(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr, err := Plan(someInputs(t))
		if err != nil {
			t.Fatal(err)
		}
		a := rapid.SampledFrom(Axes()).Draw(t, "axis")
		all := tr.Breaks(a)
		if len(all) == 0 || !slices.IsSortedFunc(all, func(a, b Break) int { return int(math.Copysign(1, a.Times-b.Times)) }) || math.Abs(all[0].Times/tr.FirstBreak(a)-1) > 1e-9 {
			t.Fatalf("%s: %+v; %v", a.Name, all, tr.FirstBreak(a))
		}
		full := func(x float64) bool {
			return slices.ContainsFunc(tr.grown(a, x), func(u Use) bool { return !u.Chosen && u.Share() > 1 })
		}
		always := all[0].Times < 2/furthest // whatever grows, or shrinks
		if full(all[0].Times*0.999) != always || !full(all[0].Times*1.001) {
			t.Fatalf("%s: %+v: %v %v", a.Name, all[0], full(all[0].Times*0.999), full(all[0].Times*1.001))
		}
	})
}

// Twice a number gives what twice that number gives, and the greatest effect comes first.
func TestSensitivity(t *testing.T) {
	machines := Answers(1)[0]
	effects := Sensitivity(Default(), machines)
	in := Default()
	in.Subscribers *= 2
	if len(effects) == 0 || effects[0].Input.Name != "subscribers" || effects[0].Twice != planned(t, in).Totals().Machines() {
		t.Fatalf("%+v", effects)
	}
	for i := 1; i < len(effects); i++ {
		if effects[i].size() > effects[i-1].size() {
			t.Errorf("%+v is behind %+v", effects[i], effects[i-1])
		}
	}
	for _, e := range effects {
		if e.Input.Name == "headroom" && !math.IsNaN(e.Twice) {
			t.Errorf("a headroom of more than a whole machine gives %v", e.Twice)
		}
	}
}

// The same seed gives the same answers, another seed others that are near.
func TestSeed(t *testing.T) {
	tr := planned(t, Default())
	a, b, c := tr.Delays(1), tr.Delays(1), tr.Delays(2)
	if !slices.Equal(a, b) || slices.Equal(a, c) {
		t.Error("delays do not follow the seed")
	}
	for i := range a {
		if math.Abs(a[i].P50/c[i].P50-1) > 0.05 || math.Abs(a[i].P99/c[i].P99-1) > 0.15 {
			t.Errorf("with other seeds %+v is %+v", a[i], c[i])
		}
	}
}
