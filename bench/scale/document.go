package main

import (
	"fmt"
	"os"
	"strings"
)

// A place is where something is written in a document: between two lines.
type place struct{ begin, end string }

// The places in docs/scale.md.
var (
	results   = place{"<!-- make scale writes what follows -->\n", "<!-- make scale writes what is above -->\n"}
	sensitive = place{"<!-- make scale writes the effects that follow -->\n", "<!-- make scale writes the effects above -->\n"}
	measured  = place{"<!-- make scale-nodes writes what follows -->\n", "<!-- make scale-nodes writes what is above -->\n"}
)

// cut returns what is before a place, in it, and after it, its lines left out.
func (p place) cut(text string) (before, inside, after string, ok bool) {
	before, rest, begins := strings.Cut(text, p.begin)
	inside, after, ends := strings.Cut(rest, p.end)
	return before, inside, after, begins && ends
}

// writeInto writes Markdown into a place of a document, instead of what is there.
func writeInto(path string, p place, markdown string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("the document: %w", err)
	}
	before, _, after, ok := p.cut(string(text))
	if !ok {
		return fmt.Errorf("%s has no place for it: the lines %q and %q", path, strings.TrimSpace(p.begin), strings.TrimSpace(p.end))
	}
	return os.WriteFile(path, []byte(before+p.begin+"\n"+markdown+"\n"+p.end+after), 0o666)
}
