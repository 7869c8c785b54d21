package request

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// What a poll may ask for. Waits are below the time after which common intermediaries give up on
// a silent request: RFC 6202, section 5.5 (LP-01) found 30 s safe and 120 s to work mostly.
const (
	DefaultWait  = 25 * time.Second
	MaxWait      = 110 * time.Second
	DefaultLimit = 1000
	MaxLimit     = 1000
)

// A Poll is what a long poll asked for beside the subscription.
type Poll struct {
	// Wait is how long to wait for an event; 0 is a short poll (LP-08).
	Wait time.Duration
	// Preferred reports that the wait came by the Prefer header field, which is to be answered
	// by Preference-Applied.
	Preferred bool
	// Limit is how many events the answer may have.
	Limit int
}

// ParsePoll reads a long poll: what ParseSubscribe does; the preference wait (RFC 7240, section 4.3)
// or the query parameter wait, in whole seconds; and the query parameter limit. What is above the
// bounds is lowered to them. A malformed preference is ignored, as RFC 7240, section 2 wants. A poll that asks for no
// time has that of wait.
func ParsePoll(r *http.Request, wait time.Duration) (Subscribe, Poll, *Problem) {
	query, p := parseQuery(r)
	if p != nil {
		return Subscribe{}, Poll{}, p
	}
	subscribe, p := parseSubscribe(r, query)
	if p != nil {
		return Subscribe{}, Poll{}, p
	}
	poll, p := parsePoll(r, query, wait)
	return subscribe, poll, p
}

func parsePoll(r *http.Request, query url.Values, wait time.Duration) (Poll, *Problem) {
	poll := Poll{Wait: wait, Limit: DefaultLimit}
	if values, ok := query["wait"]; ok {
		seconds, ok := parseCount(values, int(MaxWait/time.Second))
		if !ok {
			return Poll{}, Invalid("wait", "wait is %.40q; give whole seconds, from 0 (a short poll) to %d", strings.Join(values, " "), MaxWait/time.Second)
		}
		poll.Wait = time.Duration(seconds) * time.Second
	}
	if values, ok := query["limit"]; ok {
		if poll.Limit, ok = parseCount(values, MaxLimit); !ok || poll.Limit == 0 {
			return Poll{}, Invalid("limit", "limit is %.40q; give a number of events, from 1 to %d", strings.Join(values, " "), MaxLimit)
		}
	}
	if wait, ok := preferredWait(r.Header); ok {
		poll.Wait, poll.Preferred = wait, true
	}
	return poll, nil
}

// parseCount reads decimal digits, and lowers what is above most to it.
func parseCount(values []string, most int) (n int, ok bool) {
	if len(values) != 1 || values[0] == "" || strings.Trim(values[0], "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(values[0])
	if err != nil || n > most {
		n = most // only digits, so it can only be too large
	}
	return n, true
}

// preferredWait finds the preference wait (RFC 7240, section 2: a list of preferences, each with
// optional parameters; names are case-insensitive; of several with one name the first counts).
func preferredWait(h http.Header) (time.Duration, bool) {
	for _, field := range h.Values("Prefer") {
		for preference := ""; field != ""; {
			preference, field = cutUnquoted(field, ',')
			preference, _ = cutUnquoted(preference, ';')
			name, value, _ := strings.Cut(preference, "=")
			if !strings.EqualFold(strings.Trim(name, " \t"), "wait") {
				continue
			}
			value = strings.Trim(value, " \t")
			if end := len(value) - 1; end > 0 && value[0] == '"' && value[end] == '"' {
				value = unquote.Replace(value[1:end])
			}
			seconds, ok := parseCount([]string{value}, int(MaxWait/time.Second))
			return time.Duration(seconds) * time.Second, ok
		}
	}
	return 0, false
}

// cutUnquoted cuts s at the first separator that is not in a quoted string (RFC 9110, section
// 5.6.4), where it means nothing: in foo="a, wait=5" there is no preference wait.
func cutUnquoted(s string, separator byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == separator && !quoted:
			return s[:i], s[i+1:]
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		}
	}
	return s, ""
}

// unquote replaces what is escaped in a quoted string.
var unquote = strings.NewReplacer(`\\`, `\`, `\`, ``)
