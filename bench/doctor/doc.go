// Package doctor finds out what a machine can measure, and says for each thing what to do about it: how many
// subscribers, how exactly, and which of the comparisons. It changes nothing: what has to be tried out is tried
// in a network namespace of its own, which ends with the trial.
//
// A [System] is what is asked, so that a test can be any machine. Functions may be called from any goroutine.
package doctor
