package tree

import (
	"math"
	"math/rand/v2"
	"slices"
)

// draws is how many deliveries are drawn for a region.
const draws = 10_000

// A Delay is how long events took until they had passed a tier, since their publishers sent them, in seconds.
type Delay struct {
	Region, Tier string
	P50, P99     float64
}

// Tiers are the tiers that an event passes, in their order.
func Tiers() []string { return []string{"home stream", "mirror", "node", "proxy", "subscriber"} }

// Delays draws deliveries in each region, and returns how long they took up to each tier. An infinite delay is that of a
// machine that does not keep up.
func (t *Tree) Delays(seed uint64) (all []Delay) {
	for i, s := range t.Sites {
		for tier, passed := range t.draw(seed, i) {
			slices.Sort(passed)
			all = append(all, Delay{s.Name, Tiers()[tier], percentile(passed, 0.50), percentile(passed, 0.99)})
		}
	}
	return all
}

// Worst99 is the greatest p99 of a delivery, in seconds: of the region that is furthest from the home.
func (t *Tree) Worst99(seed uint64) float64 {
	furthest := 0
	for i, s := range t.Sites {
		if s.RTT > t.Sites[furthest].RTT {
			furthest = i
		}
	}
	drawn := t.draw(seed, furthest)
	last := drawn[len(drawn)-1]
	slices.Sort(last)
	return percentile(last, 0.99)
}

// draw draws deliveries in a region: for each tier, how long each took until it had passed it.
func (t *Tree) draw(seed uint64, i int) (passed [][]float64) {
	in, s := &t.In, t.Sites[i]
	from := func(what uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, uint64(i)<<8|what)) }
	publisher, store := lognormal(from(0), in.PublisherP50, in.PublisherP99), lognormal(from(1), in.StoreP50, in.StoreP99)
	mirrored, tailed := lognormal(from(2), in.StoreP50, in.StoreP99), lognormal(from(3), in.TailP50, in.TailP99)
	last := lognormal(from(4), in.LastP50, in.LastP99)
	node := in.fanOut(from(5), s.Subscribers/s.Nodes, in.nodeCPU(), in.nodeBits())
	proxy := in.fanOut(from(6), s.Subscribers/s.Proxies, in.proxyCPU(), in.proxyBits())
	passed = make([][]float64, len(Tiers()))
	for range draws {
		at := 0.0
		for tier, more := range []float64{
			(publisher() + store()) / 1e3,
			(s.RTT/2 + mirrored()) / 1e3,
			tailed()/1e3 + node(),
			proxy(),
			last() / 1e3,
		} {
			at += more
			passed[tier] = append(passed[tier], at)
		}
	}
	return passed
}

// lognormal draws from the log-normal distribution that has these percentiles.
func lognormal(random *rand.Rand, p50, p99 float64) func() float64 {
	const z99 = 2.3263478740408408 // of the normal distribution
	mu, sigma := math.Log(p50), (math.Log(p99)-math.Log(p50))/z99
	return func() float64 { return math.Exp(mu + sigma*random.NormFloat64()) }
}

// fanOut draws how long a machine takes until it has sent an event to one of those of its subscribers who get it: how long the event
// waits for those before it, and its subscriber for others. Events come by chance, and each is sent to all in turn, as
// fast as cores or network can.
func (in *Inputs) fanOut(random *rand.Rand, subscribers, cpu, bits float64) func() float64 {
	whole := subscribers * in.Share * max(cpu/in.usable(), bits/in.nic())
	waits := queue(random, in.Rate, whole)
	return func() float64 { return waits() + whole*random.Float64() }
}

// queue draws how long one after the other waits, of those who come by chance at a rate, to a server that takes that long
// for each (M/D/1, by Lindley's recursion). It is infinite if they are more than it can serve.
func queue(random *rand.Rand, rate, takes float64) func() float64 {
	wait := 0.0
	return func() float64 {
		if rate*takes >= 1 {
			return math.Inf(1)
		}
		now := wait
		wait = max(0, wait+takes-random.ExpFloat64()/rate)
		return now
	}
}

// percentile returns the least of sorted values that such a part of them are not above.
func percentile(sorted []float64, part float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(part*float64(len(sorted))))-1)]
}
