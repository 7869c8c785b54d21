package pushlab_test

import (
	"strings"
	"testing"
)

// standards is the checklist of what the standards demand of a push server and its clients, by the
// ids that tests, and the checks of 'pushlab conform', carry in their names. An id with a reason is
// not tested; every other one must be named by a test.
var standards = []struct {
	section string
	ids     []string
}{
	{"WHATWG HTML 9.2.5, 9.2.6: parsing an event stream", []string{
		"SSE-01", "SSE-02", "SSE-03", "SSE-04", "SSE-05", "SSE-06", "SSE-07", "SSE-08", "SSE-09", "SSE-10", "SSE-11", "SSE-12", "SSE-13", "SSE-14", "SSE-15", "SSE-16"}},
	{"WHATWG HTML 9.2.2 to 9.2.4: a client's connection", []string{"SSE-20", "SSE-21", "SSE-22", "SSE-23", "SSE-24", "SSE-25"}},
	{"WHATWG HTML 9.2: a server", []string{"SSE-30", "SSE-31", "SSE-32", "SSE-33", "SSE-34", "SSE-35", "SSE-36", "SSE-37", "SSE-38"}},
	{"RFC 6202: long polling and streaming", []string{
		"LP-01", "LP-02: see the contract: all that is pending goes out in one write",
		"LP-03: there is no client id: the server keeps nothing between two polls",
		"LP-04: a browser's own pool decides; publishing is another request",
		"LP-05", "LP-06", "LP-07", "LP-08", "LP-09", "LP-10", "LP-11", "LP-12: nothing falls back by itself; a cursor lets the caller"}},
	{"RFC 9110 to 9113: HTTP", []string{
		"HTTP-01", "HTTP-02", "HTTP-03", "HTTP-04: every decoder is fuzzed with any split of its bytes",
		"HTTP-05", "HTTP-06", "HTTP-07", "HTTP-08", "HTTP-09", "HTTP-10: see TestDrain", "HTTP-11"}},
	{"RFC 6455: WebSocket", []string{
		"WS-01", "WS-02", "WS-03", "WS-04", "WS-05", "WS-06", "WS-07", "WS-08", "WS-09", "WS-10", "WS-11", "WS-12",
		"WS-13: see the tests of client.Follow", "WS-14", "WS-15: there is no authentication yet", "WS-16"}},
	{"RFC 7692: permessage-deflate", []string{
		"PMD-01", "PMD-02", "PMD-03: see TestCompressedEvents", "PMD-04", "PMD-05"}},
	{"WHATWG Fetch: CORS", []string{
		"CORS-01", "CORS-02", "CORS-03", "CORS-04: there are no cookies", "CORS-05: there are no tickets yet", "CORS-06: see TestPage"}},
}

// TestStandards checks that a test names each id of the checklist.
func TestStandards(t *testing.T) {
	var tests strings.Builder
	for _, f := range goFiles(t) {
		if f.isTest && f.path != "standards_test.go" {
			tests.WriteString(readFile(t, f.path))
		}
	}
	source := tests.String()
	for _, s := range standards {
		for _, id := range s.ids {
			id, reason, waived := strings.Cut(id, ": ")
			switch named := strings.Contains(source, id); {
			case !named && !waived:
				t.Errorf("%s: no test names %s", s.section, id)
			case named && waived:
				t.Errorf("%s: a test names %s; take the reason away: %s", s.section, id, reason)
			}
		}
	}
}
