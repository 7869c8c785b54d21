package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/labstack/echo/v4"

	"pushlab/common/request"
	"pushlab/common/wire"
)

// limitHead refuses a request whose head is too large: RFC 6585, section 5. Net/http would do so without a word of why; it
// has twice the limit, and refuses what is beyond that.
func (s *Server) limitHead(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		size := len(r.Method) + len(r.RequestURI) + len(r.Host)
		for name, values := range r.Header {
			for _, value := range values {
				size += len(name) + len(": ") + len(value) + len("\r\n")
			}
		}
		if size > s.config.MaxHeader {
			return s.limit(refusedHeader, &request.Problem{
				Status: http.StatusRequestHeaderFieldsTooLarge, Parameter: "header",
				Detail: fmt.Sprintf("the head of this request has %d bytes, and %d are allowed; most of it are cookies, as a rule; "+
					"the server's --max-header says how many", size, s.config.MaxHeader),
			})
		}
		return next(c)
	}
}

// limitSubscribers refuses a subscriber when there are as many as there may be, in all or from one address, or when an
// address comes too often. While the server drains nobody is refused: see drain.
func (s *Server) limitSubscribers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if s.draining.Load() {
			return next(c)
		}
		if limit := s.config.MaxConnections; limit > 0 && s.subscribers() >= limit {
			return s.limit(refusedConnections, &request.Problem{
				Status: http.StatusServiceUnavailable,
				Detail: fmt.Sprintf("there are %d subscribers, and no more may be; try again later", limit),
				Header: http.Header{"Retry-After": {"5"}}, // RFC 9110, section 10.2.3 (HTTP-08)
			})
		}
		addr := clientOf(r.RemoteAddr)
		leave, reason, wait := s.addresses.enter(addr)
		switch reason {
		case refusedConnectRate:
			return s.limit(reason, tooMany(wait, fmt.Sprintf("%s subscribes more often than %g times a second; the server's --connect-rate says how often%s",
				addr, s.addresses.connects.most, ifProxy)))
		case refusedAddressConnections:
			return s.limit(reason, tooMany(wait, fmt.Sprintf("%s has %g subscribers, and no more may be; the server's --max-connections-per-address says how many%s",
				addr, s.addresses.open.most, ifProxy)))
		}
		if leave == nil {
			return next(c)
		}
		// A stream outlives its handler.
		with, taken := wire.OnEnd(r, leave)
		c.SetRequest(with)
		defer func() {
			if !taken() {
				leave()
			}
		}()
		return next(c)
	}
}

// limit counts a request that crosses a limit, and returns its problem.
func (s *Server) limit(reason string, problem *request.Problem) *request.Problem {
	s.refusals.count(reason)
	return problem
}

// countTopics counts subscriptions that name too many topics: the transports refuse them.
func (s *Server) countTopics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		err := next(c)
		if c.Response().Status == http.StatusBadRequest && len(c.QueryParams()["topic"]) > request.MaxTopics {
			s.refusals.count(request.LimitTopics)
		}
		return err
	}
}

// ifProxy is what to do about a limit that is for somebody else.
const ifProxy = "; if this is a proxy's address, start the server with --trust-proxy"

// limitPublishers refuses an event from an address that publishes too often.
func (s *Server) limitPublishers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if problem := s.mayPublish(c.Request().RemoteAddr); problem != nil {
			return problem
		}
		return next(c)
	}
}

// mayPublish returns the problem of a peer that publishes too often.
func (s *Server) mayPublish(peer string) *request.Problem {
	addr := clientOf(peer)
	wait := s.addresses.publish(addr)
	if wait <= 0 {
		return nil
	}
	return s.limit(refusedPublishRate, tooMany(wait, fmt.Sprintf("%s publishes more often than %g times a second; the server's --publish-rate says how often%s",
		addr, s.addresses.publishes.most, ifProxy)))
}

// mayPublishMessage is mayPublish for a client that is answered by a message.
func (s *Server) mayPublishMessage(peer string) error {
	if problem := s.mayPublish(peer); problem != nil {
		return errors.New(problem.Detail)
	}
	return nil
}

// clientOf returns the address of a peer; the zero address if it has none, as on a Unix socket.
func clientOf(peer string) netip.Addr {
	if with, err := netip.ParseAddrPort(peer); err == nil {
		return with.Addr().Unmap()
	}
	addr, err := netip.ParseAddr(peer) // what a proxy says has no port
	if err != nil {
		return netip.Addr{}
	}
	return addr.Unmap()
}
