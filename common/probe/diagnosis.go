package probe

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// A Diagnosis is what was seen of the way to a server.
type Diagnosis struct {
	// URL is what was asked, and Direct what it was compared with; empty if that was nothing.
	URL, Direct string
	// Hops are those that have shown themselves, in no certain order.
	Hops         []Hop
	Observations []Observation
	// Took is how long it took to ask.
	Took time.Duration
}

// An Observation is what one check saw of one or more transports.
type Observation struct {
	// Check names what was looked at, such as "delay".
	Check string
	State State
	// Transports are those that it is true of; none where they do not matter.
	Transports []string
	// Text says what is so, and Seen what shows it.
	Text string
	Seen string
	// Cause is what has to be repaired; empty if that is nothing.
	Cause Cause
	// Fault is where it has to be repaired.
	Fault Fault

	each []seenOf // what shows it, by transport
}

type seenOf struct{ transport, seen string }

// State is how good something is.
type State string

// The states.
const (
	Fine   State = "fine"
	Note   State = "note"   // it works, but not as well as it could; or it could not be asked
	Broken State = "broken" // clients lose events or time
)

// Fault tells whose fault something is.
type Fault string

// The faults.
const (
	Nobody   Fault = ""
	OfHop    Fault = "hop"
	OfWay    Fault = "hop or server" // it cannot be told apart without a direct URL
	OfServer Fault = "server"
)

// The checks, in the order in which they are reported.
const (
	reachCheck     = "reach"
	openCheck      = "opening"
	delayCheck     = "delay"
	zipCheck       = "compression"
	cacheCheck     = "caching"
	resumeCheck    = "resume"
	idleCheck      = "idle"
	endCheck       = "end"
	upgradeCheck   = "upgrade"
	originCheck    = "origin"
	publishCheck   = "publish"
	limitCheck     = "size"
	fieldCheck     = "fields"
	logCheck       = "log"
	keepAliveCheck = "keep-alive"
	versionCheck   = "version"
)

var checkOrder = []string{
	reachCheck, openCheck, delayCheck, zipCheck, cacheCheck, resumeCheck, idleCheck, endCheck, upgradeCheck, originCheck,
	publishCheck, limitCheck, fieldCheck, logCheck, keepAliveCheck, versionCheck,
}

