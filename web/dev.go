package web

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path"
	"time"

	"github.com/labstack/echo/v4"

	"pushlab/sse"
)

// devFiles are the page's files in a folder, as they are at the time. Pages in it load devScript.
type devFiles struct{ fs.FS }

// devInterval is how often the folder is looked at.
const devInterval = 300 * time.Millisecond

// The page loads itself again when the folder is no longer what it was, even if that changed while the server was away.
const (
	devScriptPath = "/dev/reload.js"
	devEventsPath = "/dev/reload"
	devScript     = `let first;
new EventSource("` + devEventsPath + `").onmessage = ({ data }) => {
  first ??= data;
  if (data !== first) location.reload();
};
`
)

func (d devFiles) asset(name string) *asset {
	if attackers(name) {
		return nil
	}
	body, err := fs.ReadFile(d, name)
	if err != nil {
		return nil
	}
	if path.Ext(name) == ".html" {
		script := fmt.Appendf(nil, "<script type=\"module\" src=%q></script>\n</head>", devScriptPath)
		body = bytes.Replace(body, []byte("</head>"), script, 1)
	}
	return newAsset(name, body)
}

func (d devFiles) version() string { return "" }

// script answers with devScript.
func (d devFiles) script(c echo.Context) error {
	c.Response().Header().Set("Cache-Control", "no-cache")
	newAsset("reload.js", []byte(devScript)).serve(c.Response(), c.Request())
	return nil
}

// reload sends a message with the state of the folder, and another one each time that it changes.
func (s *Server) reload(d devFiles) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		h.Set("Content-Type", "text/event-stream")
		h.Set("Cache-Control", "no-store")
		http.NewResponseController(c.Response()).SetWriteDeadline(time.Time{}) // or writeTimeout would end it
		tick := time.NewTicker(devInterval)
		defer tick.Stop()
		for last := ""; !s.draining.Load(); {
			if state := d.state(); state != last {
				message, err := sse.AppendMessage(nil, sse.Message{Data: &state, Retry: time.Second})
				if err != nil {
					return err
				}
				if _, err := c.Response().Write(message); err != nil {
					return nil // the page is gone
				}
				c.Response().Flush()
				last = state
			}
			select {
			case <-tick.C:
			case <-c.Request().Context().Done():
				return nil
			}
		}
		return nil
	}
}

// state returns a hash of the names, times and sizes of all files.
func (d devFiles) state() string {
	var all bytes.Buffer
	fs.WalkDir(d, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return nil // it is just being replaced
		}
		if info, err := entry.Info(); err == nil && !entry.IsDir() {
			fmt.Fprintln(&all, name, info.ModTime().UnixNano(), info.Size())
		}
		return nil
	})
	return shortHash(all.Bytes())
}

// mountDev serves the page from a folder.
func (s *Server) mountDev(e *echo.Echo, folder string) error {
	d := devFiles{os.DirFS(folder)}
	if d.asset(frontPage) == nil && d.asset(plainPage) == nil {
		return fmt.Errorf("web: there is no %s in %q; give the folder web/static", frontPage, folder)
	}
	get(e, devScriptPath, d.script)
	e.GET(devEventsPath, s.reload(d))
	s.page = s.static(d)
	get(e, "/*", s.page)
	return nil
}
