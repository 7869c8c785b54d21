// Package report shows results to people, and to other programs: text with tables for the terminal
// ([Text]). It reads results and computes nothing that is not in them or in package stats, so a report
// can be made again from a file.
package report
