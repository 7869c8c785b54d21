package web_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/chromedp/chromedp"
)

// A faultRow is a fault, and what a browser shows of it on each lane.
type faultRow struct {
	name  string // of its test
	title string
	does  string // what the fault is, and how it is made
	faultSetting
	tolerated []string // what the console may complain of, since the fault makes it
	// strike makes the fault happen, on one lane or all, and notes what is seen only on the way.
	strike func(l *learner, lane string)
	cells  []faultCell
}

// A faultCell is a claim, and its proof.
type faultCell struct {
	lane   string
	client string // not the usual one: the fault is made to happen once more
	brief  string // the same in a few words
	says   string
	check  func(s *sight)
	lost   bool // some events are gone for good, which the lane was told: the check says which
}

// errors of the network are what most faults are there for.
const (
	networkErrors = "net::ERR_"
	socketErrors  = "WebSocket connection to"
	badStatus     = "the server responded with a status of"
)

// A faultGroup has something in common. The panel on the page has them, too.
type faultGroup struct {
	title string
	rows  []faultRow
}

// faultGroups are all faults.
func faultGroups() []faultGroup {
	return []faultGroup{
		{"Connections end", []faultRow{cutByFIN(), cutByRST(), restartLost(), restartKept(), idleTimeout()}},
		{"Silence", []faultRow{blackHole(), stalledClient(), offline()}},
		{"Something in the middle", []faultRow{imitatedBuffer(), realNginx(), badGateway(), wrongType(), noContent()}},
		{"The line and the browser", []faultRow{splitBytes(), sevenStreams(), hiddenTab()}},
	}
}

// TestFaults breaks each lane in each way, as a learner does by the controls of the teaching page, and looks whether
// Chromium shows what docs/faults.md says. With -update it writes that file.
func TestFaults(t *testing.T) {
	t.Parallel()
	browser := startChromium(t,
		chromedp.IgnoreCertErrors, // of the port for HTTP/2
		// A tab that nobody sees must be treated as one.
		chromedp.Flag("disable-background-timer-throttling", false),
		chromedp.Flag("disable-backgrounding-occluded-windows", false),
		chromedp.Flag("disable-renderer-backgrounding", false),
	)
	groups := faultGroups()
	var open atomic.Int32 // rows that are not proven
	t.Cleanup(func() { checkFaultDocument(t, groups, open.Load() == 0) })
	for _, group := range groups {
		open.Add(int32(len(group.rows)))
		for _, row := range group.rows {
			t.Run(row.name, func(t *testing.T) {
				t.Parallel()
				row.run(t, browser)
				if !t.Failed() {
					open.Add(-1)
				}
			})
		}
	}
}

// run has the fault happen on all lanes of a page, looks at each of them, and whether it is as before afterwards.
func (r faultRow) run(t *testing.T, browser context.Context) {
	l := learn(t, browser, r.faultSetting, r.tolerated...)
	if r.strike != nil {
		r.strike(l, "all")
	}
	for _, cell := range r.cells {
		name := cell.lane
		if cell.client != "" {
			name += "-" + cell.client
		}
		passed := t.Run(name, func(t *testing.T) {
			here := *l // what this one breaks is not what the others look for
			here.page = &page{Page: l.Page.For(t), t: t, ctx: l.ctx}
			s := &sight{learner: &here, lane: cell.lane}
			if cell.client != "" {
				here.use(cell.client)
				r.strike(&here, cell.lane)
			}
			cell.check(s)
			here.step(1)
			here.proven(cell.lane)
			if e := s.look(cell.lane); !cell.lost && e.Ledger.Gaps > 0 {
				t.Errorf("there was a gap\n%v", e)
			}
		})
		if !passed {
			return // what follows would begin from something else
		}
	}
}
