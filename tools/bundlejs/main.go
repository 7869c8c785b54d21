// Command bundlejs makes web/static/bundle: the teaching page in few files, for those who look at it and not into it.
// Everybody else has the modules, which are served beside it under their own names, and which the source maps name. It
// is run by go generate ./web, and is in the module of the tools, so that what is built here needs no bundler.
//
// The bundle is a folder beside the modules' own:
//
//	index.html    the page, which loads these
//	app.js        app.js with all that it imports: the first view
//	app.css       the style sheets of the page
//	NAME.js       what is imported when it is needed, and workers; what several of them share is in shared-HASH.js
//	NAME.css      style sheets that modules load
//	*.map         source maps
//	SOURCES       what it was made of and by, with the SHA-256 of each file
package main

import (
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

const (
	folder = "bundle"  // in that of the page
	start  = "app.js"  // the script that the page begins with
	sheet  = "app.css" // of all style sheets that the page names

	firstBundle = "first-bundle" // how late modules import from what start becomes

	esbuild = "github.com/evanw/esbuild" // its module: another version may make another bundle of the same sources
)

func main() {
	dir := flag.String("dir", "../web/static", "the `folder` of the page")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "bundlejs:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	b := &bundler{dir: dir, inputs: map[string]bool{}, outputs: map[string][]byte{}}
	if err := b.bundle(); err != nil {
		return err
	}
	out := filepath.Join(dir, folder)
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for name, content := range b.outputs {
		if err := os.WriteFile(filepath.Join(out, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// A bundler collects what the bundle is made of, and the bundle. Names are from the page's folder, with slashes; those
// of outputs from the bundle's.
type bundler struct {
	dir     string
	inputs  map[string]bool
	outputs map[string][]byte
}

func (b *bundler) bundle() error {
	found, err := b.survey()
	if err != nil {
		return err
	}
	if err := b.late(found); err != nil {
		return err
	}
	if err := b.first(found); err != nil {
		return err
	}
	for _, name := range found.beside {
		if _, err := b.build(api.BuildOptions{EntryPoints: []string{name}, Outfile: path.Base(name)}, b.modules(nil)); err != nil {
			return err
		}
	}
	if err := b.page(); err != nil {
		return err
	}
	return b.sources()
}

// build bundles entry points, in a way that all outputs have in common.
func (b *bundler) build(o api.BuildOptions, plugins ...api.Plugin) (*metafile, error) {
	o.AbsWorkingDir = b.dir
	if o.Outfile != "" {
		o.Outfile = filepath.Join(b.dir, folder, o.Outfile)
	} else {
		o.Outdir, o.ChunkNames = filepath.Join(b.dir, folder), "shared-[hash]"
	}
	o.Bundle, o.Metafile = true, true
	o.Format, o.Target = api.FormatESModule, api.ES2022
	o.MinifyWhitespace, o.MinifyIdentifiers, o.MinifySyntax = true, true, true
	o.LegalComments = api.LegalCommentsEndOfFile
	o.Sourcemap, o.SourcesContent = api.SourceMapLinked, api.SourcesContentExclude
	o.Plugins = plugins
	result := api.Build(o)
	if err := failure(result.Errors); err != nil {
		return nil, err
	}
	about := &metafile{}
	if err := about.parse(result.Metafile); err != nil {
		return nil, err
	}
	for name := range about.Inputs {
		if !strings.Contains(name, ":") && name != "<stdin>" { // of a plugin, or of the options
			b.inputs[name] = true
		}
	}
	for _, file := range result.OutputFiles {
		name := filepath.Base(file.Path)
		if _, twice := b.outputs[name]; twice {
			return nil, fmt.Errorf("two outputs are called %s", name)
		}
		b.outputs[name] = file.Contents
	}
	return about, nil
}

func failure(messages []api.Message) error {
	if len(messages) == 0 {
		return nil
	}
	return errors.New(strings.Join(api.FormatMessages(messages, api.FormatMessagesOptions{}), "\n"))
}

// beside matches a script or a style sheet that a module loads from its own folder, as a worker or by an element.
var beside = regexp.MustCompile(`new URL\('([\w-]+\.(?:js|css))', import\.meta\.url\)`)

// directive matches what makes a directive of lit-html, a call that has no other effect: who needs no directive, needs no
// call. It matches nothing of ours.
var directive = regexp.MustCompile(`=(\w)\(class `)

// modules reads modules as bundles need them.
//
// A bundle is elsewhere than the modules in it, so import.meta.url becomes the address of the module itself; but what is
// bundled too is beside the bundle, as it was beside the module. And what a late module imports from one of the first
// view, if that is known, it imports from the first bundle: else it would have another one of its own.
func (b *bundler) modules(found *survey) api.Plugin {
	const here = "\x00"
	return api.Plugin{Name: "modules", Setup: func(p api.PluginBuild) {
		p.OnLoad(api.OnLoadOptions{Filter: `\.js$`, Namespace: "file"}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			name, source, err := b.read(args.Path)
			if err != nil {
				return api.OnLoadResult{}, err
			}
			source = beside.ReplaceAllString(source, "new URL('$1', "+here+")")
			source = strings.ReplaceAll(source, "import.meta.url", fmt.Sprintf("new URL(%q, import.meta.url)", "../"+name))
			source = strings.ReplaceAll(source, here, "import.meta.url")
			source = directive.ReplaceAllString(source, "=/* @__PURE__ */$1(class ")
			if found != nil && !found.first[name] {
				source, err = found.fromFirst(name, source)
			}
			return api.OnLoadResult{Contents: &source, Loader: api.LoaderJS}, err
		})
	}}
}

// read returns a file of the page by its path, and its name.
func (b *bundler) read(file string) (name, content string, err error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return "", "", err
	}
	name, err = filepath.Rel(b.dir, file)
	return filepath.ToSlash(name), string(text), err
}

// first bundles the first view into one script. It exports what the late ones, which must be there, import from it.
func (b *bundler) first(found *survey) error {
	var entry strings.Builder
	fmt.Fprintf(&entry, "import './%s';\n", start)
	for _, as := range slices.Sorted(maps.Keys(found.exports)) {
		e := found.exports[as]
		fmt.Fprintf(&entry, "export { %s as %s } from './%s';\n", e.name, as, e.module)
	}
	_, err := b.build(api.BuildOptions{
		Stdin:   &api.StdinOptions{Contents: entry.String(), ResolveDir: b.dir},
		Outfile: start,
	}, b.leaveOut(), b.modules(nil))
	return err
}

// leaveOut leaves modules that are imported dynamically to the other bundles.
func (b *bundler) leaveOut() api.Plugin {
	return api.Plugin{Name: "leave out", Setup: func(p api.PluginBuild) {
		p.OnResolve(api.OnResolveOptions{Filter: `^\.`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			if args.Kind != api.ResolveJSDynamicImport {
				return api.OnResolveResult{}, nil
			}
			name, err := filepath.Rel(b.dir, filepath.Join(args.ResolveDir, args.Path))
			return api.OnResolveResult{Path: "./" + bundled(filepath.ToSlash(name)), External: true}, err
		})
	}}
}

// bundled is what the bundle of a module is called, when it is imported dynamically.
func bundled(module string) string {
	return strings.ReplaceAll(strings.TrimPrefix(module, "ui/"), "/", "-")
}

// late bundles what is imported dynamically. What the first view has already comes from there.
func (b *bundler) late(found *survey) error {
	var entries []api.EntryPoint
	for _, name := range found.late {
		entries = append(entries, api.EntryPoint{InputPath: name, OutputPath: strings.TrimSuffix(bundled(name), ".js")})
	}
	theFirst := api.Plugin{Name: "first bundle", Setup: func(p api.PluginBuild) {
		p.OnResolve(api.OnResolveOptions{Filter: "^" + firstBundle + "$"}, func(api.OnResolveArgs) (api.OnResolveResult, error) {
			return api.OnResolveResult{Path: "./" + start, External: true}, nil
		})
	}}
	made, err := b.build(api.BuildOptions{EntryPointsAdvanced: entries, Splitting: true}, b.modules(found), theFirst)
	if err != nil {
		return err
	}
	for name := range made.Inputs {
		if found.first[name] {
			return fmt.Errorf("%s would be there twice: import it as import { … } from '…';", name)
		}
	}
	return nil
}

// page makes the page that loads the bundle.
func (b *bundler) page() error {
	_, html, err := b.read(filepath.Join(b.dir, "index.html"))
	if err != nil {
		return err
	}
	b.inputs["index.html"] = true
	page, sheets, err := bundledPage(html)
	if err != nil {
		return err
	}
	var entry strings.Builder
	for _, name := range sheets {
		fmt.Fprintf(&entry, "@import './%s';\n", name)
	}
	_, err = b.build(api.BuildOptions{Stdin: &api.StdinOptions{Contents: entry.String(), ResolveDir: b.dir, Loader: api.LoaderCSS}, Outfile: sheet})
	if err != nil {
		return err
	}
	b.outputs["index.html"] = []byte(page)
	return nil
}

// versionOf returns the version of a module that is in this program.
func versionOf(module string) (string, error) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "", errors.New("this program does not know what it was built from")
	}
	i := slices.IndexFunc(info.Deps, func(m *debug.Module) bool { return m.Path == module })
	if i < 0 {
		return "", fmt.Errorf("%s is not in this program", module)
	}
	return info.Deps[i].Version, nil
}

// sources lists what the bundle is made of, and what it is.
func (b *bundler) sources() error {
	var list strings.Builder
	list.WriteString("# Written by go generate ./web: the SHA-256 of what the bundle is made of and by, and of the bundle.\n\n")
	version, err := versionOf(esbuild)
	if err != nil {
		return err
	}
	fmt.Fprintf(&list, "tool %s %s\n\n", esbuild, version)
	own, err := filepath.Glob(filepath.Join(b.dir, "../../tools/bundlejs/*.go"))
	if err != nil {
		return err
	}
	for _, file := range own {
		name, err := filepath.Rel(b.dir, file)
		if err != nil {
			return err
		}
		b.inputs[filepath.ToSlash(name)] = true
	}
	for _, name := range slices.Sorted(maps.Keys(b.inputs)) {
		content, err := os.ReadFile(filepath.Join(b.dir, filepath.FromSlash(name)))
		if err != nil {
			return err
		}
		fmt.Fprintf(&list, "source %s %x\n", name, sha256.Sum256(content))
	}
	list.WriteString("\n")
	for _, name := range slices.Sorted(maps.Keys(b.outputs)) {
		fmt.Fprintf(&list, "file %s %x\n", name, sha256.Sum256(b.outputs[name]))
	}
	b.outputs["SOURCES"] = []byte(list.String())
	return nil
}
