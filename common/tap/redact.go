package tap

import (
	"bytes"
	"strings"
)

// secretFields are header fields whose values are nobody's business. What is asked of a
// Sec-WebSocket-Key is only that it is new.
var secretFields = map[string]bool{
	"cookie": true, "set-cookie": true, "authorization": true, "proxy-authorization": true,
}

// secretWords make a field or a query parameter secret that has one in its name.
var secretWords = []string{"token", "ticket", "secret", "passw", "credential", "session", "jwt", "apikey", "api-key", "api_key"}

// secretParameters are further secret names of query parameters.
var secretParameters = map[string]bool{"key": true, "auth": true, "sig": true, "signature": true, "code": true}

func secretName(name []byte) bool {
	for _, word := range secretWords {
		if bytes.Contains(name, []byte(word)) {
			return true
		}
	}
	return false
}

// openFields have a word of secretWords in their name, and are none.
var openFields = map[string]bool{"access-control-allow-credentials": true}

func secretField(name []byte) bool {
	return secretFields[string(name)] || secretName(name) && !openFields[string(name)]
}

// secretParameter reports whether a name, as it stands in a query, is that of a secret.
func secretParameter(name []byte) bool { return secretParameters[string(name)] || secretName(name) }

// A redactor overwrites the secrets in a head, byte by byte, so that no half of one is ever shown,
// however the head is cut.
type redactor struct {
	within    bool // a line
	first     bool // the line is the first one
	valued    bool // the colon was seen
	secret    bool // the value of the field
	parameter int  // what of a query parameter we are in
	hidden    bool // the value of the parameter
	name      []byte
}

const (
	noParameter = iota
	parameterName
	parameterValue
)

func (r *redactor) redact(b []byte) {
	for i, c := range b {
		if r.is(c) {
			b[i] = hiddenByte
		}
	}
}

// hiddenByte stands for each byte of a secret.
const hiddenByte = '*'

// is takes the next byte of a head, and reports whether it is of a secret.
func (r *redactor) is(c byte) bool {
	switch {
	case c == '\n':
		r.within, r.first, r.parameter = false, false, noParameter
		return false
	case c == '\r':
		return false
	}
	if !r.within {
		r.within = true
		if c != ' ' && c != '\t' { // which would continue the line before
			r.valued, r.secret = false, false
			r.name = r.name[:0]
		}
	}
	if !r.first && !r.valued {
		if c == ':' {
			r.valued, r.secret = true, secretField(r.name)
		} else {
			r.extend(c)
		}
		return false
	}
	if c == ' ' || c == '\t' {
		r.parameter = noParameter
		return false
	}
	// A URL stands in the request line, and in fields such as Referer and Location.
	switch {
	case c == '&' || c == '?' && r.parameter == noParameter: // further on it is a character as others: RFC 3986, section 3.4
		r.parameter, r.name = parameterName, r.name[:0]
	case r.parameter == parameterValue && r.hidden:
		return true
	case c == '#' || c == '"':
		r.parameter = noParameter
	case r.parameter == parameterName && c == '=':
		r.parameter, r.hidden = parameterValue, secretParameter(r.name)
	case r.parameter == parameterName:
		r.extend(c)
	}
	return r.secret
}

func (r *redactor) extend(c byte) {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	r.name = append(r.name, c)
}

// hide marks a span as a secret.
func hide(s *Span) {
	s.Masked = true
	s.Text = "hidden, " + bytesText(s.Length)
}

// isSecretParameter is secretParameter for a span's text.
func isSecretParameter(name string) bool { return secretParameter([]byte(strings.ToLower(name))) }
