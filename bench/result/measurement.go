package result

import "time"

// A Lane is what each round measures once. Rounds are put together by it, so it can be compared.
type Lane struct {
	// Target is the target's name.
	Target string `json:"target"`
	// Transport is the transport's label.
	Transport string `json:"transport"`
	// Variant is what is different from a lane that has none, such as what is in between; "" is nothing.
	Variant string `json:"variant,omitempty"`
	// Again says that the same is measured before in each round, to know the noise.
	Again bool `json:"again,omitempty"`
}

// Name returns what the lane is called, such as "pushlab sse" or "pushlab sse again".
func (l Lane) Name() string { return l.Target + " " + l.ShortName() }

// ShortName is Name without the target, for where there is only one.
func (l Lane) ShortName() string {
	name := l.Transport
	if l.Variant != "" {
		name += " " + l.Variant
	}
	if l.Again {
		name += " again"
	}
	return name
}

// A Measurement is what was found about one lane in one round. Counts are of the measured events,
// without the warm-up.
type Measurement struct {
	Lane
	// Round counts from 1.
	Round int `json:"round"`
	// Error says why the lane could not be measured to the end.
	Error string `json:"error,omitempty"`
	// Verdict says what to think of the numbers.
	Verdict Verdict `json:"verdict"`

	// Planned is how many events the schedule has, Published how many of them were sent to the
	// server, and Acknowledged how many of those it took.
	Planned      int `json:"planned"`
	Published    int `json:"published"`
	Acknowledged int `json:"acknowledged"`
	// PublishRate is how many events per second were published.
	PublishRate float64 `json:"publish_rate"`
	// PublishDelay is how late they were published: from when an event was due until the load
	// began to send it.
	PublishDelay Latency `json:"publish_delay"`

	// Expected is how many deliveries were due: Published times the subscribers.
	Expected int64 `json:"expected"`
	// Delivered is how many of them came, each counted once.
	Delivered int64 `json:"delivered"`
	// Lost is how many did not come, announced by a gap or not.
	Lost int64 `json:"lost"`
	// Duplicated is how many came again, Reordered how many came behind a later event.
	Duplicated int64 `json:"duplicated"`
	Reordered  int64 `json:"reordered"`
	// Gaps is how many gaps were announced to subscribers.
	Gaps int64 `json:"gaps"`
	// Disconnected is how many subscribers lost their connection.
	Disconnected int64 `json:"disconnected"`
	// WarmUpFaults is how many deliveries of the warm-up were lost, duplicated or reordered.
	WarmUpFaults int64 `json:"warm_up_faults"`
	// Delivery is how long deliveries took: from when an event was due until it had come to a subscriber's
	// socket. In an echo that is the round trip. In a closed loop an event is due when it is sent.
	Delivery Latency `json:"delivery"`
	// ReadDelay is how long what came then waited until the load read it, without HDR: the load reads
	// for all subscribers one after the other, which is none of the server's doing. It is nil where the system does not tell when
	// something came, as any but Linux, and in the null target; there Delivery counts until it was read.
	ReadDelay *Latency `json:"read_delay,omitempty"`

	// Window is how long it took from the first event until the counters were read.
	Window time.Duration `json:"window_ns"`
	// ServerDelivered, ServerWrites and ServerBytes are the server's own counters: events that
	// it wrote, in how many writes, and bytes as the transport counts them.
	ServerDelivered int64 `json:"server_delivered"`
	ServerWrites    int64 `json:"server_writes"`
	ServerBytes     int64 `json:"server_bytes"`
	// BytesDown and BytesUp are what the subscribers' connections carried, to them and from them,
	// counted at the client's net.Conn: above TCP. In an echo these are all bytes of the clients, with
	// those of the requests that post the events, and of their answers.
	BytesDown int64 `json:"bytes_down"`
	BytesUp   int64 `json:"bytes_up"`
	// ServerCPU and LoadCPU are the run time of all threads of the server, and of this process:
	// publisher and subscribers. 0 where the system does not tell. The null target has no process of
	// its own: there ServerCPU is that of this process, and LoadCPU 0.
	ServerCPU time.Duration `json:"server_cpu_ns"`
	LoadCPU   time.Duration `json:"load_cpu_ns"`
	// SoftirqCPU is the run time of the kernel's thread that did interrupt work for the server's
	// core: some of what the server sends is sent there. It is known if the server has a core.
	SoftirqCPU time.Duration `json:"softirq_cpu_ns,omitempty"`
	// ServerCore and LoadCore are how long the cores of server and load were busy, whoever had
	// them. They are known if server and load have cores of their own.
	ServerCore time.Duration `json:"server_core_busy_ns,omitempty"`
	LoadCore   time.Duration `json:"load_core_busy_ns,omitempty"`
	// OtherCPU is how long everybody else kept the cores busy, the kernel's own threads and
	// interrupts included.
	OtherCPU time.Duration `json:"other_cpu_ns"`

	// Memory is what the connections took, in a case of the kind Idle.
	Memory *Memory `json:"memory,omitempty"`
	// CatchUp is how long subscribers took that came back, each until it had all that it had missed,
	// in a case of the kind Storm.
	CatchUp *Latency `json:"catch_up,omitempty"`
	// Recovery is how that went, and PeakResident the largest resident set that the server's
	// processes had, since they were started, added up.
	Recovery     *Recovery `json:"recovery,omitempty"`
	PeakResident int64     `json:"peak_resident_bytes,omitempty"`
	// Laggards is what became of subscribers that read slowly, in a case of the kind Slow.
	Laggards *Laggards `json:"laggards,omitempty"`
	// Search is how the highest rate was found, in a case of the kind Capacity. The rest of the
	// measurement is then that of the best probe.
	Search *Search `json:"search,omitempty"`

	// Intervals are how the deliveries went while they were measured, but for storms: those have a timeline.
	Intervals []Interval `json:"intervals,omitempty"`
	// Collections are when garbage was collected in that time.
	Collections *Collections `json:"garbage_collections,omitempty"`

	// Bottleneck says what was busy while events were delivered at the given rate: "server", "load", "both",
	// other programs ("others") or "neither"; "" if that is not known, or in a case of another kind. Only
	// if it is the server or neither do the numbers describe the server alone.
	Bottleneck string `json:"bottleneck,omitempty"`

	// NotInTime is how many deliveries had not come when the wait for them was over, those of the warm-up included,
	// where something stands in between that may hold events back: they are not counted as lost.
	NotInTime int64 `json:"not_in_time,omitempty"`
	// PrematureCloses is how many connections were closed by something in between that may do so. They are counted
	// in Disconnected too.
	PrematureCloses int64 `json:"premature_closes,omitempty"`
	// TLSBytesDown and TLSBytesUp are what TLS added: so many of BytesDown and BytesUp, which are then counted below it.
	TLSBytesDown int64 `json:"tls_bytes_down,omitempty"`
	TLSBytesUp   int64 `json:"tls_bytes_up,omitempty"`
	// Connecting is what it took to connect the subscribers.
	Connecting *Arrivals `json:"connecting,omitempty"`
	// Between are the processes that stood between load and server, the nearest to the load first.
	Between []Between `json:"between,omitempty"`
	// Bytes says what BytesDown and BytesUp were there for.
	Bytes Roles `json:"bytes,omitzero"`
	// DataBytes is how many bytes of the applications' own were delivered: the case's Size for each event.
	DataBytes int64 `json:"data_bytes_delivered,omitempty"`
	// Segments are the TCP segments of the window, if the load knows them.
	Segments *Segments `json:"segments,omitempty"`
	// Receivers tells the first and the last receiver of each event, in a case of the kind FanOut.
	Receivers *Receivers `json:"receivers,omitempty"`
	// WarmUp is how long the warm-up took, and Unsteady says that it ended before the deliveries took
	// equally long, in a case that has a MaxWarmUp.
	WarmUp   time.Duration `json:"warm_up_ns,omitempty"`
	Unsteady bool          `json:"unsteady,omitempty"`
	// Computed says that this was not measured, but computed from other cases; its window is a virtual hour, and
	// no latency is known.
	Computed bool `json:"computed,omitempty"`
	// Predicted is what would have been computed, in a case that verifies that.
	Predicted *Prediction `json:"predicted,omitempty"`
	// BacklogSlope is by how many deliveries per second the backlog grew while events were published: what was
	// due and had not come. BacklogError is the standard error of that.
	BacklogSlope float64 `json:"backlog_slope,omitempty"`
	BacklogError float64 `json:"backlog_slope_error,omitempty"`
}

