package highlight

import (
	"bytes"
	"strings"
)

// jsKeywords are the reserved words, and names that are used like one.
var jsKeywords = words(`async await break case catch class const continue debugger default delete do else export extends
	false finally for from function if import in instanceof let new null of return static super switch this throw true try
	typeof undefined var void while with yield`)

// beforeRegexp are keywords behind which a slash begins a regular expression: behind other words it divides.
var beforeRegexp = words(`await case delete do else in instanceof new of return throw typeof void yield`)

func words(text string) map[string]bool {
	set := map[string]bool{}
	for word := range strings.FieldsSeq(text) {
		set[word] = true
	}
	return set
}

// A jsScanner goes through a JavaScript file. It knows as much of the language as it takes to tell where strings,
// templates, comments and regular expressions end: ECMA-262, section 12.
type jsScanner struct {
	src   []byte
	at    int
	found []span
	// last is the last word or sign that is no comment: it tells whether a slash divides.
	last string
	// braces has, for each brace that is open, whether it is that of ${ in a template.
	braces []bool
}

// jsTokens returns what is not plain in a JavaScript file.
func jsTokens(src []byte) []span {
	s := jsScanner{src: src}
	for s.at < len(src) {
		s.next()
	}
	return s.found
}

// next takes what begins here.
func (s *jsScanner) next() {
	from, c := s.at, s.src[s.at]
	switch {
	case s.has("//"):
		s.take(Comment, s.until("\n", 2))
	case s.has("/*"):
		s.take(Comment, s.until("*/", 2)+len("*/"))
	case c == '"' || c == '\'':
		s.take(String, s.quoted(c))
		s.last = "string"
	case c == '`':
		s.at++
		s.template(from)
	case c == '/' && s.regexpMayBegin():
		s.take(String, s.regexp())
		s.last = "regexp"
	case c >= '0' && c <= '9':
		s.take(Number, s.run(func(c byte) bool { return isWord(c) || c == '.' }))
		s.last = "number"
	case isWord(c) || c == '#':
		end := s.at + 1
		for end < len(s.src) && isWord(s.src[end]) {
			end++
		}
		word := string(s.src[from:end])
		member := s.last == "." // after a dot no word is reserved
		if jsKeywords[word] && !member && (word != "from" || quoteFollows(s.src[end:])) {
			s.take(Keyword, end-s.at)
		}
		s.at, s.last = end, word
		if member {
			s.last = "name"
		}
	case c == '{':
		s.braces = append(s.braces, false)
		s.at, s.last = s.at+1, "{"
	case c == '}':
		s.at, s.last = s.at+1, "}"
		if n := len(s.braces); n > 0 {
			inTemplate := s.braces[n-1]
			s.braces = s.braces[:n-1]
			if inTemplate {
				s.template(s.at)
			}
		}
	case c == ' ' || c == '\t' || c == '\n' || c == '\r':
		s.at++
	default:
		s.at, s.last = s.at+1, string(c)
	}
}

// template takes the text of a template literal, from where it begins or goes on, up to its end or to the next ${.
func (s *jsScanner) template(from int) {
	for s.at < len(s.src) {
		switch {
		case s.src[s.at] == '\\':
			s.at += 2
			continue
		case s.src[s.at] == '`':
			s.at++
			s.found = append(s.found, span{String, from, s.at})
			s.last = "template"
			return
		case s.has("${"):
			s.found = append(s.found, span{String, from, s.at})
			s.at += 2
			s.braces = append(s.braces, true)
			s.last = "{"
			return
		}
		s.at++
	}
	s.at = min(s.at, len(s.src))
	s.found = append(s.found, span{String, from, s.at})
}

// regexpMayBegin reports whether an expression is due, in which a slash does not divide.
func (s *jsScanner) regexpMayBegin() bool {
	switch s.last {
	case "", "(", ",", "=", ":", "[", "!", "&", "|", "?", "{", "}", ";", "+", "-", "*", "%", "<", ">", "~", "^":
		return true
	}
	return beforeRegexp[s.last]
}

// regexp returns how long the regular expression is, with its flags.
func (s *jsScanner) regexp() int {
	class := false // a slash in [] is one of the characters
	for i := s.at + 1; i < len(s.src) && s.src[i] != '\n'; i++ {
		switch c := s.src[i]; {
		case c == '\\':
			i++
		case c == '[':
			class = true
		case c == ']':
			class = false
		case c == '/' && !class:
			for i++; i < len(s.src) && isWord(s.src[i]); i++ {
			}
			return i - s.at
		}
	}
	return 1
}

// quoted returns how long the string is, which ends with its line at the latest.
func (s *jsScanner) quoted(quote byte) int {
	for i := s.at + 1; i < len(s.src) && s.src[i] != '\n'; i++ {
		switch s.src[i] {
		case '\\':
			i++
		case quote:
			return i + 1 - s.at
		}
	}
	return 1
}

// take takes the next n bytes as one token.
func (s *jsScanner) take(class string, n int) {
	from := s.at
	s.at = min(s.at+n, len(s.src))
	s.found = append(s.found, span{class, from, s.at})
}

func (s *jsScanner) has(prefix string) bool {
	return bytes.HasPrefix(s.src[s.at:], []byte(prefix))
}

// until returns how far away the text is, if it is not among the next skip bytes; or the end of the file.
func (s *jsScanner) until(text string, skip int) int {
	if i := bytes.Index(s.src[s.at+skip:], []byte(text)); i >= 0 {
		return skip + i
	}
	return len(s.src) - s.at
}

// run returns how many bytes from here on are of a kind.
func (s *jsScanner) run(kind func(byte) bool) int {
	end := s.at
	for end < len(s.src) && kind(s.src[end]) {
		end++
	}
	return end - s.at
}

// quoteFollows reports whether a string comes next, as it does where from is more than a name.
func quoteFollows(rest []byte) bool {
	rest = bytes.TrimLeft(rest, " ")
	return len(rest) > 0 && (rest[0] == '"' || rest[0] == '\'')
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}
