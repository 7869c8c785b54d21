package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"pushlab/bench/result"
)

// A script is a run that is told event by event.
type script struct {
	view liveView
	at   time.Duration
	log  []string
	lane result.Lane
	c    int
	n    int // round
}

func (s *script) tell(after time.Duration, e result.Event) {
	s.at += after
	e.At = s.at
	if e.Kind != result.PlanKnown && e.Kind != result.NoiseFound && e.Kind != result.RunEnds {
		lane := s.lane
		e.Case, e.Round, e.Lane = s.c, s.n, &lane
	}
	s.view.take(e)
	if line := s.view.line(e); line != "" {
		s.log = append(s.log, line)
	}
}

// begin begins a lane, and goes on until it is measured.
func (s *script) begin(c result.Case, lane result.Lane, round int) {
	s.lane, s.n = lane, round
	s.tell(0, result.Event{Kind: result.LaneBegins})
	for _, p := range []result.Phase{
		{Name: result.Starting, Text: "starting a server", Takes: 400 * time.Millisecond},
		{Name: result.Connecting, Text: "connecting 1000 subscribers", Takes: 100 * time.Millisecond},
		{Name: result.WarmingUp, Text: "warming up with 20 events", Takes: c.WarmUp, Rate: c.Rate, Events: 20},
		{Name: result.Measuring, Text: "measuring 100 events in 10s", Takes: c.Measure, Rate: c.Rate, Events: 100},
	} {
		s.tell(200*time.Millisecond, result.Event{Kind: result.PhaseBegins, Phase: &p})
	}
}

// reading is told a second after what was before; slow is how slow the deliveries were.
func (s *script) reading(c result.Case, slow time.Duration, missing int64) {
	s.tell(time.Second, result.Event{Kind: result.ReadingMade, Reading: &result.Reading{
		Phase: result.Measuring, Into: time.Second, Took: time.Second, Subscribers: c.Subscribers, Connected: c.Subscribers, Rate: c.Rate,
		Published: int64(c.Rate), Delivered: int64(c.Rate) * int64(c.Subscribers), P50: slow / 2, P99: slow, P999: slow * 2, Max: slow * 3, Missing: missing,
		BytesDown: int64(c.Rate) * int64(c.Subscribers) * 202, ServerCPU: 110 * time.Millisecond, LoadCPU: 80 * time.Millisecond,
		Empty: 20 << 20, Resident: 24 << 20,
	}})
}

func (s *script) end(m result.Measurement) {
	m.Lane, m.Round = s.lane, s.n
	s.tell(100*time.Millisecond, result.Event{Kind: result.LaneEnds, Measurement: &m})
}

// inTheMiddle is a run of two cases that is somewhere in its first.
func inTheMiddle() *script {
	c := result.Case{
		Name: "cost", Kind: result.FanOut, Targets: []string{"floor", "pushlab"}, Transports: []string{"sse", "websocket"}, Rounds: 2,
		Subscribers: 1000, Rate: 10, Size: 128, WarmUp: 2 * time.Second, Measure: 10 * time.Second, Drain: 5 * time.Second,
	}
	lanes := []result.Lane{{Target: "floor", Transport: "sse"}, {Target: "floor", Transport: "websocket"}, {Target: "pushlab", Transport: "sse"}, {Target: "pushlab", Transport: "websocket"}}
	each := 12600 * time.Millisecond
	s := &script{}
	s.tell(0, result.Event{Kind: result.PlanKnown, Plan: &result.Plan{
		Cases: []result.Case{c, c}, Lanes: [][]result.Lane{lanes, lanes}, Each: []time.Duration{each, each}, Estimate: 16 * each,
	}})
	s.tell(0, result.Event{Kind: result.NoiseFound, Noise: &result.Latency{Count: 1000, P50: 60 * time.Microsecond, P999: 190 * time.Microsecond, Max: 210 * time.Microsecond}})
	fine := result.Measurement{
		Planned: 100, Published: 100, Acknowledged: 100, PublishRate: 10, Expected: 100_000, Delivered: 100_000, BytesDown: 20_200_000, Window: 10 * time.Second,
		ServerCPU: 900 * time.Millisecond, LoadCPU: 800 * time.Millisecond,
		Delivery: result.Latency{Count: 100_000, P50: 4 * time.Millisecond, P99: 9 * time.Millisecond, P999: 12 * time.Millisecond, Max: 14 * time.Millisecond},
	}
	s.begin(c, lanes[0], 1)
	for i := range 10 {
		s.reading(c, time.Duration(5+i%3)*time.Millisecond, 0)
	}
	s.end(fine)
	s.begin(c, lanes[3], 1)
	for i := range 10 {
		s.reading(c, time.Duration(9+i*i)*time.Millisecond, int64(i/9))
	}
	failed := fine
	failed.Lost, failed.Delivered, failed.Verdict.Failed = 1, 99_999, []string{"deliveries lost: 1 of 100000"}
	s.end(failed)
	s.begin(c, lanes[2], 1)
	for i := range 4 {
		s.reading(c, time.Duration(8-i)*time.Millisecond, 0)
	}
	s.tell(0, result.Event{Kind: result.NoteMade, Note: "something to know"})
	return s
}

