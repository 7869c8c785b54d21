package access

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Config says which tokens there are. The zero Config has none.
type Config struct {
	// PublishToken lets its bearer publish on all topics. Default: there is no such token.
	PublishToken string
	// SubscribeToken lets its bearer subscribe to all topics. Default: there is no such token.
	SubscribeToken string
	// Keys are those with which JSON Web Tokens are signed; any of them will do. Default: there are no such
	// tokens.
	Keys []Key
	// Issuer and Audience must be those of such a token (RFC 7519, sections 4.1.1 and 4.1.3). Default: they
	// are not looked at.
	Issuer, Audience string
}

// A Control knows tokens. Its methods may be called from any goroutine. Those of a nil Control let everybody
// do everything.
type Control struct {
	publish, subscribe *[sha256.Size]byte // of the static tokens; nil: there is none
	jwt                *verifier          // nil: there are no such tokens
	anonymous          Grant
}

// New returns the control of a server with these tokens, nil if there are none. It fails on a token that can be
// guessed or not be sent.
func New(config Config) (*Control, error) {
	c := new(Control)
	for _, static := range []struct {
		what, token string
		sum         **[sha256.Size]byte
	}{{"publish", config.PublishToken, &c.publish}, {"subscribe", config.SubscribeToken, &c.subscribe}} {
		if static.token == "" {
			continue
		}
		if err := checkStatic(static.token); err != nil {
			return nil, fmt.Errorf("access: the %s token %w", static.what, err)
		}
		sum := sha256.Sum256([]byte(static.token))
		*static.sum = &sum
	}
	if len(config.Keys) > 0 {
		c.jwt = newVerifier(config)
	} else if config.Issuer != "" || config.Audience != "" {
		return nil, errors.New("access: an issuer and an audience are those of JSON Web Tokens, and there is no key for such")
	}
	if c.publish == nil && c.subscribe == nil && c.jwt == nil {
		return nil, nil
	}
	if c.publish == nil && c.jwt == nil {
		c.anonymous.Publish = allTopics
	}
	if c.subscribe == nil && c.jwt == nil {
		c.anonymous.Subscribe = allTopics
	}
	return c, nil
}

// Anonymous is what those may do who bring no token.
func (c *Control) Anonymous() Grant {
	if c == nil {
		return Grant{Publish: allTopics, Subscribe: allTopics}
	}
	return c.anonymous
}

// maxToken is how long a token may be, in bytes.
const maxToken = 8 << 10

// Why a token is not good. None of it says anything of the others.
var (
	errInvalid = errors.New("access: the token is not valid here")
	errExpired = errors.New("access: the token has expired")
	errEarly   = errors.New("access: the token is not valid yet")
	errIssuer  = errors.New("access: the token is of another issuer")
	errOther   = errors.New("access: the token is for another audience")
	errNoEnd   = errors.New("access: the token never expires; it needs the claim exp")
	errClaim   = errors.New("access: the token's claim pushlab has patterns of topics that are none")
)

// Verify returns what the bearer of a token may do, beside what everybody may. It fails if the token is none of
// ours, or not any more.
func (c *Control) Verify(token string, now time.Time) (*Grant, error) {
	g := c.Anonymous()
	if c == nil || len(token) > maxToken {
		return nil, errInvalid
	}
	sum := sha256.Sum256([]byte(token))
	known := false
	if c.publish != nil && subtle.ConstantTimeCompare(sum[:], c.publish[:]) == 1 {
		g.Publish, known = allTopics, true
	}
	if c.subscribe != nil && subtle.ConstantTimeCompare(sum[:], c.subscribe[:]) == 1 {
		g.Subscribe, known = allTopics, true
	}
	switch {
	case known:
		g.publisher = bearerOf(token)
		return &g, nil
	case c.jwt == nil:
		return nil, errInvalid
	}
	// Where such tokens are known, nobody may do anything without one.
	return c.jwt.verify(token, now)
}

// minStatic is how short a static token may be: 16 characters of hex are 64 bits, which cannot be tried out.
const minStatic = 16

// checkStatic tells whether a token can be sent as a bearer token, RFC 6750, section 2.1, and not be guessed.
func checkStatic(token string) error {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="
	switch {
	case strings.Trim(token, alphabet) != "":
		return errors.New("may have letters, digits and -._~+/= only; make one by: openssl rand -hex 32")
	case len(token) < minStatic || len(token) > maxToken:
		return fmt.Errorf("has %d characters; it needs at least %d: make one by: openssl rand -hex 32", len(token), minStatic)
	}
	return nil
}
