package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"pushlab/bench/scale/tree"
)

// seed is that of all that is drawn, if no other is given.
const seed = 1

// most is how many breaks, and effects, are told of each.
const (
	mostBreaks  = 4
	mostEffects = 5
)

// A scenario is named inputs.
type scenario struct {
	name string
	what string
	in   tree.Inputs
}

func scenarios() []scenario {
	return []scenario{
		{"topics", "2,000 events a second on many topics, of which each subscriber gets one", tree.Default()},
		{"feed", "one event a second, which everybody gets", tree.Feed()},
	}
}

// tableOfInputs writes what everything rests on.
func tableOfInputs(w io.Writer, in tree.Inputs) {
	fmt.Fprintln(w, "| input | value | | source |\n|---|---|---|---|")
	for _, i := range in.Table() {
		fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", i.Name, strings.TrimSpace(number(*i.Value)+" "+i.Unit), i.Kind, i.Source)
	}
}

// tell writes what a tree takes, and where it breaks.
func tell(w io.Writer, t *tree.Tree, seed uint64) {
	tellMachines(w, t)
	tellUse(w, t)
	tellDelays(w, t, seed)
	tellBreaks(w, t)
	tellLosses(w, t, seed)
}

func tellMachines(w io.Writer, t *tree.Tree) {
	sum := t.Totals()
	fmt.Fprintf(w, "%s machines: %s nodes, %s proxies, %s servers of NATS. %s deliveries a second; nodes keep %s cores busy, proxies %s; "+
		"they take %s and %s GiB; %s Gbit/s go to subscribers.\n\n",
		count(sum.Machines()), count(sum.Nodes), count(sum.Proxies), count(sum.Brokers), count(sum.Deliveries),
		count(sum.Busy.Nodes), count(sum.Busy.Proxies), count(sum.GiB.Nodes), count(sum.GiB.Proxies), number(sum.Out))
	fmt.Fprintln(w, "| region | subscribers | nodes | decided by | proxies | decided by | leaf link, Mbit/s | out of the mirror's first server, Mbit/s | to each node | out of each node | out of each proxy |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|---|---|---|---|")
	in := t.In
	for _, s := range t.Sites {
		used := func(tier string) string {
			for _, u := range t.Uses() {
				if u.Tier == tier && u.Region == s.Name && u.Resource == "network" {
					return number(1e3 * u.Used)
				}
			}
			return ""
		}
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", s.Name, count(s.Subscribers),
			count(s.Nodes), s.NodesFor, count(s.Proxies), s.ProxiesFor, used("leaf link"), used("mirror"), number(in.TailBits()/1e6), used("node"), used("proxy"))
	}
}

func tellUse(w io.Writer, t *tree.Tree) {
	fmt.Fprintln(w, "\n| used most in | of | resource | used | has | share | room |\n|---|---|---|---|---|---|---|")
	for _, u := range t.Worst() {
		fmt.Fprintf(w, "| %s | %s | %s | %s | %s | %s | x %s |\n", u.Region, u.Tier, u.Resource,
			number(u.Used), strings.TrimSpace(number(u.Has)+" "+u.Unit), percent(u.Share()), number(1/u.Share()))
	}
}

func tellDelays(w io.Writer, t *tree.Tree, seed uint64) {
	fmt.Fprintln(w, "\nFrom when it was published until an event has passed a tier, p50 / p99 in ms:")
	fmt.Fprintf(w, "\n| region | %s |\n|---|%s\n", strings.Join(tree.Tiers(), " | "), strings.Repeat("---|", len(tree.Tiers())))
	region := ""
	for _, d := range t.Delays(seed) {
		if d.Region != region {
			if region != "" {
				fmt.Fprintln(w)
			}
			region = d.Region
			fmt.Fprintf(w, "| %s |", region)
		}
		fmt.Fprintf(w, " %s / %s |", number(1e3*d.P50), number(1e3*d.P99))
	}
	fmt.Fprintln(w)
}

