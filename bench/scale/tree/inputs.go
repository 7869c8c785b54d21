package tree

import (
	"fmt"
	"math"
	"strings"

	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// A Kind says how far a number can be trusted.
type Kind string

// The kinds.
const (
	// Measured numbers were, with this program.
	Measured Kind = "measured"
	// Fixed numbers are those of a program, or of a protocol, and are read there.
	Fixed Kind = "fixed"
	// Assumed numbers are neither; the source says why they are what they are.
	Assumed Kind = "assumed"
	// Chosen numbers are what is asked for, or decided by who runs the tree.
	Chosen Kind = "chosen"
)

// An Input is a number that the model rests on.
type Input struct {
	Name   string
	Value  *float64 // in the inputs that it was taken from
	Unit   string
	Kind   Kind
	Source string
}

// A Region is a place with a mirror, nodes, proxies, and those subscribers that are near.
type Region struct {
	Name string
	// Share is which part of all subscribers it has.
	Share float64
	// RTT is the round-trip time to the home stream, in milliseconds.
	RTT float64
}

// A Transport is what a transport costs, and how many use it.
type Transport struct {
	Name     string
	Share    float64 // of the subscribers
	NodeCPU  float64 // microseconds a delivery, of the node
	NodeKiB  float64 // resident, each idle connection
	ProxyCPU float64 // microseconds a delivery, of nginx
	ProxyKiB float64 // resident, each idle subscriber
	Bytes    float64 // down, each delivery, above TCP
}

// Inputs are all numbers that the model rests on. Table names and explains each.
type Inputs struct {
	Regions    []Region // the first is the home
	Transports []Transport

	// What is asked for, and decided.
	Subscribers, Rate, Share, Size        float64
	Headroom, Crowd, Spare, Mirrors       float64
	Cores, MemoryGiB, NICGbit, Efficiency float64

	// What nodes and proxies take.
	Growth, FewSends, Tail, NodeBase, SocketKiB, NodeFiles              float64
	RecordCPU, HandshakeCPU, TLSKiB, ProxyFiles, ProxyPorts             float64
	RecordBytes, SegmentBytes, Heartbeat, History, ConnectCPU, ProxyCon float64
	Encodings, Replay                                                   float64

	// What NATS does.
	Appends, Deliveries, Consumers, MessageBytes, CatchUp, Page float64
	StoreP50, StoreP99, TailP50, TailP99, LinkGbit              float64

	// The way to it and from it.
	PublisherP50, PublisherP99, LastP50, LastP99 float64

	// What happens after a loss.
	Retry, RetryMore, MaxBackoff, ByeFrom, ByeTo, Drain, Timeout, Wasted float64
	Detect, TTL, Behind                                                  float64
}

// Default returns the inputs of the default scenario: ten million subscribers of many topics.
func Default() Inputs {
	return Inputs{
		Regions: []Region{
			{"europe", 0.30, 1}, {"us-east", 0.25, 80}, {"us-west", 0.15, 140}, {"asia", 0.20, 220}, {"brazil", 0.10, 200},
		},
		Transports: []Transport{
			{longpoll.Name, 0.05, 44.6, 34.4, 26.4, 9.7, 431},
			{httpstream.Name, 0, 5.7, 3.40, 15.3, 17.7, 179},
			{sse.Name, 0.55, 6.6, 3.43, 12.5, 17.7, 202},
			{websocket.Name, 0.40, 5.9, 3.87, 11.3, 21.6, 176},
		},
		Subscribers: 10e6, Rate: 2000, Share: 0.0005, Size: 128,
		Headroom: 0.6, Crowd: 50_000, Spare: 1, Mirrors: 1,
		Cores: 4, MemoryGiB: 8, NICGbit: 1, Efficiency: 0.7,

		Growth: 1.24, FewSends: 1.5, Tail: 53, NodeBase: 26, SocketKiB: 3.4, NodeFiles: 200_000,
		RecordCPU: 1, HandshakeCPU: 500, TLSKiB: 24, ProxyFiles: 1 << 20, ProxyPorts: 28_000,
		RecordBytes: 22, SegmentBytes: 66, Heartbeat: 15, History: 10_000, ConnectCPU: 72, ProxyCon: 100,
		Encodings: 4, Replay: 0.36,

		Appends: 21_000, Deliveries: 115_000, Consumers: 1000, MessageBytes: 150, CatchUp: 124_000, Page: 5.6,
		StoreP50: 0.31, StoreP99: 8.9, TailP50: 0.109, TailP99: 0.454, LinkGbit: 1,

		PublisherP50: 10, PublisherP99: 50, LastP50: 20, LastP99: 150,

		Retry: 3, RetryMore: 0.25, MaxBackoff: 30, ByeFrom: 0.5, ByeTo: 1.5, Drain: 3, Timeout: 10, Wasted: 0.5,
		Detect: 30, TTL: 60, Behind: 60,
	}
}

// Feed returns the inputs of the other scenario: everybody gets the same event, once a second.
func Feed() Inputs {
	in := Default()
	in.Rate, in.Share, in.FewSends = 1, 1, 1
	return in
}

// Table returns all numbers, by which they can be read and set.
func (in *Inputs) Table() []Input {
	const (
		study   = "docs/study"
		storm   = "docs/study, `c10-storm`"
		peers   = "docs/study, `peers.json.gz`"
		proxied = "docs/study, `c9-proxy`"
		trial   = "trial of NATS, below"
		unknown = "no measurement of ours; "
	)
	table := []Input{
		{"subscribers", &in.Subscribers, "", Chosen, "what is asked for"},
		{"rate", &in.Rate, "events/s", Chosen, "published in all, on all topics"},
		{"share", &in.Share, "", Chosen, "which part of them a subscriber gets: one event a second"},
		{"size", &in.Size, "B", Chosen, "data of an event; CPU and bytes below were measured with that"},
		{"headroom", &in.Headroom, "", Chosen, "up to which part of a machine is used, as in `pushlab plan`"},
		{"crowd", &in.Crowd, "subscribers", Chosen, "on a node or a proxy at the most; 15,000 is the most that was measured"},
		{"spare", &in.Spare, "machines", Chosen, "more nodes and proxies in each region than it takes"},
		{"mirrors", &in.Mirrors, "", Chosen, "in each region, each with a part of the nodes"},
		{"cores", &in.Cores, "a machine", Assumed, "as in `pushlab plan`; each as fast as the one that was measured"},
		{"memory", &in.MemoryGiB, "GiB a machine", Assumed, "as in `pushlab plan`"},
		{"nic", &in.NICGbit, "Gbit/s a machine", Assumed, "as in `pushlab plan`; in each direction"},
		{"core_efficiency", &in.Efficiency, "", Assumed, unknown + "servers were measured on one core"},

		{"growth", &in.Growth, "", Measured, "CPU of a delivery with 15,000 subscribers, times that with 1,000 (ARCHITECTURE.md); taken for nginx too, and for any crowd"},
		{"few_sends", &in.FewSends, "", Assumed, "an event goes to few streams of a node, not to a thousand: 20 subscribers took 9.4 to 11.3 µs at 200 events/s (docs/verify.md)"},
		{"tail_us", &in.Tail, "µs an event", Measured, trial + ": 42 to 53 at 10,000/s, of broker, publisher and reader together, so more than a node's part; part of it is the broker's"},
		{"node_base", &in.NodeBase, "MiB", Measured, study + ", `c5-idle`: without connections; the ring comes on top"},
		{"socket", &in.SocketKiB, "KiB", Measured, study + ", `c5-idle`: of the kernel, each connection; proxies have two for each subscriber"},
		{"node_files", &in.NodeFiles, "", Fixed, "LimitNOFILE in deploy/systemd; one for each subscriber"},
		{"tls_record_us", &in.RecordCPU, "µs", Assumed, "0.6 to seal a record in Go (ARCHITECTURE.md); nginx was measured without TLS"},
		{"tls_handshake_us", &in.HandshakeCPU, "µs", Assumed, unknown + "between ECDSA and RSA certificates"},
		{"tls_memory", &in.TLSKiB, "KiB", Assumed, unknown + "each connection of nginx"},
		{"proxy_files", &in.ProxyFiles, "", Assumed, "Linux's fs.nr_open; two for each subscriber"},
		{"proxy_ports", &in.ProxyPorts, "", Fixed, "ip_local_port_range: of a proxy, to each node"},
		{"tls_record_bytes", &in.RecordBytes, "B", Measured, study + ", `c12-tls`"},
		{"segment_bytes", &in.SegmentBytes, "B", Fixed, "Ethernet, IP and TCP heads, as in `pushlab plan`"},
		{"heartbeat", &in.Heartbeat, "s", Fixed, "--heartbeat"},
		{"history", &in.History, "events", Fixed, "--history, the ring of a node"},
		{"encodings", &in.Encodings, "", Fixed, "in which the ring has each event, each of about the bytes of a delivery"},
		{"replay_us", &in.Replay, "µs an event", Measured, storm + ": `connect_us` by the 200 events, so connecting is in it; of events that share a write"},
		{"connect_us", &in.ConnectCPU, "µs", Measured, storm + ": server CPU of one SSE subscriber of 5,000 that comes back and gets 200 missed events"},
		{"proxy_connect_us", &in.ProxyCon, "µs", Assumed, unknown + "nginx, beside TLS"},

		{"appends", &in.Appends, "events/s", Assumed, trial + ": 42,000 acked by one server; taken to be half of it with three"},
		{"deliveries", &in.Deliveries, "events/s", Measured, trial + ": of one server to its readers; it had two cores, and readers and publisher on them"},
		{"consumers", &in.Consumers, "a stream", Fixed, "default of nats-server 2.15.2"},
		{"message_bytes", &in.MessageBytes, "B", Assumed, "what NATS, Raft and a topic add to an event's data"},
		{"catch_up", &in.CatchUp, "events/s", Measured, trial + ": 124,000 to 246,000 replayed by one reader"},
		{"page_ms", &in.Page, "ms", Measured, trial + ": 100 readers of up to 1,000 events each took 0.56 s; one server alone, so without the Raft that a cluster has"},
		{"store_p50", &in.StoreP50, "ms", Measured, trial + ": three servers on one machine, until stored"},
		{"store_p99", &in.StoreP99, "ms", Measured, trial},
		{"tail_p50", &in.TailP50, "ms", Measured, trial + ": published to read, over TCP, one server; storing it is in it"},
		{"tail_p99", &in.TailP99, "ms", Measured, trial},
		{"link", &in.LinkGbit, "Gbit/s", Assumed, unknown + "home to each region, by a leaf node"},

		{"publisher_p50", &in.PublisherP50, "ms", Assumed, unknown + "publisher to home stream, by a node there"},
		{"publisher_p99", &in.PublisherP99, "ms", Assumed, unknown + "the same"},
		{"last_mile_p50", &in.LastP50, "ms", Assumed, unknown + "proxy to subscriber, one way"},
		{"last_mile_p99", &in.LastP99, "ms", Assumed, unknown + "the same"},

		{"retry", &in.Retry, "s", Fixed, "--retry"},
		{"retry_more", &in.RetryMore, "", Fixed, "our clients wait up to a quarter longer; a browser's EventSource does not"},
		{"max_backoff", &in.MaxBackoff, "s", Fixed, "our clients double their wait up to this"},
		{"bye_from", &in.ByeFrom, "", Fixed, "$bye names retry times this at the least"},
		{"bye_to", &in.ByeTo, "", Fixed, "and times this at the most"},
		{"drain", &in.Drain, "s", Fixed, "--drain; goodbyes are said in the first two thirds"},
		{"timeout", &in.Timeout, "s", Assumed, "after which a client gives up to connect; our load clients do after 10 s"},
		{"wasted", &in.Wasted, "", Assumed, unknown + "which part of the work for a connect is done for who has given up"},
		{"detect", &in.Detect, "s", Assumed, unknown + "until a region is known to be gone"},
		{"ttl", &in.TTL, "s", Assumed, unknown + "in which all clients learn another address, evenly"},
		{"behind", &in.Behind, "s", Chosen, "for how long a link was cut"},
	}
	for i := range in.Regions {
		r := &in.Regions[i]
		table = append(table,
			Input{r.Name + ".share", &r.Share, "of subscribers", Assumed, "uneven, as populations are"},
			Input{r.Name + ".rtt", &r.RTT, "ms", Assumed, "to the home stream, by cable"})
	}
	for i := range in.Transports {
		t := &in.Transports[i]
		table = append(table,
			Input{t.Name + ".share", &t.Share, "of subscribers", Assumed, "pages by SSE, apps by WebSocket, the rest by long polling"},
			Input{t.Name + ".node_us", &t.NodeCPU, "µs a delivery", Measured, peers + ": 1,000 subscribers, 10 events/s"},
			Input{t.Name + ".node_kib", &t.NodeKiB, "KiB", Measured, study + ", `c5-idle`: 5,000 connections"},
			Input{t.Name + ".proxy_us", &t.ProxyCPU, "µs a delivery", Measured, proxied + ": nginx, 500 subscribers, 10 events/s"},
			Input{t.Name + ".proxy_kib", &t.ProxyKiB, "KiB", Measured, proxied + ": nginx, each subscriber"},
			Input{t.Name + ".bytes", &t.Bytes, "B a delivery", Measured, peers})
	}
	return table
}

// Set sets the number of that name. It fails if there is none, naming those that there are.
func (in *Inputs) Set(name string, value float64) error {
	table := in.Table()
	var names []string
	for _, input := range table {
		if input.Name == name {
			*input.Value = value
			return nil
		}
		names = append(names, input.Name)
	}
	return fmt.Errorf("there is no input %.40q; there are %s", name, strings.Join(names, ", "))
}

// Clone returns a copy of which nothing is shared.
func (in Inputs) Clone() Inputs {
	in.Regions = append([]Region(nil), in.Regions...)
	in.Transports = append([]Transport(nil), in.Transports...)
	return in
}

// mayBeZero are the inputs that may be 0; all others are more than that.
var mayBeZero = map[string]bool{
	"spare": true, "size": true, "segment_bytes": true, "tls_record_bytes": true, "tls_record_us": true, "tls_handshake_us": true, "tls_memory": true,
	"message_bytes": true, "retry_more": true, "wasted": true, "detect": true, "ttl": true, "behind": true, "drain": true, "tail_us": true, "node_base": true, "replay_us": true,
}

// Validate tells what is wrong with the inputs, if something is.
func (in *Inputs) Validate() error {
	for _, input := range in.Table() {
		v := *input.Value
		least := mayBeZero[input.Name] || strings.Contains(input.Name, ".")
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 || v == 0 && !least {
			return fmt.Errorf("%s is %v; use a number above 0", input.Name, v)
		}
	}
	atMostOne := map[string]float64{"share": in.Share, "headroom": in.Headroom, "core_efficiency": in.Efficiency, "wasted": in.Wasted}
	for _, name := range []string{"share", "headroom", "core_efficiency", "wasted"} {
		if atMostOne[name] > 1 {
			return fmt.Errorf("%s is %v; it is a part, so use 1 at the most", name, atMostOne[name])
		}
	}
	if in.StoreP99 < in.StoreP50 || in.TailP99 < in.TailP50 || in.LastP99 < in.LastP50 || in.PublisherP99 < in.PublisherP50 {
		return fmt.Errorf("a p99 is less than its p50")
	}
	if in.ByeTo < in.ByeFrom {
		return fmt.Errorf("bye_to is less than bye_from")
	}
	if len(in.Regions) == 0 || len(in.Transports) == 0 {
		return fmt.Errorf("it takes a region and a transport")
	}
	if regions, transports := in.shares(); regions <= 0 || transports <= 0 {
		return fmt.Errorf("the shares of regions, or those of transports, add up to nothing")
	}
	return nil
}

// shares returns what the shares of the regions, and those of the transports, add up to.
func (in *Inputs) shares() (regions, transports float64) {
	for _, r := range in.Regions {
		regions += r.Share
	}
	for _, t := range in.Transports {
		transports += t.Share
	}
	return regions, transports
}

// normalized returns a copy in which both add up to one, so that who changes one share changes the others.
func (in Inputs) normalized() Inputs {
	in = in.Clone()
	regions, transports := in.shares()
	for i := range in.Regions {
		in.Regions[i].Share /= regions
	}
	for i := range in.Transports {
		in.Transports[i].Share /= transports
	}
	return in
}

// mix returns the mean of something over the subscribers.
func (in *Inputs) mix(of func(Transport) float64) (sum float64) {
	for _, t := range in.Transports {
		sum += t.Share * of(t)
	}
	return sum
}
