package access_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pushlab/common/access"
)

func TestTopics(t *testing.T) {
	for _, c := range []struct {
		patterns string
		has, not string
	}{
		{"", "", "a *"},
		{"*", "a a.b A-1_2.x", ""},
		{"a", "a", "b a.b aa A"},
		{"a.b", "a.b", "a a.c a.b.c xa.b"},
		{"a.*", "a.b a.b.c", "a ab b.a"},
		{"a.b.*", "a.b.c", "a.b a.bc a.c.b"},
		{"a b.*", "a b.c", "b a.b"},
	} {
		topics := access.Topics(strings.Fields(c.patterns))
		if err := access.CheckTopics(topics); err != nil {
			t.Error(err)
		}
		for topic := range strings.FieldsSeq(c.has) {
			if !topics.Has(topic) {
				t.Errorf("%q has not %q", c.patterns, topic)
			}
		}
		for topic := range strings.FieldsSeq(c.not) {
			if topics.Has(topic) {
				t.Errorf("%q has %q", c.patterns, topic)
			}
		}
	}
}

func TestNoPatterns(t *testing.T) {
	for _, pattern := range []string{
		"", ".", ".*", "**", "*.", "*.a", "a*", "a.*.b", "a.*.*", "a..*", "a.", "$open", "$*", "a b", "a\n", "ä", "-a",
		strings.Repeat("x", 129), strings.Repeat("x", 129) + ".*",
	} {
		if access.CheckTopics([]string{pattern}) == nil {
			t.Errorf("%q is a pattern", pattern)
		}
	}
	if err := access.CheckTopics(slices.Repeat([]string{"a"}, access.MaxTopics)); err != nil {
		t.Error(err)
	}
	if access.CheckTopics(slices.Repeat([]string{"a"}, access.MaxTopics+1)) == nil {
		t.Error("there is no limit")
	}
}

// What the generators draw is from so few words that topics and patterns meet.
var (
	words   = rapid.SampledFrom([]string{"a", "b", "ab", "a-1"})
	topic   = rapid.Map(rapid.SliceOfN(words, 1, 4), func(words []string) string { return strings.Join(words, ".") })
	pattern = rapid.OneOf(topic, rapid.Map(topic, func(topic string) string { return topic + ".*" }), rapid.Just("*"))
)

// has says by the words of a topic what Topics.Has says by its text.
func has(pattern, topic string) bool {
	p, t := strings.Split(pattern, "."), strings.Split(topic, ".")
	if last := len(p) - 1; p[last] == "*" {
		return len(t) > last && slices.Equal(p[:last], t[:last])
	}
	return slices.Equal(p, t)
}

func TestPatterns(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		patterns := access.Topics(rapid.SliceOfN(pattern, 0, 4).Draw(t, "patterns"))
		topic := topic.Draw(t, "topic")
		if err := access.CheckTopics(patterns); err != nil {
			t.Fatal(err)
		}
		want := slices.ContainsFunc(patterns, func(p string) bool { return has(p, topic) })
		if got := patterns.Has(topic); got != want {
			t.Fatalf("%q has %q: %v", patterns, topic, got)
		}
		more := append(slices.Clone(patterns), pattern.Draw(t, "one more"))
		if want && !more.Has(topic) {
			t.Fatalf("%q takes %q away from %q", more[len(patterns)], topic, patterns)
		}
	})
}

// Whatever is asked for: a subscription has granted topics only, and those that were named, or all.
func TestSubscriptions(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		grant := &access.Grant{Subscribe: rapid.SliceOfN(pattern, 0, 4).Draw(t, "granted")}
		var named []string
		if rapid.Bool().Draw(t, "named") {
			named = rapid.SliceOfN(topic, 0, 4).Draw(t, "topics")
		}
		got, err := grant.Subscription(named)
		prefix := slices.ContainsFunc(grant.Subscribe, func(p string) bool { return strings.HasSuffix(p, ".*") })
		switch {
		case grant.Subscribe.HasAll():
			if err != nil || !slices.Equal(got, named) || (got == nil) != (named == nil) {
				t.Fatalf("%q, %v; want what was named", got, err)
			}
		case named == nil && (prefix || len(grant.Subscribe) == 0):
			if err == nil {
				t.Fatalf("all that are granted are %q", got)
			}
		case named == nil:
			if err != nil || !slices.Equal(got, grant.Subscribe) {
				t.Fatalf("%q, %v; want those that are granted", got, err)
			}
		default:
			denied := slices.ContainsFunc(named, func(topic string) bool { return !grant.Subscribe.Has(topic) })
			if (err != nil) != denied || err == nil && (got == nil || !slices.Equal(got, named)) {
				t.Fatalf("%q, %v; want those that were named, if they are granted", got, err)
			}
		}
		for _, topic := range got {
			if !grant.Subscribe.Has(topic) {
				t.Fatalf("%q is not granted", topic)
			}
		}
	})
}
