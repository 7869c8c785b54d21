// Command reportjs makes bench/report/assets: the script and the style sheet that every report.html has in it. They are
// made of bench/report/page, and of what the teaching page has too: its tokens, colours, dashes and uPlot. It is run by
// go generate ./bench/report, and is in the module of the tools, so that what is built here needs no bundler.
package main

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

func main() {
	root := flag.String("root", "..", "the `folder` of the repository")
	flag.Parse()
	if err := run(*root); err != nil {
		fmt.Fprintln(os.Stderr, "reportjs:", err)
		os.Exit(1)
	}
}

func run(root string) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	// Whoever has a report has the library, so he gets its licence too.
	licence, err := os.ReadFile(filepath.Join(root, "web/static/vendor/uplot.LICENSE"))
	if err != nil {
		return err
	}
	inputs, outputs := map[string]bool{}, map[string][]byte{}
	for _, name := range []string{"report.js", "report.css"} {
		result := api.Build(api.BuildOptions{
			AbsWorkingDir: root, EntryPoints: []string{"bench/report/page/" + name}, Outfile: filepath.Join(root, "bench/report/assets", name),
			Bundle: true, Metafile: true, Format: api.FormatIIFE, Target: api.ES2022, Charset: api.CharsetUTF8,
			MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true, LegalComments: api.LegalCommentsNone,
			// light-dark() is what the tokens are made of; an older target would take it apart.
			Engines: []api.Engine{{Name: api.EngineChrome, Version: "123"}},
			Banner:  map[string]string{strings.TrimPrefix(filepath.Ext(name), "."): "/* uPlot, which is in here:\n" + string(licence) + "*/"},
		})
		if len(result.Errors) > 0 {
			return errors.New(strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n"))
		}
		var about struct{ Inputs map[string]any }
		if err := json.Unmarshal([]byte(result.Metafile), &about); err != nil {
			return err
		}
		for input := range about.Inputs {
			inputs[input] = true
		}
		outputs[name] = result.OutputFiles[0].Contents
	}
	inputs["web/static/vendor/uplot.LICENSE"], inputs["tools/reportjs/main.go"] = true, true

	var list strings.Builder
	list.WriteString("# Written by go generate ./bench/report: the SHA-256 of what the assets are made of and by, and of the assets.\n\n")
	for _, name := range slices.Sorted(maps.Keys(inputs)) {
		content, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "source %s %x\n", name, sha256.Sum256(content))
	}
	list.WriteString("\n")
	for _, name := range slices.Sorted(maps.Keys(outputs)) {
		fmt.Fprintf(&list, "file %s %x\n", name, sha256.Sum256(outputs[name]))
	}
	outputs["SOURCES"] = []byte(list.String())
	for name, content := range outputs {
		if err := os.WriteFile(filepath.Join(root, "bench/report/assets", name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
