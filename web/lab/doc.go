// Package lab gives each learner a whole server of his own, which he may break.
//
// What a page can show of push is decoded already: the browser joins the chunks, takes the masks off, answers the pings,
// and says of a broken connection no more than that it is broken. And what is worth showing is just what a server must
// not do to others: to lose its log, to vanish for three seconds, to hold everything back for thirty. So a [Lab] is made
// when the page opens, and ends when it is closed:
//
//	browser ══ tap ══ proxy ── [nginx] ── wired ── private server ── private hub ◀── generator, step, bridge
//	           │        │                   │            │               │
//	           └────────┴─────── what happens there ─────┴───────────────┘
//	                                   │
//	                               observer ──▶ a hub of batches ──▶ a WebSocket of the page
//
// Every part is one that stands by itself elsewhere; here they are only put together.
//
// # The way of a connection
//
// A [lane] is a port on 127.0.0.1. It belongs to one learner and one transport, so the port is the key: no cookie and no
// parameter says whose a connection is, which would cost bytes that the lesson is about. The tap (common/tap) records it
// from its first byte on. The proxy (common/fault) passes it on, as well as it was told to. A [link] then makes a
// connection to the private server, with both ends in hand, so that it is known there which one of the browser's it
// serves; and notes when the server has read and written what. Between that moment and the one on the browser's side
// lie the faults.
//
// An nginx that is put between has connections to the server of its own, by TCP or by a unix socket, and whose they are
// nobody knows. If it ends by itself it is taken away, and a note of the tap says so.
//
// The private server is a web.Server like the public one, with a hub of its own. It is started and drained as the program
// itself is; that it lives in the same process nobody can tell from outside. It has no engine (common/wire): its
// connections are watched, and what wraps a socket cannot be parked.
//
// The public server's own connections pass none of this. With the demo on they run on the engine as they do without
// it, and a test in package web looks whether they do.
//
// # Lives
//
// The server of a lab has many lives, one after the other (Lab.serve). A polite restart is a drain: $bye, last chunks,
// close frames. An impolite one resets what is open on the lanes, as the kernel does for a process that was killed. While the server
// is away, the proxies close their listeners, so that who connects is refused by the kernel, and not by a pretence. A log
// that is kept is the same hub in both lives, and takes events in between, as a broker beside the server would. One
// that is lost is a new hub, with another epoch. Settings of the transports count from the next life on; so to change one
// is a polite restart without a pause.
//
// # What the page is told
//
// Nobody waits for the observer. Whatever happens is noted where it happens, in lists that are bounded (pending), and at
// most twenty times a second one goroutine makes a [Batch] of it and publishes that on a hub. The page subscribes to
// that by our own WebSocket transport: it resumes, is told of gaps, and falls behind without harm, all of which is
// written elsewhere already. A batch has outlines. The bytes of a record, and what each of them is, are asked for when
// somebody wants to see them.
//
// All times are nanoseconds on one monotonic clock, the tap's. The page measures its distance to it by /clock.
//
// # Who may do what
//
// Labs are for this machine alone; web answers nobody else. A cookie, one for each lab, says who may give commands:
// SameSite=Strict, so that no other page's requests carry it, and web checks the origin of all that change anything. To
// the lanes anybody on this machine can connect, as to any development server; of pages, the learner's own, and by
// WebSocket without the guard the attacker's.
//
// # Limits and ends
//
// Every limit stands in config.go. Each goroutine of a lab is waited for by who started it, and Lab.close returns when
// none is left. It is called when nobody has observed the lab for a minute, when its page says so, and when the main
// server drains.
package lab
