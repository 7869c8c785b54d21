package plan

import (
	"math"
	"slices"
	"time"

	"pushlab/bench/result"
	"pushlab/bench/stats"
	"pushlab/longpoll"
	"pushlab/websocket"
)

// What is assumed of bytes that were not measured: a heartbeat with its framing, or a ping and its pong.
const heartbeatBytes = 10

// noise is the relative error that measured CPU time and bytes have anyway.
const (
	cpuNoise  = 0.02
	byteNoise = 0.001
)

// What the points must differ by, so that it can be told what a thing costs.
const (
	apartWrites = 1.2
	apartSizes  = 1.5
	apartCount  = 1.5
)

// cooling is in how many seconds a connection becomes quiet, so that a write to it costs more: its memory has left the
// caches, its core has gone to sleep. It fits what this server's streams took at rates from 1 to 50 events/s. Were it fitted too,
// it would take what a write costs at high rates, if these were not measured.
const cooling = 0.05

// shared is from how many events in a write on they share it because they have to, rather than by chance.
const shared = 1.1

// A model is what one lane's points say. What could not be fitted is not ok.
type model struct {
	lane     result.Lane
	longPoll bool
	used     []point // all of them

	cpu     [columns]float64 // seconds each
	cpuOK   bool
	fastest float64 // writes to a connection in a second, in the points of CPU: above that no fewer find it quiet
	down    [columns]float64
	up      [columns]float64
	bytesOK bool
	work    float64 // seconds in which events gather for the next write, beside the RTT of a long poll
	base    float64 // bytes of memory without a connection
	each    float64 // and what each adds
	memOK   bool

	split    bool // what a write costs was told from what an event costs
	far      bool // work was measured from afar
	sized    bool // the points have sizes that differ, so that a byte's cost is known
	stormed  bool // a storm is among the points
	doubtful bool // no point of CPU was one to be compared
	spoiled  int  // measurements of CPU that were left out since they must not be compared

	fromCPU, fromBytes, fromMemory []point
}

// fitModel fits a lane's points.
func fitModel(lane result.Lane, points []point) model {
	m := model{lane: lane, longPoll: lane.Transport == longpoll.Name, used: points}
	m.fitBytes(having(points, func(p point) bool { return p.x[perEvent] > 0 && p.down > 0 }))
	cpu := having(points, func(p point) bool { return p.cpu > 0 })
	if good := having(cpu, func(p point) bool { return p.comparable }); slices.ContainsFunc(good, delivers) {
		m.spoiled = len(cpu) - len(good)
		cpu = good
	} else {
		m.doubtful = slices.ContainsFunc(cpu, delivers)
	}
	m.fitCPU(cpu)
	m.fitMemory(having(points, func(p point) bool { return p.resident > 0 }))
	m.stormed = slices.ContainsFunc(points, func(p point) bool { return p.kind == result.Storm })
	m.fitWork(cpu)
	return m
}

// fitWork finds out how long the server does not write to a client, beside the RTT: from the polls whose answers carry
// more than one event, which come as soon as they can.
func (m *model) fitWork(points []point) {
	var near, far []float64
	for _, p := range middle(having(points, func(p point) bool { return p.kind == result.FanOut })) {
		work := max(0, p.k()/p.rate-p.rtt.Seconds())
		if p.k() < shared {
			work = 0 // or less than the time between two events
		} else if p.rtt > 0 {
			far = append(far, work)
		}
		if p.rtt == 0 {
			near = append(near, work)
		}
	}
	if m.far = m.longPoll && len(far) > 0; m.far {
		m.work = stats.Spread(far).Median
		return
	}
	m.work = stats.Spread(near).Median
}

func delivers(p point) bool { return p.kind == result.FanOut || p.kind == result.Capacity }

// chosen fits y by some columns of the points.
func chosen(points []point, y func(point) float64, noise float64, cols ...column) (c [columns]float64, ok bool) {
	rows, values := make([][]float64, len(points)), make([]float64, len(points))
	for i, p := range points {
		for _, col := range cols {
			rows[i] = append(rows[i], p.x[col])
		}
		values[i] = y(p)
	}
	found, ok := fit(rows, values, len(points), noise)
	for i, v := range found {
		c[cols[i]] = v
	}
	return c, ok
}

