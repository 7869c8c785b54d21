package probe

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pushlab/common/memhttp"
)

// A fault breaks the lab in one way. Its name is that of the check that notices; a variant may
// follow behind a slash.
type fault struct {
	transports string // those that it concerns
	name       string
	what       string
	want       Outcome
}

const (
	http3 = LongPoll + " " + HTTPStream + " " + SSE
	http2 = HTTPStream + " " + SSE
	all4  = http3 + " " + WebSocket
)

// faults has at least one for every check.
var faults = []fault{
	{SSE, "SSE-01", "passes on bytes that are not UTF-8", Fail},
	{SSE, "SSE-24a", "an id with NUL", Fail},
	{SSE, "SSE-24b/bytes", "an id with quotation marks", Warn},
	{SSE, "SSE-24b/long", "an id of 129 bytes", Warn},
	{SSE, "SSE-30a", "the type text/plain", Fail},
	{SSE, "SSE-30a/charset", "a charset that is not utf-8", Warn},
	{SSE, "SSE-30b", "may be cached", Warn},
	{SSE, "SSE-30c", "a Content-Length", Fail},
	{SSE, "SSE-30d", "no X-Accel-Buffering", Warn},
	{SSE, "SSE-31", "data is not split into lines", Fail},
	{SSE, "SSE-32a", "the head waits", Fail},
	{SSE, "SSE-32b", "events wait", Fail},
	{SSE, "SSE-32c", "events come in two parts", Warn},
	{SSE, "SSE-33", "no heartbeat", Warn},
	{SSE, "SSE-34a", "refuses those who come back", Fail},
	{SSE, "SSE-34b", "those who come back start from now", Warn},
	{SSE, "SSE-34b/again", "those who come back get the last event again", Warn},
	{SSE, "SSE-34c", "the URL wins over Last-Event-ID", Fail},
	{SSE, "SSE-35a", "204 for an unknown id", Fail},
	{SSE, "SSE-35a/ends", "an empty stream for an unknown id", Fail},
	{SSE, "SSE-35b", "no $gap for an unknown id", Fail},
	{SSE, "SSE-36a", "retry with a unit", Fail},
	{SSE, "SSE-36b", "no retry", Warn},
	{SSE, "SSE-36c", "the same retry for all", Warn},
	{SSE, "SSE-36d", "no id in the first block", Warn},
	{SSE, "SSE-37a", "400 for HEAD", Warn},
	{SSE, "SSE-37a/slow", "HEAD waits", Warn},
	{SSE, "SSE-37b", "406 for Accept: */*", Fail},

	{LongPoll, "LP-01a", "waits for longer than asked", Fail},
	{LongPoll, "LP-01a/early", "waits for less than asked", Fail},
	{LongPoll, "LP-01a/unsaid", "does not say that it applies Prefer", Fail},
	{LongPoll, "LP-01b", "waits for a day", Warn},
	{LongPoll, "LP-05", "may be cached", Fail},
	{LongPoll, "LP-06a", "304 when there is nothing to say", Fail},
	{LongPoll, "LP-06b", "no cursor when there is nothing to say", Fail},
	{LongPoll, "LP-06b/content", "another cursor in the content", Fail},
	{LongPoll, "LP-07a", "the cursor jumps ahead", Fail},
	{LongPoll, "LP-07b", "an unknown cursor is taken for now", Fail},
	{LongPoll, "LP-07b/again", "an unknown cursor stays one", Fail},
	{LongPoll, "LP-08a", "a short poll waits", Fail},
	{LongPoll, "LP-08b", "never says more", Fail},
	{LongPoll, "LP-10a", "drops an event between two polls", Fail},
	{LongPoll, "LP-10b", "gives the last event again", Fail},

	{HTTPStream, "LP-05", "may be cached", Warn},
	{HTTPStream, "LP-07", "no $gap for an unknown cursor", Fail},
	{HTTPStream, "LP-10", "those who come back start from now", Fail},
	{HTTPStream, "LP-10/again", "those who come back get the last event again", Fail},
	{HTTPStream, "LP-11a", "the type text/plain", Warn},
	{HTTPStream, "LP-11b", "an event takes two lines", Fail},
	{HTTPStream, "LP-11b/bytes", "passes on bytes that are not UTF-8", Fail},
	{HTTPStream, "LP-11c", "the head waits", Fail},
	{HTTPStream, "LP-11d", "events wait", Fail},
	{HTTPStream, "LP-11e", "events come in two parts", Warn},
	{HTTPStream, "LP-11f", "no X-Accel-Buffering", Warn},

	{http3, "HTTP-01a", "a chunk's size ends with a lone LF", Fail},
	{http3, "HTTP-01a/length", "Content-Length beside Transfer-Encoding", Fail},
	{http2, "HTTP-01b", "an event without text is a chunk of size zero", Fail},
	{http3, "HTTP-03a", "chunks for HTTP/1.0", Fail},
	{http2, "HTTP-03b", "an HTTP/1.0 client waits for the end", Fail},
	{http3, "HTTP-06", "compresses without Vary", Warn},
	{http2, "HTTP-07", "may be transformed", Warn},
	{all4, "HTTP-08a", "405 without Allow", Fail},
	{all4, "KEY-01a", "publishes again what has the same key", Fail},
	{all4, "KEY-01b", "takes a key for another event", Fail},
	{all4, "HTTP-08b", "503 without Retry-After", Warn},
	{all4, "HTTP-08c", "an unknown method is GET", Warn},
	{all4, "HTTP-09a", "content for HEAD", Fail},
	{http3, "HTTP-09b", "another head for HEAD", Warn},
	{all4, "HTTP-11", "waits for a head for ever", Warn},
	{http3, "CORS-01a", "* with credentials", Fail},
	{http3, "CORS-01b", "names an origin without Vary", Warn},
	{http3, "CORS-01c", "allows null", Warn},
	{http3, "CORS-01d", "allows any origin, with credentials", Warn},
	{http3, "CORS-02a", "does not allow Last-Event-ID", Warn},
	{http3, "CORS-02a/status", "405 for a preflight", Warn},
	{http3, "CORS-02b/fields", "does not allow Prefer", Fail},
	{http3, "CORS-02b/expose", "does not expose the cursor", Fail},

	{WebSocket, "WS-01/proto", "a handshake by HTTP/1.0", Fail},
	{WebSocket, "WS-01/method", "a handshake by POST", Fail},
	{WebSocket, "WS-01/upgrade", "no Upgrade", Fail},
	{WebSocket, "WS-01/h2c", "another Upgrade", Fail},
	{WebSocket, "WS-01/connection", "no Connection", Fail},
	{WebSocket, "WS-01/keep-alive", "another Connection", Fail},
	{WebSocket, "WS-01/key", "no key", Fail},
	{WebSocket, "WS-01/short", "a short key", Fail},
	{WebSocket, "WS-01/base64", "a key that is not base64", Fail},
	{WebSocket, "WS-01/version", "no version", Fail},
	{WebSocket, "WS-02a/accept", "a wrong Sec-WebSocket-Accept", Fail},
	{WebSocket, "WS-02a/upgrade", "101 without Upgrade", Fail},
	{WebSocket, "WS-02a/connection", "101 without Connection", Fail},
	{WebSocket, "WS-02b", "accepts version 8", Fail},
	{WebSocket, "WS-02b/unsaid", "does not say its version", Fail},
	{WebSocket, "WS-02c", "404 for a plain GET", Warn},
	{WebSocket, "WS-02c/version", "403 for another version", Warn},
	{WebSocket, "WS-02d", "426 without Upgrade", Fail},
	{WebSocket, "WS-03a", "accepts any origin", Warn},
	{WebSocket, "WS-03b", "401 for an origin", Fail},
	{WebSocket, "WS-04a", "a subprotocol that nobody offered", Fail},
	{WebSocket, "WS-04a/two", "two subprotocols", Fail},
	{WebSocket, "WS-04b", "an extension of its own", Fail},
	{WebSocket, "WS-05a", "masks its frames", Fail},
	{WebSocket, "WS-05b", "takes frames without a mask", Fail},
	{WebSocket, "WS-05b/code", "1000 for a frame without a mask", Warn},
	{WebSocket, "WS-06a/bit", "sets RSV1", Fail},
	{WebSocket, "WS-06a/opcode", "sends opcode 3", Fail},
	{WebSocket, "WS-06a/length", "lengths take three bytes", Fail},
	{WebSocket, "WS-06b/bit", "takes reserved bits", Fail},
	{WebSocket, "WS-06b/opcode", "takes reserved opcodes", Fail},
	{WebSocket, "WS-06c", "no close frame for a length with the highest bit", Warn},
	{WebSocket, "WS-06c/open", "takes a length with the highest bit", Warn},
	{WebSocket, "WS-07a/start", "takes a continuation of nothing", Fail},
	{WebSocket, "WS-07a/within", "takes a message within another", Fail},
	{WebSocket, "WS-07b/fragment", "takes half a ping", Fail},
	{WebSocket, "WS-07b/long", "takes a ping of 126 bytes", Fail},
	{WebSocket, "WS-07c", "no pong within a message", Fail},
	{WebSocket, "WS-07d/order", "begins messages with a continuation", Fail},
	{WebSocket, "WS-07d/control", "fragments its pongs", Fail},
	{WebSocket, "WS-08a/none", "closes without a close frame", Fail},
	{WebSocket, "WS-08a/code", "always closes with 1000", Warn},
	{WebSocket, "WS-08b", "talks on after its close frame", Fail},
	{WebSocket, "WS-08c", "never closes the connection", Fail},
	{WebSocket, "WS-09a", "pongs are empty", Fail},
	{WebSocket, "WS-09b", "ends at a pong", Fail},
	{WebSocket, "WS-10a", "takes text that is not UTF-8", Fail},
	{WebSocket, "WS-10a/code", "1000 for text that is not UTF-8", Warn},
	{WebSocket, "WS-10b", "looks at each fragment alone", Fail},
	{WebSocket, "WS-10c", "passes on bytes that are not UTF-8", Fail},
	{WebSocket, "WS-11a", "sends back reserved codes", Fail},
	{WebSocket, "WS-11a/empty", "1005 for a close frame without a code", Fail},
	{WebSocket, "WS-11a/normal", "1000 for reserved codes", Warn},
	{WebSocket, "WS-11a/open", "ignores reserved codes", Warn},
	{WebSocket, "WS-11b", "takes a close frame of one byte", Warn},
	{WebSocket, "WS-11c", "takes a reason that is not UTF-8", Fail},
	{WebSocket, "WS-14", "takes a message of any size", Fail},
	{WebSocket, "WS-14/code", "1000 for a message that is too large", Warn},
	{WebSocket, "WS-16", "no pings", Warn},
	{WebSocket, "PMD-01a", "compression that nobody offered", Fail},
	{WebSocket, "PMD-01b", "takes any offer of compression", Fail},
	{WebSocket, "PMD-01c", "answers with a parameter that was not offered", Fail},
	{WebSocket, "PMD-01c/unknown", "answers with an unknown parameter", Fail},
	{WebSocket, "CORS-03/null", "accepts null", Warn},
	{WebSocket, "CORS-03/scheme", "does not compare the scheme", Warn},
	{WebSocket, "CORS-03/port", "does not compare the port", Warn},
	{WebSocket, "CORS-03/prefix", "compares the beginning of the host", Warn},
}

