// Package wire takes a response over and serves a subscription to it: the one write loop of all
// streaming transports.
//
// A transport gives it a [Protocol]: how an event is framed, and what ends a stream. What is left
// is the same for all of them, and stands here once: wait for events, gather all that are pending
// into one write, keep a quiet stream alive, give up on a peer that takes nothing, say goodbye.
//
//	hub ── events ──▶ ┌────────┐
//	timer ── beat ──▶ │  loop  │ ── one write ──▶ connection
//	reader ─ replies▶ └────────┘
//
// Every byte after the handshake has this loop as its one writer. A transport that also listens,
// WebSocket, hands its replies to the loop with [Stream.Send].
//
// # Taking over
//
// On HTTP/1.1 [Streams.ServeHTTP] takes the connection over (http.Hijacker), and the handler
// returns at once: net/http's buffers and its stack are free again, and the chunk around an event
// is framed once for everybody instead of once for each. Over HTTP/2, and where the
// response writer was wrapped by something that may transform what it is given, it writes and
// flushes through http.ResponseController instead, and returns when the stream ends. A wrapper
// that implements http.Hijacker itself says that it may be left out.
//
// # Parked streams
//
// With an [Engine] a stream that has nothing to do has no goroutine, no buffer and no timer. It is the
// engine that is woken, gathers what is pending, by the same code as the loop, and sends to many
// streams at once. A stream that would block, that ends, or whose peer says something has a goroutine
// for as long as that takes. TLS, HTTP/2 and wrapped writers always have one.
//
// # Who waits for whom
//
// Streams owns the goroutines of its streams: without an engine a writer each, and a reader that
// notices when the peer leaves. They end when the hub is closed, or drains, after a goodbye; [Streams.Shutdown]
// waits for them. After that, [Engine.Close] waits for those of the engine.
package wire
