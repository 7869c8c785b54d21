package request_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"pushlab/common/hub"
	"pushlab/common/request"
)

// A handler reads the request, answers a bad one with its problem, and subscribes for a good one.
func ExampleParseSubscribe() {
	log := hub.New(hub.Config{})
	handler := func(w http.ResponseWriter, r *http.Request) {
		ask, problem := request.ParseSubscribe(r)
		if problem != nil {
			problem.ServeHTTP(w, r)
			return
		}
		sub := log.Subscribe(ask.Topics, ask.Start)
		defer sub.Close()
		_, err := sub.Poll()
		var gap *hub.GapError
		fmt.Fprintf(w, "topics %q, gap: %v\n", sub.Topics(), errors.As(err, &gap))
	}

	get := func(target, lastEventID string) {
		r := httptest.NewRequest(http.MethodGet, target, nil)
		if lastEventID != "" {
			r.Header.Set("Last-Event-ID", lastEventID)
		}
		w := httptest.NewRecorder()
		handler(w, r)
		fmt.Print(w.Code, " ", w.Body)
	}
	get("/sse?topic=clock&topic=host&after=earliest", "")
	get("/sse?topic=clock", "mfrggzdf-42") // of another log: the stream begins with a gap
	get("/sse?after=yesterday", "")
	// Output:
	// 200 topics ["clock" "host"], gap: false
	// 200 topics ["clock"], gap: true
	// 400 {"type":"about:blank","title":"Bad Request","status":400,"detail":"\"yesterday\" is not a cursor; a cursor is an event's id, such as \"mfrggzdf-42\", or \"earliest\"","parameter":"after"}
}
