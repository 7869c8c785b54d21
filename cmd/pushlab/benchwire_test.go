package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/result"
)

// onTheWire is what one event of 128 bytes is on a subscriber's connection, by the RFCs: computed here, of the
// numbers of bytes in texts that have a fixed length.
func onTheWire(transport, host string) (perEvent result.Roles, segments result.Segments) {
	const (
		id       = len("mfrggzdf-11")
		envelope = len(`{"id":"","topic":"bench","data":}`) + id + 128
		crlf     = len("\r\n")
	)
	// RFC 9112, section 7.1: the size in hexadecimal, the data, and a line end behind each.
	chunk := func(size int) int64 { return int64(len(fmt.Sprintf("%x", size)) + crlf + crlf) }
	one := result.Segments{In: 1, DataIn: 1}
	switch transport {
	case "httpstream":
		return result.Roles{Framing: chunk(envelope+1) + 1, Payload: int64(envelope)}, one
	case "sse": // WHATWG HTML, section 9.2.6
		fields := len("id: ") + id + len("\ndata: ") + len("\n\n")
		return result.Roles{Framing: chunk(fields+envelope) + int64(fields), Payload: int64(envelope)}, one
	case "websocket": // RFC 6455, section 5.2: two bytes, and two of length from 126 bytes on
		return result.Roles{Framing: 4, Payload: int64(envelope)}, one
	}
	body := len(`{"events":[],"cursor":"","more":false}`) + envelope + id
	head := strings.Join([]string{
		"HTTP/1.1 200 OK", "Cache-Control: no-store", fmt.Sprintf("Content-Length: %d", body), "Content-Type: application/json",
		"Pushlab-Cursor: mfrggzdf-11", "Vary: Origin", "X-Content-Type-Options: nosniff", "Date: Mon, 23 Nov 2026 10:00:00 GMT", "", "",
	}, "\r\n")
	poll := "GET /longpoll?topic=bench&after=mfrggzdf-11 HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	return result.Roles{RequestHeads: int64(len(poll)), ResponseHeads: int64(len(head)), Payload: int64(body)},
		result.Segments{DataIn: 1, DataOut: 1}
}

// What the report says about bytes and segments is exact where nothing is left to chance: an event is published
// only when everybody has the one before, so that none shares an answer or a segment with another.
func TestBytesAndSegmentsOfAnEvent(t *testing.T) {
	t.Parallel() // it mostly waits
	const subscribers, warmUp, events = 10, 10, 40
	for _, server := range []string{result.PushlabName, result.FloorName} {
		for _, transport := range result.Transports() {
			t.Run(server+" "+transport, func(t *testing.T) {
				t.Parallel()
				how, url := load.ToPushlab(), ""
				if server == result.PushlabName {
					// A heartbeat would be no event, but bytes.
					_, url = startServer(t, "--source", "none", "--heartbeat", "10m")
				} else {
					how = load.Frames(load.Endpoint{Request: load.Request{Path: load.FramesPath}}, load.Framing(transport))
					_, url, _ = strings.Cut(start(t, nil, "bench", "floor").line(), "listening on ")
				}
				d, err := load.NewDialer(url, nil)
				if err != nil {
					t.Fatal(err)
				}
				publisher, err := load.ConnectPublisher(t.Context(), d, 128, how)
				if err != nil {
					t.Fatal(err)
				}
				defer publisher.Close()
				base := time.Now()
				l, err := load.New(load.Config{
					Transport: transport, Subscribe: load.Pushlab(transport).Subscribe, Dialer: d, Base: base,
					Subscribers: subscribers, WarmUp: warmUp, Measured: events,
				})
				if err != nil {
					t.Fatal(err)
				}
				defer l.Close()
				if err := l.Connect(t.Context(), subscribers); err != nil {
					t.Fatal(err)
				}
				publish := func(n int, measured bool, have int) {
					t.Helper()
					if err := publisher.Publish(n, time.Since(base)); err != nil {
						t.Fatal(err)
					}
					limit := time.After(20 * time.Second)
					for !l.Came(measured, have) {
						select {
						case <-time.After(100 * time.Microsecond):
						case <-limit:
							lost, err := l.Lost()
							t.Fatalf("event %d does not come; %d have lost their connection: %v", n, lost, err)
						}
					}
				}
				for n := range warmUp {
					publish(n, false, n+1)
				}
				bytes := l.Split()
				segments, known := l.Segments()
				for n := range events {
					publish(warmUp+n, true, n+1)
				}
				bytes = l.Split().Minus(bytes)
				later, _ := l.Segments()
				segments = later.Minus(segments)

				const deliveries = subscribers * events
				want, wantSegments := onTheWire(transport, strings.TrimPrefix(url, "http://"))
				each := result.Roles{
					RequestHeads: deliveries * want.RequestHeads, ResponseHeads: deliveries * want.ResponseHeads,
					Framing: deliveries * want.Framing, Payload: deliveries * want.Payload,
				}
				if bytes != each {
					t.Errorf("%d deliveries are\n%+v, not\n%+v, which is for one\n%+v", deliveries, bytes, each, want)
				}
				if known != (runtime.GOOS == "linux") {
					t.Errorf("segments are known: %v", known)
				}
				if !known {
					return
				}
				if segments.DataIn != deliveries*wantSegments.DataIn || segments.DataOut-segments.Retransmits != deliveries*wantSegments.DataOut {
					t.Errorf("%d deliveries are %+v; for each, %+v were expected", deliveries, segments, wantSegments)
				}
				// To a subscriber of a stream nothing is sent but data. Its acknowledgements are its system's
				// choice, at most one for each, as are those of polls.
				if wantSegments.In > 0 && segments.In != deliveries || segments.In > 2*deliveries || segments.Out > 2*deliveries {
					t.Errorf("%d deliveries are %+v", deliveries, segments)
				}
				l.Drop() // what closed connections had is not forgotten
				if last, _ := l.Segments(); last.DataIn != later.DataIn || last.DataOut != later.DataOut || last.In < later.In || last.Out < later.Out {
					t.Errorf("with all connections closed it is %+v; before %+v", last, later)
				}
			})
		}
	}
}
