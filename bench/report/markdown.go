package report

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"pushlab/bench/result"
)

// Markdown writes verdicts and tables as GitHub renders them.
func Markdown(w io.Writer, r result.Result) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# Results of %s\n\n%s. Revision %s.\n", r.Started.UTC().Format("2006-01-02 15:04 UTC"), escapeMarkdown(where(r)), escapeMarkdown(revision(r.Environment)))
	if r.Interrupted {
		fmt.Fprintf(&b, "\n**INTERRUPTED** %s\n", untilThen)
	}
	if found, numbers := answers(r); len(found) > 0 {
		fmt.Fprintf(&b, "\n## %s\n\n", claimsTitle)
		for _, a := range found {
			fmt.Fprintf(&b, "- **%s** %s.\n", a.verdict, escapeMarkdown(a.text))
		}
		b.WriteString("\n" + numbers.markdown() + "\n")
	}
	for _, o := range r.Outcomes {
		fmt.Fprintf(&b, "\n## %s\n\n", escapeMarkdown(Title(o.Case)))
		for _, l := range verdicts(o) {
			fmt.Fprintf(&b, "- **%s** %s\n", l.level, escapeMarkdown(l.text))
		}
		if leavesOut(o) {
			b.WriteString("\n" + leftOut + "\n")
		}
		for _, t := range (Text{Result: r}).tables(o) {
			b.WriteString("\n" + t.markdown() + "\n")
		}
	}
	if lines := growth(r); len(lines) > 0 {
		fmt.Fprintf(&b, "\n## Growth\n\n%s\n\n", escapeMarkdown(lines[0]))
		for _, l := range lines[1:] {
			b.WriteString("- " + escapeMarkdown(l) + "\n")
		}
	}
	b.WriteString("\n## How to read this\n\n" + escapeMarkdown(explanation(r)))
	_, err := io.WriteString(w, b.String())
	return err
}

// revision says what the program was built from.
func revision(e result.Environment) string {
	s := cmp.Or(e.Revision, "unknown")
	if e.Modified {
		s += " with changes"
	}
	return s
}

var markdownEscapes = strings.NewReplacer(`\`, `\\`, "*", `\*`, "_", `\_`, "`", "\\`", "<", "&lt;", "[", `\[`, "~", `\~`)

func escapeMarkdown(s string) string { return markdownEscapes.Replace(s) }
