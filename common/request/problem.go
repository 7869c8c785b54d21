package request

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A Problem is an answer to a request that cannot be served (RFC 9457).
type Problem struct {
	// Status is the answer's status code. The title is that status in words: the type of all
	// our problems is about:blank (RFC 9457, section 4.2.1).
	Status int
	// Detail says what is wrong with this request, and what to do.
	Detail string
	// Parameter names the query parameter, header field or other part that is to blame, if one is.
	Parameter string
	// Header has further header fields of the answer, such as Allow.
	Header http.Header
}

// Error returns the status and the detail.
func (p *Problem) Error() string {
	return fmt.Sprintf("%d %s: %s", p.Status, http.StatusText(p.Status), p.Detail)
}

// Invalid returns the problem of a parameter whose value cannot be used.
func Invalid(parameter, format string, args ...any) *Problem {
	return &Problem{Status: http.StatusBadRequest, Parameter: parameter, Detail: fmt.Sprintf(format, args...)}
}

// Denied returns the problem of somebody who is known, and may not do what he asked for: RFC 6750, section 3.1.
func Denied(parameter string, err error) *Problem {
	return &Problem{Status: http.StatusForbidden, Parameter: parameter, Detail: Reason(err),
		Header: http.Header{"Www-Authenticate": {`Bearer realm="pushlab", error="insufficient_scope"`}}}
}

// ServeHTTP answers with the problem.
func (p *Problem) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, values := range p.Header {
		h[name] = values
	}
	body, err := json.Marshal(struct {
		Type      string `json:"type"`
		Title     string `json:"title"`
		Status    int    `json:"status"`
		Detail    string `json:"detail"`
		Parameter string `json:"parameter,omitempty"`
	}{"about:blank", http.StatusText(p.Status), p.Status, p.Detail, p.Parameter})
	if err != nil {
		panic("request: " + err.Error()) // strings and numbers always marshal
	}
	body = append(body, '\n')
	h.Set("Content-Type", "application/problem+json")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(p.Status)
	if r.Method != http.MethodHead { // RFC 9110, section 9.3.2 (HTTP-09)
		w.Write(body) // a client that is gone needs no answer
	}
}

// CheckMethod returns the problem of a request whose method is none of those, which it then names
// in Allow: RFC 9110, section 15.5.6 (HTTP-08).
func CheckMethod(r *http.Request, allowed ...string) *Problem {
	for _, method := range allowed {
		if r.Method == method {
			return nil
		}
	}
	return &Problem{
		Status:    http.StatusMethodNotAllowed,
		Parameter: "method",
		Detail:    fmt.Sprintf("use %s", strings.Join(allowed, " or ")),
		Header:    http.Header{"Allow": {strings.Join(allowed, ", ")}},
	}
}

// Reason returns an error's text for a client: without the name of the package that it came from.
func Reason(err error) string {
	text := err.Error()
	if name, rest, ok := strings.Cut(text, ": "); ok && !strings.Contains(name, " ") {
		return rest
	}
	return text
}
