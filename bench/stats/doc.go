// Package stats says what the rounds of a run mean together: of each lane the spread of its metric, and
// of two lanes the ratio, round by round ([Summarize]); which lanes of a case are best, and which cannot
// be told from it ([Rank]); what is different between two results ([Compare]); and whether objectives
// and limits are kept ([Objective], [Limit]). A difference is called only if neither chance nor the run's own [Noise]
// explains it. Its functions are pure functions of results, and may be called from any goroutine.
package stats
