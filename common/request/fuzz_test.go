package request_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/request"
)

// FuzzParse asks for anything in any way: what is accepted can be served, and what is refused is
// told why.
func FuzzParse(f *testing.F) {
	f.Add("GET", "", "", "")
	f.Add("HEAD", "topic=clock&topic=host&after=mfrggzdf-42&wait=5&limit=10", "", "")
	f.Add("GET", "last_event_id=earliest", "mfrggzdf-42", "respond-async, wait=10")
	f.Add("GET", "topic=$gap", "yesterday", `wait="10"; a="b,c"`)
	f.Add("GET", "after=&wait=-1&limit=0", "\xff", "wait=99999999999999999999")
	f.Add("POST", "%zz;", "earliest", `"wait=`)
	h := hub.New(hub.Config{History: 1})
	for range 2 {
		if _, err := h.Publish(f.Context(), "clock", []byte("1")); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, method, query, lastEventID, prefer string) {
		r := &http.Request{Method: method, URL: &url.URL{RawQuery: query}, Header: http.Header{
			"Last-Event-Id": {lastEventID}, "Prefer": {prefer},
		}}

		ask, problem := request.ParseSubscribe(r)
		if problem != nil {
			checkProblem(t, r, problem)
		} else {
			if !slices.Contains([]string{"GET", "HEAD"}, method) {
				t.Errorf("method %q was accepted", method)
			}
			if len(ask.Topics) > request.MaxTopics {
				t.Errorf("%d topics were accepted", len(ask.Topics))
			}
			for _, topic := range ask.Topics {
				if err := event.CheckTopic(topic); err != nil {
					t.Errorf("topic %q was accepted: %v", topic, err)
				}
			}
			sub := h.Subscribe(ask.Topics, ask.Start)
			_, err := sub.Poll()
			gap, ok := err.(*hub.GapError)
			if err != nil && !ok {
				t.Error(err)
			}
			if _, err := event.ParseID(lastEventID); lastEventID != "" && lastEventID != "earliest" && err != nil && gap == nil {
				t.Errorf("Last-Event-ID %q gives no gap", lastEventID)
			}
			if gap != nil && lastEventID != "" && gap.After != lastEventID {
				t.Errorf("asked for %q, but the gap is after %q", lastEventID, gap.After)
			}
			sub.Close()
		}

		_, poll, problem := request.ParsePoll(r, request.DefaultWait)
		if problem != nil {
			checkProblem(t, r, problem)
		} else {
			if poll.Wait < 0 || poll.Wait > request.MaxWait || poll.Limit < 1 || poll.Limit > request.MaxLimit {
				t.Errorf("accepted beyond the bounds: %+v", poll)
			}
			if poll.Preferred && !strings.Contains(strings.ToLower(prefer), "wait") {
				t.Errorf("Prefer %q prefers no wait", prefer)
			}
		}
	})
}

func checkProblem(t *testing.T, r *http.Request, problem *request.Problem) {
	t.Helper()
	want := http.StatusBadRequest
	if r.Method != http.MethodGet && r.Method != http.MethodHead && problem.Parameter == "method" {
		want = http.StatusMethodNotAllowed
	}
	if problem.Status != want || problem.Parameter == "" || problem.Detail == "" {
		t.Errorf("%+v, want status %d, a parameter and a detail", problem, want)
	}
	// The answer is JSON whatever was in the request, and not much longer than what it says.
	w := httptest.NewRecorder()
	problem.ServeHTTP(w, &http.Request{Method: http.MethodGet})
	var answer struct{ Parameter string }
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || answer.Parameter != problem.Parameter {
		t.Errorf("answer %q: %v", w.Body, err)
	}
	if w.Body.Len() > 1<<10 {
		t.Errorf("an answer of %d bytes", w.Body.Len())
	}
}