// goldenText compares with a file in testdata, which -update writes anew.
func goldenText(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not what came; if that is right, run the test with -update:\n%s", path, got)
	}
}

func TestLiveFrames(t *testing.T) {
	s := inTheMiddle()
	for _, width := range []int{80, 120, 160} {
		lines := s.view.frame(width, 24, s.at+500*time.Millisecond)
		for _, line := range lines {
			if n := utf8.RuneCountInString(line); n > width {
				t.Errorf("%d columns in a terminal of %d: %q", n, width, line)
			}
		}
		goldenText(t, fmt.Sprintf("live-%d.txt", width), strings.Join(lines, "\n")+"\n")
	}
}

// Colors change nothing but the colors.
func TestLiveFrameWithColors(t *testing.T) {
	s := inTheMiddle()
	plain := strings.Join(s.view.frame(100, 24, s.at), "\n")
	s.view.color = true
	colored := strings.Join(s.view.frame(100, 24, s.at), "\n")
	if got := regexp.MustCompile("\x1b\\[[0-9;]*m").ReplaceAllString(colored, ""); got == colored || strings.ReplaceAll(got, " ", "") != strings.ReplaceAll(plain, " ", "") {
		t.Errorf("the frame in color is:\n%s", got)
	}
}

// However small the terminal is, the frame fits, and shows the lane that is measured as long as there is room.
func TestLiveFramesFit(t *testing.T) {
	s := inTheMiddle()
	s.view.ending = true
	for height := 1; height < 30; height++ {
		for _, width := range []int{1, 10, 39, 79, 200} {
			lines := s.view.frame(width, height, s.at)
			if len(lines) > max(1, height-1) {
				t.Errorf("%d lines in a terminal of %d", len(lines), height)
			}
			for _, line := range lines {
				if n := utf8.RuneCountInString(line); n > width {
					t.Errorf("%d columns in a terminal of %d: %q", n, width, line)
				}
			}
			if all := strings.Join(lines, "\n"); height >= 6 && width > 30 && !strings.Contains(all, "▶ pushlab sse") {
				t.Errorf("at %d by %d the lane is not shown:\n%s", width, height, all)
			}
		}
	}
}

// A run that has said nothing yet, and one between two lanes.
func TestLiveFramesAtTheEdges(t *testing.T) {
	if lines := new(liveView).frame(80, 24, 0); len(lines) != 1 {
		t.Errorf("%q", lines)
	}
	s := inTheMiddle()
	s.end(result.Measurement{Error: "it ended"})
	if all := strings.Join(s.view.frame(80, 24, s.at), "\n"); strings.Contains(all, "▶") {
		t.Errorf("a lane is measured:\n%s", all)
	}
	s.lane = result.Lane{Target: "pushlab", Transport: "sse"}
	s.tell(0, result.Event{Kind: result.LaneBegins})
	if all := strings.Join(s.view.frame(80, 24, s.at), "\n"); !strings.Contains(all, "▶") {
		t.Errorf("no lane is measured:\n%s", all)
	}
}

// Where there is no terminal each reading is a line.
func TestLiveLines(t *testing.T) {
	s := inTheMiddle()
	s.tell(0, result.Event{Kind: result.PhaseBegins, Phase: &result.Phase{Text: "dropping all"}})
	s.tell(0, result.Event{Kind: result.RunEnds})
	goldenText(t, "live-lines.txt", strings.Join(s.log, "\n")+"\n")
}

// What is left is as much more or less than planned as what has passed was.
func TestLiveTimeLeft(t *testing.T) {
	s := inTheMiddle()
	s.view.planned, s.view.passed = 10*time.Second, 20*time.Second
	s.view.plan.Estimate = 50 * time.Second
	s.view.row = nil
	if left := s.view.left(s.at); left != 80*time.Second {
		t.Errorf("%v are left", left)
	}
}

// A frame is drawn over the one before, in one write that leaves the terminal as it was; when the size has changed,
// on an empty screen.
func TestScreenDraws(t *testing.T) {
	script := inTheMiddle()
	var writes recordedWrites
	width := 80
	s := &liveScreen{out: &writes, size: func() (int, int) { return width, 24 }, view: script.view, began: time.Now()}
	s.draw()
	s.draw()
	width = 70
	s.draw()
	s.erase()
	if len(writes) != 4 {
		t.Fatalf("%d writes", len(writes))
	}
	lines := strings.Count(writes[0], "\n")
	up := fmt.Sprintf("\r\x1b[%dA", lines)
	for i, want := range []string{"\r", up, eraseAll} {
		text, ok := strings.CutPrefix(writes[i], hideCursor+wrapOff+want)
		if !ok || !strings.HasSuffix(text, eraseBelow+wrapOn+showCursor) || !strings.Contains(text, "▶ pushlab sse") {
			t.Errorf("frame %d is %q", i, writes[i])
		}
	}
	if writes[3] != up+eraseBelow {
		t.Errorf("the end is %q", writes[3])
	}
}

type recordedWrites []string

func (w *recordedWrites) Write(p []byte) (int, error) {
	*w = append(*w, string(p))
	return len(p), nil
}
