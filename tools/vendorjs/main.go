// Command vendorjs makes web/static/vendor: the few scripts of others that the page uses, each bundled into one
// minified ES module from a pinned npm package. It is run by go generate ./web, and is in the module of the tools, so
// that what is built here needs no bundler.
package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/evanw/esbuild/pkg/api"
)

// A library is an npm package, and what is made of it.
type library struct {
	name, version, licence string
	integrity              string // of the tarball, as the registry states it (dist.integrity)
	entry, module          string // a script that says what is exported, and the file that it is bundled into
	style, css             string // a style sheet in the package, and the file that it is minified into; "" = none
}

var libraries = []library{
	{
		name: "lit-html", version: "3.3.3", licence: "BSD-3-Clause",
		integrity: "sha512-el8M6jK2o3RXBnrSHX3ZKrsN8zEV63pSExTO1wYJz7QndGYZ8353e2a5PPX+qHe2aGayfnchQmkAojaWAREOIA==",
		module:    "lit-html.js",
		// Not styleMap: it writes a style attribute, which the page's Content-Security-Policy forbids.
		entry: `
			export { html, svg, render, nothing, noChange } from "./lit-html.js";
			export { repeat } from "./directives/repeat.js";
			export { live } from "./directives/live.js";
		`,
	},
	{
		name: "uplot", version: "1.6.32", licence: "MIT",
		integrity: "sha512-KIMVnG68zvu5XXUbC4LQEPnhwOxBuLyW1AHtpm6IKTXImkbLgkMy+jabjLgSLMasNuGGzQm/ep3tOkyTxpiQIw==",
		module:    "uplot.js",
		entry:     `export { default } from "./dist/uPlot.esm.js";`,
		style:     "dist/uPlot.min.css",
		css:       "uplot.css",
	},
}

func main() {
	out := flag.String("out", "../web/static/vendor", "the `folder` to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "vendorjs:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	var versions strings.Builder
	versions.WriteString("# Written by go generate ./web: where these files come from, and the SHA-256 of each.\n")
	for _, lib := range libraries {
		files, tarball, err := lib.build()
		if err != nil {
			return fmt.Errorf("%s: %w", lib.name, err)
		}
		fmt.Fprintf(&versions, "\npackage %s %s %s\ntarball %s %x\n", lib.name, lib.version, lib.licence, lib.url(), sha256.Sum256(tarball))
		for _, file := range files {
			fmt.Fprintf(&versions, "file %s %x\n", file.name, sha256.Sum256(file.content))
			if err := os.WriteFile(filepath.Join(out, file.name), file.content, 0o644); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(filepath.Join(out, "VERSIONS"), []byte(versions.String()), 0o644)
}

// url is where the registry keeps the package.
func (lib library) url() string {
	return fmt.Sprintf("https://registry.npmjs.org/%[1]s/-/%[1]s-%[2]s.tgz", lib.name, lib.version)
}

// A file is one of those that are made.
type file struct {
	name    string
	content []byte
}

// build makes the library's files, of the tarball that it returns as well.
func (lib library) build() (files []file, tarball []byte, err error) {
	tarball, err = download(lib.url())
	if err != nil {
		return nil, nil, err
	}
	sum := sha512.Sum512(tarball)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != lib.integrity {
		return nil, nil, fmt.Errorf("the tarball's integrity is %s, not the pinned %s", got, lib.integrity)
	}
	dir, err := os.MkdirTemp("", "vendorjs")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	if err := unpack(tarball, dir); err != nil {
		return nil, nil, err
	}
	licence, err := os.ReadFile(filepath.Join(dir, "LICENSE"))
	if err != nil {
		return nil, nil, err
	}
	module, err := lib.bundle(dir, &api.StdinOptions{Contents: lib.entry, ResolveDir: dir}, "")
	if err != nil {
		return nil, nil, err
	}
	files = []file{{lib.module, module}, {lib.name + ".LICENSE", licence}}
	if lib.style != "" {
		css, err := lib.bundle(dir, nil, lib.style)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file{lib.css, css})
	}
	return files, tarball, nil
}

// bundle minifies a script given as text, or a file below dir, with all that it imports.
func (lib library) bundle(dir string, stdin *api.StdinOptions, name string) ([]byte, error) {
	options := api.BuildOptions{
		AbsWorkingDir:     dir,
		Stdin:             stdin,
		Bundle:            true,
		Format:            api.FormatESModule,
		Target:            api.ES2022,
		MinifyWhitespace:  true,
		MinifyIdentifiers: true,
		MinifySyntax:      true,
		// The licence is in a file of its own, which this names.
		LegalComments: api.LegalCommentsNone,
		Banner:        map[string]string{"js": lib.banner(), "css": lib.banner()},
	}
	if stdin == nil {
		options.EntryPoints, options.Format = []string{name}, api.FormatDefault
	}
	result := api.Build(options)
	if len(result.Errors) > 0 {
		return nil, errors.New(strings.Join(api.FormatMessages(result.Errors, api.FormatMessagesOptions{}), "\n"))
	}
	return result.OutputFiles[0].Contents, nil
}

// banner is a legal comment, which stays where the module is bundled with others.
func (lib library) banner() string {
	return fmt.Sprintf("/*! %s %s, %s: see vendor/%s.LICENSE and vendor/VERSIONS */", lib.name, lib.version, lib.licence, lib.name)
}

func download(url string) ([]byte, error) {
	client := &http.Client{Timeout: time.Minute}
	resp, err := client.Get(url)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", url, resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// unpack writes the package in an npm tarball, all of which is below one folder, to dir.
func unpack(tarball []byte, dir string) error {
	zipped, err := gzip.NewReader(bytes.NewReader(tarball))
	if err != nil {
		return err
	}
	for archive := tar.NewReader(zipped); ; {
		head, err := archive.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		_, name, _ := strings.Cut(path.Clean(head.Name), "/")
		if head.Typeflag != tar.TypeReg || !fs.ValidPath(name) {
			continue
		}
		target := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
}
