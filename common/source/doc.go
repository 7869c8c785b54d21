// Package source makes the events that Pushlab pushes: a clock, the host's metrics, lines of
// standard input or of a growing file, a recording, a synthetic load.
//
// # What a source is
//
// A Source is one loop. It waits for something to happen, makes a JSON value of it, and hands it to
// a Publish function together with a topic:
//
//	src, err := source.Parse("clock:500ms", source.Env{})
//	...
//	err = src.Run(ctx, publish)
//
// It knows nothing of subscribers, transports or cursors: the log gives the event its id, and what
// happens after that is not the source's affair. So a source can be read, and tested, alone.
//
// # How a source ends
//
// Run returns nil when there is nothing more to come (the end of standard input, of a recording) and
// also when ctx ends, because to be stopped is the normal end of a source that has no other. It
// returns an error only when the user has to do something. One place says so for all sources: the
// Run method in source.go.
//
// # Two kinds of schedule
//
// Everything that is timed here follows an absolute schedule: the n-th event is due at a time
// computed from the start, not "one interval after the last one was done". Sleeping for an interval
// in a loop adds the cost of each round to the next, so it drifts, and it slows down exactly when the
// system under test does.
//
// What happens to an event that is late differs, and on purpose:
//
//   - clock and host say what is true now. Beats missed while the log was slow are left out; two
//     readings in one moment would tell nothing new.
//   - load and replay are an open loop: they play a world that does not wait for the server. Nothing
//     is left out; what is late goes out at once, in a burst. The time at which an event was due is
//     the one that latency must be counted from, so load writes it into the event.
//
// # Lines
//
// Standard input, a followed file and a recording are read line by line. A line that is JSON becomes
// that value, any other line becomes a JSON string (event.Line). A line longer than MaxLine is
// skipped up to its end; a warning tells how many bytes that were. An empty line is an event too,
// the empty string, except in a recording.
//
// # Recordings
//
// A recording is what "pushlab sub" wrote, or any other file of lines. A line that is an envelope is
// published on its topic; the log gives it a new id. Control events are left out. An envelope
// written by hand needs no id. Any other line is data, as a whole, on topic message.
//
// A member "time" in RFC 3339, beside id, topic and data or in any other object, says when the line
// was recorded; such lines keep their distances, divided by the speed. Before a line that has none
// there is a pause of a tenth of a second, divided by the speed as well.
//
//	{"time":"2026-11-23T10:00:00Z","topic":"chat","data":"hello"}
//	{"time":"2026-11-23T10:00:02.5Z","topic":"chat","data":"anybody here?"}
//
// # The kinds
//
// Parse reads the form in which the command line names a source.
//
//	clock[:interval]      topic clock, every second: {"time":"2026-11-23T10:00:00.5Z","n":1}
//	host[:interval]       topic host, every second: CPU, memory, load and network of this machine
//	-                     topic message, one event for each line of standard input
//	tail:FILE             topic message, one event for each line that FILE grows by, like tail -F
//	replay:FILE[:speed]   the events of a recording, spaced as they were recorded
//	sse:URL               the events of another server; built by the caller, see Env
//	load:rate=,size=      topic load, a synthetic load: {"n":1,"at":1795428000000000000,"pad":"xx"}
//	none                  nothing
//
// The data of host has these members, each left out when this system does not tell it:
//
//	cpu_percent                 0 to 100, busy time of all cores together since the last event
//	memory_used_bytes           memory that is neither free nor could be freed at once
//	memory_total_bytes          physical memory
//	load1, load5, load15        the load average over 1, 5 and 15 minutes (not on Windows)
//	received_bytes_per_second   since the last event, summed over the network interfaces
//	sent_bytes_per_second       the same, sent
//
// Network traffic is what the operating system counts on every interface that is not a loopback:
// link-layer bytes, virtual interfaces included, so that a packet which crosses a bridge and a card
// counts on both. Traffic between two programs on this machine is not in it. In a container, the
// interfaces are the container's, while CPU, memory and load are usually the whole machine's.
package source
