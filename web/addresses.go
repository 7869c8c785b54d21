package web

import (
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"pushlab/common/request"
)

// What one address may do, if the configuration does not say.
const (
	defaultPerAddress  = 1000
	defaultConnectRate = 100
	defaultPublishRate = 100
)

// burst is how many seconds' worth of a rate may come at once: after a restart all of an address come back together.
const burst = 10

// maxAddresses is how many addresses are remembered. Those that come beyond that share one place.
const maxAddresses = 1 << 16

// An allowance is how much one address may have, or do in a second; negative is without limit. Loopback has it only if it was
// configured: behind a proxy on this machine everybody comes from there.
type allowance struct {
	most     float64
	loopback bool
}

// allow returns what the configuration says, where 0 is nothing.
func allow(configured, otherwise float64) allowance {
	if configured == 0 {
		return allowance{otherwise, false}
	}
	return allowance{configured, true}
}

// limits reports whether the allowance is a limit for that address. Who has no address, on a Unix socket, cannot be told
// from others there.
func (a allowance) limits(addr netip.Addr) bool {
	return a.most >= 0 && addr.IsValid() && (a.loopback || !addr.IsLoopback())
}

// addresses knows how many subscribers each address has, and how often it comes. What is quiet is forgotten.
type addresses struct {
	open, connects, publishes allowance

	mu     sync.Mutex
	known  map[netip.Addr]*address
	others address   // all for whom there is no room
	swept  time.Time // when the quiet were forgotten
}

// An address is what is known of one.
type address struct {
	open                int
	connects, publishes *rate.Limiter // nil: it has not yet
}

func newAddresses(config Config) *addresses {
	return &addresses{
		open:      allow(float64(config.MaxPerAddress), defaultPerAddress),
		connects:  allow(config.ConnectRate, defaultConnectRate),
		publishes: allow(config.PublishRate, defaultPublishRate),
		known:     make(map[netip.Addr]*address),
	}
}

// enter takes a place for a subscriber. It returns what gives the place back, which must be called once, or nil if there is
// nothing to give back; or why there is none, and after how long to try again.
func (a *addresses) enter(addr netip.Addr) (leave func(), reason string, wait time.Duration) {
	connects, open := a.connects.limits(addr), a.open.limits(addr)
	if !connects && !open {
		return nil, "", 0
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	known := a.of(addr, now)
	if open && float64(known.open) >= a.open.most { // first, since who is refused takes nothing
		return nil, refusedAddressConnections, 5 * time.Second
	}
	if connects {
		if wait := take(&known.connects, a.connects, now); wait > 0 {
			return nil, refusedConnectRate, wait
		}
	}
	if !open {
		return nil, "", 0
	}
	known.open++
	return func() {
		a.mu.Lock()
		defer a.mu.Unlock()
		known.open--
	}, "", 0
}

// connect takes the right to subscribe once, for what takes no place, or returns after how long to try again.
func (a *addresses) connect(addr netip.Addr) (wait time.Duration) {
	if !a.connects.limits(addr) {
		return 0
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	return take(&a.of(addr, now).connects, a.connects, now)
}

// publish takes the right to publish an event, or returns after how long to try again.
func (a *addresses) publish(addr netip.Addr) (wait time.Duration) {
	if !a.publishes.limits(addr) {
		return 0
	}
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	return take(&a.of(addr, now).publishes, a.publishes, now)
}

// take takes one of a rate, or returns after how long there is one.
func take(limiter **rate.Limiter, a allowance, now time.Time) (wait time.Duration) {
	if *limiter == nil {
		*limiter = rate.NewLimiter(rate.Limit(a.most), max(1, int(a.most*burst)))
	}
	r := (*limiter).ReserveN(now, 1)
	if wait = r.DelayFrom(now); wait > 0 {
		r.CancelAt(now) // who is refused takes nothing
	}
	return wait
}

// of returns what is known of an address. Of IPv6 it is the network of 64 bits, of which one machine has all addresses.
func (a *addresses) of(addr netip.Addr, now time.Time) *address {
	if addr.Is6() {
		network, err := addr.Prefix(64)
		if err == nil { // 64 bits are not too many
			addr = network.Addr()
		}
	}
	if known := a.known[addr]; known != nil {
		return known
	}
	if age := now.Sub(a.swept); age > time.Minute || len(a.known) >= maxAddresses && age > time.Second {
		a.swept = now
		for addr, known := range a.known {
			if known.quiet(now) {
				delete(a.known, addr)
			}
		}
	}
	if len(a.known) >= maxAddresses {
		return &a.others
	}
	known := new(address)
	a.known[addr] = known
	return known
}

// quiet reports whether to forget the address makes no difference to it.
func (k *address) quiet(now time.Time) bool {
	for _, limiter := range []*rate.Limiter{k.connects, k.publishes} {
		if limiter != nil && limiter.TokensAt(now) < float64(limiter.Burst()) {
			return false
		}
	}
	return k.open == 0
}

// tooMany is the problem of an address that wants more than it may have: RFC 6585, section 4, and RFC 9110, section 10.2.3
// (HTTP-08).
func tooMany(wait time.Duration, detail string) *request.Problem {
	return &request.Problem{Status: http.StatusTooManyRequests, Detail: detail,
		Header: http.Header{"Retry-After": {strconv.Itoa(int(math.Ceil(wait.Seconds())))}}}
}