// unbreakable are the checks that no lab can break, and why.
var unbreakable = map[string]string{
	"SSE-38":  "it is never asked: only an operator can have a server send clients away",
	"LP-09":   "it is never asked: it shows in the server alone",
	"HTTP-02": "it is never asked: it is for clients",
	"WS-12":   "it is never asked: only an operator can have a server leave",
	"HTTP-05": "it needs TLS: TestHTTP2 breaks it",
}

func TestEveryCheckHasAFault(t *testing.T) {
	for _, transport := range Transports() {
		seen := make(map[string]bool)
		for _, c := range Checks(transport) {
			if seen[c.ID] {
				t.Errorf("%s: two checks are called %s", transport, c.ID)
			}
			seen[c.ID] = true
			if !slices.ContainsFunc(faults, func(f fault) bool { return f.noticed() == c.ID && f.concerns(transport) }) && unbreakable[c.ID] == "" {
				t.Errorf("%s: no fault breaks %s; add one, or a reason why there is none", transport, c.ID)
			}
			for what, text := range map[string]string{"section": c.Section, "sentence": c.Sentence} {
				if text == "" {
					t.Errorf("%s: %s has no %s", transport, c.ID, what)
				}
			}
		}
		for _, f := range faults {
			if f.concerns(transport) && !seen[f.noticed()] {
				t.Errorf("%s: %s breaks no check", transport, f.name)
			}
		}
	}
}

