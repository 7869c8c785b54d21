package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"pushlab/bench/result"
)

// Every scenario of the program is a file that can be read, and writing it and reading that is the same.
func TestScenarioFiles(t *testing.T) {
	names := ScenarioNames()
	if len(names) < 9 {
		t.Errorf("there are only %q", names)
	}
	for _, name := range names {
		s, err := FindScenario(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if s.About == "" || s.Scale == "" || s.Validate() != nil {
			t.Errorf("%s does not say what it is about, or has no scale: %+v", name, s)
		}
		again, err := ReadScenario(name+".toml", s.AppendFile(nil))
		if diff := cmp.Diff(s, again); err != nil || diff != "" {
			t.Errorf("%s, %v, is not what was written (-) but (+):\n%s", name, err, diff)
		}
	}
	if _, err := FindScenario("pigeon"); err == nil || !strings.Contains(err.Error(), "s1-fanout") {
		t.Errorf("the error does not say which there are: %v", err)
	}
}

func TestScenarioByItsPath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mine.toml")
	const text = "subscribers = [3]\nrates = [0.5, 7]\nmeasure = \"20s\"\n"
	if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	got, err := FindScenario(file)
	want := Scenario{
		Name: "mine", Kind: result.FanOut, Targets: []string{"pushlab"}, Transports: result.Transports(), Rounds: 1,
		Subscribers: []int{3}, Rates: []float64{0.5, 7}, Sizes: []int{128},
		WarmUp: 2 * time.Second, Measure: 20 * time.Second, Drain: 5 * time.Second,
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v; what was expected (-) and came (+):\n%s", err, diff)
	}
	if text := string(got.AppendFile(nil)); text != "name = \"mine\"\nsubscribers = [3]\nrates = [0.5, 7.0]\nmeasure = \"20s\"\n" {
		t.Errorf("it is written as\n%s", text)
	}
	if _, err := FindScenario(filepath.Join(t.TempDir(), "none.toml")); err == nil {
		t.Error("a file that is not there was read")
	}
}

// An error names the file, the key, and what is expected.
func TestScenarioFileErrors(t *testing.T) {
	const fine = "subscribers = [1]\nrates = [1]\n"
	for text, says := range map[string][]string{
		fine + `colour = "red"`:                              {"colour is no key", "sizes", "warm_up"},
		fine + `rounds = "many"`:                             {"rounds: many", "a whole number is expected"},
		fine + `rounds = 1.5`:                                {"rounds: 1.5", "a whole number is expected"},
		fine + `rounds = 0`:                                  {"rounds: 0 rounds; use 1 to"},
		fine + `warm_up = 3`:                                 {"warm_up: 3", `a time such as "10s" is expected`},
		fine + `measure = "soon"`:                            {"measure: soon", `a time such as "10s" is expected`},
		fine + `measure = "-1s"`:                             {"measure: no event is due"},
		fine + `sizes = [1]`:                                 {"sizes: events with 1 bytes of data; use 16"},
		fine + `sizes = 100`:                                 {"sizes: 100", "a list in brackets, each of it a whole number"},
		fine + `sizes = [100, "x"]`:                          {"sizes: ", "a list in brackets, each of it a whole number"},
		fine + `kind = "party"`:                              {"kind: unknown kind of scenario \"party\""},
		fine + `kind = 7`:                                    {"kind: 7", "a text in quotes is expected"},
		fine + `again = "yes"`:                               {"again: yes", "true or false"},
		fine + `transports = ["pigeon"]`:                     {"transports: unknown transport \"pigeon\"; use longpoll"},
		fine + `data = ["poems"]`:                            {"data: unknown data \"poems\"; use random, json"},
		fine + `scale = "sizes"`:                             {"scale: \"sizes\"", "use subscribers or rates"},
		fine + "drain = \"1s\"\ndrain = \"2s\"":              {"line 4: "},
		"rates = [1]":                                        {"subscribers is missing; a list in brackets"},
		"subscribers = [1]":                                  {"rates is missing; a list in brackets"},
		"subscribers = [0]\nrates = [1]":                     {"subscribers: 0 subscribers; use 1 to 20000"},
		"subscribers = []\nrates = [1]":                      {"subscribers: ", "at least one number of subscribers"},
		"subscribers = [1]\nrates = [0]":                     {"rates: a rate of 0 events/s"},
		"subscribers = [1, 2]\nrates = [3]\npaired = true":   {"2 numbers of subscribers and 1 rates are no pairs"},
		fine + "compute_below = 2\nwatch = \"1s\"\nverify=3": {"3 events/s are not computed"},
	} {
		_, err := ReadScenario("dir/mine.toml", []byte(text))
		if err == nil {
			t.Errorf("%q is a scenario", text)
			continue
		}
		for _, what := range append(says, "the scenario dir/mine.toml: ") {
			if !strings.Contains(err.Error(), what) {
				t.Errorf("%q: the error should say %q: %v", text, what, err)
			}
		}
	}
}

