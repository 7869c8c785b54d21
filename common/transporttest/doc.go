// Package transporttest is the contract that all transports keep, as one suite of tests.
//
// Each transport's tests call [Run]. The cases talk to the transport through its own client and, where
// the bytes matter, through raw requests; in memory and in virtual time, so that a heartbeat of 15
// seconds takes none. A case is named by the sentence of the contract that it checks.
package transporttest

import (
	"context"
	"net/http"
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
}

// A Handler is a transport's server side. Streaming transports also have Shutdown.
type Handler interface {
	http.Handler
	Counters() *wire.Counters
}

// Config is what the cases change in a transport's configuration. A zero field means its default.
type Config struct {
	Heartbeat, Retry, WriteDeadline time.Duration
}

// Run runs the suite.
func Run(t *testing.T, tr Transport) {
	for _, c := range []struct {
		sentence string
		check    func(*testing.T, Transport)
	}{
		{"a subscription begins with $open, whose id is where it starts", opens},
		{"events arrive in order, each once", delivers},
		{"topics choose events", filters},
		{"a cursor resumes behind its event", resumes},
		{"earliest is all that is retained, without a gap", earliest},
		{"a cursor older than the log yields a gap with the number missed", gapTooOld},
		{"a cursor of another epoch, or ahead of the log, yields a gap", gapForeign},
		{"a malformed Last-Event-ID yields a gap, not an error", gapMalformed},
		{"evicted events of other topics are no gap", noGap},
		{"Last-Event-ID wins over the query", headerWins},
		{"a quiet subscription gets a beat with the current cursor", beats},
		{"a hub that closes is said goodbye for, with a jittered retry", goodbye},
		{"who comes after the hub was closed gets what is retained, and goodbye", goodbyeLate},
		{"all that is pending goes out in one write", batches},
		{"a reader that stops is lapped, told so, and costs its neighbours nothing", laps},
		{"a reader that accepts nothing is cut off without goodbye", stalls},
		{"a peer that leaves is noticed at once", leaves},
		{"a connection cut anywhere loses and repeats nothing", cuts},
		{"a malformed request is answered with a problem that names the parameter", problems},
		{"other methods are answered 405 with Allow", methods},
		{"HEAD is answered with the header alone", head},
		{"the answer's header says what it is, and that nobody may keep or delay it", headers},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { c.check(t, tr) })
		})
	}
}
