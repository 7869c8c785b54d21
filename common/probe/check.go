package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// A Check is one sentence of a standard, and the exchange that shows whether a server keeps to it.
type Check struct {
	// ID is stable, such as SSE-30a.
	ID string
	// Section is where the sentence comes from.
	Section string
	// Must tells a demand from a recommendation, whose breach is a warning.
	Must bool
	// Sentence is what is asked of the server.
	Sentence string
	// Run asks the server, on connections of its own, which it closes.
	Run func(ctx context.Context, t *Target) Verdict

	last bool // it looks at what the answers to the other checks were
}

// An Outcome is what a check came to.
type Outcome string

// The outcomes.
const (
	Pass          Outcome = "pass"
	Fail          Outcome = "fail"
	Warn          Outcome = "warn" // a recommendation is not followed
	NotApplicable Outcome = "n/a"  // it could not be asked
)

// A Verdict is the outcome of a check, and why.
type Verdict struct {
	Outcome Outcome
	// Note says what is wrong, or why the check does not apply; empty if it passed.
	Note string
	// Seen is what the server sent, quoted and shortened, if that shows it.
	Seen string
}

// A finding is a verdict on its way out of a check.
type finding Verdict

func (f *finding) Error() string { return f.Note }

// breach says that the server does not do what the check asks.
func breach(seen, format string, args ...any) error {
	return &finding{Fail, fmt.Sprintf(format, args...), seen}
}

// advise says that it could do better, in a check that must hold.
func advise(seen, format string, args ...any) error {
	return &finding{Warn, fmt.Sprintf(format, args...), seen}
}

// skip says that the check cannot be made.
func skip(format string, args ...any) error {
	return &finding{NotApplicable, fmt.Sprintf(format, args...), ""}
}

// must makes a check of a demand.
func must(id, section, sentence string, ask func(context.Context, *Target) error) Check {
	return Check{ID: id, Section: section, Must: true, Sentence: sentence, Run: judged(ask, Fail)}
}

// should makes a check of a recommendation.
func should(id, section, sentence string, ask func(context.Context, *Target) error) Check {
	return Check{ID: id, Section: section, Sentence: sentence, Run: judged(ask, Warn)}
}

// unseen makes a check that cannot be made from outside, so that nobody takes its absence for a pass.
func unseen(id, section, sentence, reason string) Check {
	return must(id, section, sentence, func(context.Context, *Target) error { return skip("%s", reason) })
}

// judged turns what a check found into a verdict. An error that is no finding, such as a connection
// that broke, is a breach too: the server had its chance.
func judged(ask func(context.Context, *Target) error, worst Outcome) func(context.Context, *Target) Verdict {
	return func(ctx context.Context, t *Target) Verdict {
		err := ask(ctx, t)
		var f *finding
		switch {
		case err == nil:
			return Verdict{Outcome: Pass}
		case !errors.As(err, &f):
			return Verdict{Outcome: worst, Note: err.Error()}
		case f.Outcome == Fail:
			return Verdict{worst, f.Note, f.Seen}
		}
		return Verdict(*f)
	}
}

// Transports that can be checked.
const (
	LongPoll   = "longpoll"
	HTTPStream = "httpstream"
	SSE        = "sse"
	WebSocket  = "websocket"
)

// Transports lists the transports that can be checked.
func Transports() []string { return []string{LongPoll, HTTPStream, SSE, WebSocket} }

// Checks lists what is asked of a server of that transport.
func Checks(transport string) []Check {
	switch transport {
	case LongPoll:
		return concat(longPollChecks(), httpChecks(false), corsChecks(), publishChecks())
	case HTTPStream:
		return concat(httpStreamChecks(), httpChecks(true), corsChecks(), publishChecks())
	case SSE:
		return concat(sseChecks(), httpChecks(true), corsChecks(), publishChecks())
	case WebSocket:
		return concat(webSocketChecks(), upgradeChecks(), publishChecks())
	}
	return nil
}

func concat(lists ...[]Check) (all []Check) {
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// selects reports whether a name such as SSE-30a, SSE-30 or SSE selects the check.
func (c Check) selects(name string) bool {
	id, name := strings.ToUpper(c.ID), strings.ToUpper(strings.TrimSpace(name))
	subject := strings.TrimRight(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	standard, _, _ := strings.Cut(id, "-")
	return name == id || name == subject || name == standard
}

// quoted shows bytes in a line: quoted, and not too many of them.
func quoted[T string | []byte](b T) string {
	const most = 100
	if len(b) <= most {
		return fmt.Sprintf("%q", b)
	}
	return fmt.Sprintf("%q… (%d bytes)", b[:most], len(b))
}
