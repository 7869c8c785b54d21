// Package highlight finds out, of a Go or JavaScript file, what each piece of it is and where its functions are, so
// that a page can show it in colours without a highlighter of its own.
package highlight

import (
	"bytes"
	"fmt"
	"path"
	"strings"
)

// The classes of pieces. What is of none is Plain.
const (
	Plain   = ""
	Keyword = "k"
	String  = "s"
	Comment = "c"
	Number  = "n"
)

// A Piece is a class and a text without line ends.
type Piece [2]string

// A File is a source file, ready to be shown.
type File struct {
	// Lines are the file's lines. The pieces of a line, one after the other, are all of it.
	Lines [][]Piece `json:"lines"`
	// Functions are the first and the last line, from 1, of each function, method ("Type.Method") and,
	// in JavaScript, class.
	Functions map[string][2]int `json:"functions"`
}

// Source looks at a file, whose name tells its language. Carriage returns are left out, as Go does.
func Source(name string, src []byte) (*File, error) {
	src = bytes.ReplaceAll(src, []byte("\r"), nil)
	switch path.Ext(name) {
	case ".go":
		functions, err := goFunctions(src)
		if err != nil {
			return nil, fmt.Errorf("highlight: %s: %w", name, err)
		}
		return &File{lines(src, goTokens(src)), functions}, nil
	case ".js":
		tokens := jsTokens(src)
		return &File{lines(src, tokens), jsFunctions(src, tokens)}, nil
	default:
		return nil, fmt.Errorf("highlight: %s is neither Go nor JavaScript", name)
	}
}

// A span is a piece of the source, which may be several lines long.
type span struct {
	class    string
	from, to int // offsets
}

// lines splits the source into lines, and those into pieces. What is between two tokens is plain.
func lines(src []byte, tokens []span) [][]Piece {
	all := [][]Piece{{}}
	add := func(class, text string) {
		for i, part := range strings.Split(text, "\n") {
			if i > 0 {
				all = append(all, []Piece{})
			}
			line := &all[len(all)-1]
			switch n := len(*line); {
			case part == "":
			case n > 0 && (*line)[n-1][0] == class:
				(*line)[n-1][1] += part
			default:
				*line = append(*line, Piece{class, part})
			}
		}
	}
	end := 0
	for _, t := range tokens {
		add(Plain, string(src[end:t.from]))
		add(t.class, string(src[t.from:t.to]))
		end = t.to
	}
	add(Plain, string(src[end:]))
	if last := len(all) - 1; len(all[last]) == 0 {
		all = all[:last] // the file ends with a line end, which begins no line
	}
	return all
}
