package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"pushlab/common/request"
)

// Why a request is refused: the values of the label reason. Each has a constant here, so that nobody from
// outside can make further ones.
const (
	refusedUnauthorized = "unauthorized" // it needs a token or a ticket, and has none that is good
	refusedForbidden    = "forbidden"    // by its token, or because of the page that it comes from
	refusedHost         = "host"         // it asks for a name that is not ours
	refusedOperation    = "operation"    // a message on a WebSocket, by the token that the connection has
	refusedTickets      = "tickets"      // there are too many tickets
)

// refusals counts refused requests.
type refusals struct{ *prometheus.CounterVec }

// newRefusals returns the counter, with all reasons in it from the beginning.
func newRefusals() refusals {
	r := refusals{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pushlab_requests_refused_total", Help: "Requests that were refused, and messages on WebSockets, by reason.",
	}, []string{"reason"})}
	for _, reason := range []string{refusedUnauthorized, refusedForbidden, refusedHost, refusedOperation, refusedTickets} {
		r.WithLabelValues(reason)
	}
	return r
}

// count counts one that is refused for one of the reasons above.
func (r refusals) count(reason string) { r.WithLabelValues(reason).Inc() }

// refuse counts a request that is refused for one of the reasons above. What can be told by the status of the
// answer alone is counted by countRefusals.
func (s *Server) refuse(reason string) { s.refusals.count(reason) }

// countRefusals counts the requests that are refused because of who makes them.
func (s *Server) countRefusals(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		status := 0
		if problem := (*request.Problem)(nil); errors.As(err, &problem) {
			status = problem.Status
		} else if c.Response().Committed {
			status = c.Response().Status
		}
		switch status {
		case http.StatusUnauthorized:
			s.refuse(refusedUnauthorized)
		case http.StatusForbidden:
			s.refuse(refusedForbidden)
		case http.StatusMisdirectedRequest:
			s.refuse(refusedHost)
		}
		return err
	}
}
