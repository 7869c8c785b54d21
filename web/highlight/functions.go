package highlight

import (
	"bytes"
	"regexp"
)

// A definition in JavaScript: function name(, class Name, or at the begin of a line name(...) {, with what may stand
// before a method's name.
var jsDefinition = regexp.MustCompile(`(?m)\bfunction\s*\*?\s*([\w$]+)\s*\(|\bclass\s+([\w$]+)|^[ \t]+(?:(?:static|async|get|set)\s+|\*\s*)*(#?[\w$]+)\s*\([^\n]*\)\s*\{[ \t]*$`)

// jsFunctions returns the lines of the functions, classes and methods in a JavaScript file. What is inside of another
// has the other's name before its own: "Parser.feed".
func jsFunctions(src []byte, tokens []span) map[string][2]int {
	code := bytes.Clone(src) // with blanks for what is no code, and may have braces
	for _, t := range tokens {
		if t.class == String || t.class == Comment {
			for i := t.from; i < t.to; i++ {
				if code[i] != '\n' {
					code[i] = ' '
				}
			}
		}
	}
	type definition struct {
		name string
		to   int
	}
	found := map[string][2]int{}
	var around []definition
	for _, m := range jsDefinition.FindAllSubmatchIndex(code, -1) {
		group := 1
		for m[2*group] < 0 {
			group++
		}
		from, name := m[2*group], string(code[m[2*group]:m[2*group+1]])
		to := bodyEnd(code, from+len(name))
		if jsKeywords[name] || to < 0 {
			continue // if (...) {
		}
		for len(around) > 0 && around[len(around)-1].to < from {
			around = around[:len(around)-1]
		}
		if len(around) > 0 {
			name = around[len(around)-1].name + "." + name
		}
		around = append(around, definition{name, to})
		if _, twice := found[name]; !twice { // a getter and its setter, say
			found[name] = [2]int{lineAt(code, from), lineAt(code, to)}
		}
	}
	return found
}

// bodyEnd returns where the first block behind a name ends that is not in parentheses, or -1.
func bodyEnd(code []byte, at int) int {
	parentheses, braces := 0, 0
	for ; at < len(code); at++ {
		switch code[at] {
		case '(':
			parentheses++
		case ')':
			parentheses--
		case '{':
			braces++
		case '}':
			braces--
			if braces == 0 && parentheses == 0 {
				return at
			}
		case ';':
			if braces == 0 && parentheses == 0 {
				return -1 // there is no block
			}
		}
	}
	return -1
}

func lineAt(text []byte, offset int) int {
	return 1 + bytes.Count(text[:offset], []byte("\n"))
}
