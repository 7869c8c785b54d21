// Package sse pushes events by Server-Sent Events (WHATWG HTML, section 9.2): one response that
// stays open, in a line format that browsers read by themselves. Against HTTP streaming it adds
// one idea: frame the event, number it, resume it. The client reconnects on its own, and tells the
// number of the last event it saw.
//
// # An exchange
//
//	GET /sse?topic=clock HTTP/1.1
//	Host: localhost:8080
//	Accept: text/event-stream
//
//	HTTP/1.1 200 OK
//	Cache-Control: no-store, no-transform
//	Connection: close
//	Content-Type: text/event-stream
//	Date: Mon, 23 Nov 2026 10:00:00 GMT
//	Pushlab-Cursor: mfrggzdf-41
//	Transfer-Encoding: chunked
//	X-Accel-Buffering: no
//	X-Content-Type-Options: nosniff
//
//	71                                              a chunk: its size in hexadecimal
//	retry: 3112                                     come back after that many milliseconds
//	id: mfrggzdf-41                                 what to resume from
//	event: $open                                    not "message", so onmessage does not see it
//	data: {"id":"mfrggzdf-41","topic":"$open","data":{"topics":["clock"]}}
//	                                                an empty line ends the event
//
//	4b
//	id: mfrggzdf-42
//	data: {"id":"mfrggzdf-42","topic":"clock","data":{"n":1}}
//
//
//	...
//	0                                               the last chunk, after a $bye event
//
// When the connection breaks, the browser waits for the time of retry and asks again, with
//
//	Last-Event-ID: mfrggzdf-42
//
// # What it cannot do
//
// It carries text only, one way. A browser's EventSource can send no header field of the page's
// choice, so no Authorization; and any answer but 200 ends it for good, which is why a server that
// is being restarted should close connections rather than answer 503. Over HTTP/1.1 a browser opens
// six connections to a host, and each stream takes one. A proxy may hold the response back until
// it is complete; X-Accel-Buffering tells nginx not to, others need their configuration changed.
//
// # Concurrency
//
// A [Handler] and its streams may be used from any goroutine. A [Conn] has one reader; its Close
// may be called from anywhere. A [Decoder] belongs to one goroutine.
package sse
