// Package longpoll pushes events by long polling (RFC 6202, section 2): the client asks, the server
// answers when there is something to say, and the client asks again. It adds one idea to plain
// HTTP: wait with the answer.
//
// # An exchange
//
//	GET /longpoll?topic=clock&wait=0 HTTP/1.1       the first poll asks where "now" is
//	Host: localhost:8080
//
//	HTTP/1.1 204 No Content
//	Cache-Control: no-store
//	Pushlab-Cursor: mfrggzdf-41
//	X-Content-Type-Options: nosniff
//	Date: Mon, 23 Nov 2026 10:00:00 GMT
//
//	GET /longpoll?topic=clock&after=mfrggzdf-41 HTTP/1.1
//	Host: localhost:8080
//	Prefer: wait=30
//
//	HTTP/1.1 200 OK                                 when an event comes, up to 30 s later
//	Cache-Control: no-store
//	Content-Length: 100
//	Content-Type: application/json
//	Preference-Applied: wait=30
//	Pushlab-Cursor: mfrggzdf-42
//	X-Content-Type-Options: nosniff
//	Date: Mon, 23 Nov 2026 10:00:01 GMT
//
//	{"events":[{"id":"mfrggzdf-42","topic":"clock","data":{"n":1}}],"cursor":"mfrggzdf-42","more":false}
//
// When nothing comes in that time the answer is 204 with the current cursor. Every answer has all
// events that are pending, so that under load polls get fewer, not more (section 2.2).
//
// The server keeps nothing between two polls: what the client has seen is in the cursor that it
// sends. So any server that shares the log can answer any poll, and no event is lost between two.
//
// # What it cannot do
//
// An event that comes just after an answer waits for the client to ask again: in the worst case
// three transits of the network (section 2.2). Each answer costs a request with all its header
// fields. Waiting polls take connections: a browser opens six to a host over HTTP/1.1, and sends a
// second request for the same URL only after the first was answered, unless told not to cache.
//
// # Concurrency
//
// A [Handler] may be used from any goroutine. A [Conn] has one reader; its Close may be called from
// anywhere. A [Decoder] belongs to one goroutine.
package longpoll
