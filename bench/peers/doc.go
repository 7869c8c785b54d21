// Package peers are servers to compare with, written by hand, each the least that does one thing: the
// [Floor] makes one send for each subscriber, the [Baseline] is long polling by a plain net/http handler.
// They send the bytes that the load hands them, which are those of a Pushlab server, and nothing else, so
// that only the way of sending differs.
//
// A peer serves one run, in a process of its own: it trusts whoever connects, and keeps all events.
package peers
