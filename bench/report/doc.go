// Package report shows results to people, and to other programs: text with tables for the terminal ([Text]), and the
// [Formats] of files: a page that needs nothing beside it ([HTML]), [Markdown], [CSV], the lines of Go's benchmarks
// ([Benchstat]) and histograms. It reads results and computes nothing that is not in them or in package stats, so a report
// can be made again from a file.
//
// The page can be read without its script, which draws pictures of numbers that are in the page as tables: lines over
// logarithmic axes. Bars, and rows over time, are pictures without it. A section of the page is a file section_*.go, and is there
// if the result has something for it. Script and style
// sheet are in assets, made by go generate from page and from what the teaching page has too.
package report
