package request_test

import (
	"slices"
	"strings"
	"testing"

	"pushlab/common/access"
	"pushlab/common/request"
)

// Where access is controlled, no topic means those that are granted, and another one is refused.
func TestGrantedTopics(t *testing.T) {
	if access.MaxTopics > request.MaxTopics {
		t.Errorf("a grant may have %d topics, a subscription only %d", access.MaxTopics, request.MaxTopics)
	}
	for _, c := range []struct {
		granted, query string
		want           string // the topics; "all", or "403"
	}{
		{"*", "", "all"}, {"*", "topic=a", "a"},
		{"a b", "", "a b"}, {"a b", "topic=b", "b"}, {"a b", "topic=a&topic=b", "a b"},
		{"a b", "topic=c", "403"}, {"a b", "topic=a&topic=c", "403"},
		{"a.*", "", "403"}, {"a.* b", "", "403"}, {"a.* b", "topic=a.1&topic=b", "a.1 b"}, {"a.*", "topic=a", "403"},
		{"", "", "403"}, {"", "topic=a", "403"},
	} {
		r := get(c.query)
		r = r.WithContext(access.With(r.Context(), &access.Grant{Subscribe: strings.Fields(c.granted)}))
		for _, parse := range []func() (request.Subscribe, *request.Problem){
			func() (request.Subscribe, *request.Problem) { return request.ParseSubscribe(r) },
			func() (request.Subscribe, *request.Problem) {
				ask, _, problem := request.ParsePoll(r, request.DefaultWait)
				return ask, problem
			},
		} {
			ask, problem := parse()
			switch {
			case c.want == "403":
				if problem == nil || problem.Status != 403 || problem.Parameter != "topic" || !strings.Contains(problem.Header.Get("WWW-Authenticate"), "insufficient_scope") {
					t.Errorf("granted %q, asked %q: %q, %+v", c.granted, c.query, ask.Topics, problem)
				}
			case problem != nil:
				t.Errorf("granted %q, asked %q: %v", c.granted, c.query, problem)
			case c.want == "all":
				if ask.Topics != nil {
					t.Errorf("granted %q, asked %q: %q", c.granted, c.query, ask.Topics)
				}
			case !slices.Equal(ask.Topics, strings.Fields(c.want)):
				t.Errorf("granted %q, asked %q: %q", c.granted, c.query, ask.Topics)
			}
		}
	}
	// A topic that is none is a mistake, whoever asks.
	r := get("topic=$open")
	if _, problem := request.ParseSubscribe(r.WithContext(access.With(r.Context(), new(access.Grant)))); problem == nil || problem.Status != 400 {
		t.Errorf("%+v", problem)
	}
}
