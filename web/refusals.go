package web

import (
	"github.com/prometheus/client_golang/prometheus"

	"pushlab/common/request"
)

// Reasons to refuse a request, beside the limits of package request.
const (
	refusedHost               = "host"
	refusedOrigin             = "origin"
	refusedConnections        = "connections"
	refusedAddressConnections = "address_connections"
	refusedConnectRate        = "connect_rate"
	refusedPublishRate        = "publish_rate"
	refusedHeader             = "header_size"
)

// refusals counts the requests, and messages of WebSocket clients, that were refused, by reason.
type refusals struct {
	byReason *prometheus.CounterVec
}

func newRefusals() *refusals {
	r := &refusals{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "pushlab_requests_refused_total", Help: "Requests, and messages of WebSocket clients, that were refused, by reason.",
	}, []string{"reason"})}
	for _, reason := range []string{
		refusedHost, refusedOrigin, refusedConnections, refusedAddressConnections, refusedConnectRate, refusedPublishRate, refusedHeader,
		request.LimitMessage, request.LimitArrival, request.LimitTopics, request.LimitLogTopics,
	} {
		r.byReason.WithLabelValues(reason) // from zero on, so that the first one is seen as one more
	}
	return r
}

// count counts one.
func (r *refusals) count(reason string) { r.byReason.WithLabelValues(reason).Inc() }

// refuse counts a refusal and returns its problem.
func (s *Server) refuse(reason string, problem *request.Problem) *request.Problem {
	s.refusals.count(reason)
	return problem
}
