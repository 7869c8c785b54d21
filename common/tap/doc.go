// Package tap shows what goes over a connection: it records the bytes, and labels every one of them.
//
// A page cannot see its own wire. What a browser tells it is decoded already: chunks are joined, masks taken off, pings
// answered behind its back. So the server records the connections of a learner, and sends the page the truth about them.
//
// # From bytes to meaning
//
// A [Parser] takes the bytes of a connection in pieces of any size, and gives two views of them. The first is a tree of
// [Span] for each stretch that stands by itself: a head, a chunk, an event, a frame. Here is a chunk with an event:
//
//	chunk                      4 b ␍ ␊ i d :   m f … - 4 2 ␊ d a t a :   { … } ␊ ␊ ␍ ␊
//	├ chunk-size               4 b
//	├ chunk-crlf                   ␍ ␊
//	├ chunk-data                       i d :   m f … - 4 2 ␊ d a t a :   { … } ␊ ␊
//	│ └ sse-event                      i d :   m f … - 4 2 ␊ d a t a :   { … } ␊ ␊
//	│   ├ sse-field                    i d :   m f … - 4 2 ␊
//	│   ├ sse-field                                          d a t a :   { … } ␊
//	│   │ └ sse-data                                                     { … }
//	│   │   └ envelope-id …                                                …
//	│   └ sse-dispatch                                                           ␊
//	└ chunk-crlf                                                                   ␍ ␊
//
// Every byte is in exactly one leaf, and the role of a leaf's kind says what the byte is paid for: head, framing or payload.
// [Kinds] explains each kind in a sentence, with the clause of the specification. A chunk need not end where an event ends.
// Where it does not, the event comes in parts ([Part]), one in each chunk, since that is how it looks on the wire.
//
// The second view is a list of [Message]: what one side told the other, such as a request, an event, a ping. An event has
// its id there, which is the same on every transport, so that it can be found on all lanes of a page.
//
// Parsers keep little, whatever comes: large things are shown in parts of 16 KiB, an event of more than 256 KiB has no id.
// They never fail. What they cannot read, they call opaque, and say why; what breaks a rule, they show, and say which.
//
// Secrets are overwritten before anything is kept: the values of Cookie, Set-Cookie, Authorization, of fields and query
// parameters with a name like token or session. They still count, since they do cost bytes.
//
// # From a listener to those who watch
//
// A [Tap] records all connections of the listeners that it wraps, each from its first byte on:
//
//	t := tap.New(tap.Config{})
//	server.Serve(t.Listen(listener, "sse"))   // "sse" is the lane: what these connections are used for
//	batch, err := t.Next(ctx, after)          // what has happened behind a record
//
// Whose a connection is, the port says by which it came: a learner has ports of his own, and a Tap of his own. A key in
// the URL would do as well, but each of its bytes would be among the costs that his page shows; and whose a connection is
// would be known when the head was read, so that the heads of everybody would have to be kept until then. So the ports
// that are for the public are not wrapped at all, and that recording costs them nothing needs no measurement.
//
// A record is made for each Read and each Write, with its bytes, the time, what the bytes have completed, and what the
// kernel counts about the connection. How the reader reads is part of that truth: between two requests net/http reads
// one byte ahead. So a page should draw messages, and show records where it is about reads and writes.
//
// All that is kept has a limit, stated in [Config]. A watcher that is too slow misses records, and is told how many. The
// bytes of what began in earlier records are found again by [Tap.Bytes], as long as they are kept.
package tap
