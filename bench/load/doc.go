// Package load makes the load: a [Pacer] says when events are due, a [Publisher] sends them to the server,
// and a [Load] is all subscribers, which read what comes, find the events in it, and keep account of each.
// It speaks the transports by itself, on raw connections, since clients that do more would be what is
// measured. A [Protocol] says how one kind of server is talked to.
package load