// apart reports whether something differs enough among the points to tell what it costs.
func apart(points []point, of func(point) float64, factor float64) bool {
	low, high := reach(points, of)
	return low > 0 && high >= factor*low
}

func (m *model) fitCPU(points []point) {
	if m.fromCPU = points; !slices.ContainsFunc(points, delivers) {
		return
	}
	points = middle(points)
	sending := having(points, delivers)
	busy := having(points, func(p point) bool { return p.x[perEvent] > 0 })
	_, m.fastest = reach(sending, func(p point) float64 { return p.rate / p.k() })
	m.split = apart(busy, point.k, apartWrites)
	cols := []column{perEvent}
	if apart(busy, func(p point) float64 { return float64(p.size) }, apartSizes) {
		cols = append(cols, perByte)
	}
	if m.split {
		cols = append(cols, perWrite)
	}
	if apart(sending, connections, apartCount) {
		cols = append(cols, perPublish)
	}
	if apart(sending, func(p point) float64 { return p.rate }, apartCount) {
		cols = append(cols, perWake)
	}
	if len(having(points, func(p point) bool { return p.kind == result.Idle })) > 0 {
		cols = append(cols, perConnSec, perSecond)
	}
	if len(busy) > len(sending) {
		cols = append(cols, perConnect)
	}
	m.cpu, m.cpuOK = chosen(points, func(p point) float64 { return p.cpu }, cpuNoise, cols...)
}

func (m *model) fitBytes(points []point) {
	// The bytes of heartbeats are left to what is assumed: a measurement sees few of them.
	if len(points) == 0 {
		return
	}
	m.fromBytes, points = points, middle(points)
	m.sized = apart(points, func(p point) float64 { return float64(p.size) }, apartSizes)
	storm := slices.ContainsFunc(points, func(p point) bool { return p.kind == result.Storm })
	down, up := []column{perEvent}, []column{}
	if m.sized {
		down = append(down, perByte)
	}
	if m.longPoll || apart(points, point.k, apartWrites) {
		down = append(down, perWrite)
	}
	if m.longPoll {
		up = append(up, perWrite)
	}
	if storm {
		down, up = append(down, perConnect), append(up, perConnect)
	}
	net := func(p point) float64 { return p.down }
	if !m.sized { // the data comes as it is
		net = func(p point) float64 { return p.down - p.x[perByte] }
	}
	m.down, m.bytesOK = chosen(points, net, byteNoise, down...)
	if !m.sized {
		m.down[perByte] = 1
	}
	if up := up; len(up) > 0 {
		m.up, _ = chosen(points, func(p point) float64 { return p.up }, byteNoise, up...)
	}
}

// fitMemory takes the slope over the numbers of connections. With one of them alone, it starts from the
// server without a connection; which has not yet taken what the first connections make it take for good.
func (m *model) fitMemory(points []point) {
	if len(points) == 0 {
		return
	}
	m.fromMemory, points = points, middle(points)
	var n, y []float64
	for _, p := range points {
		n, y = append(n, float64(p.n)), append(y, p.resident)
	}
	if low, high := reach(points, connections); high < apartCount*low {
		for _, p := range points {
			n, y = append(n, 0), append(y, p.empty)
		}
	}
	rows := make([][]float64, len(n))
	for i := range n {
		rows[i] = []float64{1, n[i]}
	}
	c, ok := fit(rows, y, 2, 1e-4)
	if m.memOK = ok; ok {
		m.base, m.each = c[0], c[1]
	}
}

func connections(p point) float64 { return float64(p.n) }

// perWriteAt is how many events go out in one write, if they come by chance. While a client's next poll is under
// way some come; with none of them the poll waits for one.
func (m *model) perWriteAt(rate float64, rtt time.Duration) float64 {
	missed := rate * m.cycle(rtt)
	return missed + math.Exp(-missed)
}

