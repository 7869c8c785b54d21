package targets

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"

	"pushlab/bench/result"
	"pushlab/longpoll"
	"pushlab/websocket"
)

// Parse reads a target file. It fails with the file's name, the line, the key, and what is expected there.
func Parse(name, text string) (File, error) {
	f := File{Name: base(name)}
	meta, err := toml.Decode(text, &f)
	if err != nil {
		return File{}, syntax(name, err)
	}
	c := &check{name: name, text: text}
	for _, key := range meta.Undecoded() {
		if known := expected(key); known != "" {
			c.fail(key, "is unknown; one of %s is expected", known)
		} else {
			c.fail(key, "is unknown")
		}
	}
	if c.err == nil {
		c.file(f)
	}
	return f, c.err
}

// wrongType is how the parser tells the line, the key and the types of a value that has another one.
var wrongType = regexp.MustCompile(`^line (\d+) \(last key "(.*?)"\): incompatible types: (.*)$`)

// syntax describes what the parser found.
func syntax(name string, err error) error {
	var e toml.ParseError
	if !errors.As(err, &e) {
		said := strings.TrimPrefix(err.Error(), "toml: ")
		if at := wrongType.FindStringSubmatch(said); at != nil {
			return fmt.Errorf("bench: %s:%s: %s is of another type: %s", name, at[1], at[2], at[3])
		}
		return fmt.Errorf("bench: %s: %s", name, said)
	}
	key := ""
	if e.LastKey != "" {
		key = e.LastKey + ": "
	}
	return fmt.Errorf("bench: %s:%d: %s%s", name, e.Position.Line, key, cmp.Or(e.Message, err.Error()))
}

// expected returns the keys that are known where a key stands; "" if it is not a table with fixed keys.
func expected(key toml.Key) string {
	const request = "path, query, headers, body, greeting"
	switch {
	case len(key) == 1:
		return "name, about, install, command, needs, url, ready, pid, version, files, publish, transports"
	case key[0] == "publish" && len(key) == 2:
		return "by, url, path, query, headers, body, accepted, refused"
	case key[0] != "transports":
		return ""
	case len(key) == 3:
		return request + ", method, subprotocol, opened, settle, cursor, first, resume, forgets"
	case len(key) == 4 && key[2] == "cursor":
		return "from, to, as"
	case len(key) == 4 && (key[2] == "first" || key[2] == "resume"):
		return request
	}
	return ""
}

// A check looks for what is wrong with a file, and keeps the first of it.
type check struct {
	name, text string
	err        error
}

func (c *check) fail(key toml.Key, format string, args ...any) {
	if c.err == nil {
		where := c.name
		if line := lineOf(c.text, key); line > 0 {
			where += ":" + strconv.Itoa(line)
		}
		c.err = fmt.Errorf("bench: %s: %s %s", where, key, fmt.Sprintf(format, args...))
	}
}

func (c *check) file(f File) {
	switch {
	case f.Name == "":
		c.fail(toml.Key{"name"}, "is empty; a word for the results is expected")
	case len(f.Command) == 0 && f.URL == "":
		c.fail(toml.Key{"url"}, "is missing; without a command, the address of a server that runs is expected")
	case len(f.Command) > 0 && f.Command[0] == "":
		c.fail(toml.Key{"command"}, "has no program; its name and its arguments are expected")
	case len(f.Command) > 0 && f.PID != 0:
		c.fail(toml.Key{"pid"}, "is given beside a command, which starts a process of its own; one of the two is expected")
	case f.PID < 0:
		c.fail(toml.Key{"pid"}, "is %d; the number of a process is expected", f.PID)
	case len(f.Command) == 0 && len(f.Files) > 0:
		c.fail(toml.Key{"files"}, "are given without a command, for which they would be")
	case f.Version != nil && len(f.Version) == 0:
		c.fail(toml.Key{"version"}, "is empty; a program and its arguments are expected")
	}
	for file := range f.Files {
		if !filepath.IsLocal(file) {
			c.fail(toml.Key{"files", file}, "is outside of {dir}; a path inside it is expected")
		}
	}
	if f.Ready != "" && (!strings.HasPrefix(f.Ready, "/") || len(f.Command) == 0) {
		c.fail(toml.Key{"ready"}, `is %q; a path such as "/health" is expected, beside a command`, f.Ready)
	}
	if len(f.Command) == 0 && strings.Contains(f.URL+f.Publish.URL, "{port") {
		c.fail(toml.Key{"url"}, "has a free port in it, but there is no command to use it")
	}
	c.url(toml.Key{"url"}, f.URL)
	c.publish(f)
	if len(f.Transports) == 0 {
		c.fail(toml.Key{"transports"}, "is missing; at least one of %s is expected", known())
	}
	for _, transport := range slices.Sorted(maps.Keys(f.Transports)) {
		c.transport(transport, f.Transports[transport])
	}
}

