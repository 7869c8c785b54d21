package deploy

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/proxies"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

var (
	all    = flag.Bool("all", false, "measure all proxies, and not nginx alone")
	update = flag.Bool("update", false, "with -all, write the table in docs/proxies.md")
)

const tableFile = "../docs/proxies.md"

// The table stands between these lines.
const tableBegin, tableEnd = "<!-- begin of what `make proxies` writes -->\n", "<!-- end of what `make proxies` writes -->\n"

const tableHead = `| Proxy | Configuration | Transport | First byte | Events | If the server is silent | If it has heartbeats | While it is away | Resumes |
|---|---|---|---|---|---|---|---|---|
`

var transportTitle = map[string]string{longpoll.Name: "Long polling", httpstream.Name: "HTTP streaming", sse.Name: "SSE", websocket.Name: "WebSocket"}

// rowKey begins the row of a setting and a transport.
func rowKey(s setting, transport string) string {
	return fmt.Sprintf("| %s | %s | %s |", title[s.kind], s.name, transportTitle[transport])
}

// row is such a row.
func row(s setting, transport string, c cell) string {
	return fmt.Sprintf("%s %s | %s | %s | %s | %s | %s |\n", rowKey(s, transport), c.first, c.events, c.silent, c.beats, c.away, c.resumes)
}

// TestMatrix measures what proxies do to the transports: nginx, and with -all the others. It must be what the table says;
// and what is recommended must do no harm.
func TestMatrix(t *testing.T) {
	measured := settings()
	if !*all { // the one that is ignored takes long, since nothing comes
		measured = slices.DeleteFunc(measured, func(s setting) bool { return s.kind != proxies.Nginx || s.name == deaf })
	}
	var mu sync.Mutex
	rows := map[string]string{}
	t.Run("proxies", func(t *testing.T) { // which returns when all have
		for _, s := range measured {
			t.Run(string(s.kind)+", "+s.name, func(t *testing.T) {
				t.Parallel()
				cells := measure(t, s)
				for _, transport := range transports {
					c := cells[transport]
					mu.Lock()
					rows[rowKey(s, transport)] = row(s, transport, c)
					mu.Unlock()
					if s.shipped && (c.first != atOnce || c.events != atOnce || c.resumes != yes || transport != longpoll.Name && c.beats != kept) {
						t.Errorf("%s: with the configuration that is recommended it came to %+v", transport, c)
					}
				}
			})
		}
	})
	if *update && *all && !t.Failed() {
		writeTable(t, rows)
	}
	for key, got := range rows {
		if want := tableRow(t, key); got != want {
			t.Errorf("%s says otherwise; `make proxies` writes it:\ngot  %swant %s", tableFile, got, want)
		}
	}
}

// TestTable: the file has the rows that there are, in their order, and no others.
func TestTable(t *testing.T) {
	var want, got []string
	for _, s := range settings() {
		for _, transport := range transports {
			want = append(want, rowKey(s, transport))
		}
	}
	_, table, _ := document(t)
	if !strings.Contains(table, tableHead) {
		t.Errorf("the table has another head than\n%s", tableHead)
	}
	for line := range strings.Lines(table) {
		if cells := strings.Split(line, " | "); len(cells) == 9 && !strings.HasPrefix(tableHead, line) {
			got = append(got, strings.Join(cells[:3], " | ")+" |")
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s has not the rows that there are; `make proxies` writes it (-want +got):\n%s", tableFile, diff)
	}
}

// document returns the file in three parts, of which the second is the table.
func document(t *testing.T) (before, table, after string) {
	t.Helper()
	text, err := os.ReadFile(tableFile)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(text), tableBegin)
	table, after, ok2 := strings.Cut(rest, tableEnd)
	if !ok || !ok2 {
		t.Fatalf("%s has not the lines that the table stands between:\n%s%s", tableFile, tableBegin, tableEnd)
	}
	return before, table, after
}

// tableRow returns the row of the file that begins so.
func tableRow(t *testing.T, key string) string {
	t.Helper()
	_, table, _ := document(t)
	for line := range strings.Lines(table) {
		if strings.HasPrefix(line, key) {
			return line
		}
	}
	return "nothing\n"
}

// writeTable writes what was measured.
func writeTable(t *testing.T, rows map[string]string) {
	t.Helper()
	before, _, after := document(t)
	var versions []string
	for _, kind := range proxies.Kinds() {
		_, version := proxies.Find(kind)
		versions = append(versions, title[kind]+" "+version)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s%sMeasured with %s.\n\n%s", before, tableBegin, strings.Join(versions, ", "), tableHead)
	for _, s := range settings() {
		for _, transport := range transports {
			b.WriteString(rows[rowKey(s, transport)])
		}
	}
	b.WriteString(tableEnd + after)
	if err := os.WriteFile(tableFile, []byte(b.String()), 0o644); err != nil {
		t.Error(err)
	}
}
