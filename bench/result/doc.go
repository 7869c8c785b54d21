// Package result is what a run of the benchmark found out, as it stands in result.json: what was done (a
// [Case]), what each lane was measured to do in each round (a [Measurement]), what to think of that (a
// [Verdict]), and what the rounds say together (a [Summary]). It measures nothing, and knows nothing of
// how it is shown.
//
// Values are plain data: they may be copied, and read by many goroutines at a time. A [Recorder] is for
// one goroutine.
package result