func TestScale(t *testing.T) {
	s := mustFind("s1-fanout")
	for x, want := range map[float64][]int{1: {1, 10, 100, 1000, 5000}, 4: {4, 40, 400, 4000, 20_000}, 0.01: {1, 10, 50}} {
		scaled, err := s.Scaled(x)
		if diff := cmp.Diff(want, scaled.Subscribers); err != nil || diff != "" {
			t.Errorf("%v times, %v:\n%s", x, err, diff)
		}
	}
	if cost, err := mustFind("cost").Scaled(0.0001); err != nil || len(cost.Cases()) != 3 {
		t.Errorf("pairs do not stay pairs: %v, %+v", err, cost.Cases())
	}
	if sweep, err := mustFind("s6-payload").Scaled(2.5); err != nil || sweep.Rates[0] != 50 {
		t.Errorf("%v: %v", err, sweep.Rates)
	}
	none := s
	none.Scale = ""
	for text, of := range map[string]func() (Scenario, error){
		"the limit is 20000: use a scale of at most 4":   func() (Scenario, error) { return s.Scaled(5) },
		"the limit is 100000: use a scale of at most 10": func() (Scenario, error) { return mustFind("s4-sweep").Scaled(11) },
		"does not say what a scale multiplies":           func() (Scenario, error) { return none.Scaled(2) },
		"use a number above 0":                           func() (Scenario, error) { return s.Scaled(0) },
	} {
		if _, err := of(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%v should say %q", err, text)
		}
	}
}

// Of a sweep the lowest rates are computed, behind what they are computed from.
func TestSweepCases(t *testing.T) {
	var got []string
	for _, c := range mustFind("s4-sweep").Cases() {
		if c.Subscribers != 100 {
			continue
		}
		what := string(c.Kind)
		switch {
		case c.Computed:
			what = "computed"
		case c.Verifies:
			what = "verified"
		}
		got = append(got, what)
		if c.Kind == result.FanOut {
			got[len(got)-1] += " " + strings.TrimSuffix(time.Duration(1e9*c.Rate).String(), "s")
		}
	}
	// 10,000 events per second would be a million deliveries.
	want := []string{"idle", "fanout 1", "fanout 10", "fanout 1m40", "fanout 16m40", "verified 100m", "computed 10m", "computed 100m"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was expected (-) and came (+):\n%s", diff)
	}
}

// Whatever a file says, it is refused, or is a scenario that can be written again.
func FuzzReadScenario(f *testing.F) {
	for _, name := range ScenarioNames() {
		text, err := ScenarioText(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("subscribers = [[1]]\nrates = [nan, inf]\nabout = 1979-05-27\n[kind]\nx = {}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ReadScenario("x.toml", text)
		if err != nil {
			return
		}
		if again, err := ReadScenario("x.toml", s.AppendFile(nil)); err != nil || !cmp.Equal(s, again, cmpopts.EquateNaNs(), cmpopts.EquateEmpty()) {
			t.Errorf("%v: %s", err, s.AppendFile(nil))
		}
	})
}
