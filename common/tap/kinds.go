package tap

import "fmt"

// A Role says what bytes are there for. What an event costs is the sum over its roles.
type Role string

// The roles.
const (
	Head    Role = "head"    // request and response heads: paid once for each request
	Framing Role = "framing" // what a transport puts around events to tell where they begin and end
	Payload Role = "payload" // the events themselves
	Opaque  Role = "opaque"  // what the parsers cannot or must not read
)

// A Kind is an entry of the list of all that a span can be, or that can be explained about one.
type Kind struct {
	// Key names it: a span's Kind, or its Explain.
	Key string `json:"key"`
	// Label is its name for people.
	Label string `json:"label"`
	// Role is that of the bytes, if the span has no children; "" for what always has some, or is only explained.
	Role Role `json:"role,omitempty"`
	// Text explains it in a sentence.
	Text string `json:"text"`
	// Spec names the clause of the specification, and URL leads there.
	Spec string `json:"spec,omitempty"`
	URL  string `json:"url,omitempty"`
}

// Explain returns the entry of a span: that of its Explain key if it has one, else of its Kind.
func (s *Span) entry() Kind {
	if k, ok := byKey[s.Explain]; ok {
		return k
	}
	return byKey[s.Kind]
}

// Lookup returns the entry of Kinds with that key.
func Lookup(key string) (Kind, bool) {
	k, ok := byKey[key]
	return k, ok
}

var byKey = func() map[string]Kind {
	m := make(map[string]Kind, len(Kinds))
	for _, k := range Kinds {
		m[k.Key] = k
	}
	return m
}()

// rfc completes an entry with a clause of an RFC.
func rfc(number int, section, key, label string, role Role, text string) Kind {
	return Kind{Key: key, Label: label, Role: role, Text: text,
		Spec: fmt.Sprintf("RFC %d, section %s", number, section),
		URL:  fmt.Sprintf("https://www.rfc-editor.org/rfc/rfc%d.html#section-%s", number, section)}
}

// html completes an entry with a clause of WHATWG HTML on server-sent events.
func html(section, anchor, key, label string, role Role, text string) Kind {
	return Kind{Key: key, Label: label, Role: role, Text: text,
		Spec: "WHATWG HTML, section " + section,
		URL:  "https://html.spec.whatwg.org/multipage/server-sent-events.html#" + anchor}
}

// own is an entry that no specification has.
func own(key, label string, role Role, text string) Kind {
	return Kind{Key: key, Label: label, Role: role, Text: text}
}

const (
	parsing      = "parsing-an-event-stream"
	interpreting = "event-stream-interpretation"
)