// known lists the transports.
func known() string {
	var names []string
	for _, t := range result.Transports() {
		names = append(names, "transports."+t)
	}
	return strings.Join(names, ", ")
}

func (c *check) url(key toml.Key, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(words{port: "1", port2: "1"}.in(text))
	if err != nil || u.Scheme != "http" || u.Host == "" || strings.Trim(u.Path, "/") != "" {
		c.fail(key, `is %q; an address such as "http://127.0.0.1:{port}" is expected`, text)
	}
}

func (c *check) path(key toml.Key, path string) {
	if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \r\n") {
		c.fail(append(slices.Clone(key), "path"), `is %q; a path such as "/events" is expected`, path)
	}
}

func (c *check) publish(f File) {
	p := f.Publish
	key := func(name string) toml.Key { return toml.Key{"publish", name} }
	c.path(toml.Key{"publish"}, p.Path)
	c.url(key("url"), p.URL)
	c.fields(toml.Key{"publish"}, p.Headers)
	switch p.By {
	case "websocket", "post":
		if p.Body != "" && !strings.Contains(p.Body, "{data}") && !strings.Contains(p.Body, "{escaped}") {
			c.fail(key("body"), "has neither {data} nor {escaped}; the event's data is expected in it")
		}
		if code, err := strconv.Atoi(p.Accepted); p.By == "post" && p.Accepted != "" && (err != nil || code < 100 || code > 599) {
			c.fail(key("accepted"), `is %q; by post, a status such as "202" is expected`, p.Accepted)
		}
	case "frames":
		if p.Body != "" && p.Body != "{frame}" && p.Body != "{answer}" {
			c.fail(key("body"), `is %q; by frames, "{frame}" or "{answer}" is expected`, p.Body)
		}
		if p.Accepted != "" || p.Refused != "" {
			c.fail(key("accepted"), "is given, but nothing answers frames")
		}
	default:
		c.fail(key("by"), `is %q; "websocket", "post" or "frames" is expected`, p.By)
	}
}

func (c *check) transport(name string, t Transport) {
	table := toml.Key{"transports", name}
	key := func(name string) toml.Key { return append(slices.Clone(table), name) }
	if !slices.Contains(result.Transports(), name) {
		c.fail(table, "is unknown; one of %s is expected", known())
	}
	c.path(table, t.Path)
	c.request(table, name, t.Request)
	switch socket, polls := name == websocket.Name, name == longpoll.Name; {
	case !socket && t.Subprotocol != "":
		c.fail(key("subprotocol"), "is given, but only WebSocket has one")
	case socket && t.Method != "":
		c.fail(key("method"), "is %q, but a WebSocket's is always GET", t.Method)
	case strings.ContainsFunc(t.Method, func(r rune) bool { return r < 'A' || r > 'Z' }):
		c.fail(key("method"), `is %q; a method such as "POST" is expected`, t.Method)
	case polls && t.Opened != "":
		c.fail(key("opened"), "is given, but long polling is subscribed by its first answer; first or settle is expected")
	case !polls && t.First != nil:
		c.fail(key("first"), "is given, but only long polling has a first request of many")
	case polls && len(t.Cursor) == 0:
		c.fail(key("cursor"), "is missing; long polling needs one for its next request")
	case t.Resume != nil && len(t.Cursor) == 0:
		c.fail(key("resume"), "is given without a cursor, with which one would resume")
	case polls && t.First == nil && t.Settle == 0:
		c.fail(key("settle"), "is missing; without a first request that is answered at once, nothing else says that one is subscribed")
	}
	for _, cursor := range t.Cursor {
		c.cursor(key("cursor"), name, cursor, t.Resume)
	}
	for which, r := range map[string]*Request{"first": t.First, "resume": t.Resume} {
		if r != nil && r.Path != "" {
			c.path(key(which), r.Path)
		}
		if r != nil {
			c.request(key(which), name, *r)
		}
	}
}

