package pushlab_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// standards is the checklist of what the standards demand of a push server and its clients. Each id is
// in the name of a test, or of a check of 'pushlab conform'; and it is cited at the line that obeys it,
// in parentheses behind its section: RFC 6455, section 5.5.1 (WS-08).
var standards = []struct{ section, ids string }{
	{"WHATWG HTML 9.2.5, 9.2.6: parsing an event stream",
		"SSE-01 SSE-02 SSE-03 SSE-04 SSE-05 SSE-06 SSE-07 SSE-08 SSE-09 SSE-10 SSE-11 SSE-12 SSE-13 SSE-14 SSE-15 SSE-16"},
	{"WHATWG HTML 9.2.2 to 9.2.4: a client's connection", "SSE-20 SSE-21 SSE-22 SSE-23 SSE-24 SSE-25"},
	{"WHATWG HTML 9.2: a server", "SSE-30 SSE-31 SSE-32 SSE-33 SSE-34 SSE-35 SSE-36 SSE-37 SSE-38"},
	{"RFC 6202: long polling and streaming",
		"LP-01 LP-02 LP-03 LP-04 LP-05 LP-06 LP-07 LP-08 LP-09 LP-10 LP-11 LP-12"},
	{"RFC 9110 to 9113: HTTP",
		"HTTP-01 HTTP-02 HTTP-03 HTTP-04 HTTP-05 HTTP-06 HTTP-07 HTTP-08 HTTP-09 HTTP-10 HTTP-11"},
	{"RFC 6455: WebSocket",
		"WS-01 WS-02 WS-03 WS-04 WS-05 WS-06 WS-07 WS-08 WS-09 WS-10 WS-11 WS-12 WS-13 WS-14 WS-15 WS-16"},
	{"RFC 7692: permessage-deflate", "PMD-01 PMD-02 PMD-03 PMD-04 PMD-05"},
	{"RFC 8441: WebSocket over HTTP/2", "H2WS-01 H2WS-02 H2WS-03 H2WS-04"},
	{"WHATWG Fetch: CORS", "CORS-01 CORS-02 CORS-03 CORS-04 CORS-05 CORS-06"},
}

// exempt lists "id untested", "id uncited", or an id alone for both, with the reason.
var exempt = map[string]string{
	"LP-02 untested": "see the contract: all that is pending goes out in one write",
	"LP-03":          "there is no client id: the server keeps nothing between two polls",
	"LP-04":          "a browser's own pool decides; publishing is another request",
	"LP-12":          "nothing falls back by itself; a cursor lets the caller",
	"H2WS-01":        "it is not offered",
	"H2WS-02":        "it is not offered",
	"H2WS-03":        "it is not offered",
	"H2WS-04":        "it is not offered",
}

var (
	standardID = regexp.MustCompile(`\b[A-Z0-9]+-\d\d`) // a check may have a letter behind it
	citation   = regexp.MustCompile(`\(([A-Z0-9]+-\d\d)(, [A-Z0-9]+-\d\d)*\)`)
)

// TestStandards checks that each id of the checklist is tested and cited.
func TestStandards(t *testing.T) {
	ids := map[string]bool{}
	for _, s := range standards {
		for id := range strings.FieldsSeq(s.ids) {
			ids[id] = true
		}
	}
	tested, cited := map[string]bool{}, map[string]bool{}
	ours, err := filepath.Glob("web/static/transports/*.js")
	if err != nil || len(ours) == 0 {
		t.Fatal(ours, err)
	}
	for _, f := range goFiles(t) {
		switch {
		case f.path == "standards_test.go":
		case f.isTest:
			for _, id := range standardID.FindAllString(readFile(t, f.path), -1) {
				tested[id] = true
			}
		case strings.HasPrefix(f.path, "common/probe/"), f.path == "cmd/pushlab/conform.go": // what others obey
		default:
			ours = append(ours, f.path)
		}
	}
	for _, name := range ours {
		rest := citation.ReplaceAllStringFunc(readFile(t, name), func(list string) string {
			for _, id := range standardID.FindAllString(list, -1) {
				cited[id] = true
				if !ids[id] {
					t.Errorf("%s cites %s, which is not in the checklist", name, id)
				}
			}
			return ""
		})
		for _, id := range standardID.FindAllString(rest, -1) {
			if ids[id] {
				t.Errorf("%s: cite %s in parentheses, as in: RFC 6455, section 5.5.1 (WS-08)", name, id)
			}
		}
	}
	used := map[string]bool{}
	check := func(section, id string, done map[string]bool, not string) {
		reason := id
		if exempt[id] == "" {
			reason = id + " " + not
		}
		used[reason] = used[reason] || !done[id]
		if !done[id] && exempt[reason] == "" {
			t.Errorf("%s: %s is %s", section, id, not)
		}
		if done[id] && exempt[reason] != "" {
			t.Errorf("%s: %s is no longer %s; take the reason away: %s", section, id, not, exempt[reason])
		}
	}
	for _, s := range standards {
		for id := range strings.FieldsSeq(s.ids) {
			check(s.section, id, tested, "untested")
			check(s.section, id, cited, "uncited")
		}
	}
	for key := range exempt {
		if !used[key] {
			t.Errorf("%q is exempt, but not in the checklist", key)
		}
	}
}
