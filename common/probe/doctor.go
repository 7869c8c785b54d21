package probe

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// DoctorOptions say how Diagnose asks. A zero field means its default.
type DoctorOptions struct {
	// Direct is the base URL of the same server without what stands before it, or with less of it. What
	// goes wrong there too is not the fault of a hop in between. Default: nothing to compare with.
	Direct string
	// Idle is how long quiet streams are watched. Negative is not at all. Default 12 s.
	Idle time.Duration
	// Mute has nothing published: the events of the server's clock have to do, and what takes an event
	// of our own is not asked.
	Mute bool
	// MaxMessage is how large an event one should be able to publish, in bytes. Default 1 MiB, which is
	// also the server's.
	MaxMessage int
	// Header has further fields for all requests, such as Authorization.
	Header http.Header
	// DialContext and DialDirect connect to the URL, and to Direct. Default: by TCP.
	DialContext, DialDirect func(ctx context.Context, network, address string) (net.Conn, error)
	// TLS is for connections to https. Default: as Go does it.
	TLS *tls.Config
	// Progress is told what is being done, one call at a time. Default: nobody is.
	Progress func(text string)
}

const (
	defaultIdle = 12 * time.Second // so that all takes less than 15
	minIdle     = time.Second      // below it nothing can be told from a slow network
)

func (o DoctorOptions) withDefaults() DoctorOptions {
	o.Idle = cmp.Or(o.Idle, defaultIdle)
	o.MaxMessage = cmp.Or(o.MaxMessage, defaultMaxMessage)
	var mu sync.Mutex
	tell := o.Progress
	o.Progress = func(text string) {
		mu.Lock()
		defer mu.Unlock()
		if tell != nil {
			tell(text)
		}
	}
	return o
}

func (o DoctorOptions) check() error {
	switch {
	case o.Idle > 0 && o.Idle < minIdle:
		return &OptionError{"Idle", fmt.Sprintf("%v is too short to tell a time-out from a slow network; use %v or more", o.Idle, minIdle)}
	case o.MaxMessage < 0:
		return &OptionError{"MaxMessage", "it must not be negative"}
	}
	return nil
}

// Diagnose asks a Pushlab server by all transports, through whatever stands before it, and tells what
// that does to them. It fails if nobody answers; what is broken is in the diagnosis.
func Diagnose(ctx context.Context, address string, o DoctorOptions) (*Diagnosis, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	begin := time.Now()
	run := strings.ToLower(rand.Text()[:8])
	ways := make([]*way, 0, 2)
	for i, address := range []string{address, o.Direct} {
		if address == "" {
			continue
		}
		w, err := newWay(address, run+string("ab"[i]), o)
		if err != nil {
			return nil, err
		}
		w.options.DialContext = o.DialContext
		if i == 1 {
			w.options.DialContext = o.DialDirect
			ways[0].other = w
		}
		ways = append(ways, w)
	}
	var running sync.WaitGroup
	errs := make([]error, len(ways))
	for i, w := range ways {
		running.Go(func() { errs[i] = w.examine(ctx) })
	}
	running.Wait()
	if err := cmp.Or(ctx.Err(), errors.Join(errs...)); err != nil {
		return nil, err
	}
	d := &Diagnosis{URL: address, Direct: o.Direct, Hops: append(ways[0].hops(), ways[0].page...)}
	d.Observations = ways[0].found
	if len(ways) > 1 {
		compare(d.Observations, ways[1].found)
	}
	d.Observations = arranged(d.Observations)
	d.Took = time.Since(begin)
	return d, nil
}
