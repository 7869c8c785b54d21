package web

import (
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"time"

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
			return s.refuse(refusedHeader, &request.Problem{
				Status: http.StatusRequestHeaderFieldsTooLarge, Parameter: "header",
				Detail: fmt.Sprintf("the head of this request has %d bytes, and %d are allowed; most of it are cookies, as a rule; "+
					"the server's --max-header says how many", size, s.config.MaxHeader),
			})
		}
		return next(c)
	}
}

// limitSubscribers refuses a subscriber when there are as many as there may be, in all or from one address, or when an
// address comes too often. It stands before authorize: who guesses tokens is slowed down, and a ticket is not used up by a
// request that is refused. While the server drains nobody is refused: see drain.
func (s *Server) limitSubscribers(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if s.draining.Load() {
			return next(c)
		}
		leave, problem := s.enter(clientOf(r.RemoteAddr))
		if problem != nil {
			return problem
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

// enter takes a place for a subscriber from that address. It returns what gives the place back, which must be called once, or
// nil if there is nothing to give back; or why there is none.
func (s *Server) enter(addr netip.Addr) (leave func(), problem *request.Problem) {
	limit := int64(s.config.MaxConnections)
	if limit > 0 && s.places.Add(1) > limit { // counted before it is looked at, since many may come at once
		s.places.Add(-1)
		return nil, s.refuse(refusedConnections, &request.Problem{
			Status: http.StatusServiceUnavailable,
			Detail: fmt.Sprintf("there are %d subscribers, and no more may be; try again later", limit),
			Header: http.Header{"Retry-After": {"5"}}, // RFC 9110, section 10.2.3 (HTTP-08)
		})
	}
	leaveAddress, reason, wait := s.addresses.enter(addr)
	switch {
	case limit <= 0:
		leave = leaveAddress
	case leaveAddress == nil:
		leave = func() { s.places.Add(-1) }
	default:
		leave = func() {
			leaveAddress()
			s.places.Add(-1)
		}
	}
	if reason == "" {
		return leave, nil
	}
	if leave != nil {
		leave()
	}
	if reason == refusedConnectRate {
		return nil, s.connectsTooOften(addr, wait)
	}
	return nil, s.refuse(reason, tooMany(wait, fmt.Sprintf("%s has %g subscribers, and no more may be; the server's --max-connections-per-address says how many%s",
		addr, s.addresses.open.most, ifProxy)))
}

// limitTickets refuses a ticket to an address that asks for too many: each is for a subscription, and counts as one.
func (s *Server) limitTickets(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if problem := s.maySubscribe(c.Request().RemoteAddr); problem != nil {
			return problem
		}
		return next(c)
	}
}

// maySubscribe returns the problem of a peer that subscribes too often, for what takes no place. While the server drains
// nobody has one.
func (s *Server) maySubscribe(peer string) *request.Problem {
	addr := clientOf(peer)
	if s.draining.Load() {
		return nil
	}
	if wait := s.addresses.connect(addr); wait > 0 {
		return s.connectsTooOften(addr, wait)
	}
	return nil
}

// maySubscribeMessage is maySubscribe for a client that is answered by a message.
func (s *Server) maySubscribeMessage(peer string) error { return inMessage(s.maySubscribe(peer)) }

func (s *Server) connectsTooOften(addr netip.Addr, wait time.Duration) *request.Problem {
	return s.refuse(refusedConnectRate, tooMany(wait, fmt.Sprintf("%s subscribes more often than %g times a second; the server's --connect-rate says how often%s",
		addr, s.addresses.connects.most, ifProxy)))
}

// ifProxy is what to do about a limit that is for somebody else.
const ifProxy = "; if this is a proxy's address, start the server with --trust-proxy"

// limitPublishers refuses an event from an address that publishes too often. It stands before authorize, as limitSubscribers does.
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
	return s.refuse(refusedPublishRate, tooMany(wait, fmt.Sprintf("%s publishes more often than %g times a second; the server's --publish-rate says how often%s",
		addr, s.addresses.publishes.most, ifProxy)))
}

// mayPublishMessage is mayPublish for a client that is answered by a message.
func (s *Server) mayPublishMessage(peer string) error { return inMessage(s.mayPublish(peer)) }

// inMessage returns what a message says of a problem; nil of none.
func inMessage(problem *request.Problem) error {
	if problem == nil {
		return nil
	}
	return errors.New(problem.Detail)
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
