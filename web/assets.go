package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An asset is a file of the page.
type asset struct {
	name        string // from the root of the page
	contentType string
	body        []byte
	hash        string        // of the body
	zipped      func() []byte // the body in gzip, made once; nil if that is no gain
}

func newAsset(name string, body []byte) *asset {
	contentType, text := contentTypeOf(name)
	a := &asset{name: name, contentType: contentType, body: body, hash: shortHash(body)}
	a.zipped = sync.OnceValue(func() []byte {
		if !text {
			return nil // it is compressed already
		}
		var b bytes.Buffer
		w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
		if err != nil {
			panic("web: " + err.Error()) // the level is a constant
		}
		w.Write(body) // a buffer takes everything
		w.Close()
		if b.Len() >= len(body) {
			return nil
		}
		return b.Bytes()
	})
	return a
}

// serve answers with the asset, in gzip for those who ask for it.
func (a *asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Add("Vary", "Accept-Encoding") // RFC 9110, section 12.5.5 (HTTP-06)
	body, tag := a.body, a.hash
	if acceptsGzip(r.Header) {
		if zipped := a.zipped(); zipped != nil {
			h.Set("Content-Encoding", "gzip")
			body, tag = zipped, tag+"-gzip" // other bytes need another tag: RFC 9110, section 8.8.3
		}
	}
	h.Set("ETag", strconv.Quote(tag))
	http.ServeContent(w, r, a.name, time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether a client wants gzip at least as much as no coding: RFC 9110, section 12.5.3.
func acceptsGzip(h http.Header) bool {
	quality := map[string]float64{}
	for part := range strings.SplitSeq(strings.Join(h.Values("Accept-Encoding"), ","), ",") {
		coding, parameter, _ := strings.Cut(part, ";")
		q := 1.0
		if name, value, ok := strings.Cut(parameter, "="); ok && strings.EqualFold(strings.TrimSpace(name), "q") {
			parsed, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				continue
			}
			q = parsed
		}
		quality[strings.ToLower(strings.TrimSpace(coding))] = q
	}
	zip, ok := quality["gzip"]
	if !ok {
		zip = quality["*"]
	}
	return zip > 0 && zip >= quality["identity"] // which is acceptable unasked, but not wanted more
}

// contentTypeOf does not ask the system, whose tables differ. text is whether it is worth compressing.
func contentTypeOf(name string) (contentType string, text bool) {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8", true
	case ".js":
		return "text/javascript; charset=utf-8", true
	case ".css":
		return "text/css; charset=utf-8", true
	case ".json", ".map":
		return "application/json", true
	case ".svg":
		return "image/svg+xml", true
	case ".png":
		return "image/png", false
	case ".woff2":
		return "font/woff2", false
	default: // licences and the like
		return "text/plain; charset=utf-8", true
	}
}

// assets are the files of the page, by name.
type assets struct {
	files map[string]*asset
	hash  string // of all files, their names, and the policies that are kept with them
}

func (t *assets) asset(name string) *asset { return t.files[name] }

func (t *assets) version() string { return t.hash }

// readAssets reads all files, and lets pages ask for what they load by a path with the hash in it.
func readAssets(files fs.FS) (*assets, error) {
	t := &assets{files: map[string]*asset{}}
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || attackers(name) {
			return err
		}
		body, err := fs.ReadFile(files, name)
		t.files[name] = newAsset(name, body)
		return err
	})
	if err != nil {
		return nil, err
	}
	var all strings.Builder
	fmt.Fprintln(&all, contentSecurityPolicy, demoPolicy)
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		fmt.Fprintln(&all, name, t.files[name].hash)
	}
	t.hash = shortHash([]byte(all.String()))
	for _, name := range []string{frontPage, bundledPage, plainPage} {
		if page := t.files[name]; page != nil {
			t.files[name] = newAsset(name, t.withHashes(page.body))
		}
	}
	return t, nil
}

// reference matches what an element of a page refers to on this server. A page is by one of us, so no more than
// what we write needs to be understood.
var reference = regexp.MustCompile(`\b(src|href)="(?:/|\./)?([\w./-]+)"`)

// withHashes returns a page that loads its scripts, styles and images from below hashed. What they load, relative to
// themselves, is then there as well. Links to other pages stay as they are.
func (t *assets) withHashes(page []byte) []byte {
	return reference.ReplaceAllFunc(page, func(match []byte) []byte {
		m := reference.FindSubmatch(match)
		name := string(m[2])
		if t.files[name] == nil || path.Ext(name) == ".html" {
			return match
		}
		return fmt.Appendf(nil, `%s="%s%s/%s"`, m[1], hashed, t.hash, name)
	})
}

func shortHash(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:10])
}
