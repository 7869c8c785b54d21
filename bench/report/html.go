package report

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"pushlab/bench/result"
)

//go:generate go -C ../../tools run ./reportjs

//go:embed assets/report.js
var script string

//go:embed assets/report.css
var sheet string

//go:embed page/report.html
var pageText string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"inc":    func(i int) int { return i + 1 },
	"kinds":  func() []string { return []string{"bytes", "memory"} },
	"titled": func(d drawing, title string) drawing { d.Title = title; return d },
}).Parse(pageText))

// A page is what the template shows.
type page struct {
	Title       string
	Started     string
	Where       string
	Interrupted string
	Policy      string
	Sheet       template.CSS
	Script      template.JS
	Charts      map[string]chart
	Sections    []section
	Environment []pair
	Flags       []flag
	Command     string
	Raw         template.URL
	RawName     string
	Explanation []string
}

// A section is a part of the page. It is there if it has something to show.
type section struct {
	ID, Title string
	// How says how to read it.
	How   string
	Cases []caseView
	// Grid says that each case is one picture: they stand side by side, where there is room, and bear the cases' names.
	Grid bool
}

// A caseView is what a section shows of one case.
type caseView struct {
	Title    string
	Verdicts []verdictView
	LeftOut  string
	Tables   []tableView
	Figures  []drawing
	More     tableView // the numbers behind the verdicts
}

type verdictView struct{ Tone, Level, Text string }

// A drawing is a picture with its numbers in a table.
type drawing struct {
	ID      string // of its chart, which the script draws; "" if there is none
	Title   string // of its case, if there is no other picture of that
	Caption string
	Label   string // what those hear who do not see the picture
	Toggle  string // what else the script can draw
	Legend  []legendEntry
	Parts   []string // of the bars
	Kind    string   // of the bars: how their parts look
	Bars    []bar
	Notes   []string
	Table   tableView
}

type legendEntry struct {
	Name, Lane string
	Mark       int
	Note       string
}

// A tableView is a table for the page.
type tableView struct {
	Caption string
	Columns []columnView
	Rows    []rowView
}

type columnView struct {
	Name, Lane string
	Text       bool // it has words
}

type rowView struct {
	Name  string
	Cells []cellView
}

// A cellView is a number. Class is "best" if it is better than all others of its row, "tie" if it cannot be told from the
// best; Small is what it rests on.
type cellView struct{ Text, Small, Class string }

type pair struct{ Name, Value string }

// A flag is a condition under which the numbers are worth something.
type flag struct{ Name, Tone, Level, Text string }

// HTML writes one page that needs nothing beside it: verdicts, tables, pictures with their numbers, and the result itself.
// It can be read without its script, which draws the pictures.
func HTML(w io.Writer, r result.Result) error {
	raw, err := json.Marshal(r)
	if err != nil {
		return err
	}
	p := page{
		Title: pageTitle(r), Started: r.Started.UTC().Format("2006-01-02 15:04 UTC"), Where: where(r),
		Policy: "default-src 'none'; script-src " + hash(script) + "; style-src " + hash(sheet) + "; base-uri 'none'; form-action 'none'",
		Sheet:  template.CSS(sheet), Script: template.JS(script), // what the repository has, and its test knows
		Charts:      map[string]chart{},
		Environment: environment(r), Flags: flags(r), Command: r.Command,
		Raw: template.URL("data:application/json;base64," + base64.StdEncoding.EncodeToString(raw)), RawName: result.FileName,
		Explanation: sentences(explanation(r)),
	}
	if r.Interrupted {
		p.Interrupted = "Interrupted: " + untilThen + "."
	}
	for _, make := range []func(result.Result, map[string]chart) section{
		verdictSection, summarySection, latencySection, timeSection, bytesSection, sweepSection, capacitySection, memorySection, stormSection,
	} {
		if s := make(r, p.Charts); len(s.Cases) > 0 {
			s.Grid = !slices.ContainsFunc(s.Cases, func(c caseView) bool { return len(c.Figures) != 1 })
			p.Sections = append(p.Sections, s)
		}
	}
	return pageTemplate.Execute(w, p)
}

// hash returns what a policy calls a script or a style sheet that may be in the page.
func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// pageTitle names the scenarios.
func pageTitle(r result.Result) string {
	var names []string
	seen := map[string]bool{}
	for _, o := range r.Outcomes {
		if !seen[o.Case.Name] {
			seen[o.Case.Name] = true
			names = append(names, o.Case.Name)
		}
	}
	if len(names) == 0 {
		return "Nothing was measured"
	}
	return "Transports under load: " + strings.Join(names, ", ")
}

// sentences takes text apart that is wrapped for a terminal: a line that ends with a full stop ends a paragraph.
func sentences(text string) []string {
	return strings.Split(strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(text), ".\n", ".\x00"), "\n", " "), "\x00")
}

