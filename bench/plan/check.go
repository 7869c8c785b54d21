package plan

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// MaxError is how far a prediction may be off for the model to be good enough, as a share of what was measured.
const MaxError = 0.15

// A Check is what the model predicts for points that it was not fitted on.
type Check struct {
	// Rows are the predictions: for each lane and point what it has of CPU, bytes, memory and events per write.
	Rows []CheckRow `json:"rows"`
	// Quantities sum them up.
	Quantities []CheckSum `json:"quantities"`
	// Unchecked says what could not be checked, and why. With any of that the check is not good.
	Unchecked []string `json:"unchecked,omitempty"`
}

// A CheckRow is one prediction.
type CheckRow struct {
	Transport string  `json:"transport"`
	Case      string  `json:"case"`
	Quantity  string  `json:"quantity"`
	Unit      string  `json:"unit"`
	Predicted float64 `json:"predicted"`
	// Measured is the median of the rounds.
	Measured float64 `json:"measured"`
	Rounds   int     `json:"rounds"`
	// Low and High are the interval that has the median: at 95 % from 6 rounds on, with fewer from the least to the
	// greatest round.
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Error is by which share Predicted is above Measured.
	Error float64 `json:"error"`
	// Noise is how far the interval reaches from Measured, as a share of it. Of one round it is not known, and 0.
	Noise float64 `json:"noise"`
	// Beyond are the ways in which the point lies outside of all the others, so that the model had to extrapolate, such as
	// "rate x 4".
	Beyond []string `json:"beyond,omitempty"`
}

// Good reports whether the error is at most MaxError.
func (r CheckRow) Good() bool { return math.Abs(r.Error) <= MaxError }

// Unsure reports whether the interval of what was measured reaches to where the prediction would be good. If the error is not,
// that may be the measurement's fault.
func (r CheckRow) Unsure() bool {
	return r.Rounds < 2 || r.Predicted >= (1-MaxError)*r.Low && r.Predicted <= (1+MaxError)*r.High
}

// A CheckSum is how far predictions of one quantity are off: the median and the worst, without signs.
type CheckSum struct {
	Quantity string  `json:"quantity"`
	Points   int     `json:"points"`
	Median   float64 `json:"median_error"`
	Worst    float64 `json:"worst_error"`
	// Noise is the median of the points' own.
	Noise float64 `json:"median_noise"`
	// Off is how many points are off by more than MaxError, Unsure how many of these may be so for the noise,
	// Extrapolated how many are beyond the others.
	Off          int  `json:"off"`
	Unsure       int  `json:"unsure"`
	Extrapolated int  `json:"extrapolated"`
	Good         bool `json:"good"`
}

// A quantity is something that is checked: how a point gives it, and how a model predicts it; what is not there is 0.
type quantity struct {
	name, unit string
	always     bool // what each lane must have
	from       func(model) []point
	measured   func(point) float64
	predicted  func(model, point) float64
	axes       []axis // in which a point may be beyond the others
}

// An axis is something by which points differ.
type axis struct {
	name string
	of   func(point) float64
}

var (
	axisClients = axis{"clients", connections}
	axisRate    = axis{"rate", func(p point) float64 { return p.rate }}
	axisSize    = axis{"size", func(p point) float64 { return float64(p.size) }}
	axisWrite   = axis{"events/write", point.k}
)

var quantities = []quantity{
	{"CPU", "µs/event", true, func(m model) []point { return having(m.fromCPU, delivers) },
		func(p point) float64 { return 1e6 * p.cpu / p.x[perEvent] },
		func(m model, p point) float64 {
			if !m.cpuOK {
				return 0
			}
			cpu, _ := m.predict(p)
			return 1e6 * cpu / p.x[perEvent]
		}, []axis{axisClients, axisRate, axisSize, axisWrite}},
	{"bytes", "B/event", true, func(m model) []point {
		// Events that were published late share other answers than those that come in step.
		return having(m.fromBytes, func(p point) bool { return p.rtt == 0 || p.comparable })
	},
		func(p point) float64 { return (p.down + p.up) / p.x[perEvent] },
		func(m model, p point) float64 {
			if !m.bytesOK {
				return 0
			}
			_, bytes := m.predict(p)
			return bytes / p.x[perEvent]
		}, []axis{axisSize, axisWrite}},
	{"memory", "MiB", true, func(m model) []point { return m.fromMemory },
		func(p point) float64 { return p.resident / (1 << 20) },
		func(m model, p point) float64 {
			if !m.memOK {
				return 0
			}
			return (m.base + m.each*float64(p.n)) / (1 << 20)
		}, []axis{axisClients}},
	{"events/write", "", false, func(m model) []point {
		return having(m.fromCPU, func(p point) bool { return m.longPoll && p.rtt > 0 && p.kind == result.FanOut && p.k() > 0 })
	}, point.k, func(m model, p point) float64 {
		if !m.far {
			return 0
		}
		return m.perWriteInStep(p.rate, p.rtt)
	}, []axis{{"rate x RTT", func(p point) float64 { return p.rate * p.rtt.Seconds() }}}},
}

