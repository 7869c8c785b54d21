package web_test

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write docs/faults.md, if all of it was seen")

const faultFile = "../docs/faults.md"

// checkFaultDocument compares the file with the rows, or makes it anew from what was proven.
func checkFaultDocument(t *testing.T, groups []faultGroup, proven bool) {
	t.Helper()
	want := faultDocument(groups)
	if *update {
		if !proven {
			t.Errorf("%s stays as it was: not all of it was seen", faultFile)
			return
		}
		if err := os.WriteFile(faultFile, []byte(want), 0o644); err != nil {
			t.Error(err)
		}
		return
	}
	got, err := os.ReadFile(faultFile)
	if err != nil {
		t.Error(err)
	} else if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("%s does not say what is checked; `go test ./web -run TestFaults -update` writes it (-want +got):\n%s", faultFile, diff)
	}
}

// faultDocument writes what is seen of all faults: short, in one table, and then fault by fault.
func faultDocument(groups []faultGroup) string {
	var b strings.Builder
	b.WriteString(faultIntroduction)
	b.WriteString("| Fault | Long polling | HTTP streaming | SSE | WebSocket |\n|---|---|---|---|---|\n")
	for _, group := range groups {
		for _, row := range group.rows {
			fmt.Fprintf(&b, "| [%s](#%s)", row.title, anchor(row.title))
			for _, cell := range row.cells {
				if cell.client == "" {
					fmt.Fprintf(&b, " | %s", cell.brief)
				}
			}
			b.WriteString(" |\n")
		}
	}
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n", group.title)
		for _, row := range group.rows {
			fmt.Fprintf(&b, "\n### %s\n\n%s\n\n| Transport | What is seen |\n|---|---|\n", row.title, row.does)
			for i, cell := range row.cells {
				name := faultTitles[cell.lane]
				switch {
				case cell.client != "":
					name += " by `" + cell.client + "`"
				case i+1 < len(row.cells) && row.cells[i+1].lane == cell.lane:
					name += " by `EventSource`"
				}
				fmt.Fprintf(&b, "| %s | %s |\n", name, cell.says)
			}
		}
	}
	return b.String()
}

var faultTitles = map[string]string{"longpoll": "Long polling", "httpstream": "HTTP streaming", "sse": "SSE", "websocket": "WebSocket"}

// anchor is the name that GitHub gives a heading.
func anchor(title string) string {
	title = regexp.MustCompile(`[^a-z0-9 -]`).ReplaceAllString(strings.ToLower(title), "")
	return strings.ReplaceAll(title, " ", "-")
}

const faultIntroduction = `# Faults, and what a browser shows of them

What does a page see when a connection breaks, or hangs, or somebody in the middle means well? That depends on the
transport. Here it stands for Chromium, fault by fault. You can try each of them on the teaching page: *Break it*.

Every sentence in the tables was seen: a test opens the page, presses the fault's button, and looks at the bytes on the
wire, at what the clients say, at what the server believes, and at the ledger, which proves that no event was lost or
repeated. Where nothing else is said, all events came in the end. The test also writes this file:
` + "`go test ./web -run TestFaults -update`" + `.

*Our client* is the module of the transport in ` + "`web/static/transports`" + `. What the browser does by itself is said to be
Chromium's or EventSource's. SSE has two clients: the browser's own EventSource, which our module keeps an eye on, and one
of ours that reads the same stream by ` + "`fetch`" + `. To *resume* is to ask for what follows the last event that came: the
server replays it. A *watchdog* is the timer by which our clients give up a connection on which nothing came for a time,
no heartbeat either; it barks when that is over.

## At a glance

`
