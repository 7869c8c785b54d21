package probe

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// tryHandshake sends a handshake, and returns the answer to it, whose connection is closed.
func (t *Target) tryHandshake(ctx context.Context, a ask) (*answer, error) {
	a.header = append(without(handshake(newKey()), a.header), a.header...)
	answer, err := t.ask(ctx, a)
	if err != nil {
		return nil, err
	}
	answer.close()
	return answer, nil
}

func upgraded(a *answer) bool { return a.status == http.StatusSwitchingProtocols }

func askHandshakes(ctx context.Context, t *Target) error {
	short := base64.StdEncoding.EncodeToString(make([]byte, 15))
	for _, bad := range []struct {
		what string
		ask  ask
	}{
		{"by HTTP/1.0", ask{proto: "HTTP/1.0"}},
		{"by POST", ask{method: http.MethodPost, body: []byte{}}},
		{"without Host", ask{header: []string{"Host:"}}},
		{"without Upgrade", ask{header: []string{"Upgrade:"}}},
		{"with Upgrade: h2c", ask{header: []string{"Upgrade: h2c"}}},
		{"without Connection", ask{header: []string{"Connection:"}}},
		{"with Connection: keep-alive", ask{header: []string{"Connection: keep-alive"}}},
		{"without Sec-WebSocket-Key", ask{header: []string{"Sec-WebSocket-Key:"}}},
		{"with a Sec-WebSocket-Key of 15 bytes", ask{header: []string{"Sec-WebSocket-Key: " + short}}},
		{"with a Sec-WebSocket-Key that is not base64", ask{header: []string{"Sec-WebSocket-Key: ************************"}}},
		{"without Sec-WebSocket-Version", ask{header: []string{"Sec-WebSocket-Version:"}}},
	} {
		a, err := t.tryHandshake(ctx, bad.ask)
		switch {
		case errors.Is(err, errUnanswered):
			continue // that is to refuse, too
		case err != nil:
			return err
		case upgraded(a):
			return breach(a.statusLine(), "a handshake %s is accepted", bad.what)
		}
	}
	return nil
}

func askAcceptValue(ctx context.Context, t *Target) error {
	key := newKey()
	a, err := t.tryHandshake(ctx, ask{header: []string{"Sec-WebSocket-Key: " + key}})
	if err != nil {
		return err
	}
	switch accept := a.header.Values("Sec-WebSocket-Accept"); {
	case !upgraded(a):
		return breach(a.statusLine(), "the answer is %d", a.status)
	case !listed(a.header, "Upgrade", "websocket"):
		return breach(a.field("Upgrade"), "there is no Upgrade: websocket")
	case !listed(a.header, "Connection", "Upgrade"):
		return breach(a.field("Connection"), "there is no Connection: Upgrade")
	case len(accept) != 1 || accept[0] != acceptOf(key):
		return breach(a.field("Sec-WebSocket-Accept"), "for the key %s it should be %s", key, acceptOf(key))
	}
	return nil
}

func askVersion(ctx context.Context, t *Target) error {
	for _, version := range []string{"8", "99"} {
		a, err := t.tryHandshake(ctx, ask{header: []string{"Sec-WebSocket-Version: " + version}})
		if err != nil {
			return err
		}
		if upgraded(a) {
			return breach(a.statusLine(), "version %s is accepted", version)
		}
		if !listed(a.header, "Sec-WebSocket-Version", "13") {
			return breach(a.field("Sec-WebSocket-Version"), "version %s is refused without Sec-WebSocket-Version: 13", version)
		}
	}
	return nil
}

// refusals returns the answers to what is no handshake, and to one of another version.
func (t *Target) refusals426(ctx context.Context) (plain, version *answer, err error) {
	if plain, err = t.ask(ctx, ask{}); err != nil {
		return nil, nil, err
	}
	plain.close()
	version, err = t.tryHandshake(ctx, ask{header: []string{"Sec-WebSocket-Version: 99"}})
	return plain, version, err
}

func askRefusals(ctx context.Context, t *Target) error {
	plain, version, err := t.refusals426(ctx)
	if err != nil {
		return err
	}
	if plain.status != http.StatusUpgradeRequired && plain.status != http.StatusBadRequest {
		return breach(plain.statusLine(), "a plain GET is answered %d", plain.status)
	}
	if version.status != http.StatusUpgradeRequired && version.status != http.StatusBadRequest {
		return breach(version.statusLine(), "version 99 is answered %d", version.status)
	}
	return nil
}

func askUpgradeField(ctx context.Context, t *Target) error {
	plain, version, err := t.refusals426(ctx)
	if err != nil {
		return err
	}
	seen := false
	for _, a := range []*answer{plain, version} {
		if a.status != http.StatusUpgradeRequired {
			continue
		}
		seen = true
		if !listed(a.header, "Upgrade", "websocket") {
			return breach(a.field("Upgrade"), "426 has no Upgrade: websocket")
		}
	}
	if !seen {
		return skip("no answer was 426")
	}
	return nil
}

func askForeignOrigin(ctx context.Context, t *Target) error {
	a, err := t.tryHandshake(ctx, from(stranger))
	if err != nil {
		return err
	}
	if upgraded(a) {
		return breach(a.statusLine(), "a page of %s may connect", stranger)
	}
	return nil
}

