package probe

import (
	"context"
	"net/http"
	"strings"

	"pushlab/common/client"
)

// stranger is an origin that no server has listed (RFC 2606, section 2).
const stranger = "https://conform.invalid"

func corsChecks() []Check {
	const fetch = "WHATWG Fetch, section 3.3"
	return []Check{
		must("CORS-01a", fetch, "Access-Control-Allow-Origin is not * where credentials are allowed: no browser takes that.", askWildcard),
		should("CORS-01b", fetch, "An answer that names one origin says Vary: Origin, or a cache gives it to another.", askVaryOrigin),
		should("CORS-01c", fetch, "The origin null is not allowed: any page can have it, from within a sandboxed frame.", askNull),
		should("CORS-01d", fetch, "Credentials are not allowed for whatever origin asks: any page could read what only the user may.", askReflection),
		should("CORS-02a", fetch, "A preflight for Last-Event-ID succeeds, and allows it: a page of another origin needs that to resume with fetch.", askPreflight),
		must("CORS-02b", "Pushlab", "A preflight allows Last-Event-ID, Prefer, Content-Type, Authorization and Idempotency-Key, and answers expose the cursor.", askContract),
	}
}

// from returns a request that a page of that origin makes.
func from(origin string) ask { return ask{header: []string{"Origin: " + origin}} }

// ofPage asks for a page of that origin.
func (t *Target) ofPage(ctx context.Context, origin string) (a *answer, allowed string, err error) {
	a, err = t.first(ctx, from(origin))
	if err != nil {
		return nil, "", err
	}
	a.close()
	return a, a.header.Get("Access-Control-Allow-Origin"), nil
}

func credentials(a *answer) bool {
	return a.header.Get("Access-Control-Allow-Credentials") == "true"
}

const allowOrigin = "Access-Control-Allow-Origin"

func askWildcard(ctx context.Context, t *Target) error {
	for _, origin := range []string{t.origin(), stranger} {
		a, allowed, err := t.ofPage(ctx, origin)
		if err != nil {
			return err
		}
		if allowed == "*" && credentials(a) {
			return breach(a.field(allowOrigin)+" "+a.field("Access-Control-Allow-Credentials"), "it is, for %s", origin)
		}
	}
	return nil
}

func askVaryOrigin(ctx context.Context, t *Target) error {
	named := false
	for _, origin := range []string{t.origin(), stranger} {
		a, allowed, err := t.ofPage(ctx, origin)
		if err != nil {
			return err
		}
		if allowed == "" || allowed == "*" {
			continue
		}
		named = true
		if !listed(a.header, "Vary", "Origin") && !listed(a.header, "Vary", "*") {
			return breach(a.field(allowOrigin), "there is no Vary: Origin beside it")
		}
	}
	if !named {
		return skip("no answer names an origin")
	}
	return nil
}

func askNull(ctx context.Context, t *Target) error {
	a, allowed, err := t.ofPage(ctx, "null")
	if err != nil {
		return err
	}
	if allowed == "null" {
		return breach(a.field(allowOrigin), "it is")
	}
	return nil
}

func askReflection(ctx context.Context, t *Target) error {
	a, allowed, err := t.ofPage(ctx, stranger)
	if err != nil {
		return err
	}
	if allowed == stranger && credentials(a) {
		return breach(a.field(allowOrigin)+" "+a.field("Access-Control-Allow-Credentials"), "they are, for %s", stranger)
	}
	return nil
}

// preflight asks whether a page may send those header fields, of the first origin that may anything.
func (t *Target) preflight(ctx context.Context, fields string) (*answer, error) {
	for _, origin := range []string{t.origin(), stranger} {
		a := from(origin)
		a.method = http.MethodOptions
		a.header = append(a.header, "Access-Control-Request-Method: GET", "Access-Control-Request-Headers: "+fields)
		answer, err := t.ask(ctx, a)
		if err != nil {
			return nil, err
		}
		answer.close()
		if allowed := answer.header.Get(allowOrigin); allowed == origin || allowed == "*" {
			return answer, nil
		}
	}
	return nil, skip("pages of other origins are not let in")
}

// allows reports whether a preflight's answer allows a header field.
func allows(a *answer, field string) bool {
	if listed(a.header, "Access-Control-Allow-Headers", field) {
		return true
	}
	// The same section: an asterisk is all but Authorization, and without credentials only.
	return listed(a.header, "Access-Control-Allow-Headers", "*") && !credentials(a) && !strings.EqualFold(field, "Authorization")
}

func askPreflight(ctx context.Context, t *Target) error {
	a, err := t.preflight(ctx, "last-event-id")
	if err != nil {
		return err
	}
	switch {
	case a.status < 200 || a.status > 299:
		return breach(a.statusLine(), "the preflight is answered %d", a.status)
	case !allows(a, "Last-Event-ID"):
		return breach(a.field("Access-Control-Allow-Headers"), "Last-Event-ID is not allowed")
	}
	return nil
}

func askContract(ctx context.Context, t *Target) error {
	if !t.Pushlab {
		return skip("the answer has no Pushlab-Cursor")
	}
	a, err := t.preflight(ctx, "authorization,content-type,idempotency-key,last-event-id,prefer")
	if err != nil {
		return err
	}
	for _, field := range []string{"Prefer", "Content-Type", "Authorization", "Idempotency-Key"} {
		if !allows(a, field) {
			return breach(a.field("Access-Control-Allow-Headers"), "%s is not allowed", field)
		}
	}
	get, _, err := t.ofPage(ctx, t.origin())
	if err != nil {
		return err
	}
	if !listed(get.header, "Access-Control-Expose-Headers", client.CursorHeader) {
		return breach(get.field("Access-Control-Expose-Headers"), "%s is not exposed", client.CursorHeader)
	}
	return nil
}
