package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"html/template"
	"io"
	"slices"
	"strings"

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
	"kinds":  func() []string { return []string{"bytes", "memory"} },
	"titled": func(d drawing, title string) drawing { d.Title = title; return d },
}).Parse(pageText))

// A page is what the template shows.
type page struct {
	Title       string
	Intro       []string
	Interrupted string
	Policy      string
	Sheet       template.CSS
	Script      template.JS
	Charts      map[string]chart
	Sections    []section
	Conditions  []pair
	Environment []pair
	Machines    tableView // likewise, of two results
	Flags       []flag
	Broken      int
	Busy        []tableView
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
	// Folded says that there are so many cases that each is opened by who wants to see it.
	Folded bool
}

// A caseView is what a section shows of one case.
type caseView struct {
	Title    string
	Verdicts []verdictView
	Notes    []verdictView // of which there are too many to be read by everybody
	LeftOut  string
	Tables   []tableView
	Figures  []drawing
	More     tableView // the numbers behind the verdicts
	// Choices are pictures of which a reader may want to see one at a time; Choosing says what is chosen.
	Choosing string
	Choices  []choice
}

// A choice is what belongs to one value of what is chosen.
type choice struct {
	Name    string
	Figures []drawing
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
	Parts   []barPart // of the bars
	Kind    string    // of the bars: how their parts look
	Unit    string    // of the bars
	Bars    []bar
	Strips  []strip
	Moments []moment   // of the strips
	Keys    []stripKey // likewise
	Notes   []string
	Table   tableView
}

type legendEntry struct {
	Name, Lane string
	Mark       int
	Note       string
}

type pair struct{ Name, Value string }

// A flag is a condition under which the numbers are worth something.
type flag struct{ Name, Tone, Level, Text string }

// packed returns a result as it is downloaded from the page. As text it would be most of the page.
func packed(r result.Result) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(r); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

// HTML writes one page that needs nothing beside it: verdicts, tables, pictures with their numbers, and the result itself.
// It can be read without its script, which draws the pictures.
func HTML(w io.Writer, r result.Result) error {
	raw, err := packed(r)
	if err != nil {
		return err
	}
	p := page{
		Title: pageTitle(r), Intro: []string{r.Started.UTC().Format("2006-01-02 15:04 UTC") + ". " + where(r) + "."}, Charts: map[string]chart{},
		Conditions: conditions(r), Environment: environment(r), Flags: flags(r), Busy: busy(r), Command: r.Command,
		Raw: template.URL("data:application/gzip;base64," + base64.StdEncoding.EncodeToString(raw)), RawName: result.FileName + ".gz",
		Explanation: sentences(explanation(r)),
	}
	if r.Interrupted {
		p.Interrupted = "Interrupted: " + untilThen + "."
	}
	for _, make := range []func(result.Result, map[string]chart) section{
		verdictSection, summarySection, latencySection, timeSection, bytesSection, sweepSection, capacitySection, memorySection, stormSection, betweenSection, numbersSection,
	} {
		p.add(make(r, p.Charts))
	}
	return p.write(w)
}

// add adds sections, if they have something to show.
func (p *page) add(sections ...section) {
	for _, s := range sections {
		if len(s.Cases) > 0 {
			s.Folded = s.Folded || s.ID == "time" && len(s.Cases) > maxOpen
			s.Grid = !s.Folded && !slices.ContainsFunc(s.Cases, func(c caseView) bool { return len(c.Figures) != 1 })
			p.Sections = append(p.Sections, s)
		}
	}
}

// write writes the page, with what it is drawn by.
func (p page) write(w io.Writer) error {
	p.Policy = "default-src 'none'; script-src " + hash(script) + "; style-src " + hash(sheet) + "; base-uri 'none'; form-action 'none'"
	p.Sheet, p.Script = template.CSS(sheet), template.JS(script) // what the repository has, and its test knows
	for _, f := range p.Flags {
		if f.Tone == "bad" {
			p.Broken++
		}
	}
	return pageTemplate.Execute(w, p)
}

// maxOpen is how many pictures over time may be open when the page is: one has a row for each lane.
const maxOpen = 6

// hash returns what a policy calls a script or a style sheet that may be in the page.
func hash(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// pageTitle names the scenarios.
func pageTitle(r result.Result) string {
	names := scenarios(r)
	if len(names) == 0 {
		return "Nothing was measured"
	}
	return "Transports under load: " + strings.Join(names, ", ")
}

// scenarios returns the names of a result's scenarios, each once.
func scenarios(r result.Result) (names []string) {
	for _, o := range r.Outcomes {
		if !slices.Contains(names, o.Case.Name) {
			names = append(names, o.Case.Name)
		}
	}
	return names
}

// sentences takes text apart that is wrapped for a terminal: a line that ends with a full stop ends a paragraph.
func sentences(text string) []string {
	return strings.Split(strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(text), ".\n", ".\x00"), "\n", " "), "\x00")
}
