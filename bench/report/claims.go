package report

import (
	"pushlab/bench/result"
)

// A claim is something that is often said of the transports, and that numbers can answer.
type claim struct {
	id, says string
	// source is who says it, or where it is measured.
	source string
	// scenario is the one that answers it: what 'pushlab bench run --scenario' takes.
	scenario string
	// questions are what is asked of each case that can answer. The claim holds if all of them say so.
	questions []question
}

// A question is a number of each round, and what a claim says about it.
type question struct {
	// what says what the number is, for all questions about the same; unit is what stands behind it.
	what, unit string
	// kind is of the cases that can answer.
	kind result.Kind
	// part, transport and variant are what tells the question from others of its claim, for saying when the claim holds.
	part, transport, variant string
	// of returns the number of a round.
	of measure
	// before is the same without what the claim is about; nil if there is no such thing. Where there is no difference
	// before, none has vanished if there is none after. otherwise says in words how that was measured.
	before    measure
	otherwise string
	// above and below are the thresholds: the claim says that the number is between them. Without below it only has to be
	// above.
	above, below float64
	// exact says that the program decides the number, and not the machine, so that one round is enough.
	exact bool
	// metric is whose noise the number has; "" if it is exact, or of no metric, so that no lane tells its noise.
	metric result.Metric
	// twice says that the number is a ratio of two ratios, so that it has the noise twice.
	twice bool
}

// What counts as a difference, unless a claim has a number of its own.
const (
	// more is how many times as much counts as more.
	more = 1.03
	// equal is how many times as much counts as equal, where it is said that a difference vanishes.
	equal = 1.1
	// some is more than one of a hundred.
	some = 0.01
)

