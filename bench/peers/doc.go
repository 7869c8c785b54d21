// Package peers has servers to compare with, written by hand as people write them: no tricks, and
// nothing left out that a good tutorial shows.
//
//   - hub: WebSocket. One goroutine that owns the clients; two goroutines, a channel and a buffer for
//     each client (after the chat example of gorilla/websocket).
//   - flush: Server-Sent Events. A channel for each client, Fprintf and Flush for each event.
//
// Each serves on a port of its own, prints its address, and takes events at /publish: by POST, whose
// body is the event's data, or by a WebSocket, each message of which is one event and is answered by
// "ok". Subscribers get the data as it is, in no envelope. There is one topic.
//
// Servers that need modules which Pushlab does not are in libraries, a module of its own.
// README.md tells where each comes from, and how to add another.
package peers