func (f fault) noticed() string {
	id, _, _ := strings.Cut(f.name, "/")
	return id
}

func (f fault) concerns(transport string) bool {
	return slices.Contains(strings.Fields(f.transports), transport)
}

// conform asks a lab everything about one transport.
func conform(t *testing.T, l *lab, transport string) Endpoint {
	t.Helper()
	report, err := Conform(context.Background(), []string{memhttp.URL + "/" + transport}, l.serve(t))
	if err != nil {
		t.Fatal(err)
	}
	return report.Endpoints[0]
}

// TestSound asks the lab without a fault: nothing is wrong, and all is asked that can be.
func TestSound(t *testing.T) {
	notAsked := map[string]string{
		LongPoll:   "LP-09 HTTP-01a HTTP-02 HTTP-05 HTTP-06 HTTP-08b",
		HTTPStream: "HTTP-02 HTTP-05 HTTP-06 HTTP-08b",
		SSE:        "SSE-38 HTTP-02 HTTP-05 HTTP-06 HTTP-08b",
		WebSocket:  "WS-12 HTTP-08b",
	}
	for _, transport := range Transports() {
		t.Run(transport, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var skipped []string
				for _, r := range conform(t, newLab(""), transport).Results {
					switch r.Outcome {
					case Fail, Warn:
						t.Errorf("%s: %s; seen %s", r.ID, r.Note, r.Seen)
					case NotApplicable:
						skipped = append(skipped, r.ID)
					}
				}
				if got := strings.Join(skipped, " "); got != notAsked[transport] {
					t.Errorf("not asked were %s, want %s", got, notAsked[transport])
				}
			})
		})
	}
}

// TestFaults breaks the lab in every way: the check that is about it notices, and no other.
func TestFaults(t *testing.T) {
	for _, f := range faults {
		for transport := range strings.FieldsSeq(f.transports) {
			t.Run(fmt.Sprintf("%s/%s", transport, strings.ReplaceAll(f.name, "/", ",")), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					noticed := false
					for _, r := range conform(t, newLab(f.name), transport).Results {
						switch {
						case r.ID == f.noticed():
							noticed = r.Outcome == f.want
							if !noticed {
								t.Errorf("a server that does this (%s) has the outcome %s for %s, want %s; %s", f.what, r.Outcome, r.ID, f.want, r.Note)
							}
						case r.Outcome == Fail, r.Outcome == Warn:
							t.Errorf("a server that does this (%s) has the outcome %s for %s, which is about something else: %s; seen %s",
								f.what, r.Outcome, r.ID, r.Note, cmp.Or(r.Seen, "nothing"))
						}
					}
				})
			})
		}
	}
}
