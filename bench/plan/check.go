package plan

import (
	"fmt"
	"math"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

// MaxError is how far a prediction may be off for the model to be good enough, as a share of what was measured.
const MaxError = 0.15

// A Check is what the model predicts for cases that it was not fitted on.
type Check struct {
	// Rows are the predictions: for each lane and case what it has of CPU, bytes and memory.
	Rows []CheckRow `json:"rows"`
	// Quantities sum them up.
	Quantities []CheckSum `json:"quantities"`
	// Unchecked says what could not be checked, and why.
	Unchecked []string `json:"unchecked,omitempty"`
}

// A CheckRow is one prediction.
type CheckRow struct {
	Transport string  `json:"transport"`
	Case      string  `json:"case"`
	Quantity  string  `json:"quantity"`
	Unit      string  `json:"unit"`
	Predicted float64 `json:"predicted"`
	Measured  float64 `json:"measured"`
	// Low and High are the least and the greatest of the case's rounds.
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Error float64 `json:"error"`
}

// A CheckSum is how far predictions of one quantity are off: the median and the worst, without signs.
type CheckSum struct {
	Quantity string  `json:"quantity"`
	Points   int     `json:"points"`
	Median   float64 `json:"median_error"`
	Worst    float64 `json:"worst_error"`
	Good     bool    `json:"good"`
}

// quantities are what is checked. How a point gives one, and how a model predicts it; what is not there is 0.
var quantities = []struct {
	name, unit string
	from       func(model) []point
	measured   func(point) float64
	predicted  func(model, point) float64
}{
	{"CPU", "µs/event", func(m model) []point { return having(m.fromCPU, delivers) },
		func(p point) float64 { return 1e6 * p.cpu / p.x[perEvent] },
		func(m model, p point) float64 {
			if !m.cpuOK {
				return 0
			}
			cpu, _ := m.predict(p)
			return 1e6 * cpu / p.x[perEvent]
		}},
	{"bytes", "B/event", func(m model) []point { return m.fromBytes },
		func(p point) float64 { return (p.down + p.up) / p.x[perEvent] },
		func(m model, p point) float64 {
			if !m.bytesOK {
				return 0
			}
			_, bytes := m.predict(p)
			return bytes / p.x[perEvent]
		}},
	{"memory", "MiB", func(m model) []point { return m.fromMemory },
		func(p point) float64 { return float64(p.memory.Full.Resident) / (1 << 20) },
		func(m model, p point) float64 {
			if !m.memOK {
				return 0
			}
			return (m.base + m.each*float64(p.memory.Connections)) / (1 << 20)
		}},
}

// CheckResult predicts each case of a result from the others, on the lanes of a target in a variant. The number of
// events per write is taken as it was in the case.
func CheckResult(r result.Result, target, variant string) Check {
	var c Check
	errors := map[string][]float64{}
	for _, transport := range result.Transports() {
		lane := result.Lane{Target: target, Transport: transport, Variant: variant}
		points := pointsOf(r, lane)
		if len(points) == 0 {
			continue
		}
		whole := fitModel(lane, points)
		for _, q := range quantities {
			from := q.from(whole)
			if len(from) == 0 {
				continue
			}
			checked := 0
			for _, of := range cases(from) {
				m := fitModel(lane, having(points, func(p point) bool { return p.of != of }))
				row := CheckRow{Transport: transport, Quantity: q.name, Unit: q.unit}
				var measured, predicted []float64
				for _, p := range from {
					if p.of == of {
						row.Case = p.title
						measured, predicted = append(measured, q.measured(p)), append(predicted, q.predicted(m, p))
					}
				}
				spread := stats.Spread(measured)
				row.Measured, row.Low, row.High = spread.Median, spread.Min, spread.Max
				if row.Predicted = stats.Spread(predicted).Median; row.Predicted == 0 || row.Measured == 0 {
					continue
				}
				row.Error = row.Predicted/row.Measured - 1
				errors[q.name] = append(errors[q.name], math.Abs(row.Error))
				c.Rows = append(c.Rows, row)
				checked++
			}
			if checked == 0 {
				c.Unchecked = append(c.Unchecked, fmt.Sprintf("%s: %s: of %d cases none can be predicted from the others", transport, q.name, len(cases(from))))
			}
		}
	}
	for _, q := range quantities {
		if all := errors[q.name]; len(all) > 0 {
			s := stats.Spread(all)
			c.Quantities = append(c.Quantities, CheckSum{Quantity: q.name, Points: len(all), Median: s.Median, Worst: s.Max, Good: s.Max <= MaxError})
		}
	}
	return c
}

// Good reports whether something could be checked, and no prediction is off by more than MaxError.
func (c Check) Good() bool {
	for _, q := range c.Quantities {
		if !q.Good {
			return false
		}
	}
	return len(c.Quantities) > 0
}
