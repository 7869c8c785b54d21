package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"pushlab/common/request"
)

// proxies are those whose word is taken for whom they ask for.
type proxies struct {
	networks []netip.Prefix
	unix     bool // whoever may connect to our Unix sockets
}

// parseProxies reads the networks, or addresses, of proxies, or "unix".
func parseProxies(list []string) (p proxies, err error) {
	for _, text := range list {
		if text == "unix" {
			p.unix = true
			continue
		}
		network, err := netip.ParsePrefix(text)
		if addr, addrErr := netip.ParseAddr(text); addrErr == nil {
			addr = addr.Unmap() // as those are that it is compared with
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		if err == nil && network.Addr().Is4In6() { // which would be compared with nothing
			return p, fmt.Errorf("web: %q is a network of IPv4 in IPv6's notation; write it as in IPv4, such as 10.0.0.0/8", text)
		}
		if err != nil {
			return p, fmt.Errorf("web: %q is no proxy; give an address, a network such as 10.0.0.0/8, or unix for our Unix sockets", text)
		}
		p.networks = append(p.networks, network.Masked())
	}
	return p, nil
}

func (p proxies) none() bool { return len(p.networks) == 0 && !p.unix }

// trusts reports whether the peer is one of them.
func (p proxies) trusts(addr netip.Addr) bool {
	if !addr.IsValid() {
		return p.unix
	}
	return slices.ContainsFunc(p.networks, func(n netip.Prefix) bool { return n.Contains(addr) })
}

// client returns whom a request is from: behind proxies that are trusted, the last address of X-Forwarded-For that is not
// one of them, since each appends whom it was asked by, and what stands before is whatever the client sent.
func (p proxies) client(r *http.Request) netip.Addr {
	addr := clientOf(r.RemoteAddr)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !p.trusts(addr) {
			break
		}
		next := clientOf(strings.TrimSpace(hop))
		if !next.IsValid() {
			break
		}
		addr = next
	}
	return addr
}

// proxyFields are the header fields by which a proxy tells of itself: RFC 7239, and before it; RFC 9110, section 7.6.3.
var proxyFields = []string{"Forwarded", "Via", "X-Forwarded-For"}

// cameByProxy returns a field by which a proxy tells that it has passed a request on; "" if none does.
func cameByProxy(r *http.Request) string {
	for _, name := range proxyFields {
		if r.Header.Get(name) != "" {
			return name
		}
	}
	return ""
}

// checkStrangers refuses what comes by a proxy from elsewhere, or from who knows where, as long as everybody who is here may
// publish or subscribe without --open: to us all of that comes from this machine, and a proxy may have put our own name in
// the place of its own, so that checkHost has nothing to say. One that tells nothing of itself cannot be known.
func (s *Server) checkStrangers(next echo.HandlerFunc) echo.HandlerFunc {
	anonymous := s.config.Access.Anonymous()
	if s.config.Open || len(anonymous.Publish)+len(anonymous.Subscribe) == 0 {
		return next
	}
	return func(c echo.Context) error {
		r := c.Request()
		field := cameByProxy(r)
		if field == "" {
			return next(c)
		}
		if s.proxies.trusts(clientOf(r.RemoteAddr)) {
			if client := s.proxies.client(r); !client.IsValid() || client.IsLoopback() {
				return next(c)
			}
		}
		return &request.Problem{Status: http.StatusForbidden, Parameter: field,
			Detail: "this came by a proxy, and here everybody may publish or subscribe without a token, who should be of this machine only; " +
				"start the server with tokens, or with --open if everybody may"}
	}
}

// seeThrough has a request that a trusted proxy passes on be its client's, for whatever comes behind: limits, logs and the list
// of subscribers.
func (s *Server) seeThrough(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if was := clientOf(r.RemoteAddr); s.proxies.trusts(was) {
			if addr := s.proxies.client(r); addr != was {
				r.RemoteAddr = addr.String()
			}
		}
		return next(c)
	}
}
