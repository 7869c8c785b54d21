package web

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"

	"pushlab"
	"pushlab/web/highlight"
)

// clientModules are the page's own clients, which are shown beside the Go code.
const clientModules = "web/static/transports/"

// sources are the files that the page shows, by name, each made ready when it is first asked for.
var sources = sync.OnceValue(func() map[string]func() (*asset, error) {
	found := map[string]func() (*asset, error){}
	add := func(files fs.FS, prefix string) {
		fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || path.Ext(name) != ".go" && path.Ext(name) != ".js" {
				return err
			}
			found[prefix+name] = sync.OnceValues(func() (*asset, error) { return showSource(files, name, prefix+name) })
			return nil
		})
	}
	add(pushlab.Source, "")
	modules, err := fs.Sub(pageFiles(), "transports")
	if err != nil {
		panic("web: " + err.Error()) // the name is a constant
	}
	add(modules, clientModules)
	return found
})

func showSource(files fs.FS, name, shown string) (*asset, error) {
	src, err := fs.ReadFile(files, name)
	if err != nil {
		return nil, err
	}
	file, err := highlight.Source(name, src)
	if err != nil {
		return nil, err
	}
	body, err := json.Marshal(struct {
		Name string `json:"file"`
		*highlight.File
	}{shown, file})
	return newAsset("source.json", body), err
}

// source answers with a file of this program's source, ready to be shown, or with the list of all.
func (s *Server) source(c echo.Context) error {
	name := strings.TrimPrefix(c.Request().URL.Path, "/source/")
	var answer *asset
	if name == "" {
		body, err := json.Marshal(map[string][]string{"files": slices.Sorted(maps.Keys(sources()))})
		if err != nil {
			return err
		}
		answer = newAsset("source.json", body)
	} else if show := sources()[name]; show != nil {
		var err error
		if answer, err = show(); err != nil {
			return err
		}
	} else {
		return echo.ErrNotFound
	}
	c.Response().Header().Set("Cache-Control", "no-cache")
	c.Response().Header().Set("X-Content-Type-Options", "nosniff")
	answer.serve(c.Response(), c.Request())
	return nil
}