func askForbidden(ctx context.Context, t *Target) error {
	a, err := t.tryHandshake(ctx, from(stranger))
	if err != nil {
		return err
	}
	switch {
	case upgraded(a):
		return skip("no origin is refused")
	case a.status != http.StatusForbidden:
		return breach(a.statusLine(), "a page of %s is refused by %d", stranger, a.status)
	}
	return nil
}

func askOriginParts(ctx context.Context, t *Target) error {
	otherScheme := map[string]string{"http": "https", "https": "http"}[t.URL.Scheme] + "://" + t.URL.Host
	for _, origin := range []string{"null", otherScheme, t.URL.Scheme + "://" + t.URL.Hostname() + ":1", t.origin() + ".conform.invalid"} {
		a, err := t.tryHandshake(ctx, from(origin))
		if err != nil {
			return err
		}
		if upgraded(a) {
			return breach(a.statusLine(), "a page of %s may connect to %s", origin, t.origin())
		}
	}
	return nil
}

func askSubprotocol(ctx context.Context, t *Target) error {
	for _, offer := range []string{"", "conform.unknown", "conform.unknown, pushlab.v1"} {
		a, err := t.tryHandshake(ctx, ask{header: []string{"Sec-WebSocket-Protocol: " + offer}})
		if offer == "" {
			a, err = t.tryHandshake(ctx, ask{})
		}
		if err != nil {
			return err
		}
		if !upgraded(a) {
			continue // it wants one of its own
		}
		chosen := elements(a.header, "Sec-WebSocket-Protocol")
		offered := strings.Split(offer, ", ")
		switch {
		case len(chosen) > 1:
			return breach(a.field("Sec-WebSocket-Protocol"), "there is more than one")
		case len(chosen) == 1 && (offer == "" || !slices.Contains(offered, chosen[0])):
			return breach(a.field("Sec-WebSocket-Protocol"), "the offer was %q", offer)
		}
	}
	return nil
}

const deflate = "permessage-deflate"

func askExtension(ctx context.Context, t *Target) error {
	for _, header := range [][]string{nil, {"Sec-WebSocket-Extensions: conform-unknown, " + deflate}} {
		a, err := t.tryHandshake(ctx, ask{header: header})
		if err != nil {
			return err
		}
		for _, extension := range elements(a.header, "Sec-WebSocket-Extensions") {
			name, _, _ := strings.Cut(extension, ";")
			if name = strings.TrimSpace(name); name != deflate && (header == nil || name != "conform-unknown") {
				return breach(a.field("Sec-WebSocket-Extensions"), "it was not offered")
			}
		}
	}
	return nil
}

// deflateOf returns the parameters with which permessage-deflate was accepted, if it was.
func deflateOf(a *answer) (parameters []string, ok bool) {
	for _, extension := range elements(a.header, "Sec-WebSocket-Extensions") {
		parts := strings.Split(extension, ";")
		if strings.TrimSpace(parts[0]) != deflate {
			continue
		}
		for _, p := range parts[1:] {
			parameters = append(parameters, strings.TrimSpace(p))
		}
		return parameters, true
	}
	return nil, false
}

const extensions = "Sec-WebSocket-Extensions"

func askUnofferedDeflate(ctx context.Context, t *Target) error {
	a, err := t.tryHandshake(ctx, ask{})
	if err != nil {
		return err
	}
	if _, ok := deflateOf(a); ok {
		return breach(a.field(extensions), "it is")
	}
	return nil
}

func askBadDeflate(ctx context.Context, t *Target) error {
	for _, parameters := range []string{
		"; conform_unknown", "; server_no_context_takeover; server_no_context_takeover", "; server_no_context_takeover=1",
		"; client_no_context_takeover=yes", "; server_max_window_bits=7", "; server_max_window_bits=16", "; server_max_window_bits",
		"; client_max_window_bits=0",
	} {
		a, err := t.tryHandshake(ctx, ask{header: []string{extensions + ": " + deflate + parameters}})
		if err != nil {
			return err
		}
		if _, ok := deflateOf(a); ok {
			return breach(a.field(extensions), "the offer of %s%s is accepted", deflate, parameters)
		}
	}
	return nil
}

func askDeflate(ctx context.Context, t *Target) error {
	accepted := false
	for _, offer := range []string{"", "client_max_window_bits", "server_max_window_bits=15"} {
		value := deflate
		if offer != "" {
			value += "; " + offer
		}
		a, err := t.tryHandshake(ctx, ask{header: []string{extensions + ": " + value}})
		if err != nil {
			return err
		}
		parameters, ok := deflateOf(a)
		accepted = accepted || ok
		seen := make(map[string]bool)
		for _, p := range parameters {
			name, value, valued := strings.Cut(p, "=")
			bits, err := strconv.Atoi(strings.Trim(value, `"`))
			good := err == nil && 8 <= bits && bits <= 15
			switch name {
			case "server_no_context_takeover", "client_no_context_takeover":
				good = !valued
			case "server_max_window_bits":
			case "client_max_window_bits":
				good = good && strings.HasPrefix(offer, name) // section 7.1.2.2
			default:
				good = false
			}
			if !good || seen[name] {
				return breach(a.field(extensions), "the offer was %s", value)
			}
			seen[name] = true
		}
	}
	if !accepted {
		return skip("it does not compress")
	}
	return nil
}
