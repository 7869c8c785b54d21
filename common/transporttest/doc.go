// Package transporttest is the contract that all transports keep, as one suite of tests.
//
// Each transport's tests call [Run]. The cases talk to the transport through its own client and, where
// the bytes matter, through raw requests; in memory and in virtual time, so that a heartbeat of 15
// seconds takes none. A case is named by the sentence of the contract that it checks.
package transporttest

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/common/wire"
)

// A Transport is what the suite is run against.
type Transport struct {
	// Path is where the handler is mounted.
	Path string
	// New makes a handler for the hub.
	New func(*hub.Hub, Config) Handler
	// Dial is the transport's client.
	Dial func(context.Context, string, client.Options) (client.Conn, error)
	// Polls says that the transport answers and closes instead of streaming.
	Polls bool
	// Upgrade says that the transport leaves HTTP behind.
	Upgrade bool
	// Header is the header of a raw request to subscribe.
	Header http.Header

	route route // by which the cases reach it
}

// A Handler is a transport's server side. Streaming transports also have Shutdown.
type Handler interface {
	http.Handler
	Counters() *wire.Counters
}

// Config is what the cases change in a transport's configuration. A zero field means its default.
type Config struct {
	Heartbeat, Retry, WriteDeadline time.Duration

	// Engine is for transports that stream; nil is none.
	Engine *wire.Engine
}

// A contractCase is a sentence of the contract and what checks it.
type contractCase struct {
	sentence string
	check    func(*testing.T, Transport)
	pace     pace
}

// A pace says what may go on beside a case when time is real.
type pace int

const (
	works    pace = iota // it takes the processor: one case of each network at a time
	waits                // for time to pass: beside anything
	measures             // how much time passes: beside nothing that works
)

func (p pace) cases() []contractCase {
	return slices.DeleteFunc(slices.Clone(contract), func(c contractCase) bool { return c.pace != p })
}

// contract has the cases, each under the sentence that it checks.
var contract = []contractCase{
	{"a subscription begins with $open, whose id is where it starts", opens, works},
	{"events arrive in order, each once", delivers, works},
	{"topics choose events", filters, works},
	{"a cursor resumes behind its event", resumes, works},
	{"earliest is all that is retained, without a gap", earliest, works},
	{"a cursor older than the log yields a gap with the number missed", gapTooOld, works},
	{"a cursor of another epoch, or ahead of the log, yields a gap", gapForeign, works},
	{"a malformed Last-Event-ID yields a gap, not an error", gapMalformed, works},
	{"evicted events of other topics are no gap", noGap, works},
	{"what the hub holds no more comes from its log, or is a gap", resumesBehindTheRing, works},
	{"streams outlive their log, and are told when it was made anew", outlivesItsLog, waits},
	{"Last-Event-ID wins over the query", headerWins, works},
	{"a quiet subscription gets a beat with the current cursor", beats, waits},
	{"a hub that closes is said goodbye for, with a jittered retry", goodbye, works},
	{"who comes after the hub was closed gets what is retained, and goodbye", goodbyeLate, works},
	{"all that is pending goes out in one write", batches, works},
	{"a reader that stops is lapped, told so, and costs its neighbours nothing", laps, works},
	{"a reader that accepts nothing is cut off without goodbye", stalls, waits},
	{"readers that accept nothing delay nobody else", neighbours, measures},
	{"a peer that leaves is noticed at once", leaves, works},
	{"a connection cut anywhere loses and repeats nothing", cuts, waits},
	{"a malformed request is answered with a problem that names the parameter", problems, works},
	{"other methods are answered 405 with Allow", methods, works},
	{"HEAD is answered with the header alone", head, works},
	{"the answer's header says what it is, and that nobody may keep or delay it", headers, works},
}

// Run runs the suite in memory and in virtual time: with goroutines for each stream, and, where
// streams can be parked, with an engine too.
func Run(t *testing.T, tr Transport) {
	runInMemory(t, tr, route{})
	if !tr.Polls {
		t.Run("engine", func(t *testing.T) { runInMemory(t, tr, route{kernel: faultyKernel}) })
	}
}

func runInMemory(t *testing.T, tr Transport, r route) {
	tr.route = r
	for _, c := range contract {
		t.Run(c.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.check(t, tr) })
		})
	}
}

// RunNetworks runs the suite over sockets, in real time: where the kernel has buffers of its own, TLS
// stands in between, and streams share a connection; and with each engine that the system offers, where
// connections can be parked.
func RunNetworks(t *testing.T, tr Transport) {
	run := func(network route, c contractCase) {
		tr := tr
		tr.route = network
		t.Run(network.name+"/"+c.sentence, func(t *testing.T) { c.check(t, tr) })
	}
	networks := networksOf(t, tr)
	var working, waiting sync.WaitGroup
	for _, network := range networks {
		working.Go(func() {
			for _, c := range works.cases() {
				run(network, c)
			}
		})
		for _, c := range waits.cases() {
			waiting.Go(func() { run(network, c) })
		}
	}
	working.Wait()
	for _, network := range networks {
		for _, c := range measures.cases() {
			run(network, c)
		}
	}
	waiting.Wait()
}
