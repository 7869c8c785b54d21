package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"pushlab/common/request"
)

// Why a request is refused, beside the reasons of package request: the values of the label reason. Each has a constant,
// so that nobody from outside can make further ones.
const (
	refusedUnauthorized       = "unauthorized" // it needs a token or a ticket, and has none that is good
	refusedForbidden          = "forbidden"    // by its token, or because of the page that it comes from
	refusedHost               = "host"         // it asks for a name that is not ours
	refusedTickets            = "tickets"      // there are too many tickets
	refusedConnections        = "connections"
	refusedAddressConnections = "address_connections"
	refusedConnectRate        = "connect_rate"
	refusedPublishRate        = "publish_rate"
	refusedHeader             = "header_size"
)

// refusals counts refused requests, and refused messages of WebSocket clients.
type refusals struct{ *prometheus.CounterVec }

// newRefusals returns the counter, with all reasons in it from the beginning, so that the first one is seen as one more.
func newRefusals() refusals {
	r := refusals{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pushlab_requests_refused_total", Help: "Requests, and messages of WebSocket clients, that were refused, by reason.",
	}, []string{"reason"})}
	for _, reason := range []string{
		refusedUnauthorized, refusedForbidden, refusedHost, refusedTickets,
		refusedConnections, refusedAddressConnections, refusedConnectRate, refusedPublishRate, refusedHeader,
		request.LimitMessage, request.LimitArrival, request.LimitTopics, request.LimitLogTopics, request.LimitKeys, request.NotGranted,
	} {
		r.WithLabelValues(reason)
	}
	return r
}

// count counts one that is refused for one of the reasons above.
func (r refusals) count(reason string) { r.WithLabelValues(reason).Inc() }

// refuse counts a refusal and returns its problem. What can be told by the status of the answer alone is counted by
// countRefusals.
func (s *Server) refuse(reason string, problem *request.Problem) *request.Problem {
	s.refusals.count(reason)
	return problem
}

// countRefusals counts the requests that are refused because of who makes them, and those with more topics than
// a subscription may name, which the transports refuse by themselves.
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
			s.refusals.count(refusedUnauthorized)
		case http.StatusForbidden:
			s.refusals.count(refusedForbidden)
		case http.StatusMisdirectedRequest:
			s.refusals.count(refusedHost)
		case http.StatusBadRequest:
			if len(c.QueryParams()["topic"]) > request.MaxTopics {
				s.refusals.count(request.LimitTopics)
			}
		}
		return err
	}
}
