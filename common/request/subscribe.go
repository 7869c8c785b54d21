package request

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"pushlab/common/access"
	"pushlab/common/event"
	"pushlab/common/hub"
)

// MaxTopics is how many topics one subscription may name.
const MaxTopics = 100

// A Subscribe is what a subscriber asked for.
type Subscribe struct {
	// Topics are those to deliver; nil means all. Where access is controlled (access.With), they are among those
	// that the subscriber may have.
	Topics []string
	// Start is where in the log to begin.
	Start hub.Start
}

// ParseSubscribe reads a request to subscribe: GET or HEAD, with the query parameters topic and
// after, and the header field Last-Event-ID. If its context has a grant, a topic that is not granted is
// refused, and no topic means those that are.
func ParseSubscribe(r *http.Request) (Subscribe, *Problem) {
	query, p := parseQuery(r)
	if p != nil {
		return Subscribe{}, p
	}
	return parseSubscribe(r, query)
}

// parseQuery reads the query of a request that may be a subscriber's.
func parseQuery(r *http.Request) (url.Values, *Problem) {
	if p := CheckMethod(r, http.MethodGet, http.MethodHead); p != nil {
		return nil, p
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Invalid("query", "the query is malformed: %v", err)
	}
	return query, nil
}

func parseSubscribe(r *http.Request, query url.Values) (Subscribe, *Problem) {
	topics := query["topic"]
	if err := CheckTopics(topics); err != nil {
		return Subscribe{}, Invalid("topic", "%s", Reason(err))
	}
	topics, err := access.From(r.Context()).Subscription(topics)
	if err != nil {
		return Subscribe{}, Denied("topic", err)
	}
	start, p := parseAfter(query)
	if p != nil {
		return Subscribe{}, p
	}
	// WHATWG HTML, section 9.2.4 (SSE-34): an EventSource that reconnects sends this field, and the
	// query of its first request along with it.
	if cursor := r.Header.Get("Last-Event-ID"); cursor != "" {
		start = hub.AfterText(cursor)
		if cursor == earliest {
			start = hub.Earliest()
		}
	}
	return Subscribe{Topics: topics, Start: start}, nil
}

// CheckTopics tells whether a subscription may name these topics.
func CheckTopics(topics []string) error {
	if len(topics) > MaxTopics {
		return fmt.Errorf("request: %d topics; the limit is %d: subscribe to all and choose, or open a second stream", len(topics), MaxTopics)
	}
	for _, topic := range topics {
		if err := event.CheckTopic(topic); err != nil {
			return err
		}
	}
	return nil
}

// earliest asks for everything that the log still holds.
const earliest = "earliest"

// parseAfter reads the cursor from the query, under either of its names.
func parseAfter(query url.Values) (hub.Start, *Problem) {
	start := hub.Start{}
	name, value := "", ""
	for _, n := range []string{"after", "last_event_id"} {
		values := query[n]
		if len(values) == 0 {
			continue
		}
		if i := slices.IndexFunc(values, func(v string) bool { return v != values[0] }); i > 0 || name != "" && values[0] != value {
			return start, Invalid(n, "more than one cursor; give one")
		}
		name, value = n, values[0]
	}
	if name == "" {
		return start, nil
	}
	start, err := ParseCursor(value)
	if err != nil {
		return start, Invalid(name, "%s", Reason(err))
	}
	return start, nil
}

// ParseCursor reads a cursor, or "earliest".
func ParseCursor(text string) (hub.Start, error) {
	if text == earliest {
		return hub.Earliest(), nil
	}
	id, err := event.ParseID(text)
	if err != nil {
		return hub.Start{}, fmt.Errorf("%w, or %q", err, earliest)
	}
	return hub.After(id), nil
}