// perWriteInStep is the same if they come in step, as those of a benchmark do.
func (m *model) perWriteInStep(rate float64, rtt time.Duration) float64 {
	return max(1, rate*m.cycle(rtt))
}

func (m *model) cycle(rtt time.Duration) float64 {
	if m.longPoll {
		return rtt.Seconds() + m.work
	}
	return m.work
}

// A use is what something takes in a second.
type use struct {
	CPU                      float64 // seconds
	Down, Up                 float64 // bytes, above TCP
	SegmentsDown, SegmentsUp float64
}

func (u use) link(d Demand) float64 { return u.out(d) + u.in(d) }
func (u use) out(d Demand) float64  { return u.Down + float64(d.SegmentBytes)*u.SegmentsDown }
func (u use) in(d Demand) float64   { return u.Up + float64(d.SegmentBytes)*u.SegmentsUp }

// maxSegment is how much of a stream a TCP segment carries, with time stamps.
const maxSegment = 1448

func segments(size float64) float64 { return math.Max(1, math.Ceil(size/maxSegment)) }

// machine is what each machine takes, however many clients it has.
func (m *model) machine(d Demand) float64 {
	return m.cpu[perSecond] + d.Rate*m.cpu[perPublish]
}

// client is what each client takes on top of that.
func (m *model) client(d Demand) (u use) {
	k := m.perWriteAt(d.Rate, d.RTT)
	writes := d.Rate / k
	size := float64(d.Size)
	beats := max(0, 1/d.Heartbeat.Seconds()-d.Rate)
	u.CPU = d.Rate*(m.cpu[perEvent]+size*m.cpu[perByte]) + writes*m.cpu[perWrite] + m.cpu[perConnSec]
	u.CPU += writes * quiet(min(writes, m.fastest)) * m.cpu[perWake]
	perWriteBytes := k*(m.down[perEvent]+size*m.down[perByte]) + m.down[perWrite]
	u.Down = writes * perWriteBytes
	u.SegmentsDown = writes * segments(perWriteBytes)
	u.SegmentsUp = writes // the acknowledgement; of a poll, the next poll
	if m.longPoll {
		request := m.up[perWrite] + float64(d.HeaderBytes)
		polls := writes + beats
		u.Up = polls * request
		u.Down += beats * m.down[perWrite]
		u.SegmentsUp = polls * segments(request)
		u.SegmentsDown += beats + polls // an answer has the next poll as its acknowledgement, a poll has none
		u.CPU += beats * (m.cpu[perWrite] + m.cpu[perEvent] + m.cpu[perWake])
	} else {
		u.Down += beats * heartbeatBytes
		u.SegmentsDown += beats
		u.SegmentsUp += beats
		u.CPU += beats * (m.cpu[perWrite] + m.cpu[perEvent] + m.cpu[perWake]) // as much as an event
		if m.lane.Transport == websocket.Name {
			u.Up += beats * heartbeatBytes
			u.SegmentsUp += beats
		}
	}
	if connects := d.Reconnects / time.Hour.Seconds(); m.stormed {
		u.CPU += connects * m.cpu[perConnect]
		u.Down += connects * m.down[perConnect]
		u.Up += connects * (m.up[perConnect] + float64(d.HeaderBytes))
		u.SegmentsDown += 3 * connects // SYN, answer, FIN
		u.SegmentsUp += 4 * connects   // SYN, ACK, request, FIN
	}
	return u
}

// predict returns what a point should have taken, by what it did. How many events a poll's answer has is predicted too
// if the RTT decides that; without any it tells how late the load was.
func (m *model) predict(p point) (cpu, bytes float64) {
	if m.longPoll && p.rtt > 0 {
		p.x[perWrite] = p.x[perEvent] / m.perWriteInStep(p.rate, p.rtt)
	}
	if p.x[perWake] > 0 {
		p.x[perWake] = p.x[perWrite] * quiet(min(p.rate/p.k(), m.fastest))
	}
	for col := range columns {
		cpu += m.cpu[col] * p.x[col]
		bytes += (m.down[col] + m.up[col]) * p.x[col]
	}
	return cpu, bytes
}
