package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"

	"github.com/labstack/echo/v4"

	"pushlab/common/access"
	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/request"
)

// publish puts the request's content into the log, and answers with the event's id: that of the first, if it was sent before
// with the same Idempotency-Key. The answer is the same then, too: a client that asks again wants to know where its event is.
func (s *Server) publish(c echo.Context) error {
	r := c.Request()
	if problem := request.CheckMethod(r, http.MethodPost); problem != nil {
		return problem
	}
	topics := r.URL.Query()["topic"]
	topic := event.DefaultTopic
	switch len(topics) {
	case 0:
	case 1:
		topic = topics[0]
		if err := event.CheckTopic(topic); err != nil {
			return request.Invalid("topic", "%s", request.Reason(err))
		}
	default:
		return request.Invalid("topic", "an event has one topic, not %d", len(topics))
	}
	if err := access.From(r.Context()).CheckPublish(topic); err != nil {
		return request.Denied("topic", err)
	}
	key, problem := request.ParseKey(r.Header)
	if problem != nil {
		return problem
	}
	parse, problem := contentParser(r.Header.Get("Content-Type"))
	if problem != nil {
		return problem
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.Response(), r.Body, int64(s.config.MaxMessage)))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return s.refuse(request.LimitMessage, &request.Problem{Status: http.StatusRequestEntityTooLarge, Parameter: "body",
			Detail: fmt.Sprintf("an event may have %d bytes; the server's --max-message says how many", tooLarge.Limit)})
	case errors.Is(err, os.ErrDeadlineExceeded):
		return s.tooSlow()
	case err != nil:
		return request.Invalid("body", "the content did not arrive: %v", err)
	}
	data, err := parse(body)
	if err != nil {
		return request.Invalid("body", "%s", request.Reason(err))
	}
	ctx, cancel := context.WithTimeout(r.Context(), request.PublishWait)
	defer cancel()
	id, err := s.hub.PublishOnce(ctx, access.From(ctx).PublishKey(key), topic, data)
	if problem, limit := request.PublishProblem(err, key); limit != "" {
		return s.refuse(limit, problem)
	} else if problem != nil {
		return problem
	}
	switch {
	case errors.Is(err, hub.ErrTooLarge):
		return s.refuse(request.LimitMessage, &request.Problem{Status: http.StatusRequestEntityTooLarge, Parameter: "body",
			Detail: request.Reason(err)})
	case errors.Is(err, hub.ErrTopics):
		return s.refuse(request.LimitLogTopics, &request.Problem{Status: http.StatusServiceUnavailable, Parameter: "topic",
			Detail: request.Reason(err) + "; publish on one of these, or when old events are gone; the server's --max-topics says how many",
			Header: http.Header{"Retry-After": {"10"}}})
	case errors.Is(err, hub.ErrClosed):
		return &request.Problem{Status: http.StatusServiceUnavailable, Detail: "the server is leaving; try again",
			Header: http.Header{"Retry-After": {"1"}}}
	case err != nil:
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, struct {
		ID string `json:"id"`
	}{id.String()})
}

// contentParser returns what turns content of that type into the data of an event.
func contentParser(contentType string) (func([]byte) (json.RawMessage, error), *request.Problem) {
	unsupported := func(found string) *request.Problem {
		return &request.Problem{Status: http.StatusUnsupportedMediaType, Parameter: "Content-Type",
			Detail: found + "; send application/json, or text/plain in UTF-8: curl -H 'Content-Type: text/plain' -d 'hello' URL"}
	}
	if contentType == "" {
		return nil, unsupported("the type of the content is missing")
	}
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, unsupported(fmt.Sprintf("%.100q is no media type", contentType))
	}
	switch charset := strings.ToLower(params["charset"]); {
	case mediaType == "application/json":
		return event.Compact, nil // RFC 8259, section 8.1: always UTF-8, and no charset parameter
	case !strings.HasPrefix(mediaType, "text/"):
		return nil, unsupported(fmt.Sprintf("content of type %.100q cannot be published", mediaType))
	case charset != "" && charset != "utf-8" && charset != "us-ascii":
		return nil, unsupported(fmt.Sprintf("text in %.40q cannot be published", charset))
	}
	return func(text []byte) (json.RawMessage, error) { return event.Text(string(text)) }, nil
}
