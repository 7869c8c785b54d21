// Package stats says what the rounds of a run mean together: of each lane the spread of its metric, and
// of two lanes the ratio, round by round. Its functions are pure functions of results, and may be
// called from any goroutine.
package stats
