package machine

import (
	"testing"
	"time"
)

func TestParseSchedstat(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"40519057 9391104 152\n": 40519057,
		"0 0 0\n":                0,
		"":                       -1,
		"12 13":                  -1,
		"-1 2 3":                 -1,
		"x 2 3":                  -1,
	} {
		got, err := parseSchedstat(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q gives %v (%v), not %v", text, got, err, want)
		}
	}
}

func TestParseStat(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"cpu  100 20 30 4000 500 1 2 3 99 9\ncpu0 1 1 1 1 1 1 1 1\n": 1560 * time.Millisecond,
		"cpu0 1 1 1 1 1 1 1 1\ncpu 1 1 1 9 9 1 1 1 1\n":              60 * time.Millisecond,
		"cpu 1 2 3":             -1,
		"cpu0 1 2 3 4 5 6 7 8":  -1,
		"cpu 1 2 3 4 5 6 7 x 9": -1,
		"":                      -1,
	} {
		got, err := parseStat(text, "cpu")
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q gives %v (%v), not %v", text, got, err, want)
		}
	}
}

func TestParseRollup(t *testing.T) {
	for text, want := range map[string]int64{
		"5654e265e000-7fffdd782000 ---p 00000000 00:00 0  [rollup]\nRss:                1848 kB\nPss: 458 kB\n": 1848 << 10,
		"Rss: x kB\n": -1,
		"Pss: 1 kB\n": -1,
		"":            -1,
	} {
		got, err := parseRollup(text)
		if err != nil {
			got = -1
		}
		if got != want {
			t.Errorf("%q gives %v (%v), not %v", text, got, err, want)
		}
	}
}

func TestParseOpenFiles(t *testing.T) {
	const limits = "Limit                     Soft Limit           Hard Limit           Units     \n" +
		"Max processes             96336                96336                processes \n" +
		"Max open files            1024                 unlimited            files     \n"
	if got := parseOpenFiles(limits); got != "1024/unlimited" {
		t.Errorf("the limit is %q", got)
	}
	if got := parseOpenFiles("nothing"); got != "" {
		t.Errorf("the limit is %q where there is none", got)
	}
}