// Kinds is the list of all kinds and explanations. Keys with a slash are finer than a kind: what a
// certain header field, status, opcode or close code means.
var Kinds = []Kind{
	// Heads.
	rfc(9112, "3", "request-head", "request head", "", "The client asks: a request line, header fields, and an empty line."),
	rfc(9112, "4", "response-head", "response head", "", "The server answers: a status line, header fields, and an empty line. The body follows, perhaps for hours."),
	rfc(9112, "3", "request-line", "request line", "", "What is to be done with which resource, in which version of HTTP."),
	rfc(9110, "9.1", "method", "method", Head, "What is to be done: GET asks for something, POST brings something."),
	rfc(9112, "3.2", "target", "request target", "", "Which resource is meant: a path, and perhaps a query."),
	rfc(3986, "3.3", "path", "path", Head, "Names the endpoint."),
	rfc(3986, "3.4", "query-name", "query parameter", Head, "The name of a parameter. A page that cannot set header fields, as with EventSource and WebSocket, says here what it wants."),
	rfc(3986, "3.4", "query-value", "its value", Head, "The value of a query parameter. Secrets here end up in the logs of every server on the way."),
	rfc(9112, "2.3", "version", "version", Head, "HTTP/1.1 keeps the connection open by default, and knows chunks."),
	rfc(9112, "4", "status-line", "status line", "", "Whether it worked."),
	rfc(9110, "15", "status", "status code", Head, "Three digits; the first one says success, redirection, or whose mistake it was."),
	rfc(9112, "4", "reason", "reason phrase", Head, "The status in words, for people. Clients must not read it."),
	rfc(9112, "5", "field", "header field", "", "A name, a colon, a value."),
	rfc(9110, "5.1", "field-name", "field name", Head, "The name of a header field; upper and lower case are the same."),
	rfc(9110, "5.5", "field-value", "field value", Head, "The value of a header field; white space around it does not count."),
	rfc(9112, "5.2", "fold", "folded line", Head, "A line that begins with white space continued the value before it. Obsolete, and refused by most."),
	rfc(9112, "2.2", "head-end", "end of the head", Head, "An empty line: no more header fields."),
	rfc(9112, "2.2", "crlf", "line end", Head, "Carriage return and line feed end a line of a head."),
	rfc(9112, "5", "separator", "separator", Head, "Separates the parts of a line."),

	// Bodies.
	rfc(9112, "7.1", "chunk", "chunk", "", "A piece of a body whose length nobody knew when it began. Each says its own size, so that the end is visible."),
	rfc(9112, "7.1", "last-chunk", "last chunk", "", "A chunk of size zero ends the body. A body without it was cut off."),
	rfc(9112, "7.1", "chunk-size", "chunk size", Framing, "How many bytes follow, in hexadecimal."),
	rfc(9112, "7.1.1", "chunk-extension", "chunk extension", Framing, "Anything behind a semicolon; nobody uses it."),
	rfc(9112, "7.1", "chunk-crlf", "line end", Framing, "Ends the size, and the data. It is not part of the content."),
	rfc(9112, "7.1", "chunk-data", "chunk data", "", "The content. Chunks need not agree with events: a proxy may join and split them."),
	rfc(9112, "7.1.2", "trailer", "trailer", "", "A header field behind the body, for what is known only then."),
	rfc(9112, "6", "content", "content", Payload, "A piece of the body as it is."),
	rfc(9110, "8.4.1", "content-coded", "encoded content", Payload, "The content is compressed, as Content-Encoding says. Whoever compresses a stream may also hold it back."),
	own("text-line", "line of text", "", "A line of the body."),
	rfc(8259, "2", "json", "JSON text", Payload, "A JSON text: an object, an array, or a value."),
	own("answer", "answer to a poll", "", "All events that there were since the client's cursor, and the cursor to ask with next."),
	own("ndjson-line", "line of JSON", "", "One JSON text on a line of its own: newlines are the framing, and JSON never needs one inside."),
	own("line-blank", "empty line", Framing, "A line with nothing keeps a quiet connection alive; readers skip it."),
	own("line-end", "line feed", Framing, "Ends the line: whoever reads may now parse what is on it."),

	// JSON.
	own("envelope", "envelope", Payload, "An event as Pushlab sends it on every transport: id, topic and data."),
	own("envelope-id", "event id", Payload, "The event's place in the log, and the cursor to resume from: the epoch names one life of the log, the number counts up by one."),
	own("envelope-topic", "topic", Payload, "What subscribers choose by. One that begins with $ is a control event, which the server makes for one stream."),
	own("envelope-data", "data", Payload, "The event itself: any JSON value."),
	own("cursor", "cursor", Payload, "What to ask with next: everything after this."),
	own("more", "more", Payload, "True if the next poll will be answered at once."),
	rfc(8259, "4", "json-name", "member name", Payload, "The name of a member of a JSON object."),
	rfc(8259, "3", "json-value", "JSON value", Payload, "A value of JSON."),
	rfc(8259, "2", "json-punctuation", "punctuation", Payload, "Braces, brackets, colons, commas and white space of JSON."),

	// Server-Sent Events.
	html("9.2.6", interpreting, "sse-event", "event", "", "Lines that belong together: fields and comments up to an empty line."),
	html("9.2.5", parsing, "sse-bom", "byte order mark", Framing, "Allowed once, at the very beginning, and ignored."),
	html("9.2.5", parsing, "sse-field", "field", "", "A line: a name, a colon, and a value."),
	html("9.2.6", interpreting, "sse-name", "field name", Framing, "Only data, event, id and retry mean something; a client ignores all others."),
	html("9.2.5", parsing, "sse-colon", "colon", Framing, "Ends the name. A line without one is all name."),
	html("9.2.6", interpreting, "sse-space", "space", Framing, "One space behind the colon does not belong to the value."),
	html("9.2.6", interpreting, "sse-value", "value", Framing, "The value of the field."),
	html("9.2.6", interpreting, "sse-data", "data", Payload, "What the page gets. Several data lines make one value, with line feeds between them."),
	html("9.2.5", parsing, "sse-end", "line end", Framing, "A line ends with LF, CRLF or CR."),
	html("9.2.7", "authoring-notes", "sse-comment", "comment", "", "A line that begins with a colon is for nobody. It keeps proxies from giving up on a quiet stream."),
	html("9.2.7", "authoring-notes", "sse-comment-text", "comment text", Framing, "Anything at all."),
	html("9.2.6", interpreting, "sse-dispatch", "empty line", Framing, "The empty line dispatches the event: only now does the page see it. Without data there is none."),
	html("9.2.6", interpreting, "sse-blank", "empty line", Framing, "An empty line behind nothing: it dispatches nothing."),
	html("9.2.6", interpreting, "sse/data", "data field", "", "A line of the event's data."),
	html("9.2.6", interpreting, "sse/event", "event field", "", "The event's type: the page listens for it by addEventListener. Without it the type is message."),
	html("9.2.6", interpreting, "sse/id", "id field", "", "Becomes the last event ID, which the browser sends back when it reconnects."),
	html("9.2.6", interpreting, "sse/retry", "retry field", "", "After how many milliseconds the browser shall reconnect when the connection breaks."),
	html("9.2.6", interpreting, "sse/other", "unknown field", "", "No such field is defined, so the client ignores it. Names are compared as they are, with no case folding."),

	// WebSocket.
	rfc(6455, "5.2", "frame", "frame", "", "The unit of WebSocket: at least two bytes of header, and a payload."),
	rfc(6455, "5.2", "frame-first", "first byte", Framing, "FIN, three reserved bits, and the opcode."),
	rfc(6455, "5.4", "frame-fin", "FIN", "", "1: the message ends with this frame. 0: more fragments follow."),
	rfc(6455, "5.2", "frame-rsv", "reserved bits", "", "Zero, unless an extension was agreed upon that uses them."),
	rfc(6455, "5.2", "frame-opcode", "opcode", "", "What the frame is."),
	rfc(6455, "5.2", "frame-second", "second byte", Framing, "The mask bit, and seven bits of length."),
	rfc(6455, "5.1", "frame-mask", "mask bit", "", "A client masks every frame, a server none."),
	rfc(6455, "5.2", "frame-length7", "7-bit length", "", "Up to 125 it is the length; 126 and 127 say that two or eight bytes of length follow."),
	rfc(6455, "5.2", "frame-length16", "16-bit length", Framing, "For payloads of 126 to 65,535 bytes."),
	rfc(6455, "5.2", "frame-length64", "64-bit length", Framing, "For payloads of 65,536 bytes and more."),
	rfc(6455, "5.3", "frame-key", "masking key", Framing, "Four random bytes, new for each frame. They hide nothing: they keep a page from putting bytes of its choice on the wire, which could confuse a proxy."),
	rfc(6455, "5.6", "frame-text", "text", Payload, "Text in UTF-8, unmasked here."),
	rfc(6455, "5.6", "frame-binary", "binary data", Payload, "Bytes that only the application understands."),
	rfc(6455, "5.5.2", "frame-application", "application data", Framing, "What a ping says its pong repeats."),
	rfc(7692, "7.2.2", "frame-compressed", "compressed payload", Payload, "RSV1 says that the message is compressed (permessage-deflate)."),
	rfc(6455, "5.5.1", "frame-close", "close frame", "", "The payload of a close frame: a code, and a reason for people."),
	rfc(6455, "7.4", "frame-close-code", "close code", Framing, "Two bytes that say why."),
	rfc(6455, "5.5.1", "frame-close-reason", "close reason", Framing, "Text for people who debug; at most 123 bytes."),
	rfc(6455, "5.2", "opcode/continuation", "continuation", "", "A further fragment of the message before."),
	rfc(6455, "5.6", "opcode/text", "text", "", "A text message, or the first fragment of one."),
	rfc(6455, "5.6", "opcode/binary", "binary", "", "A binary message, or the first fragment of one."),
	rfc(6455, "5.5.1", "opcode/close", "close", "", "The closing handshake: each side sends one, and then the server closes the connection."),
	rfc(6455, "5.5.2", "opcode/ping", "ping", "", "Are you there? The other side must answer with a pong. A browser does so by itself, and a page never sees it."),
	rfc(6455, "5.5.3", "opcode/pong", "pong", "", "Here I am: the answer to a ping, with the same data."),
	rfc(6455, "5.2", "opcode/reserved", "reserved opcode", "", "No meaning was ever given to it; the connection must fail."),

	// What stands in header fields.
	rfc(9110, "7.2", "field/host", "Host", "", "Which of the server's names is meant. It also tells a server when a foreign page had its name point here."),
	rfc(9110, "12.5.1", "field/accept", "Accept", "", "Which types the client understands. text/event-stream is how EventSource asks."),
	rfc(9110, "12.5.3", "field/accept-encoding", "Accept-Encoding", "", "Which compressions the client understands; identity asks for none."),
	rfc(9110, "10.1.5", "field/user-agent", "User-Agent", "", "Who asks."),
	rfc(6454, "7", "field/origin", "Origin", "", "Which page asks. A browser always sends it with a WebSocket handshake: the server has to check it, nobody else does."),
	rfc(9110, "10.1.3", "field/referer", "Referer", "", "The page from which the request came."),
	rfc(6265, "5.4", "field/cookie", "Cookie", "", "What the server had the browser keep. Sent with every request, so every poll pays for it; it is hidden here."),
	rfc(6265, "4.1", "field/set-cookie", "Set-Cookie", "", "What the browser shall keep. It is hidden here."),
	rfc(9110, "11.6.2", "field/authorization", "Authorization", "", "Proves who asks. It is hidden here. Neither EventSource nor WebSocket lets a page send it."),
	html("9.2.4", "the-last-event-id-header", "field/last-event-id", "Last-Event-ID", "", "The id of the last event that the client saw: go on behind it."),
	rfc(7240, "4.3", "field/prefer", "Prefer", "", "wait=N: the server may hold its answer that many seconds back, until there is something to say. That is long polling."),
	rfc(7240, "3", "field/preference-applied", "Preference-Applied", "", "How the server understood Prefer."),
	rfc(9111, "5.2", "field/cache-control", "Cache-Control", "", "What may be done on the way. no-cache: ask the server itself. no-store: nobody may keep the answer. no-transform: nobody may change it, say by compressing, which would hold it back."),
	rfc(9110, "7.6.1", "field/connection", "Connection", "", "About this connection alone: close ends it after the response, keep-alive does not, Upgrade changes the protocol."),
	rfc(9110, "8.3", "field/content-type", "Content-Type", "", "What the body is. EventSource gives up for good on anything but text/event-stream."),
	rfc(9110, "8.6", "field/content-length", "Content-Length", "", "How long the body is, where that is known before it begins."),
	rfc(9110, "8.4", "field/content-encoding", "Content-Encoding", "", "How the body is compressed."),
	rfc(9112, "6.1", "field/transfer-encoding", "Transfer-Encoding", "", "chunked: the body comes in pieces, each with its own length, so that it need not be known when it ends."),
	rfc(9110, "6.6.1", "field/date", "Date", "", "When the answer was made."),
	rfc(9110, "10.2.3", "field/retry-after", "Retry-After", "", "After how many seconds to come back."),
	rfc(9110, "12.5.5", "field/vary", "Vary", "", "On which request fields the answer depends; a cache must not give it to others."),
	rfc(9110, "10.2.4", "field/server", "Server", "", "What software answered."),
	own("field/x-accel-buffering", "X-Accel-Buffering", "", "no: nginx shall pass the response on as it comes, instead of collecting it."),
	own("field/x-content-type-options", "X-Content-Type-Options", "", "nosniff: the browser shall believe the Content-Type."),
	own("field/pushlab-cursor", "Pushlab-Cursor", "", "Where this stream begins, or what the next poll is to ask with."),
	rfc(9110, "7.8", "field/upgrade", "Upgrade", "", "websocket: let us go on in another protocol, on this connection."),
	rfc(6455, "11.3.1", "field/sec-websocket-key", "Sec-WebSocket-Key", "", "16 random bytes. Not a secret: it makes sure that the answer was made for this handshake, by somebody who knows WebSocket."),
	rfc(6455, "11.3.3", "field/sec-websocket-accept", "Sec-WebSocket-Accept", "", "A hash of the key and a fixed text: the server did read the handshake, and is not a cache or a mail server."),
	rfc(6455, "11.3.5", "field/sec-websocket-version", "Sec-WebSocket-Version", "", "13 is the only one there is."),
	rfc(6455, "11.3.4", "field/sec-websocket-protocol", "Sec-WebSocket-Protocol", "", "What the messages mean: the client offers some, the server chooses one."),
	rfc(6455, "11.3.2", "field/sec-websocket-extensions", "Sec-WebSocket-Extensions", "", "What may be changed about frames; in practice compression, permessage-deflate."),
	own("field/access-control-allow-origin", "Access-Control-Allow-Origin", "", "Which pages of other origins may read the answer (CORS)."),

	// What statuses mean.
	rfc(9110, "15.2.2", "status/101", "101 Switching Protocols", "", "Agreed: from the next byte on, both directions speak WebSocket."),
	rfc(9110, "15.3.1", "status/200", "200 OK", "", "Here it is."),
	rfc(9110, "15.3.5", "status/204", "204 No Content", "", "Nothing new: the wait is over, ask again. An EventSource takes it as: do not come back."),
	rfc(9110, "15.4.5", "status/304", "304 Not Modified", "", "What you have is still right."),
	rfc(9110, "15.5.1", "status/400", "400 Bad Request", "", "The request is malformed; to repeat it is pointless."),
	rfc(9110, "15.5.22", "status/426", "426 Upgrade Required", "", "This endpoint speaks WebSocket only."),
	rfc(9110, "15.6.4", "status/503", "503 Service Unavailable", "", "Later, perhaps. It ends an EventSource for good."),

	// What close codes mean.
	rfc(6455, "7.4.1", "close/1000", "1000 normal", "", "All is said."),
	rfc(6455, "7.4.1", "close/1001", "1001 going away", "", "The server is going down, or the page was left."),
	rfc(6455, "7.4.1", "close/1002", "1002 protocol error", "", "The other side broke the protocol."),
	rfc(6455, "7.4.1", "close/1003", "1003 unsupported data", "", "A type of message that is not taken, such as binary."),
	rfc(6455, "7.4.1", "close/1007", "1007 invalid data", "", "A text message that is not UTF-8, or does not mean anything."),
	rfc(6455, "7.4.1", "close/1008", "1008 policy violation", "", "Not allowed; no more is said."),
	rfc(6455, "7.4.1", "close/1009", "1009 message too big", "", "More than the other side is willing to take."),
	rfc(6455, "7.4.1", "close/1011", "1011 internal error", "", "The server met something unexpected."),

	// What cannot be read.
	rfc(8446, "5.1", "tls", "TLS record", "", "Encrypted: only who sends how much, and when, can be seen."),
	rfc(8446, "5.1", "tls-type", "record type", Framing, "22 is the handshake, 23 application data, 21 an alert."),
	rfc(8446, "5.1", "tls-version", "version", Framing, "For old middleboxes: TLS 1.3 says 1.2 here."),
	rfc(8446, "5.1", "tls-length", "length", Framing, "How many bytes follow."),
	rfc(8446, "5.2", "tls-data", "encrypted data", Opaque, "What only the two ends can read."),
	own("opaque", "other bytes", Opaque, "Bytes that the parsers cannot read."),
}
