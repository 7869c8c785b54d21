// Command excerpt writes the few numbers of the published study that the teaching page's lesson 9 shows, as a module of
// the page. So nobody types them, and the page need not load a whole result. It is run by go generate ./web.
package main

import (
	"flag"
	"fmt"
	"os"

	"pushlab/bench/result"
)

func main() {
	from := flag.String("result", "docs/study/result.json.gz", "the `file` of the study's result")
	to := flag.String("out", "web/static/lessons/study.js", "the `file` to write")
	flag.Parse()
	if err := run(*from, *to); err != nil {
		fmt.Fprintln(os.Stderr, "excerpt:", err)
		os.Exit(1)
	}
}

func run(from, to string) error {
	r, err := result.Read(from)
	if err != nil {
		return err
	}
	s, err := excerpt(r)
	if err != nil {
		return fmt.Errorf("%s: %w", from, err)
	}
	text, err := s.module()
	if err != nil {
		return err
	}
	return result.WriteFile(to, text)
}
