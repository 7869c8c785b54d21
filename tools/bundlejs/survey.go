package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/evanw/esbuild/pkg/api"
)

// A survey is which modules there are, and who needs them.
type survey struct {
	first   map[string]bool   // what app.js imports, and what that imports
	late    []string          // what is imported dynamically
	beside  []string          // scripts and style sheets that modules load by their address
	mu      sync.Mutex        // modules are read at the same time
	exports map[string]export // what late modules import from those of the first view, by the name that it has there
}

// An export is something of a module.
type export struct{ module, name string }

// A metafile is what esbuild tells of its work.
type metafile struct {
	Inputs map[string]struct {
		Imports []struct {
			Path, Kind string
			External   bool
		}
	}
}

func (m *metafile) parse(text string) error { return json.Unmarshal([]byte(text), m) }

// survey looks at all modules that app.js leads to.
func (b *bundler) survey() (*survey, error) {
	about, err := b.explore(start)
	if err != nil {
		return nil, err
	}
	s := &survey{first: map[string]bool{}, exports: map[string]export{}}
	var add func(name string)
	add = func(name string) {
		if s.first[name] {
			return
		}
		s.first[name] = true
		for _, i := range about.Inputs[name].Imports {
			if i.Kind == "import-statement" {
				add(i.Path)
			}
		}
	}
	add(start)
	for name, input := range about.Inputs {
		for _, i := range input.Imports {
			switch {
			case i.Kind == "dynamic-import" && s.first[i.Path]:
				return nil, fmt.Errorf("%s imports %s when it is needed, but the first view has it", name, i.Path)
			case i.Kind == "dynamic-import":
				s.late = append(s.late, i.Path)
			}
		}
		if err := s.addBeside(b.dir, name); err != nil {
			return nil, err
		}
	}
	slices.Sort(s.late)
	s.late = slices.Compact(s.late)
	slices.Sort(s.beside)
	s.beside = slices.Compact(s.beside)
	return s, nil
}

// explore bundles a module into nothing.
func (b *bundler) explore(module string) (*metafile, error) {
	result := api.Build(api.BuildOptions{
		AbsWorkingDir: b.dir, EntryPoints: []string{module}, Outdir: "nowhere",
		Bundle: true, Splitting: true, Format: api.FormatESModule, Target: api.ES2022, Metafile: true,
	})
	if err := failure(result.Errors); err != nil {
		return nil, err
	}
	about := &metafile{}
	return about, about.parse(result.Metafile)
}

func (s *survey) addBeside(dir, module string) error {
	source, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(module)))
	if err != nil {
		return err
	}
	for _, m := range beside.FindAllSubmatch(source, -1) {
		s.beside = append(s.beside, path.Join(path.Dir(module), string(m[1])))
	}
	return nil
}

var (
	imports    = regexp.MustCompile(`(?m)^import (?:([^';]*) from )?'(\.[^']*)';`)
	notInNames = regexp.MustCompile(`\W`)
)

// fromFirst has a late module import from the first bundle what is in there.
func (s *survey) fromFirst(module, source string) (string, error) {
	var err error
	source = imports.ReplaceAllStringFunc(source, func(statement string) string {
		m := imports.FindStringSubmatch(statement)
		from := path.Join(path.Dir(module), m[2])
		if !s.first[from] {
			return statement
		}
		list, ok := strings.CutPrefix(strings.TrimSpace(m[1]), "{")
		list, closed := strings.CutSuffix(list, "}")
		if !ok || !closed {
			err = fmt.Errorf("%s: %s\nWhat is in the first view can be imported by name only", module, statement)
			return statement
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		var names []string
		for item := range strings.SplitSeq(list, ",") {
			name, local, renamed := strings.Cut(strings.TrimSpace(item), " as ")
			if name == "" {
				continue
			}
			if !renamed {
				local = name
			}
			as := notInNames.ReplaceAllString(strings.TrimSuffix(from, ".js"), "_") + "_" + name
			s.exports[as] = export{from, name}
			names = append(names, as+" as "+local)
		}
		return fmt.Sprintf("import { %s } from '%s';", strings.Join(names, ", "), firstBundle)
	})
	return source, err
}