func (w *way) note(o Observation, transport, seen string, args []any) {
	o.Seen = fmt.Sprintf(seen, args...)
	if transport != "" {
		o.Transports = []string{transport}
		o.each = []seenOf{{transport, o.Seen}}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = append(w.found, o)
}

func (w *way) fine(check, transport, text, seen string, args ...any) {
	w.note(Observation{Check: check, State: Fine, Text: text}, transport, seen, args)
}

func (w *way) remark(check, transport string, cause Cause, text, seen string, args ...any) {
	w.note(Observation{Check: check, State: Note, Text: text, Cause: cause, Fault: cause.fault()}, transport, seen, args)
}

func (w *way) broken(check, transport string, cause Cause, text, seen string, args ...any) {
	w.note(Observation{Check: check, State: Broken, Text: text, Cause: cause, Fault: cause.fault()}, transport, seen, args)
}

// skipped says that something was not asked.
func (w *way) skipped(check, reason string) {
	w.note(Observation{Check: check, State: Note, Text: reason}, "", "", nil)
}

// compare tells of what was seen through the hops whose fault it is, by what was seen without them.
func compare(through, direct []Observation) {
	for i := range through {
		o := &through[i]
		if o.Fault == Nobody {
			continue
		}
		o.Fault = OfHop
		for _, d := range direct {
			if d.Check == o.Check && d.Cause == o.Cause && slices.Equal(d.Transports, o.Transports) {
				o.Fault = OfServer
			}
		}
	}
}

// arranged returns the observations in the order of their checks and transports, with those that say
// the same of several transports as one.
func arranged(observations []Observation) (all []Observation) {
	place := func(o Observation) int {
		n := slices.Index(checkOrder, o.Check) * 10
		if len(o.Transports) > 0 {
			n += slices.Index(Transports(), o.Transports[0])
		}
		return n
	}
	slices.SortStableFunc(observations, func(a, b Observation) int { return place(a) - place(b) })
	for _, o := range observations {
		same := slices.IndexFunc(all, func(a Observation) bool {
			return a.Check == o.Check && a.State == o.State && a.Text == o.Text && a.Cause == o.Cause && a.Fault == o.Fault && len(o.Transports) > 0
		})
		if same < 0 {
			all = append(all, o)
			continue
		}
		a := &all[same]
		if !slices.Contains(a.Transports, o.Transports[0]) {
			a.Transports = append(slices.Clone(a.Transports), o.Transports[0])
		}
		a.each = append(slices.Clone(a.each), o.each...)
		a.Seen = together(a.each)
	}
	return all
}

// together says what was seen of several transports: once, if it was the same of all.
func together(each []seenOf) string {
	var different []string
	for i, s := range each {
		if s.seen == "" || slices.Contains(each[:i], s) {
			continue
		}
		different = append(different, s.transport+": "+s.seen)
	}
	if !slices.ContainsFunc(each, func(s seenOf) bool { return s.seen != each[0].seen }) {
		return each[0].seen
	}
	return strings.Join(different, "; ")
}

// Count returns how many observations are in that state.
func (d *Diagnosis) Count(s State) (n int) {
	for _, o := range d.Observations {
		if o.State == s {
			n++
		}
	}
	return n
}

// stateColors are those of a terminal.
var stateColors = map[State]string{Fine: "32", Note: "33", Broken: "1;31"}

// Write writes the diagnosis for people; with color for a terminal that shows it.
func (d *Diagnosis) Write(out io.Writer, color bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s\n", d.URL, d.through())
	if d.Direct != "" {
		fmt.Fprintf(&b, "compared with %s\n", d.Direct)
	}
	b.WriteString("\n")
	told := make(map[Cause]bool)
	for _, o := range d.Observations {
		state := fmt.Sprintf("%-6s", strings.ToUpper(string(o.State)))
		if color {
			state = "\x1b[" + stateColors[o.State] + "m" + state + "\x1b[0m"
		}
		text := o.Text
		if len(o.Transports) > 0 {
			text = strings.Join(o.Transports, ", ") + ": " + text
		}
		if o.State == Fine && o.Seen != "" {
			text = fmt.Sprintf("%s (%s)", strings.TrimSuffix(text, "."), o.Seen)
		}
		fmt.Fprintf(&b, "%s  %-11s  %s\n", state, o.Check, text)
		line := func(format string, args ...any) {
			fmt.Fprintf(&b, "%s%s\n", strings.Repeat(" ", len("BROKEN  compression  ")), fmt.Sprintf(format, args...))
		}
		if o.Seen != "" && o.State != Fine {
			line("seen: %s", o.Seen)
		}
		if o.Fault != Nobody && d.Direct != "" {
			line("%s", map[Fault]string{
				OfHop:    "fault: of a hop; without it this is fine",
				OfServer: "fault: of the server; without the hops it is the same",
			}[o.Fault])
		}
		switch {
		case o.Cause == "" || o.State == Fine:
		case told[o.Cause]:
			line("to do: as above")
		default:
			told[o.Cause] = true
			d.advise(o, line)
		}
	}
	fmt.Fprintf(&b, "\n%d fine, %d broken, %s, in %v\n", d.Count(Fine), d.Count(Broken), count(d.Count(Note), "note"), d.Took.Round(100*time.Millisecond))
	_, err := io.WriteString(out, b.String())
	return err
}

// advise writes what to do about an observation.
func (d *Diagnosis) advise(o Observation, line func(string, ...any)) {
	if advice := o.advice(d.Direct != ""); advice != "" {
		line("to do: %s", advice)
	}
	for _, r := range d.repairs(o) {
		line("%-8s %s", r.Hop+":", r.Line)
	}
}

// through says what the way leads through.
func (d *Diagnosis) through() string {
	if len(d.Hops) == 0 {
		return "through no hop that shows itself"
	}
	var hops []string
	for _, h := range d.Hops {
		hops = append(hops, fmt.Sprintf("%s (%s)", h.Name, h.Seen))
	}
	return "through " + strings.Join(hops, " and ")
}

// MarshalJSON writes the diagnosis for programs.
func (d *Diagnosis) MarshalJSON() ([]byte, error) {
	type hop struct {
		Name string `json:"name"`
		Seen string `json:"seen"`
	}
	type repair struct {
		Hop  string `json:"hop"`
		Line string `json:"line"`
	}
	type observation struct {
		Check      string   `json:"check"`
		State      string   `json:"state"`
		Transports []string `json:"transports,omitempty"`
		Text       string   `json:"text"`
		Seen       string   `json:"seen,omitempty"`
		Cause      string   `json:"cause,omitempty"`
		Fault      string   `json:"fault,omitempty"`
		Advice     string   `json:"advice,omitempty"`
		Repairs    []repair `json:"repairs,omitempty"`
	}
	var diagnosis struct {
		URL          string        `json:"url"`
		Direct       string        `json:"direct,omitempty"`
		Fine         int           `json:"fine"`
		Broken       int           `json:"broken"`
		Notes        int           `json:"notes"`
		Seconds      float64       `json:"seconds"`
		Hops         []hop         `json:"hops"`
		Observations []observation `json:"observations"`
	}
	diagnosis.URL, diagnosis.Direct = d.URL, d.Direct
	diagnosis.Fine, diagnosis.Broken, diagnosis.Notes = d.Count(Fine), d.Count(Broken), d.Count(Note)
	diagnosis.Seconds = d.Took.Round(time.Millisecond).Seconds()
	diagnosis.Hops = []hop{}
	for _, h := range d.Hops {
		diagnosis.Hops = append(diagnosis.Hops, hop(h))
	}
	for _, o := range d.Observations {
		to := observation{o.Check, string(o.State), o.Transports, o.Text, o.Seen, string(o.Cause), string(o.Fault), "", nil}
		if o.Cause != "" && o.State != Fine {
			to.Advice = o.advice(d.Direct != "")
			for _, r := range d.repairs(o) {
				to.Repairs = append(to.Repairs, repair(r))
			}
		}
		diagnosis.Observations = append(diagnosis.Observations, to)
	}
	return json.Marshal(diagnosis)
}

// shown rounds a time so that it can be read.
func shown(d time.Duration) time.Duration {
	switch {
	case d >= time.Second:
		return d.Round(100 * time.Millisecond)
	default:
		return d.Round(time.Millisecond)
	}
}

// inBytes shows a size.
func inBytes(n int) string {
	switch {
	case n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 1<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
