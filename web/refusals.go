package web

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"pushlab/common/request"
)

// Why a request is refused: the values of the label reason, beside the limits of package request. Each has a constant here, so
// that nobody from outside can make further ones.
const (
	refusedForbidden = "forbidden" // because of the page that it comes from
	refusedHost      = "host"      // it asks for a name that is not ours

	refusedConnections        = "connections"         // there are as many subscribers as there may be
	refusedAddressConnections = "address_connections" // its address has as many
	refusedConnectRate        = "connect_rate"        // its address subscribes too often
	refusedPublishRate        = "publish_rate"        // its address publishes too often
	refusedHeader             = "header_size"         // its head is too large
)

// refusals counts refused requests.
type refusals struct{ *prometheus.CounterVec }

// newRefusals returns the counter, with all reasons in it from the beginning.
func newRefusals() refusals {
	r := refusals{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pushlab_requests_refused_total", Help: "Requests that were refused, and messages on WebSockets, by reason.",
	}, []string{"reason"})}
	for _, reason := range []string{
		refusedForbidden, refusedHost,
		refusedConnections, refusedAddressConnections, refusedConnectRate, refusedPublishRate, refusedHeader,
		request.LimitMessage, request.LimitArrival, request.LimitTopics, request.LimitLogTopics,
	} {
		r.WithLabelValues(reason)
	}
	return r
}

// count counts one that is refused for one of the reasons above.
func (r refusals) count(reason string) { r.WithLabelValues(reason).Inc() }

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
		case http.StatusForbidden:
			s.refusals.count(refusedForbidden)
		case http.StatusMisdirectedRequest:
			s.refusals.count(refusedHost)
		}
		return err
	}
}
