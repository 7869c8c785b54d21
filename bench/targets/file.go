package targets

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A File describes a target. What each field means is told in example.toml.
type File struct {
	Name    string            `toml:"name"`
	About   string            `toml:"about"`
	Install string            `toml:"install"`
	Command []string          `toml:"command"`
	Needs   []string          `toml:"needs"`
	URL     string            `toml:"url"`
	Ready   string            `toml:"ready"`
	PID     int               `toml:"pid"`
	Version []string          `toml:"version"`
	Files   map[string]string `toml:"files"`

	Publish    Publish              `toml:"publish"`
	Transports map[string]Transport `toml:"transports"`
}

// Publish is how to publish.
type Publish struct {
	By       string            `toml:"by"`
	URL      string            `toml:"url"`
	Path     string            `toml:"path"`
	Query    map[string]string `toml:"query"`
	Headers  map[string]string `toml:"headers"`
	Body     string            `toml:"body"`
	Accepted string            `toml:"accepted"`
	Refused  string            `toml:"refused"`
}

// A Transport is how to subscribe by one transport.
type Transport struct {
	Request
	Method      string   `toml:"method"`
	Subprotocol string   `toml:"subprotocol"`
	Opened      string   `toml:"opened"`
	Settle      Duration `toml:"settle"`
	Cursor      []Cursor `toml:"cursor"`
	First       *Request `toml:"first"`
	Resume      *Request `toml:"resume"`
	Forgets     bool     `toml:"forgets"`
}

// A Request is what can differ from one request to the next.
type Request struct {
	Path     string            `toml:"path"`
	Query    map[string]string `toml:"query"`
	Headers  map[string]string `toml:"headers"`
	Body     string            `toml:"body"`
	Greeting []string          `toml:"greeting"`
}

// A Cursor is what is remembered, and how it is given back.
type Cursor struct {
	From string `toml:"from"`
	To   string `toml:"to"`
	As   string `toml:"as"`
}

// A Duration is written as a string, such as "100ms".
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := time.ParseDuration(string(text))
	if err != nil || parsed < 0 {
		return fmt.Errorf(`is %q; a duration such as "100ms" is expected`, text)
	}
	*d = Duration(parsed)
	return nil
}

//go:embed *.toml
var embedded embed.FS

// extension is that of a target file.
const extension = ".toml"

// Names returns the names of the files that are part of the program, without the example.
func Names() (names []string) {
	files, _ := fs.Glob(embedded, "*"+extension) // the pattern is right
	for _, file := range files {
		if name := strings.TrimSuffix(file, extension); name != "example" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// IsPath reports whether a target is given by the path of a file, and not by a name.
func IsPath(target string) bool { return strings.HasSuffix(target, extension) }

// Find returns the file of that path, if IsPath, or else that of this name.
func Find(target string) (File, error) {
	if IsPath(target) {
		text, err := os.ReadFile(target)
		if err != nil {
			return File{}, fmt.Errorf("bench: reading a target: %w", err)
		}
		return Parse(target, string(text))
	}
	if !slices.Contains(Names(), target) {
		return File{}, fmt.Errorf("bench: unknown target %q; use one of %s, or the path of a file that ends with %s", target, strings.Join(Names(), ", "), extension)
	}
	text, err := embedded.ReadFile(target + extension)
	if err != nil {
		return File{}, fmt.Errorf("bench: reading a target: %w", err)
	}
	return Parse(target+extension, string(text))
}

// base returns the name that a file has if it does not say another.
func base(file string) string {
	return strings.TrimSuffix(path.Base(filepath.ToSlash(file)), extension)
}
