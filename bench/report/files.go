package report

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"pushlab/bench/result"
)

// Formats returns the names of the forms in which a result can be written beside result.json.
func Formats() []string { return []string{"html", "csv", "md", "benchstat", "hgrm"} }

// CheckFormats tells which of some is not one of them.
func CheckFormats(formats []string) error {
	for _, format := range formats {
		if !slices.Contains(Formats(), format) {
			return fmt.Errorf("bench: unknown format %q; use %s", format, strings.Join(Formats(), ", "))
		}
	}
	return nil
}

// A File is a result in one form.
type File struct {
	// Name is its path, with slashes, from the folder of the result.
	Name    string
	Content []byte
}

// Files returns a result in some of the Formats.
func Files(r result.Result, formats []string) (files []File, err error) {
	single := map[string]struct {
		name  string
		write func(io.Writer, result.Result) error
	}{
		"html": {"report.html", HTML}, "csv": {"result.csv", CSV}, "md": {"result.md", Markdown}, "benchstat": {"result.txt", Benchstat},
	}
	if err := CheckFormats(formats); err != nil {
		return nil, err
	}
	for _, format := range formats {
		one, ok := single[format]
		if !ok {
			histograms, err := histograms(r)
			if err != nil {
				return nil, fmt.Errorf("bench: histograms: %w", err)
			}
			files = append(files, histograms...)
			continue
		}
		var b bytes.Buffer
		if err := one.write(&b, r); err != nil {
			return nil, fmt.Errorf("bench: %s: %w", one.name, err)
		}
		files = append(files, File{one.name, b.Bytes()})
	}
	return files, nil
}

// Write writes files below a folder. Whoever reads one of them never sees half of it.
func Write(dir string, files []File) error {
	for _, f := range files {
		if err := result.WriteFile(filepath.Join(dir, filepath.FromSlash(f.Name)), f.Content); err != nil {
			return err
		}
	}
	return nil
}

// histograms returns a file for each case and lane that has a distribution.
func histograms(r result.Result) (files []File, err error) {
	var names []string
	for _, o := range r.Outcomes {
		c := o.Case
		for _, d := range distributions(o, delivery) {
			parts := append([]string{c.ID, c.Name, fmt.Sprintf("%dx%sx%d", c.Subscribers, plain(c.Rate), c.Size)}, c.Traits()...)
			parts = append(parts, d.lane.Name())
			name := safe(strings.TrimPrefix(strings.Join(parts, "-"), "-"))
			for n := 2; slices.Contains(names, name); n++ { // the same case twice
				name = safe(strings.Join(parts, "-")) + fmt.Sprintf("-%d", n)
			}
			names = append(names, name)
			content, err := d.hgrm()
			if err != nil {
				return nil, err
			}
			files = append(files, File{"hgrm/" + name + ".hgrm", content})
		}
	}
	return files, nil
}

// safe returns a name that is one word for programs and one file for every system.
func safe(name string) string {
	s := strings.Trim(strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("._%", c):
			return c
		}
		return '-'
	}, name), "-.")
	if s == "" {
		return "unnamed"
	}
	return s[:min(len(s), 120)]
}
