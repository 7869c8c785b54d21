package access_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"pgregory.net/rapid"

	"pushlab/common/access"
)

// TestPublishers: whose key is the same as whose.
func TestPublishers(t *testing.T) {
	s := newSecret("0123456789abcdef0123456789abcdef")
	static := control(t, access.Config{PublishToken: publishToken})
	open := control(t, access.Config{SubscribeToken: subscribeToken}) // whose bearers may publish, too
	web := control(t, access.Config{Keys: []access.Key{s.key(t)}})
	renewed := func(c jwt.MapClaims) jwt.MapClaims {
		c["exp"] = now.Add(2 * time.Hour).Unix()
		return c
	}
	of := func(issuer, subject string) jwt.MapClaims {
		claims := good()
		if issuer != "" {
			claims["iss"] = issuer
		}
		if subject != "" {
			claims["sub"] = subject
		}
		return claims
	}
	anonymous, nobody := access.Grant{Publish: access.Topics{"*"}}, (*access.Grant)(nil)
	verify := func(c *access.Control, token string) *access.Grant {
		t.Helper()
		g, err := c.Verify(token, now)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	// Each line is a publisher, and the grants that are its.
	publishers := map[string][]*access.Grant{
		"without a token":           {nobody, &anonymous},
		"a static token":            {verify(static, publishToken), verify(static, publishToken)},
		"another one":               {verify(open, subscribeToken)},
		"a subject":                 {verify(web, s.token(t, of("me", "ann"), nil)), verify(web, s.token(t, renewed(of("me", "ann")), nil))},
		"another subject":           {verify(web, s.token(t, of("me", "bob"), nil))},
		"another issuer":            {verify(web, s.token(t, of("you", "ann"), nil))},
		"the parts elsewhere":       {verify(web, s.token(t, of("mea", "nn"), nil))},
		"no issuer":                 {verify(web, s.token(t, of("", "ann"), nil)), verify(web, s.token(t, renewed(of("", "ann")), nil))},
		"no subject":                {verify(web, s.token(t, of("me", ""), nil)), verify(web, s.token(t, of("me", ""), nil))},
		"no subject, another token": {verify(web, s.token(t, renewed(of("me", "")), nil))},
		"a token as a subject":      {verify(web, s.token(t, of("", publishToken), nil))},
	}
	whose := map[string]string{}
	for name, grants := range publishers {
		for _, g := range grants {
			key := g.PublishKey("1")
			if is, used := whose[key]; used && is != name {
				t.Errorf("%s and %s are one publisher", name, is)
			}
			whose[key] = name
			if g.PublishKey("1") != key || g.PublishKey("2") == key || g.PublishKey("") != "" {
				t.Errorf("%s: the key of the log does not follow the one of the publisher", name)
			}
		}
		if keys := grants[0].PublishKey("1"); grants[len(grants)-1].PublishKey("1") != keys {
			t.Errorf("%s is several publishers", name)
		}
	}
}

// TestPublisherOfATicket: a ticket is for whom it was made for.
func TestPublisherOfATicket(t *testing.T) {
	g, err := control(t, access.Config{PublishToken: publishToken, SubscribeToken: publishToken}).Verify(publishToken, now)
	if err != nil {
		t.Fatal(err)
	}
	var tickets access.Tickets
	text, _, err := tickets.Make(g, now)
	if err != nil {
		t.Fatal(err)
	}
	used, err := tickets.Use(text, now)
	if err != nil || used.PublishKey("1") != g.PublishKey("1") {
		t.Errorf("%v; the key is another", err)
	}
}

// TestPublishKey: the key of the log can stand in a header field, and tells nothing.
func TestPublishKey(t *testing.T) {
	g, err := control(t, access.Config{PublishToken: publishToken}).Verify(publishToken, now)
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		one, two := rapid.StringN(1, 300, -1).Draw(t, "one"), rapid.StringN(1, 300, -1).Draw(t, "two")
		key := g.PublishKey(one)
		if b, err := base64.RawURLEncoding.DecodeString(key); err != nil || len(b) != 32 {
			t.Errorf("%q: %v", key, err)
		}
		if (one == two) != (key == g.PublishKey(two)) {
			t.Errorf("%q and %q", one, two)
		}
		if len(one) > 8 && strings.Contains(key, one) {
			t.Errorf("%q has %q in it", key, one)
		}
	})
}
