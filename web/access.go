package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"pushlab/common/access"
	"pushlab/common/request"
)

// LocalHost reports whether a host, with or without a port, can only mean this machine.
func LocalHost(host string) bool { return localHost(host) }

// ticketKey is where hideTicket puts a ticket into the request's context.
type ticketKey struct{}

// hideTicket takes the ticket out of a request's URL, so that nothing that comes later can log it (CORS-05). A query that is
// malformed, of which it could not be taken, goes no further.
func (s *Server) hideTicket(next echo.HandlerFunc) echo.HandlerFunc {
	if s.config.Access == nil {
		return next
	}
	return func(c echo.Context) error {
		r := c.Request()
		query, err := url.ParseQuery(r.URL.RawQuery)
		switch {
		case err != nil:
			return request.Invalid("query", "the query is malformed: %v", err)
		case !query.Has("ticket"):
			return next(c)
		}
		ticket := query.Get("ticket")
		query.Del("ticket")
		r = r.WithContext(context.WithValue(r.Context(), ticketKey{}, ticket))
		hidden := *r.URL
		hidden.RawQuery = query.Encode()
		r.URL, r.RequestURI = &hidden, hidden.RequestURI()
		c.SetRequest(r)
		return next(c)
	}
}

// A direction is what a request is for.
type direction func(access.Grant) access.Topics

func publishing(g access.Grant) access.Topics  { return g.Publish }
func subscribing(g access.Grant) access.Topics { return g.Subscribe }

// authorize finds out what a request may do in that direction, by what it brings: RFC 6455, section 10.5 (WS-15)
// leaves WebSocket to it, too. It refuses who brings nothing good where something is needed. All others get a
// grant into their context, and its end as their deadline, by which the transport ends them; the topics are for
// the transport to check, which knows them. The response is not touched.
func (s *Server) authorize(d direction) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if s.config.Access == nil {
			return next
		}
		return func(c echo.Context) error {
			r := c.Request()
			grant, problem := s.identify(r, d)
			if problem != nil {
				return problem
			}
			ctx := access.With(r.Context(), grant)
			if !grant.Expires.IsZero() {
				var cancel context.CancelFunc
				ctx, cancel = context.WithDeadline(ctx, grant.Expires)
				defer cancel()
			}
			c.SetRequest(r.WithContext(ctx))
			return next(c)
		}
	}
}

// identify returns what a request may do: by the token that it brings, else the ticket, else the cookie, else as
// anybody may. A ticket is for those who subscribe alone: it stands in a URL, which others may be made to follow.
// What was brought on purpose must be good; a cookie, which browsers add by themselves, only where one is needed.
func (s *Server) identify(r *http.Request, d direction) (*access.Grant, *request.Problem) {
	now := time.Now()
	anonymous := s.config.Access.Anonymous()
	if token, ok := bearer(r); ok {
		grant, err := s.config.Access.Verify(token, now)
		if err != nil {
			return nil, unauthorized("Authorization", "invalid_token", request.Reason(err))
		}
		return grant, nil
	}
	if ticket, ok := r.Context().Value(ticketKey{}).(string); ok && d != nil && r.Method == http.MethodGet {
		grant, err := s.tickets.Use(ticket, now)
		if err != nil {
			return nil, unauthorized("ticket", "invalid_token", request.Reason(err))
		}
		return grant, nil
	}
	grant, problem := s.identifyCookie(r, now)
	switch {
	case grant != nil:
		return grant, nil
	case d != nil && len(d(anonymous)) > 0:
		return &anonymous, nil
	case problem != nil:
		return nil, problem
	}
	return nil, unauthorized("Authorization", "", "this needs a token; send it as: Authorization: Bearer TOKEN")
}

// identifyCookie returns what a request may do by its cookie. A browser sends that along whatever page asks, so
// it counts only if the browser says that the page is ours, or one of an origin that was let in: RFC 6455, section
// 10.2, and RFC 9110, section 9.2.1 (CORS-04). Both are nil if there is no cookie.
func (s *Server) identifyCookie(r *http.Request, now time.Time) (*access.Grant, *request.Problem) {
	if s.config.AuthCookie == "" {
		return nil, nil
	}
	cookie, err := r.Cookie(s.config.AuthCookie)
	if err != nil {
		return nil, nil
	}
	// W3C Fetch Metadata: pages cannot set that field. Over plain HTTP browsers do not send it, except to this machine.
	sameOrigin := r.Header.Get("Sec-Fetch-Site") == "same-origin"
	if !sameOrigin && (r.Header.Get("Origin") == "" || !request.OriginAllowed(r, s.config.AllowedOrigins)) {
		return nil, &request.Problem{Status: http.StatusForbidden, Parameter: "Origin",
			Detail: "a cookie counts only if it comes from a page of this server, over HTTPS, or of an origin that it was started with (--allow-origin)"}
	}
	grant, err := s.config.Access.Verify(cookie.Value, now)
	if err != nil {
		return nil, unauthorized("Cookie", "invalid_token", request.Reason(err))
	}
	return grant, nil
}

// bearer returns the token that a request brings in its header: RFC 6750, section 2.1. Other schemes are for
// others, such as a proxy.
func bearer(r *http.Request) (token string, ok bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	return strings.TrimSpace(token), strings.EqualFold(scheme, "Bearer")
}

// unauthorized returns the problem of a request that needs a token: RFC 6750, section 3. Who brought none is
// told no error code: section 3.1.
func unauthorized(parameter, code, detail string) *request.Problem {
	challenge := `Bearer realm="pushlab"`
	if code != "" {
		challenge += `, error="` + code + `", error_description="` + detail + `"` // whose details have no quotes
	}
	return &request.Problem{Status: http.StatusUnauthorized, Parameter: parameter, Detail: detail,
		Header: http.Header{"Www-Authenticate": {challenge}}}
}

// ticket gives whoever has a token, or a cookie, a ticket for it.
func (s *Server) ticket(c echo.Context) error {
	r := c.Request()
	if s.config.Access == nil {
		return &request.Problem{Status: http.StatusNotFound, Parameter: "path", Detail: "this server asks for no tokens, so nobody needs a ticket"}
	}
	if problem := request.CheckMethod(r, http.MethodPost); problem != nil {
		return problem
	}
	grant, problem := s.identify(r, nil)
	if problem != nil {
		return problem
	}
	text, life, err := s.tickets.Make(grant, time.Now())
	if errors.Is(err, access.ErrTooManyTickets) {
		s.refusals.count(refusedTickets)
		return &request.Problem{Status: http.StatusServiceUnavailable, Detail: request.Reason(err) + "; try again later",
			Header: http.Header{"Retry-After": {strconv.Itoa(int(access.TicketLife / time.Second))}}}
	} else if err != nil {
		return err
	}
	c.Response().Header().Set("Cache-Control", "no-store")
	return c.JSON(http.StatusCreated, struct {
		Ticket    string `json:"ticket"`
		ExpiresIn int    `json:"expires_in"` // seconds
	}{text, int(life / time.Second)})
}
