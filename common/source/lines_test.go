package source

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// cut is what lines made of an input.
type cut struct {
	Lines   []string
	Skipped []int64
}

// cutInto writes the parts and returns what became of them.
func cutInto(limit int, parts []string) (cut, error) {
	var got cut
	l := &lines{
		limit:   limit,
		each:    func(line []byte) error { got.Lines = append(got.Lines, string(line)); return nil },
		skipped: func(length int64) { got.Skipped = append(got.Skipped, length) },
	}
	for _, part := range parts {
		if n, err := l.Write([]byte(part)); n != len(part) || err != nil {
			return got, errors.New("a write was cut short")
		}
	}
	return got, l.Flush()
}

func TestLines(t *testing.T) {
	for _, tt := range []struct {
		name  string
		input string
		want  cut
	}{
		{"nothing", "", cut{}},
		{"a line", "a\n", cut{Lines: []string{"a"}}},
		{"no line feed at the end", "a\nb", cut{Lines: []string{"a", "b"}}},
		{"empty lines", "\n\na\n", cut{Lines: []string{"", "", "a"}}},
		{"carriage returns stay", "a\r\nb\r", cut{Lines: []string{"a\r", "b\r"}}},
		{"as long as the limit", "12345678\n", cut{Lines: []string{"12345678"}}},
		{"longer", "123456789\nb\n", cut{Lines: []string{"b"}, Skipped: []int64{9}}},
		{"longer at the end", "a\n123456789", cut{Lines: []string{"a"}, Skipped: []int64{9}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := cutInto(8, []string{tt.input})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Any split of the input gives the same lines, and those are the obvious ones.
func TestLinesAnySplit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(0, 12).Draw(t, "limit")
		parts := rapid.SliceOf(rapid.StringOfN(rapid.SampledFrom([]rune("ab\r\n\nü")), 0, 20, -1)).Draw(t, "parts")

		var want cut
		all := strings.Split(strings.Join(parts, ""), "\n")
		if all[len(all)-1] == "" {
			all = all[:len(all)-1]
		}
		for _, line := range all {
			if len(line) > limit {
				want.Skipped = append(want.Skipped, int64(len(line)))
			} else {
				want.Lines = append(want.Lines, line)
			}
		}
		got, err := cutInto(limit, parts)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestLinesError(t *testing.T) {
	refused := errors.New("refused")
	l := &lines{limit: 8, each: func([]byte) error { return refused }}
	if n, err := l.Write([]byte("ab\ncd\n")); n != 3 || !errors.Is(err, refused) {
		t.Errorf("Write = %d, %v, want 3 bytes and %v", n, err, refused)
	}
	l.Write([]byte("ef"))
	if err := l.Flush(); !errors.Is(err, refused) {
		t.Errorf("Flush = %v, want %v", err, refused)
	}
}

// However long a line is, no more than the limit is held of it.
func TestLinesHoldNoMoreThanTheLimit(t *testing.T) {
	var skipped int64
	l := &lines{limit: 100, skipped: func(length int64) { skipped = length }}
	for range 1000 {
		l.Write(make([]byte, 64))
	}
	if len(l.held) > 100 {
		t.Errorf("held %d bytes", len(l.held))
	}
	l.Flush()
	if skipped != 64_000 {
		t.Errorf("skipped %d bytes, want 64000", skipped)
	}
}
