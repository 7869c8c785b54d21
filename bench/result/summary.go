package result

// A Summary is what the rounds say together about one lane.
type Summary struct {
	Lane
	// Metric is what Value is of; the case's kind decides it.
	Metric Metric `json:"metric"`
	// Value is what was found; its unit is in the metric's name. Rounds whose measurement must not be compared are left out.
	Value Spread `json:"value"`
	// Ratios are Value divided by what another target had in the same round.
	Ratios []Ratio `json:"ratios,omitempty"`
}

// A Metric is what a kind of case is about.
type Metric string

// The metrics.
const (
	// CPUPerEvent is Measurement.ServerCPUPerEvent, in microseconds.
	CPUPerEvent Metric = "server_cpu_us_per_event"
	// MemoryPerConnection is the resident memory that a connection adds, in units of 1024 bytes.
	MemoryPerConnection Metric = "resident_kib_per_connection"
	// DeliveriesPerSecond is Search.Deliveries.
	DeliveriesPerSecond Metric = "deliveries_per_second"
	// CatchUpTime is how long the last subscriber took, in milliseconds.
	CatchUpTime Metric = "catch_up_ms"
	// DeliveryTail is the p99 of Measurement.Delivery, in milliseconds.
	DeliveryTail Metric = "delivery_p99_ms"
	// RoundTrip is the median of Measurement.Delivery in an echo, in microseconds.
	RoundTrip Metric = "round_trip_p50_us"
)

// A Spread is a number that was measured in several rounds.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	// Rounds is how many measurements it rests on.
	Rounds int `json:"rounds"`
}

// A Ratio compares two targets round by round: of each round one ratio, and of these the spread.
type Ratio struct {
	// To is the other's target, with the same transport and variant.
	To     string `json:"to"`
	Spread Spread `json:"ratio"`
}

// RatioTo returns the ratio to another target; without rounds if there is none.
func (s Summary) RatioTo(to string) Spread {
	for _, r := range s.Ratios {
		if r.To == to {
			return r.Spread
		}
	}
	return Spread{}
}
