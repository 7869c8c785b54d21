package targets

import (
	"maps"
	"slices"
	"strings"

	"pushlab/bench/load"
)

// words are what the words in braces stand for.
type words struct{ dir, port, port2, pushlab string }

// pairs lists each word and what it stands for, but for {topic}, which is always the same.
func (w words) pairs() []string {
	return []string{"{dir}", w.dir, "{port}", w.port, "{port2}", w.port2, "{pushlab}", w.pushlab}
}

// in replaces the words in a text.
func (w words) in(text string) string {
	return strings.NewReplacer(append(w.pairs(), "{topic}", load.Topic)...).Replace(text)
}

// inAll replaces the words in each text.
func (w words) inAll(texts []string) []string {
	texts = slices.Clone(texts)
	for i, text := range texts {
		texts[i] = w.in(text)
	}
	return texts
}

// fields makes a table ready to be sent, sorted by name: a file has no order.
func fields(table map[string]string, replaced func(string) string) []load.Field {
	var fields []load.Field
	for _, name := range slices.Sorted(maps.Keys(table)) {
		fields = append(fields, load.Field{Name: name, Value: replaced(table[name])})
	}
	return fields
}
