package source

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a:b")
	for _, name := range []string{file, file + ":2"} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var asked string
	env := Env{
		Stdin: strings.NewReader(""),
		SSE:   func(url string) (Source, error) { asked = url; return foreign{}, nil },
	}
	for _, spec := range []string{
		"clock", "clock:1ms", "clock:1h", "host", "host:100ms", "-", "none",
		"tail:" + file, "tail:" + filepath.Join(dir, "not", "yet"),
		"replay:" + file, "replay:" + file + ":max", "replay:" + file + ":0.5", "replay:" + file + ":2:1",
		"load", "load:rate=0.5", "load:rate=1e6,size=64,topics=10000", "load:size=1048576",
		"sse:http://localhost:8080/sse", "sse:https://example.org/?topic=a",
	} {
		if _, err := Parse(spec, env); err != nil {
			t.Errorf("Parse(%q): %v", spec, err)
		}
	}
	if want := "https://example.org/?topic=a"; asked != want {
		t.Errorf("asked for the source of %q, want %q", asked, want)
	}
}

func TestParseErrors(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	refused := errors.New("not today")
	full := Env{Stdin: strings.NewReader(""), SSE: func(string) (Source, error) { return nil, refused }}
	for _, tt := range []struct {
		spec string
		env  Env
		want string // every error has to say what to do
	}{
		{"", full, Forms},
		{"Clock", full, Forms},
		{"clocks", full, Forms},
		{"-:x", full, Forms},
		{"none:", full, Forms},
		{"kafka:localhost", full, Forms},
		{"clock:", full, "such as 500ms"},
		{"clock:5", full, "such as 500ms"},
		{"clock:soon", full, "such as 500ms"},
		{"clock:-1s", full, "at least 1ms"},
		{"clock:0s", full, "at least 1ms"},
		{"host:99ms", full, "at least 100ms"},
		{"-", Env{}, "no standard input"},
		{"tail", full, "name a file"},
		{"tail:", full, "name a file"},
		{"tail:" + dir, full, "not a regular file"},
		{"tail:" + filepath.Join(file, "x"), full, "not a directory"},
		{"tail:a\x00b", full, "invalid argument"},
		{"replay", full, "name a file"},
		{"replay::2", full, "name a file"},
		{"replay:" + dir, full, "not a regular file"},
		{"replay:" + filepath.Join(dir, "missing"), full, "pushlab sub URL > FILE"},
		{"replay:" + file + ":fast", full, "no such file"},
		{"replay:" + file + ":0", full, "from 0.001"},
		{"replay:" + file + ":1000001", full, "or max"},
		{"sse", full, "absolute URL"},
		{"sse:", full, "absolute URL"},
		{"sse:localhost:8080", full, "absolute URL"},
		{"sse:ftp://localhost", full, "absolute URL"},
		{"sse:http://", full, "absolute URL"},
		{"sse:http://localhost", Env{}, "use another source"},
		{"sse:http://localhost", full, refused.Error()},
		{"load:", full, "rate=, size="},
		{"load:rate", full, "such as rate=10"},
		{"load:rate=0", full, "from 0.001 to 1000000"},
		{"load:rate=NaN", full, "from 0.001 to 1000000"},
		{"load:rate=Inf", full, "from 0.001 to 1000000"},
		{"load:rate=1e7", full, "from 0.001 to 1000000"},
		{"load:rate=1,rate=2", full, "keep one"},
		{"load:size=63", full, "from 64 to 1048576"},
		{"load:size=1MiB", full, "from 64 to 1048576"},
		{"load:size=1048577", full, "from 64 to 1048576"},
		{"load:topics=0", full, "from 1 to 10000"},
		{"load:topics=10001", full, "from 1 to 10000"},
		{"load:rate=1,", full, "unknown option"},
		{"load:burst=3", full, "unknown option"},
	} {
		src, err := Parse(tt.spec, tt.env)
		if err == nil {
			t.Errorf("Parse(%q) = %v, want an error", tt.spec, src)
			continue
		}
		if !strings.HasPrefix(err.Error(), "source: ") || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Parse(%q):\n got %q\nwant \"source: …%s…\"", tt.spec, err, tt.want)
		}
	}
	if _, err := Parse("replay:"+filepath.Join(dir, "missing"), full); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v does not wrap %v", err, fs.ErrNotExist)
	}
	if _, err := Parse("sse:http://localhost", full); !errors.Is(err, refused) {
		t.Errorf("%v does not wrap %v", err, refused)
	}
}

// What errors and logs call a source does not hold the secrets of its URL.
func TestParseKeepsSecrets(t *testing.T) {
	for _, spec := range []string{
		"sse:https://user:secret@example.org/sse?token=secret#secret",
		"sse:ftp://user:secret@example.org",
		"sse:http://user:secret@example.org:port",
	} {
		_, err := Parse(spec, Env{})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("Parse(%q): %v", spec, err)
		}
	}
	if got, want := name("sse:https://user:secret@example.org/sse?token=secret"), "sse:https://example.org/sse"; got != want {
		t.Errorf("name = %q, want %q", got, want)
	}
}

func TestParseInterval(t *testing.T) {
	if d, err := parseInterval("", false, time.Millisecond); d != time.Second || err != nil {
		t.Errorf("the default is %v, %v, want 1s", d, err)
	}
	if d, err := parseInterval("1m30s", true, time.Millisecond); d != 90*time.Second || err != nil {
		t.Errorf("1m30s = %v, %v", d, err)
	}
}

func TestParseSpeed(t *testing.T) {
	type result struct {
		Speed float64
		OK    bool
	}
	for s, want := range map[string]result{
		"2": {2, true}, "0.5": {0.5, true}, ".5": {0.5, true}, "max": {math.Inf(1), true}, "0": {0, true},
		"": {}, ".": {}, "1.2.3": {}, "-1": {}, "+1": {}, "1e3": {}, "inf": {}, "nan": {}, "0x1p4": {}, "1_0": {}, "MAX": {}, "2x": {},
	} {
		speed, ok := parseSpeed(s)
		if diff := cmp.Diff(want, result{speed, ok}); diff != "" {
			t.Errorf("parseSpeed(%q) (-want +got):\n%s", s, diff)
		}
	}
}

// Whatever a user types, the answer is a source or a clear error.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", ":", "-", "none", "clock", "clock:1s", "host:", "tail:", "tail:/", "replay:/dev/null:2",
		"sse:http://[::1]/", "sse:%", "load:rate=1,size=64,topics=2", "load:,=,", "\x00", "clock:\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, spec string) {
		src, err := Parse(spec, Env{SSE: func(string) (Source, error) { return foreign{}, nil }})
		if (src == nil) != (err != nil) {
			t.Fatalf("Parse(%q) = %v, %v, want either", spec, src, err)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "source: ") {
			t.Fatalf("Parse(%q): %q does not begin with the package's name", spec, err)
		}
	})
}