func tellBreaks(w io.Writer, t *tree.Tree) {
	fmt.Fprintln(w, "\n| what grows | with these machines, used up first at | with more nodes and proxies, as it takes, used up at |\n|---|---|---|")
	for _, a := range tree.Axes() {
		var first []string
		for _, b := range t.Breaks(a) {
			if len(first) < mostBreaks {
				first = append(first, broken(b))
			}
		}
		wall := "nothing, as far as was looked"
		if b, ok := tree.Wall(t.In, a); ok {
			wall = broken(b)
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", a.Name, cmp.Or(strings.Join(first, "; "), "nothing, as far as was looked"), wall)
	}
}

func broken(b tree.Break) string {
	return fmt.Sprintf("x %s: %s: %s", number(b.Times), b.Tier, b.Resource)
}

func tellLosses(w io.Writer, t *tree.Tree, seed uint64) {
	fmt.Fprintln(w, "\n| lost | clients to each node that is left | half, 99 %, all are connected after, s | attempts of a client | most in a second, to a node | cursor no longer in the ring | all caught up after, s |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	row := func(what string, r tree.Recovery) {
		fmt.Fprintf(w, "| %s | %s | %s, %s, %s | %s | %s | %s | %s |\n", what, count(float64(r.Clients)), seconds(r.Half), seconds(r.Most), seconds(r.All),
			number(float64(r.Attempts)/max(1, float64(r.Clients))), count(float64(r.Peak)), percent(float64(r.Past)/max(1, float64(r.Clients))), seconds(r.Caught))
	}
	for _, m := range tree.Manners() {
		s, r := t.NodeLoss(m, seed)
		row(fmt.Sprintf("a node of %s, %s", s.Name, m), r)
	}
	l := t.RegionLoss(seed)
	row("the region "+l.Lost.Name, l.Recovery)
	if l.Nodes > 0 {
		fmt.Fprintf(w, "\nWith %s subscribers moved, the most used of what is left is %s of the %s in %s: %s.\n",
			count(l.Moved), l.Worst.Resource, l.Worst.Tier, l.Worst.Region, percent(l.Worst.Share()))
	}
	b := t.MirrorBehind()
	ahead := fmt.Sprintf("The rings get at most %s events ahead of what subscribers were sent, which they hold.", count(b.Ahead))
	if b.Past {
		ahead = fmt.Sprintf("The rings get up to %s events ahead of what subscribers were sent, which is more than they hold: subscribers read from the mirror, for %s s at least.", count(b.Ahead), seconds(b.Reading))
	}
	fmt.Fprintf(w, "\nA mirror that is %s s behind has %s events to get, %s GB: at %s a second, bounded by %s, it has them after %s s, and its subscribers after %s s. %s\n",
		number(t.In.Behind), count(b.Events), number(b.Gigabytes), count(b.Rate), b.From, seconds(b.Mirror), seconds(b.Subscribers), ahead)
}

func tellSensitivity(w io.Writer, in tree.Inputs, answers []tree.Answer) {
	fmt.Fprintln(w, "| answer | as planned | input, that halved or doubled changes it most: what it becomes |\n|---|---|---|")
	for _, a := range answers {
		var words []string
		effects := tree.Sensitivity(in, a)
		plan := math.NaN()
		for i, e := range effects {
			plan = e.Plan
			if i < mostEffects {
				words = append(words, fmt.Sprintf("`%s` (%s): %s, %s", e.Input.Name, e.Input.Kind, becomes(e.Half), becomes(e.Twice)))
			}
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", a.Name, becomes(plan), cmp.Or(strings.Join(words, "; "), "none by a hundredth"))
	}
}

// becomes writes a number that may be none.
func becomes(v float64) string {
	if math.IsNaN(v) {
		return "–"
	}
	return seconds(v)
}

// seconds writes a time, or any number that may be infinite.
func seconds(v float64) string {
	if math.IsInf(v, 0) {
		return "never"
	}
	return number(v)
}

func percent(part float64) string { return number(100*part) + " %" }

// number writes three digits, count whole numbers; both with commas.
func number(v float64) string {
	switch {
	case v == 0:
		return "0"
	case math.IsInf(v, 0) || math.IsNaN(v):
		return "∞"
	case math.Abs(v) >= 100:
		return count(v)
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	s := strconv.FormatFloat(v, 'f', min(digits, 6), 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

func count(v float64) string {
	if math.IsInf(v, 0) || math.IsNaN(v) {
		return "∞"
	}
	s := strconv.FormatFloat(math.Round(v), 'f', 0, 64)
	var groups []string
	for len(s) > 3 {
		groups = append(groups, s[len(s)-3:])
		s = s[:len(s)-3]
	}
	groups = append(groups, s)
	slices.Reverse(groups)
	return strings.Join(groups, ",")
}