func verdictSection(r result.Result, _ map[string]chart) section {
	s := section{ID: "verdicts", Title: "Verdicts", How: "Failed: a server did not deliver every event once and in order. Not valid: the load was not what it should have been, " +
		"so the numbers must not be compared; of some, only those of the slowest deliveries. Ratios are of the same round, with their median and range."}
	tones := map[level]string{failed: "bad", notValid: "warn", tailInvalid: "warn", fine: "good", foremost: "plain", ratio: "plain", added: "plain", omitted: "plain", note: "plain"}
	if found, numbers := answers(r); len(found) > 0 {
		view := caseView{Title: claimsTitle}
		for _, a := range found {
			view.Verdicts = append(view.Verdicts, verdictView{"claim", a.verdict, a.text + "."})
		}
		view.More = numbers.view("Ratios of the same round")
		s.Cases = append(s.Cases, view)
	}
	for _, o := range r.Outcomes {
		view := caseView{Title: Title(o.Case)}
		for _, l := range verdicts(o) {
			view.Verdicts = append(view.Verdicts, verdictView{tones[l.level], string(l.level), l.text})
		}
		if n := len(o.Measurements); len(view.Verdicts) == 0 && n > 0 {
			view.Verdicts = append(view.Verdicts, verdictView{"good", string(fine), fmt.Sprintf("all %d measurements may be compared", n)})
		}
		if leavesOut(o) {
			view.LeftOut = leftOut
		}
		s.Cases = append(s.Cases, view)
	}
	if lines := growth(r); len(lines) > 0 {
		view := caseView{Title: "Growth: " + lines[0]}
		for _, l := range lines[1:] {
			view.Verdicts = append(view.Verdicts, verdictView{"plain", "GROWTH", l})
		}
		s.Cases = append(s.Cases, view)
	}
	return s
}

// shortTitle names a case where what it does has been said.
func shortTitle(c result.Case) string {
	words := []string{fmt.Sprintf("%d subscribers", c.Subscribers)}
	if c.Kind == result.FanOut {
		words = append(words, plain(c.Rate)+" events/s")
	}
	if c.Kind != result.Idle {
		words = append(words, fmt.Sprintf("%d bytes", c.Size))
	}
	words = append(words, c.Traits()...)
	return c.Name + ": " + strings.Join(words, ", ")
}

// view returns a table as the page shows it.
func (g *grid) view(caption string) tableView {
	t := tableView{Caption: caption, Columns: columns(g.columns()...)}
	for _, cells := range g.cells() {
		row := rowView{Name: cells[0]}
		for i, cell := range cells[1:] {
			one := cellView{Text: cell}
			if slices.Contains(g.words, i+2) {
				one.Class, t.Columns[i+1].Text = "text", true
			}
			row.Cells = append(row.Cells, one)
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// claimsTitle stands above what a run says to claims.
const claimsTitle = "What is often said, and what was found"

// environment lists what the numbers depend on.
func environment(r result.Result) (pairs []pair) {
	e := r.Environment
	add := func(name, value string) {
		if value != "" && value != "0" {
			pairs = append(pairs, pair{name, value})
		}
	}
	add("Started", r.Started.UTC().Format(time.RFC3339))
	add("Took", r.Elapsed.Round(time.Second).String())
	add("Processor", e.CPU)
	add("Cores", fmt.Sprint(e.Cores))
	add("System", strings.TrimSpace(e.OS+" "+e.Kernel+" "+e.Arch))
	add("Go", e.GoVersion)
	add("GOMAXPROCS", fmt.Sprint(e.GOMAXPROCS))
	add("GOGC", e.GOGC)
	add("GOMEMLIMIT", e.GOMEMLIMIT)
	add("Open files", e.OpenFiles)
	add("Load average before", fmt.Sprintf("%.2f", e.LoadAverage))
	if r.Pin != nil {
		add("Pinned", fmt.Sprintf("server to core %d, load to core %d", r.Pin.Server, r.Pin.Load))
	}
	add("Revision", revision(e))
	add("Seed of the order", fmt.Sprint(r.Seed))
	add("Schema", r.Schema)
	return pairs
}

// flags tells under which conditions the numbers were found that are worth comparing.
func flags(r result.Result) (all []flag) {
	measurements, count := 0, map[string]int{}
	for _, o := range r.Outcomes {
		for _, m := range o.Measurements {
			measurements++
			for name, broken := range map[string]bool{
				"failed": len(m.Verdict.Failed) > 0, "invalid": len(m.Verdict.Invalid) > 0, "tail": len(m.Verdict.Tail) > 0, "notes": len(m.Verdict.Notes) > 0,
			} {
				if broken {
					count[name]++
				}
			}
		}
	}
	add := func(name string, broken bool, bad, good string) {
		f := flag{name, "good", "OK", good}
		if broken {
			f.Tone, f.Level, f.Text = "bad", "BROKEN", bad
		}
		all = append(all, f)
	}
	of := func(n int) string { return fmt.Sprintf("not in %d of %d measurements", n, measurements) }
	add("Every event came once and in order", count["failed"] > 0, of(count["failed"]), "yes")
	add("The load kept its schedule", count["invalid"] > 0, of(count["invalid"]), "yes")
	add("It was late for none of the slowest deliveries", count["tail"] > 0, of(count["tail"]), "yes")
	if n := count["notes"]; n > 0 {
		all = append(all, flag{"Something is noted", "warn", "NOTED", fmt.Sprintf("of %d of %d measurements; see the verdicts", n, measurements)})
	}
	add("The run came to its end", r.Interrupted, "no: it was interrupted", "yes")
	add("Built from a revision that others have", r.Environment.Modified || r.Environment.Revision == "", "no: "+revision(r.Environment), "yes")
	idle := r.Environment.LoadAverage <= 0.25*float64(max(1, r.Environment.Cores))
	add("The machine was idle before", !idle, fmt.Sprintf("no: a load average of %.2f", r.Environment.LoadAverage), "yes")
	return all
}
