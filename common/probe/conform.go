package probe

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Conform asks the endpoints, one after the other, what the standards demand of them. It fails if
// one of them cannot be asked; what they fail at is in the report.
func Conform(ctx context.Context, addresses []string, o Options) (*Report, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	begin := time.Now()
	report := new(Report)
	for _, address := range addresses {
		t, err := NewTarget(ctx, address, o)
		if err != nil {
			return nil, err
		}
		checks := o.choose(t.Transport)
		if len(checks) == 0 {
			continue // what was chosen is about other transports
		}
		results := t.Run(ctx, checks)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		report.Endpoints = append(report.Endpoints, Endpoint{
			URL: address, Transport: t.Transport, Guessed: t.Guessed, Pushlab: t.Pushlab, Publish: t.publishes(), Results: results,
		})
	}
	if len(report.Endpoints) == 0 {
		return nil, fmt.Errorf("probe: %s is not asked of this transport", strings.Join(o.Only, ", "))
	}
	report.Took = time.Since(begin)
	return report, nil
}

// minTimeout is the shortest wait that tells slow from wrong: some checks ask to be held for 1 s.
const minTimeout = 2 * time.Second

// check finds what no server could be asked with.
func (o Options) check() error {
	if o.Transport != "" && !slices.Contains(Transports(), o.Transport) {
		return &OptionError{"Transport", fmt.Sprintf("%q is no transport; use %s", o.Transport, strings.Join(Transports(), ", "))}
	}
	if o.Timeout != 0 && o.Timeout < minTimeout {
		return &OptionError{"Timeout", fmt.Sprintf("%v is too short to tell what is slow from what is wrong; use %v or more", o.Timeout, minTimeout)}
	}
	if o.MaxMessage < 0 {
		return &OptionError{"MaxMessage", "it must not be negative"}
	}
	for _, name := range o.Only {
		known := false
		for _, transport := range Transports() {
			known = known || slices.ContainsFunc(Checks(transport), func(c Check) bool { return c.selects(name) })
		}
		if !known {
			return &OptionError{"Only", fmt.Sprintf("there is no check %q; use one such as SSE-30a, SSE-30 or SSE", name)}
		}
	}
	return nil
}

// An OptionError is an option that makes no sense.
type OptionError struct {
	// Option is the name of the field in Options.
	Option string
	reason string
}

func (e *OptionError) Error() string { return "probe: " + e.reason }

// choose returns the transport's checks that are wanted.
func (o Options) choose(transport string) []Check {
	return slices.DeleteFunc(Checks(transport), func(c Check) bool {
		return len(o.Only) > 0 && !slices.ContainsFunc(o.Only, c.selects)
	})
}

// patience is how many times the timeout a check may take: several things have to come, one after
// the other, each within it.
const patience = 20

// Run makes the checks, several at a time, and returns the results in their order.
func (t *Target) Run(ctx context.Context, checks []Check) []Result {
	results := make([]Result, len(checks))
	ask := func(last bool) {
		var running sync.WaitGroup
		places := make(chan struct{}, t.options.Parallel)
		for i, c := range checks {
			if c.last != last {
				continue
			}
			places <- struct{}{}
			running.Go(func() {
				results[i] = Result{ID: c.ID, Section: c.Section, Must: c.Must, Sentence: c.Sentence, Verdict: t.judge(ctx, c)}
				<-places
			})
		}
		running.Wait()
	}
	ask(false)
	ask(true)
	return results
}

func (t *Target) judge(ctx context.Context, c Check) Verdict {
	ctx, cancel := context.WithTimeout(ctx, patience*t.timeout())
	defer cancel()
	return c.Run(ctx, t)
}

// publishes returns where events are published, if they are.
func (t *Target) publishes() string {
	if t.publisher == nil {
		return ""
	}
	return t.publisher.url.String()
}
