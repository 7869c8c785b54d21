package request_test

import (
	"net/http"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"pushlab/common/request"
)

func TestParseKey(t *testing.T) {
	long := strings.Repeat("k", request.MaxKey)
	for _, c := range []struct{ field, key string }{ // "": it is refused
		{`8e03978e-40d5-43e8-bc93-6894a57f9324`, `8e03978e-40d5-43e8-bc93-6894a57f9324`},
		{`"8e03978e-40d5-43e8-bc93-6894a57f9324"`, `8e03978e-40d5-43e8-bc93-6894a57f9324`},
		{` "abc"	`, `abc`},
		{`a"b`, `a"b`}, // bare, it is as it is
		{`a\b;c,d`, `a\b;c,d`},
		{`"a\"b\\c"`, `a"b\c`},
		{`"a;b"`, `a;b`},
		{long, long},
		{`"` + long + `"`, long},
		{long + "k", ""},
		{`"` + long + `k"`, ""},
		{"", ""},
		{" ", ""},
		{`""`, ""},
		{`"`, ""},
		{`"abc`, ""},
		{`"abc\"`, ""},
		{`"abc\`, ""},
		{`"a\bc"`, ""},
		{`"abc";version=1`, ""},
		{`"abc", "def"`, ""},
		{`"abc" `, `abc`},
		{"a b", ""},
		{`"a b"`, ""},
		{"a\tb", ""},
		{"schlüssel", ""},
		{"\"a\x7fb\"", ""},
		{"a\x00b", ""},
	} {
		key, problem := request.ParseKey(http.Header{request.KeyHeader: {c.field}})
		switch {
		case key != c.key, (problem == nil) != (c.key != ""):
			t.Errorf("%q: %q, %v; want %q", c.field, key, problem, c.key)
		case problem != nil && (problem.Status != 400 || problem.Parameter != "Idempotency-Key" || strings.Contains(problem.Detail, "request:")):
			t.Errorf("%q: %+v", c.field, problem)
		}
	}
	if key, problem := request.ParseKey(http.Header{}); key != "" || problem != nil {
		t.Errorf("no field: %q, %v", key, problem)
	}
	if key, problem := request.ParseKey(http.Header{request.KeyHeader: {"a", "a"}}); key != "" || problem == nil || problem.Parameter != "Idempotency-Key" {
		t.Errorf("two fields: %q, %v", key, problem)
	}
}

// TestParseKeyEither: what is a key is the same one in quotation marks.
func TestParseKeyEither(t *testing.T) {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.StringMatching(`[!#-~][!-~]{0,255}`).Draw(t, "key")
		for _, field := range []string{key, `"` + quote.Replace(key) + `"`} {
			got, problem := request.ParseKey(http.Header{request.KeyHeader: {field}})
			if problem != nil || got != key {
				t.Errorf("%q: %q, %v; want %q", field, got, problem, key)
			}
		}
	})
}

func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"abc", `"abc"`, `"a\"b"`, `"abc`, `\`, ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, field string) {
		key, problem := request.ParseKey(http.Header{request.KeyHeader: {field}})
		if (problem == nil) != (request.CheckKey(key) == nil) {
			t.Errorf("%q: %q, %v", field, key, problem)
		}
	})
}
