package request

import (
	"context"
	"errors"
	"net/http"

	"pushlab/common/hub"
)

// PublishProblem returns the problem of an event that was not published because of its key, or because the log cannot be
// reached, and the limit that was crossed, if one was; nil for all other errors. Its detail goes for a WebSocket, too.
func PublishProblem(err error, key string) (problem *Problem, limit string) {
	switch {
	case errors.Is(err, hub.ErrKeyReused):
		// draft-ietf-httpapi-idempotency-key-header, section 2.7.
		return &Problem{Status: http.StatusUnprocessableEntity, Parameter: KeyHeader,
			Detail: "the idempotency key was used for another event, with other data or topic; give each event a key of its own"}, ""
	case errors.Is(err, hub.ErrKeys):
		return &Problem{Status: http.StatusServiceUnavailable, Parameter: KeyHeader,
			Detail: Reason(err) + "; the event was not stored: send it again later",
			Header: http.Header{"Retry-After": {"10"}}}, LimitKeys
	case errors.Is(err, hub.ErrUnavailable), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		detail := "the log is not available; the event may have been stored, or not: "
		if key == "" {
			detail += "sent again, it may be there twice, which an idempotency key would prevent"
		} else {
			detail += "send it again with the same idempotency key, and it is there once"
		}
		return &Problem{Status: http.StatusServiceUnavailable, Detail: detail,
			Header: http.Header{"Retry-After": {"2"}}}, "" // a broker elects another leader within seconds
	}
	return nil, ""
}