// A Prediction is what a delivered event costs by computation, from what waiting connections cost, and
// what events do at a higher rate.
type Prediction struct {
	// ServerCPU is to be compared with ServerCPUPerEvent.
	ServerCPU time.Duration `json:"server_cpu_ns_per_event"`
	// Bytes are in both directions, and so are Segments.
	Bytes    float64 `json:"bytes_per_event"`
	Segments float64 `json:"segments_per_event"`
}

// An Interval is a part of a measurement, about a twentieth of it and at least a quarter of a second.
type Interval struct {
	// At is when it began, since the load began to measure; Took is how long it was.
	At   time.Duration `json:"at_ns"`
	Took time.Duration `json:"took_ns,omitempty"`
	// Delivered is how many deliveries came in it; P50, P99 and Max are of how long those took, the percentiles to
	// about 3 in a hundred.
	Delivered int64         `json:"delivered"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	Max       time.Duration `json:"max_ns"`
	// Away is how many subscribers had no connection at its end.
	Away int `json:"away,omitempty"`
	// Missing is how many deliveries had not come at its end of events that were published before it began.
	Missing int64 `json:"missing,omitempty"`
}

// Collections are when garbage was collected, since the load began to measure. Only Go programs tell, and a server only
// if the run has started it.
type Collections struct {
	Server []time.Duration `json:"server_ns,omitempty"`
	// Load are those of the load's own process, which may be what a slow delivery comes from.
	Load []time.Duration `json:"load_ns,omitempty"`
}

// A Search is how the highest rate was looked for at which all events arrive in time.
type Search struct {
	// Probes are the rates that were tried, in that order.
	Probes []Probe `json:"probes"`
	// Deliveries is how many deliveries per second the highest rate gave that was sustained; 0 if
	// none was.
	Deliveries float64 `json:"deliveries_per_second"`
	// Bottleneck says what was busy at the lowest rate that was not: "server", "load", "both", other
	// programs on their cores ("others") or "neither"; "" if there was no such rate.
	Bottleneck string `json:"bottleneck"`
	// Confirmed is in how many further windows the highest rate was sustained, one after the other.
	Confirmed int `json:"confirmed,omitempty"`
	// Curve is what was measured at shares of the highest rate, from the lowest up, and at that rate itself.
	Curve []Probe `json:"curve,omitempty"`
}

// A Probe is one rate that was tried.
type Probe struct {
	// Rate is how many events per second were published.
	Rate float64 `json:"events_per_second"`
	// Problem is why the rate was not sustained; "" if it was.
	Problem string `json:"problem,omitempty"`
	// P99 is that of the deliveries.
	P99 time.Duration `json:"p99_ns"`
	// ServerBusy and LoadBusy are how many cores server and load had, the server with ksoftirqd.
	ServerBusy float64 `json:"server_busy"`
	LoadBusy   float64 `json:"load_busy"`
	// ServerCore and LoadCore are how busy their cores were, whoever had them; 0 without cores of
	// their own.
	ServerCore float64 `json:"server_core"`
	LoadCore   float64 `json:"load_core"`
	// EventsPerWrite is how many events went out in one write, if the server tells.
	EventsPerWrite float64 `json:"events_per_write"`
	// BacklogSlope is Measurement.BacklogSlope.
	BacklogSlope float64 `json:"backlog_slope,omitempty"`
	// Confirms says that it is a further window at the rate that was found.
	Confirms bool `json:"confirms,omitempty"`
}

// EventsPerWrite is how many events the server sent in one write; 0 if it wrote none.
func (m Measurement) EventsPerWrite() float64 { return ratio(m.ServerDelivered, m.ServerWrites) }

// BytesDownPerEvent is BytesDown for each delivered event.
func (m Measurement) BytesDownPerEvent() float64 { return ratio(m.BytesDown, m.Delivered) }

// BytesUpPerEvent is BytesUp for each delivered event.
func (m Measurement) BytesUpPerEvent() float64 { return ratio(m.BytesUp, m.Delivered) }

// BytesPerRoundTrip is what the clients of an echo sent and were sent for each event that came back.
func (m Measurement) BytesPerRoundTrip() float64 { return ratio(m.BytesDown+m.BytesUp, m.Delivered) }

// ServerCPUPerEvent is ServerCPU and SoftirqCPU for each delivered event; 0 if it is not known.
func (m Measurement) ServerCPUPerEvent() time.Duration {
	if m.ServerCPU == 0 {
		return 0
	}
	return time.Duration(ratio(int64(m.ServerCPU+m.SoftirqCPU), m.Delivered))
}

// ServerCores is how many cores the server kept busy on average over the window, with ksoftirqd.
func (m Measurement) ServerCores() float64 {
	return ratio(int64(m.ServerCPU+m.SoftirqCPU), int64(m.Window))
}

// LoadCores is how many cores this process kept busy on average over the window.
func (m Measurement) LoadCores() float64 { return ratio(int64(m.LoadCPU), int64(m.Window)) }

// ServerCoreBusy is for which share of the window the server's core was busy, whoever had it; 0 if it
// had none of its own.
func (m Measurement) ServerCoreBusy() float64 { return ratio(int64(m.ServerCore), int64(m.Window)) }

// LoadCoreBusy is the same of the load's core.
func (m Measurement) LoadCoreBusy() float64 { return ratio(int64(m.LoadCore), int64(m.Window)) }

// KeptRate reports whether the load published as many events per second as were planned, or at most
// one in a hundred less.
func (m Measurement) KeptRate(planned float64) bool { return m.PublishRate >= minRate*planned }

// BacklogGrows reports whether the backlog grew over the window, and more than by chance: its slope is above
// twice its standard error, and what it adds takes longer than so much to deliver.
func (m Measurement) BacklogGrows(c Case, slack time.Duration) bool {
	deliveries := c.Rate * float64(c.Subscribers)
	return m.BacklogSlope > 2*m.BacklogError && m.BacklogSlope*c.Measure.Seconds() > deliveries*slack.Seconds()
}

// OtherCores is how many cores everybody else kept busy on average over the window.
func (m Measurement) OtherCores() float64 { return ratio(int64(m.OtherCPU), int64(m.Window)) }

func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(a) / float64(b)
}

// Beyond returns the lowest rate that was not sustained: the last such probe.
func (s *Search) Beyond() Probe {
	var last Probe
	if s != nil {
		for _, p := range s.Probes {
			if p.Problem != "" && (last.Rate == 0 || p.Rate <= last.Rate) {
				last = p
			}
		}
	}
	return last
}
