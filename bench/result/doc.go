// Package result is what a run of the benchmark found out, as it stands in result.json: what was done (a
// [Case]), what each lane was measured to do in each round (a [Measurement]), what to think of that (a
// [Verdict]), and what the rounds say together (a [Summary]). It measures nothing, and knows nothing of
// how it is shown.
//
// While a run goes on, what happens is told by Events: beside result.json they stand in events.ndjson, one in
// JSON on each line, written when it happens (EventsFileName, [Event]). With jq, the p99 of each second:
//
//	jq -c 'select(.event=="reading") | [.at_ns/1e9, .lane.transport, .reading.p99_ns/1e6]' events.ndjson
//
// Values are plain data: they may be copied, and read by many goroutines at a time. A [Recorder] is for
// one goroutine.
package result
