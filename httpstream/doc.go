// Package httpstream pushes events over plain HTTP streaming: one response that stays open, with
// one line of JSON for each event (newline-delimited JSON). RFC 6202, section 3 describes the
// mechanism; against long polling it adds one idea: keep the answer open.
//
// # An exchange
//
//	GET /httpstream?topic=clock HTTP/1.1
//	Host: localhost:8080
//
//	HTTP/1.1 200 OK
//	Cache-Control: no-store, no-transform
//	Connection: close
//	Content-Type: application/x-ndjson
//	Date: Mon, 23 Nov 2026 10:00:00 GMT
//	Pushlab-Cursor: mfrggzdf-41
//	Transfer-Encoding: chunked
//	X-Accel-Buffering: no
//	X-Content-Type-Options: nosniff
//
//	41                                              a chunk: its size in hexadecimal,
//	{"id":"mfrggzdf-41","topic":"$open","data":{"topics":["clock"]}}
//	                                                its content, which ends with a line feed
//	34
//	{"id":"mfrggzdf-42","topic":"clock","data":{"n":1}}
//
//	...
//	3a
//	{"id":"mfrggzdf-57","topic":"$bye","data":{"retry":2411}}
//
//	0                                               the last chunk: this is the end, not a cut
//
// A line is an event, not a chunk: intermediaries may merge and split chunks as they like
// (RFC 9112, section 7.1). A client that lost the stream asks again with after=mfrggzdf-42, or the
// header field Last-Event-ID, and goes on where it was.
//
// # What it cannot do
//
// A browser has no ready-made client for it: fetch gives the bytes, and the page has to find the
// lines, reconnect and resume by itself; Server-Sent Events do that. The client cannot answer on the
// stream. A proxy may hold the response back until it is complete; X-Accel-Buffering tells nginx not
// to, others need their configuration changed. Over HTTP/1.1 a browser opens six connections to a
// host, and each stream takes one.
//
// # Concurrency
//
// A [Handler] and its streams may be used from any goroutine. A [Conn] has one reader; its Close
// may be called from anywhere. A [Decoder] belongs to one goroutine.
package httpstream