func (c *check) request(table toml.Key, transport string, r Request) {
	key := func(name string) toml.Key { return append(slices.Clone(table), name) }
	if transport != websocket.Name && r.Greeting != nil {
		c.fail(key("greeting"), "is given, but only WebSocket sends messages")
	}
	if transport == websocket.Name && r.Body != "" {
		c.fail(key("body"), "is given, but a WebSocket's handshake has none; greeting is expected")
	}
	c.fields(table, r.Headers)
}

func (c *check) fields(table toml.Key, headers map[string]string) {
	for name, value := range headers {
		if strings.ContainsAny(name+value, "\r\n") || strings.ContainsAny(name, ": ") || name == "" {
			c.fail(append(slices.Clone(table), "headers"), "has a field %q: %q; a name and a value without line breaks are expected", name, value)
		}
	}
}

func (c *check) cursor(key toml.Key, transport string, cursor Cursor, resume *Request) {
	source, from, _ := strings.Cut(cursor.From, ":")
	target, to, _ := strings.Cut(cursor.To, ":")
	switch {
	case cursor.From != "id" && (source != "header" && source != "json" || from == ""):
		c.fail(append(slices.Clone(key), "from"), `is %q; "id", "header:NAME" or "json:NAME" is expected`, cursor.From)
	case (cursor.To == "") == (cursor.As == ""):
		c.fail(key, "goes to %q and as %q; one of the two is expected", cursor.To, cursor.As)
	case cursor.To != "" && (target != "header" && target != "query" || to == ""):
		c.fail(append(slices.Clone(key), "to"), `is %q; "header:NAME" or "query:NAME" is expected`, cursor.To)
	case cursor.As != "" && (resume == nil || !resume.has("{"+cursor.As+"}")):
		c.fail(append(slices.Clone(key), "as"), `is %q, but resume has no {%[1]s} to be replaced`, cursor.As)
	case cursor.As != "" && transport == longpoll.Name:
		c.fail(append(slices.Clone(key), "as"), `is %q, but long polling gives its cursor back with each poll; "to" is expected`, cursor.As)
	}
}

// has reports whether a word stands somewhere in a request.
func (r Request) has(word string) bool {
	values := append([]string{r.Path, r.Body}, r.Greeting...)
	values = slices.AppendSeq(slices.AppendSeq(values, maps.Values(r.Query)), maps.Values(r.Headers))
	return slices.ContainsFunc(values, func(v string) bool { return strings.Contains(v, word) })
}

// lineOf returns the line in which a key stands, or else the table that it would be in; 0 is neither. The
// parser does not tell.
func lineOf(text string, key toml.Key) int {
	header := 0 // of the longest table that the key is in
	longest, inside := 0, key
	at, reading := toml.Key{}, ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if reading != "" { // a string of several lines
			if strings.Contains(line, reading) {
				reading = ""
			}
			continue
		}
		if name, ok := strings.CutPrefix(line, "["); ok && strings.Contains(name, "]") && !strings.HasSuffix(line, ",") {
			name, _, _ = strings.Cut(strings.TrimPrefix(name, "["), "]")
			at = toml.Key{}
			for part := range strings.SplitSeq(name, ".") {
				at = append(at, unquoted(part))
			}
			if len(at) <= len(key) && slices.Equal(at, key[:len(at)]) {
				if len(at) == len(key) {
					return i + 1
				}
				if len(at) > longest {
					header, longest = i+1, len(at)
				}
			}
			continue
		}
		inside = key
		if len(at) <= len(key) && slices.Equal(at, key[:len(at)]) {
			inside = key[len(at):]
		} else {
			inside = nil
		}
		name, value, ok := strings.Cut(line, "=")
		if ok && len(inside) > 0 && !strings.HasPrefix(line, "#") && unquoted(name) == inside[0] {
			return i + 1
		}
		for _, quote := range []string{`'''`, `"""`} {
			if strings.Count(value, quote) == 1 {
				reading = quote
			}
		}
	}
	return header
}

func unquoted(key string) string { return strings.Trim(strings.TrimSpace(key), `"'`) }