// CheckResult predicts each point of a result from the others, on the lanes of a target in a variant: each case, and of
// connections that wait each number of them.
func CheckResult(r result.Result, target, variant string) Check {
	var c Check
	for _, transport := range result.Transports() {
		lane := result.Lane{Target: target, Transport: transport, Variant: variant}
		points := pointsOf(r, lane)
		if len(points) == 0 {
			continue
		}
		whole, without := fitModel(lane, points), map[key]model{}
		for _, of := range cases(points) {
			without[of] = fitModel(lane, having(points, func(p point) bool { return p.of != of }))
		}
		for _, q := range quantities {
			from := q.from(whole)
			checked := 0
			for _, of := range cases(from) {
				if row, ok := q.row(whole, without[of], having(from, func(p point) bool { return p.of == of })); ok {
					row.Transport = transport
					c.Rows = append(c.Rows, row)
					checked++
				}
			}
			switch n := len(cases(from)); {
			case checked > 0 || n == 0 && !q.always:
			case n == 0:
				c.Unchecked = append(c.Unchecked, fmt.Sprintf("%s: %s: it was not measured", transport, q.name))
			default:
				c.Unchecked = append(c.Unchecked, fmt.Sprintf("%s: %s: it takes more cases than %d to predict one from the others", transport, q.name, n))
			}
		}
	}
	c.sum()
	return c
}

// row predicts the points of one case, which a model was fitted without.
func (q quantity) row(whole, without model, points []point) (row CheckRow, ok bool) {
	var measured, predicted []float64
	for _, p := range points {
		measured, predicted = append(measured, q.measured(p)), append(predicted, q.predicted(without, p))
	}
	i := stats.IntervalOf(measured)
	row = CheckRow{
		Case: points[0].title, Quantity: q.name, Unit: q.unit, Rounds: len(points),
		Measured: i.Center, Low: i.Low, High: i.High, Predicted: stats.Spread(predicted).Median,
	}
	if row.Predicted == 0 || row.Measured == 0 {
		return row, false
	}
	row.Error = row.Predicted/row.Measured - 1
	row.Noise = max(row.High/row.Measured-1, 1-row.Low/row.Measured)
	others := middle(having(q.from(whole), func(p point) bool { return p.of != points[0].of }))
	for _, a := range q.axes {
		low, high := reach(others, a.of)
		switch v := a.of(middle(points)[0]); {
		case low <= 0 || v <= 0:
		case v > beside*high:
			row.Beyond = append(row.Beyond, fmt.Sprintf("%s x %s", a.name, number(v/high)))
		case v < low/beside:
			row.Beyond = append(row.Beyond, fmt.Sprintf("%s / %s", a.name, number(low/v)))
		}
	}
	return row, true
}

// beside is up to which factor a point counts as beside the others, and not beyond them.
const beside = 1.1

// sum sums the rows up.
func (c *Check) sum() {
	for _, q := range quantities {
		s := CheckSum{Quantity: q.name}
		var errors, noise []float64
		for _, r := range c.Rows {
			if r.Quantity != q.name {
				continue
			}
			errors, noise = append(errors, math.Abs(r.Error)), append(noise, r.Noise)
			if len(r.Beyond) > 0 {
				s.Extrapolated++
			}
			if !r.Good() {
				s.Off++
				if r.Unsure() {
					s.Unsure++
				}
			}
		}
		if len(errors) == 0 {
			continue
		}
		of := stats.Spread(errors)
		s.Points, s.Median, s.Worst, s.Noise, s.Good = len(errors), of.Median, of.Max, stats.Spread(noise).Median, s.Off == 0
		c.Quantities = append(c.Quantities, s)
	}
}

// Good reports whether all that has to be checked could be, and no prediction is off by more than MaxError.
func (c Check) Good() bool {
	return len(c.Quantities) > 0 && len(c.Unchecked) == 0 && !slices.ContainsFunc(c.Quantities, func(q CheckSum) bool { return !q.Good })
}

// Why says what is not good, in a sentence; "" if all is.
func (c Check) Why() string {
	off, unsure := 0, 0
	for _, q := range c.Quantities {
		off, unsure = off+q.Off, unsure+q.Unsure
	}
	switch {
	case len(c.Quantities) == 0:
		return "nothing can be checked: that takes two cases or more of a kind; measure with '" + Measure + "'"
	case off == 0 && len(c.Unchecked) > 0:
		return "not all can be checked: " + strings.Join(c.Unchecked, "; ") + "; measure with '" + Measure + "'"
	case off == 0:
		return ""
	}
	why := fmt.Sprintf("%d of %d predictions are off by more than %.0f %%", off, len(c.Rows), 100*MaxError)
	if unsure > 0 {
		why += fmt.Sprintf(", and of %d of them the measurement is no surer than that: measure on a quiet machine, with more --rounds", unsure)
	}
	return why
}
