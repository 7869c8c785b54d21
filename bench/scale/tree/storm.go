package tree

import (
	"container/heap"
	"math"
	"math/rand/v2"
	"slices"
)

// A Storm is clients that come back to one machine.
type Storm struct {
	Clients int
	// First draws when a client loses its connection, and when it comes back for the first time. Again draws how long it waits
	// after that many failures.
	First func(random *rand.Rand) (left, comes float64)
	Again func(random *rand.Rand, failures int) float64
	// Takes is how long the machine takes for one, in seconds. Infinite: nobody is ever served.
	Takes float64
	// Timeout is for how long a client waits; Wasted is which part of the work is done for one who has given up.
	Timeout, Wasted float64
	// Ring is for how long a node's ring has an event, in seconds, and Events how many a client is to get in a second. Who has missed
	// one that the ring no longer has needs the mirror, which takes Read seconds.
	Ring, Events, Read float64
}

// A Recovery is what came of a storm. Times are in seconds since it began.
type Recovery struct {
	Clients  int
	Attempts int
	// Half, Most and All are when 50, 99 and 100 of 100 were connected; infinite if it never came to that.
	Half, Most, All float64
	// Peak is how many came in the worst second, those that failed included.
	Peak int
	// Past is how many needed the mirror, and Caught is when the last of all had everything.
	Past   int
	Caught float64
}

// giveUp is how many attempts are simulated for each client, on average, before they are taken never to come back.
const giveUp = 100

// Run simulates it. The machine serves in the order in which they come; who would wait longer than the timeout fails then, and tries again.
// Reads of the mirror are another queue, behind it.
func (s Storm) Run(random *rand.Rand) (r Recovery) {
	r.Clients = s.Clients
	if s.Clients == 0 {
		return r
	}
	never := func() Recovery {
		r.Half, r.Most, r.All, r.Caught = math.Inf(1), math.Inf(1), math.Inf(1), math.Inf(1)
		return r
	}
	if math.IsInf(s.Takes, 1) {
		return never()
	}
	var coming comings
	for i := range s.Clients {
		left, comes := s.First(random)
		coming = append(coming, attempt{at: comes, left: left, order: i})
	}
	heap.Init(&coming)
	var back []float64
	free, read := 0.0, 0.0
	perSecond := map[int]int{}
	for len(coming) > 0 {
		a := heap.Pop(&coming).(attempt)
		perSecond[int(a.at)]++
		if r.Attempts++; r.Attempts > giveUp*s.Clients {
			return never()
		}
		if done := max(a.at, free) + s.Takes; done <= a.at+s.Timeout {
			free = done
			back = append(back, done)
			r.Caught = max(r.Caught, done)
			if lacks := done - a.left - s.Ring; random.ExpFloat64() < lacks*s.Events {
				r.Past++
				read = max(read, done) + s.Read
				r.Caught = max(r.Caught, read)
			}
			continue
		}
		free = max(a.at, free) + s.Wasted*s.Takes
		a.at += s.Timeout + s.Again(random, a.failures+1)
		a.failures++
		heap.Push(&coming, a)
	}
	for _, n := range perSecond {
		r.Peak = max(r.Peak, n)
	}
	slices.Sort(back)
	r.Half, r.Most, r.All = percentile(back, 0.50), percentile(back, 0.99), percentile(back, 1)
	return r
}

// An attempt is when a client tries to connect.
type attempt struct {
	at, left float64
	failures int
	order    int // so that those of the same time have one
}

type comings []attempt

func (c comings) Len() int { return len(c) }
func (c comings) Less(i, j int) bool {
	return c[i].at < c[j].at || c[i].at == c[j].at && c[i].order < c[j].order
}
func (c comings) Swap(i, j int) { c[i], c[j] = c[j], c[i] }
func (c *comings) Push(x any)   { *c = append(*c, x.(attempt)) }
func (c *comings) Pop() any {
	last := (*c)[len(*c)-1]
	*c = (*c)[:len(*c)-1]
	return last
}
