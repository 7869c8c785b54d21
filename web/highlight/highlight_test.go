package highlight_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pushlab/web/highlight"
)

// marked writes the pieces as text, those that are not plain as <class:text>.
func marked(f *highlight.File) string {
	var b strings.Builder
	for i, line := range f.Lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		for _, p := range line {
			if p[0] == highlight.Plain {
				b.WriteString(p[1])
			} else {
				b.WriteString("<" + p[0] + ":" + p[1] + ">")
			}
		}
	}
	return b.String()
}

func TestGo(t *testing.T) {
	const src = "// Package a is.\npackage a\n\nimport \"x\" // y\n\n/* two\nlines */\nfunc (t *T[A]) Do(n int) (string, rune) {\n" +
		"\treturn `raw\n\nstring` + \"\\\"//\", 'x' + 0x1F + 1.5e3\n}\n\nfunc plain() {}\n"
	const want = "<c:// Package a is.>\n<k:package> a\n\n<k:import> <s:\"x\"> <c:// y>\n\n<c:/* two>\n<c:lines */>\n" +
		"<k:func> (t *T[A]) Do(n int) (string, rune) {\n" +
		"\t<k:return> <s:`raw>\n\n<s:string`> + <s:\"\\\"//\">, <s:'x'> + <n:0x1F> + <n:1.5e3>\n}\n\n<k:func> plain() {}"
	f, err := highlight.Source("a.go", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, marked(f)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string][2]int{"T.Do": {8, 12}, "plain": {14, 14}}, f.Functions); diff != "" {
		t.Errorf("functions (-want +got):\n%s", diff)
	}
}

func TestJavaScript(t *testing.T) {
	for _, test := range []struct{ name, src, want string }{
		{"words", `export async function f(from, of1) { return null; }`, `<k:export> <k:async> <k:function> f(from, of1) { <k:return> <k:null>; }`},
		{"import", `import { a } from "./b.js";`, `<k:import> { a } <k:from> <s:"./b.js">;`},
		{"members", `a.delete(b?.new); a.x.catch(f)`, `a.delete(b?.new); a.x.catch(f)`},
		{"private", `this.#in = 1; #new`, `<k:this>.#in = <n:1>; #new`},
		{"strings", `'a\'//' + "b\"/*"`, `<s:'a\'//'> + <s:"b\"/*">`},
		{"numbers", `1_000 + 0x1f + 1.5 + a1 + 10n`, `<n:1_000> + <n:0x1f> + <n:1.5> + a1 + <n:10n>`},
		{"comments", "a /* b\n'c */ d // e \"\nf", "a <c:/* b>\n<c:'c */> d <c:// e \">\nf"},
		{"no end", "/* a", "<c:/* a>"},
		{"template", "`a ${b ? `c}${d}` : { e: \"}\" }} f`; if (g) {}",
			"<s:`a >${b ? <s:`c}>${d}<s:`> : { e: <s:\"}\"> }}<s: f`>; <k:if> (g) {}"},
		{"template lines", "`a\n\\`${b}`", "<s:`a>\n<s:\\`>${b}<s:`>"},
		{"regular expressions", `a = /[/"]\/'/g.test(b) && c / d / "e"; return /x/;`, `a = <s:/[/"]\/'/g>.test(b) && c / d / <s:"e">; <k:return> <s:/x/>;`},
		{"division", `(a) / b / c[0] / 2 / "x"`, `(a) / b / c[<n:0>] / <n:2> / <s:"x">`},
		{"after a member", `a.return / 2 / "x"`, `a.return / <n:2> / <s:"x">`},
		{"characters", `"é" + ü`, `<s:"é"> + ü`},
	} {
		f, err := highlight.Source("a.js", []byte(test.src))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, marked(f)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestJavaScriptFunctions(t *testing.T) {
	const src = `export function open(url, { topics = [], x } = {}) {
  if (x) {
    f("}");
  }
  return {
    close() {
      g(() => {
      });
    },
    get state() {
      return 1;
    },
  };
}

class Parser extends Base {
  #state = {};
  static async feed(text) {
    // }
  }

  constructor() {
  }
}
const f = async function* named() {};
function last() {}
`
	f, err := highlight.Source("a.js", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][2]int{
		"open": {1, 14}, "open.close": {6, 9}, "open.state": {10, 12},
		"Parser": {16, 24}, "Parser.feed": {18, 20}, "Parser.constructor": {22, 23},
		"named": {25, 25}, "last": {26, 26},
	}
	if diff := cmp.Diff(want, f.Functions); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNothingIsLost puts the pieces of real files together again.
func TestNothingIsLost(t *testing.T) {
	n := 0
	for _, pattern := range []string{"*.go", "../*.go", "../static/*.js", "../static/*/*.js", "../../*/*.go", "../../common/*/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			check(t, name, src)
			n++
		}
	}
	if n < 100 {
		t.Errorf("only %d files", n)
	}
}

func check(t *testing.T, name string, src []byte) {
	t.Helper()
	f, err := highlight.Source(name, src)
	if err != nil {
		return // no Go
	}
	var b strings.Builder
	for _, line := range f.Lines {
		for _, piece := range line {
			if piece[1] == "" || strings.Contains(piece[1], "\n") {
				t.Fatalf("%s: a piece is %q", name, piece)
			}
			b.WriteString(piece[1])
		}
		b.WriteByte('\n')
	}
	if strings.TrimSuffix(b.String(), "\n") != strings.TrimSuffix(strings.ReplaceAll(string(src), "\r", ""), "\n") {
		t.Errorf("%s is not the sum of its pieces", name)
	}
	for function, lines := range f.Functions {
		if lines[0] < 1 || lines[1] < lines[0] || lines[1] > len(f.Lines) {
			t.Errorf("%s: %s is in lines %d of %d", name, function, lines, len(f.Lines))
		}
	}
}

func FuzzJavaScript(f *testing.F) {
	f.Add([]byte("a = `${/x/}` // \"\n'b' /* c */ class D { e() {\n} }"))
	f.Fuzz(func(t *testing.T, src []byte) { check(t, "a.js", src) })
}

func FuzzGo(f *testing.F) {
	f.Add([]byte("package A\nfunc()A()"))
	f.Add([]byte("package a // b\r\n\nvar c = `\r\n`\r\n"))
	f.Add([]byte("package a\n\nfunc (t *T) f() { `x\n` }\n"))
	f.Fuzz(func(t *testing.T, src []byte) { check(t, "a.go", src) })
}

func TestOtherFiles(t *testing.T) {
	for name, src := range map[string]string{"a.css": "", "a.go": "no Go"} {
		if _, err := highlight.Source(name, []byte(src)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