// claims are the register, in its order.
func claims() []claim {
	longpoll, httpstream, sse, websocket := direct("longpoll"), direct("httpstream"), direct("sse"), direct("websocket")
	p50, p99, cpu := metricOf("delivery_p50_ms"), metricOf(result.DeliveryTail), metricOf(result.CPUPerEvent)
	const times = "times"
	return []claim{
		{"C1", "WebSocket has 500 times less overhead than polling", "Lubbers and Greco 2010, who compare headers with frames", "c1-rates", []question{
			{what: "bytes around the data, longpoll to websocket", unit: times, kind: result.FanOut, exact: true, of: ratioOf(overhead, longpoll, websocket), above: 500},
		}},
		{"C2", "Server-sent events cost more bytes than WebSocket", "often said; Aquil 2017 counts five events", "c1-rates", []question{
			{what: "bytes per event, sse to websocket", unit: times, kind: result.FanOut, exact: true, of: ratioOf(allBytes, sse, websocket), above: more},
		}},
		{"C3", "Long polling burns CPU", "often said; Bozdag et al. 2007 found that push takes seven times as much", "c1-rates", []question{
			{what: "server CPU per event, longpoll to sse", unit: times, kind: result.FanOut, of: ratioOf(cpu, longpoll, sse), above: more, metric: result.CPUPerEvent},
		}},
		{"C4", "Long polling takes up to three network transits", "RFC 6202, section 2.2", "c4-distance", []question{
			{what: "p99 of long polling, where sse takes 1", unit: "transits", kind: result.FanOut, of: transits(longpoll, sse), above: 2.5, below: 3.5, metric: result.DeliveryTail},
		}},
		{"C5", "WebSocket needs less memory than server-sent events", "figures like those of gobwas/ws issue 17 and antage/eventsource issue 1", "c5-idle", []question{
			{what: "memory per connection, sse to websocket", unit: times, kind: result.Idle, of: ratioOf(metricOf(result.MemoryPerConnection), sse, websocket), above: more, metric: result.MemoryPerConnection},
		}},
		{"C6", "Under overload long polling does better", "after Tangen 2015", "c6-overload", []question{
			{what: "deliveries/s at most, longpoll to sse", unit: times, kind: result.Capacity, of: ratioOf(metricOf(result.DeliveriesPerSecond), longpoll, sse), above: more,
				metric: result.DeliveriesPerSecond},
		}},
		{"C7", "Compression makes the bytes equal", "often said; htmlwire compares WebSocket with server-sent events so", "c7-compression",
			forEach([]result.Lane{longpoll, httpstream, sse}, func(l result.Lane) question {
				return question{what: "compressed bytes per event, to websocket", unit: times, kind: result.FanOut, exact: true, transport: l.Transport,
					of: ratioOf(allBytes, with(l, "nginx-gzip"), with(websocket, "deflate")), before: ratioOf(allBytes, l, websocket), otherwise: "uncompressed", above: 1 / equal, below: equal}
			})},
		{"C8", "HTTP/2 fixes server-sent events", "MDN on EventSource: without it a browser opens six", "c8-http2", []question{
			{what: "sockets of sse, HTTP/1.1 to HTTP/2", unit: times, kind: result.FanOut, exact: true, part: "the number of sockets", of: ratioOf(sockets, with(sse, "tls"), with(sse, "h2-7")), above: more},
			{what: "time to open a stream, a new connection to the 7th of one", unit: times, kind: result.FanOut, part: "the time to open the 7th stream",
				of: quotient(only(firstAnswer, with(sse, "tls")), only(joining, with(sse, "h2-7"))), above: more},
			{what: "bytes per event of sse, HTTP/1.1 to HTTP/2", unit: times, kind: result.FanOut, exact: true, part: "the bytes of an event",
				of: ratioOf(allBytes, with(sse, "tls"), with(sse, "h2-7")), above: more},
		}},
		{"C9", "A proxy hop hurts streaming most", "RFC 6202, section 3.2, on proxies that buffer", "c9-proxy",
			forEach([]result.Lane{httpstream, sse, websocket}, func(l result.Lane) question {
				return question{what: "p50 by nginx as a multiple of direct, to longpoll", unit: times, kind: result.FanOut, part: "the p50", transport: l.Transport,
					of: quotient(ratioOf(p50, with(l, "nginx"), l), ratioOf(p50, with(longpoll, "nginx"), longpoll)), above: more, metric: "delivery_p50_ms", twice: true}
			}, func(l result.Lane) question {
				return question{what: "CPU by nginx as a multiple of direct, to longpoll", unit: times, kind: result.FanOut, part: "the CPU", transport: l.Transport,
					of: quotient(ratioOf(wholeCPU, with(l, "nginx"), l), ratioOf(wholeCPU, with(longpoll, "nginx"), longpoll)), above: more, metric: result.CPUPerEvent, twice: true}
			}, func(l result.Lane) question {
				return question{what: "share that nginx holds back if it buffers, less that of longpoll", kind: result.FanOut, exact: true, part: "a proxy that buffers", transport: l.Transport,
					of: difference(heldBack, with(l, "nginx-buffered"), with(longpoll, "nginx-buffered")), above: some}
			})},
		{"C10", "Reconnect storms kill push servers, polling is immune", "often said; no measurement was found", "c10-storm", []question{
			{what: "time until all are back, sse to longpoll", unit: times, kind: result.Storm, of: ratioOf(metricOf(result.CatchUpTime), sse, longpoll), above: more, metric: result.CatchUpTime},
		}},
		{"C11", "Slow readers harm everybody", "often said; the chat of gorilla/websocket drops them", "c11-slow",
			forEach(variantsOf([]result.Lane{longpoll, httpstream, sse, websocket}, result.Slow10, result.Stuck1), func(l result.Lane) question {
				return question{what: "p99 of the others, with slow readers to without", unit: times, kind: result.Slow, transport: l.Transport, variant: l.Variant,
					of: ratioOf(p99, l, with(l, "")), above: more, metric: result.DeliveryTail}
			})},
		{"C12", "TLS makes the difference vanish", "said of comparisons without it, such as Lubbers and Greco 2010", "c12-tls",
			forEach([]result.Lane{longpoll, httpstream, sse}, func(l result.Lane) question {
				return question{what: "server CPU per event by TLS, to websocket", unit: times, kind: result.FanOut, part: "CPU", transport: l.Transport,
					of: ratioOf(cpu, with(l, "tls"), with(websocket, "tls")), before: ratioOf(cpu, l, websocket), otherwise: "without TLS", above: 1 / equal, below: equal, metric: result.CPUPerEvent}
			}, func(l result.Lane) question {
				return question{what: "bytes per event by TLS, to websocket", unit: times, kind: result.FanOut, exact: true, part: "bytes", transport: l.Transport,
					of: ratioOf(allBytes, with(l, "tls"), with(websocket, "tls")), before: ratioOf(allBytes, l, websocket), otherwise: "without TLS", above: 1 / equal, below: equal}
			})},
	}
}
