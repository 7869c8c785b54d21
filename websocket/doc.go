// Package websocket pushes events over WebSocket (RFC 6455): an HTTP request that switches to
// another protocol, in which both sides send messages when they like. Against Server-Sent Events
// it adds one idea: talk both ways.
//
// # An exchange
//
//	GET /websocket?topic=clock HTTP/1.1
//	Host: localhost:8080
//	Upgrade: websocket
//	Connection: Upgrade
//	Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
//	Sec-WebSocket-Version: 13
//	Sec-WebSocket-Protocol: pushlab.v1
//
//	HTTP/1.1 101 Switching Protocols
//	Upgrade: websocket
//	Connection: Upgrade
//	Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=
//	Sec-WebSocket-Protocol: pushlab.v1
//	Cache-Control: no-store, no-transform
//	Pushlab-Cursor: mfrggzdf-41
//	X-Accel-Buffering: no
//	X-Content-Type-Options: nosniff
//
//	81 40 {"id":"mfrggzdf-41","topic":"$open","data":{"topics":["clock"]}}
//	81 33 {"id":"mfrggzdf-42","topic":"clock","data":{"n":1}}
//	│  └─ not masked, 0x33 = 51 bytes follow
//	└──── the last (and only) frame of a text message
//
// The client's frames look the same, but are masked. Its messages are JSON; ref is its own, and
// comes back in the answer:
//
//	{"op":"publish","ref":"7","topic":"chat","data":"hi"}        {"op":"ack","ref":"7","id":"mfrggzdf-43"}
//	{"op":"subscribe","ref":"8","topics":["chat"]}               the $open event of the new choice
//	{"op":"ping","ref":"9"}                                      {"op":"pong","ref":"9"}
//
// With a key, "key":"…", a publish that is sent again is answered with the id of the first, on whatever connection.
//
// A message that cannot be served is answered with {"op":"error","ref":"7","error":"…"}, and the
// connection stays; one that breaks the protocol, or does not come to its end in time, ends it with a close code (section 7.4).
//
// A quiet connection gets a $beat event and, in the same write, a ping (section 5.5.2), whose pong
// has to come within the heartbeat interval. A server that leaves sends $bye, and a close frame
// with code 1001.
//
// # What it cannot do
//
// Resume: the protocol has no ids and browsers do not reconnect, so the client does both, with
// after=mfrggzdf-42. Tell a page why a handshake failed. Pass through proxies that do not know
// Upgrade, or share an HTTP/2 connection (RFC 8441 is not offered). CORS does not protect it: any
// page may open a connection with the user's cookies, so the server checks Origin (section 10.2).
//
// # Left out
//
// Of the extensions (section 9) only permessage-deflate (RFC 7692) is negotiated, if the Config says
// so, and without keeping a window from one message to the next.
//
// # Concurrency
//
// A [Handler] and its streams may be used from any goroutine. A [Conn] has one reader; its Close
// may be called from anywhere. A [Decoder] belongs to one goroutine.
package websocket
