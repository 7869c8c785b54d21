// Package peers has servers to compare with, each a process of its own that serves one run.
//
// Two are the least that can be done, and send the bytes that the load hands them, which are those of
// a Pushlab server, so that only the way of sending differs:
//
//   - [Floor]: one send for each subscriber, and nothing else.
//   - [Baseline]: long polling by a plain net/http handler.
//
// Two are written as people write them: no tricks, and nothing left out that a good tutorial shows.
// They take events at /publish, by POST, whose body is the event's data, or by a WebSocket, each message
// of which is one event and is answered by "ok". Subscribers get the data as it is, in no envelope:
//
//   - [Hub]: WebSocket. One goroutine that owns the clients; two goroutines, a channel and a buffer
//     for each client (after the chat example of gorilla/websocket).
//   - [Flush]: Server-Sent Events. A channel for each client, Fprintf and Flush for each event.
//
// All trust whoever connects, have one topic, serve on a port of their own, and print its address.
// Servers that need modules which Pushlab does not are in libraries, a module of its own. README.md
// tells where each comes from, and how to add another.
package peers
