package web

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"
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
			network, err = netip.PrefixFrom(addr, addr.BitLen()), nil
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
