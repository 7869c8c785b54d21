package access_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"pushlab/common/access"
)

const (
	publishToken   = "publish-0123456789abcdef"
	subscribeToken = "subscribe-0123456789abcdef"
)

var now = time.Date(2026, 11, 23, 22, 0, 0, 0, time.UTC)

// control makes a control that must be one.
func control(t *testing.T, config access.Config) *access.Control {
	t.Helper()
	c, err := access.New(config)
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	return c
}

// may writes down what a grant is good for.
func may(g access.Grant) string {
	return "publish " + strings.Join(g.Publish, ",") + "; subscribe " + strings.Join(g.Subscribe, ",")
}

// Each direction needs a token as soon as there is one for it.
func TestStaticTokens(t *testing.T) {
	for _, c := range []struct {
		name, publish, subscribe string
		anonymous                string
		bearers                  map[string]string // what the bearer of a token may do; "": it is none
	}{
		{"publish only", publishToken, "", "publish ; subscribe *", map[string]string{
			publishToken: "publish *; subscribe *", subscribeToken: "", publishToken + "x": "", publishToken[1:]: "", "": ""}},
		{"subscribe only", "", subscribeToken, "publish *; subscribe ", map[string]string{
			subscribeToken: "publish *; subscribe *", publishToken: "", strings.ToUpper(subscribeToken): ""}},
		{"both", publishToken, subscribeToken, "publish ; subscribe ", map[string]string{
			publishToken: "publish *; subscribe ", subscribeToken: "publish ; subscribe *", "": ""}},
		{"one for both", publishToken, publishToken, "publish ; subscribe ", map[string]string{
			publishToken: "publish *; subscribe *", subscribeToken: ""}},
	} {
		control := control(t, access.Config{PublishToken: c.publish, SubscribeToken: c.subscribe})
		if got := may(control.Anonymous()); got != c.anonymous {
			t.Errorf("%s: everybody may %s", c.name, got)
		}
		for token, want := range c.bearers {
			g, err := control.Verify(token, now)
			switch {
			case want == "" && err == nil:
				t.Errorf("%s: %q lets its bearer %s", c.name, token, may(*g))
			case want != "" && (err != nil || may(*g) != want || !g.Expires.IsZero()):
				t.Errorf("%s: %q: %+v, %v; want %s", c.name, token, g, err, want)
			}
		}
	}
}

func TestNothingConfigured(t *testing.T) {
	c, err := access.New(access.Config{})
	if c != nil || err != nil {
		t.Fatal(c, err)
	}
	if got := may(c.Anonymous()); got != "publish *; subscribe *" {
		t.Errorf("everybody may %s", got)
	}
	if _, err := c.Verify(publishToken, now); err == nil {
		t.Error("a token is known")
	}
}

func TestBadTokens(t *testing.T) {
	for _, token := range []string{"short", "fifteen-letters", strings.Repeat("x", 9000), "with a space in between", "with-ümlauts-0123456789", "with-a-line-end\n0123456789", "@a-file/0123456789abcdef"} {
		for _, config := range []access.Config{{PublishToken: token}, {SubscribeToken: token}} {
			_, err := access.New(config)
			if err == nil || !strings.Contains(err.Error(), "openssl") || strings.Contains(err.Error(), token) {
				t.Errorf("%.50q: %v", token, err)
			}
		}
	}
	for _, config := range []access.Config{{Issuer: "me"}, {Audience: "us", PublishToken: publishToken}} {
		if _, err := access.New(config); err == nil || !strings.Contains(err.Error(), "no key") {
			t.Error(err)
		}
	}
}

// A context without a grant is that of a server that controls no access.
func TestNoGrant(t *testing.T) {
	g := access.From(context.Background())
	if err := g.CheckPublish("a"); err != nil {
		t.Error(err)
	}
	if topics, err := g.Subscription(nil); topics != nil || err != nil {
		t.Error(topics, err)
	}
	if topics, err := g.Subscription([]string{"a"}); len(topics) != 1 || err != nil {
		t.Error(topics, err)
	}
	if err := g.CheckTime(now); err != nil {
		t.Error(err)
	}
}

func TestGrant(t *testing.T) {
	g := access.From(access.With(t.Context(), &access.Grant{Publish: access.Topics{"a"}, Expires: now}))
	if err := g.CheckPublish("a"); err != nil {
		t.Error(err)
	}
	if err := g.CheckPublish(strings.Repeat("b", 1000)); err == nil || len(err.Error()) > 300 {
		t.Error(err)
	}
	if topics, err := g.Subscription(nil); err == nil {
		t.Error(topics)
	}
	if g.CheckTime(now.Add(-1)) != nil || g.CheckTime(now) == nil {
		t.Error("it does not end in time")
	}
}
