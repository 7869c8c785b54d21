// Package probe asks a server questions and judges its answers. [Conform] asks what the standards
// demand of a server that pushes events: any server, by Server-Sent Events, long polling, streamed
// lines of JSON, or WebSocket. [Diagnose] asks a Pushlab server what whatever stands before it does
// to its events.
//
//	report, err := probe.Conform(ctx, []string{"http://localhost:8080/sse"}, probe.Options{})
//	diagnosis, err := probe.Diagnose(ctx, "https://example.com", probe.DoctorOptions{})
//
// # Checks
//
// A [Check] is one sentence of a standard and the exchange that shows whether the server keeps to
// it. Its ID is stable; a letter at its end tells the parts of one subject apart. The parts of
// HTTP that all transports share are asked of each, so an ID may come once for each of them.
//
// A check that must hold is one whose breach breaks a peer that follows the standard: it loses
// events, or its connection, or is deceived about either. What a standard recommends, and what is
// only known to work better, gives a warning. What cannot be asked from outside, or not of this
// server, does not apply, and the reason is given; silence is never taken for consent.
//
// # How it asks
//
// Everything is written to and read from plain connections, by small readers that go on where
// they can after a breach, so that the bytes can be shown and one mistake shows once. Redirects are
// not followed, and no proxy is used.
//
// Most checks need an event. They take those that come by themselves, and better those that they
// can publish: to the URL in [Options], or to /publish of a Pushlab server, on topics of their own.
// A check that watches for something rare waits for it only if the time in [Options] allows.
//
// # Diagnosis
//
// What a Pushlab server sends, and when, is known; whatever comes differently was changed on the way. When
// it was sent is known of events that we publish: no sooner than that, and no later than the answer to
// it. So no clocks have to agree. All transports watch the same few events; one that is late while
// another is not, is held back. Quiet streams are watched for being cut.
//
// Whose fault something is can be told only from both sides of a hop: if it is the same without it, it is
// not the hop's.
//
// # Concurrency
//
// [Conform] runs several checks at a time, each on connections of its own, and returns when all of
// them are closed. So does [Diagnose]. A [Target] may be used from any goroutine.
package probe
