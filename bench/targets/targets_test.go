package targets

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEachEmbeddedFileIsRight(t *testing.T) {
	names := Names()
	if !slices.Contains(names, "nchan") || slices.Contains(names, "example") || !slices.IsSorted(names) {
		t.Errorf("the names are %q", names)
	}
	for _, name := range names {
		file, err := Find(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if file.Name != name || file.About == "" || file.Install == "" || len(file.Version) == 0 {
			t.Errorf("%s lacks something: %+v", name, file)
		}
	}
	if _, err := Find("example.toml"); err != nil { // by its path
		t.Error(err)
	}
	if _, err := Find("pigeon"); err == nil || !strings.Contains(err.Error(), "centrifuge, ") {
		t.Errorf("the error does not say what there is: %v", err)
	}
	if _, err := Find("pigeon.toml"); err == nil || !strings.Contains(err.Error(), "pigeon.toml") {
		t.Errorf("the error does not say which file: %v", err)
	}
}

// least is a file with no more than is needed, of six lines.
const least = `url = "http://127.0.0.1:1"
[publish]
by = "post"
path = "/publish"
[transports.sse]
path = "/sse"
`

func TestLeastFile(t *testing.T) {
	file, err := Parse("some/where/mine.toml", least)
	if err != nil || file.Name != "mine" {
		t.Errorf("%q, %v", file.Name, err)
	}
}

func TestBadFiles(t *testing.T) {
	const socket, poll = "[transports.websocket]\npath = \"/\"\n", "[transports.longpoll]\npath = \"/\"\nsettle = \"1ms\"\n"
	replaced := func(old, new string) string { return strings.Replace(least, old, new, 1) }
	for name, c := range map[string]struct{ text, says string }{
		"no TOML":                  {"url = ", "bad.toml:1: url: "},
		"a number for a text":      {"url = 1", "bad.toml:1: url is of another type: TOML value has type int64; destination has type string"},
		"an unknown key":           {"colour = 1\n" + least, "bad.toml:1: colour is unknown; one of name, about,"},
		"an unknown way":           {replaced(`path = "/publish"`, `paths = "/"`), "bad.toml:4: publish.paths is unknown; one of by, url,"},
		"an unknown member":        {least + `opens = "x"`, "bad.toml:7: transports.sse.opens is unknown; one of path,"},
		"an unknown inner key":     {least + `cursor = [{ form = "id" }]`, "bad.toml:7: transports.sse.cursor.form is unknown; one of from, to, as"},
		"an unknown difference":    {least + "[transports.sse.resume]\nto = \"x\"", "bad.toml:8: transports.sse.resume.to is unknown; one of path, query,"},
		"no server":                {replaced(`url = "http://127.0.0.1:1"`, ""), "bad.toml: url is missing"},
		"no address":               {replaced("http:", "https:"), `bad.toml:1: url is "https://127.0.0.1:1"; an address such as`},
		"a port for nobody":        {replaced(":1", ":{port}"), "bad.toml:1: url has a free port"},
		"an empty name":            {"name = \"\"\n" + least, "bad.toml:1: name is empty"},
		"an empty command":         {"command = [\"\"]\n" + least, "bad.toml:1: command has no program"},
		"two processes":            {"command = [\"x\"]\npid = 7\n" + least, "bad.toml:2: pid is given beside a command"},
		"a negative process":       {"pid = -7\n" + least, "bad.toml:1: pid is -7"},
		"an empty version":         {"version = []\n" + least, "bad.toml:1: version is empty"},
		"ready for no command":     {"ready = \"/\"\n" + least, "bad.toml:1: ready"},
		"files for nobody":         {least + "[files]\nx = \"\"", "bad.toml:7: files are given without a command"},
		"a file outside":           {"command = [\"x\"]\n" + least + "[files]\n\"../x\" = \"\"", `bad.toml:9: files."../x" is outside of {dir}`},
		"no way to publish":        {replaced(`by = "post"`, ""), `bad.toml:2: publish.by is ""; "websocket", "post" or "frames"`},
		"an unknown way by name":   {replaced("post", "pigeon"), `bad.toml:3: publish.by is "pigeon"`},
		"nowhere to publish":       {replaced(`path = "/publish"`, ""), `bad.toml:2: publish.path is ""; a path such as`},
		"a body without the data":  {replaced(`path = "/publish"`, "path = \"/\"\nbody = \"{date}\""), "bad.toml:5: publish.body has neither {data} nor"},
		"a status in words":        {replaced(`path = "/publish"`, "path = \"/\"\naccepted = \"ok\""), `bad.toml:5: publish.accepted is "ok"; by post, a status`},
		"frames of something":      {replaced(`"post"`, "\"frames\"\nbody = \"x\""), `bad.toml:4: publish.body is "x"; by frames, "{frame}"`},
		"frames that are answered": {replaced(`"post"`, "\"frames\"\naccepted = \"x\""), "bad.toml:4: publish.accepted is given, but nothing"},
		"no transport":             {strings.Split(least, "[transports")[0], "bad.toml: transports is missing; at least one of transports.longpoll, "},
		"an unknown transport":     {replaced("transports.sse", "transports.carrier"), "bad.toml:5: transports.carrier is unknown; one of transports.longpoll, "},
		"nowhere to subscribe":     {replaced(`path = "/sse"`, `path = "sse"`), `bad.toml:6: transports.sse.path is "sse"`},
		"a split header":           {least + `headers = { A = "a\r\nB: b" }`, "bad.toml:7: transports.sse.headers has a field"},
		"a greeting in a stream":   {least + `greeting = ["x"]`, "bad.toml:7: transports.sse.greeting is given, but only WebSocket"},
		"a body in a handshake":    {least + socket + `body = "x"`, "bad.toml:9: transports.websocket.body is given"},
		"a method of a handshake":  {least + socket + `method = "POST"`, "bad.toml:9: transports.websocket.method is"},
		"a subprotocol of SSE":     {least + `subprotocol = "x"`, "bad.toml:7: transports.sse.subprotocol is given"},
		"a method in small":        {least + `method = "post"`, "bad.toml:7: transports.sse.method is"},
		"an endless time":          {least + `settle = "long"`, `bad.toml:7: transports.sse.settle: is "long"; a duration such as`},
		"a first of one":           {least + `first = { query = { a = "b" } }`, "bad.toml:7: transports.sse.first is given"},
		"polls without a cursor":   {least + poll, "bad.toml:7: transports.longpoll.cursor is missing"},
		"polls without a start":    {least + "[transports.longpoll]\npath = \"/\"\ncursor = [{ from = \"id\", to = \"query:a\" }]", "bad.toml:7: transports.longpoll.settle is missing"},
		"polls that open":          {least + poll + `opened = "x"`, "bad.toml:10: transports.longpoll.opened is given"},
		"resuming with nothing":    {least + `resume = { path = "/x" }`, "bad.toml:7: transports.sse.resume is given without a cursor"},
		"a cursor from nowhere":    {least + `cursor = [{ from = "head", to = "query:a" }]`, `bad.toml:7: transports.sse.cursor.from is "head"; "id", "header:NAME"`},
		"a cursor to nowhere":      {least + `cursor = [{ from = "id", to = "a" }]`, `bad.toml:7: transports.sse.cursor.to is "a"; "header:NAME"`},
		"a cursor to two":          {least + `cursor = [{ from = "id", to = "query:a", as = "a" }]`, "bad.toml:7: transports.sse.cursor goes to"},
		"a cursor for no word":     {least + `cursor = [{ from = "id", as = "a" }]`, `bad.toml:7: transports.sse.cursor.as is "a", but resume has no {a}`},
	} {
		if _, err := Parse("bad.toml", c.text); err == nil || !strings.HasPrefix(err.Error(), "bench: "+c.says) {
			t.Errorf("%s: the error is\n%v\nand should begin with\nbench: %s", name, err, c.says)
		}
	}
}

// A string of several lines may have lines in it that look like keys.
func TestLineOf(t *testing.T) {
	text := "a = '''\nb = 1\n[c]\n'''\n[c]\nb = 2\n# d = 3\nd = 4\n"
	for line, key := range map[int][]string{1: {"a"}, 5: {"c"}, 6: {"c", "b"}, 8: {"c", "d"}, 0: {"b"}} {
		if got := lineOf(text, key); got != line {
			t.Errorf("%q is in line %d, not %d", key, line, got)
		}
	}
}

// started parses a file with a command and starts it.
func started(t *testing.T, text string) error {
	t.Helper()
	file, err := Parse("mine.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	server, err := file.Start(t.Context(), nil)
	if err == nil {
		t.Error("it was started")
		server.Close()
	}
	return err
}

func TestStartTellsWhatToInstall(t *testing.T) {
	const tail = "install = \"get it from the moon\"\n" + least
	for _, command := range []string{`["pigeon"]`, `["/nowhere/pigeon"]`, `["false"]`, "[\"sh\"]\nneeds = [\"pigeon\"]", "[\"sh\"]\nneeds = [\"/nowhere/pigeon\"]"} {
		err := started(t, "command = "+command+"\n"+tail)
		if err == nil || !strings.Contains(err.Error(), "mine needs: get it from the moon") {
			t.Errorf("%s: the error does not say what to install: %v", command, err)
		}
	}
	for command, missing := range map[string]bool{`["pigeon"]`: true, "[\"sh\"]\nneeds = [\"pigeon\"]": true, `["{pushlab}"]`: false} {
		file, err := Parse("mine.toml", "command = "+command+"\n"+tail)
		if got := file.Missing(); err != nil || (got != nil) != missing {
			t.Errorf("%s is missing: %v, %v", command, got, err)
		}
	}
}

// Its words are replaced, its files are there, and when it is closed, neither they nor a process of its is.
func TestStartAndEnd(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const text = `
command = ["sh", "-c", "sleep 1000 & cat {dir}/sub/words; echo; echo http://127.0.0.1:{port}; exec sleep 1000"]
version = ["echo", "mine  1.0\n\nof", "{topic}"]
[files]
"sub/words" = "{port2} {topic} {other} $! {}"
[publish]
by = "post"
url = "http://127.0.0.1:{port2}"
path = "/{topic}"
[transports.sse]
path = "/{port}"
query = { b = "{topic}", a = "x y" }
cursor = [{ from = "id", as = "last" }]
resume = { query = { after = "{last}" } }
`
	file, err := Parse("mine.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	if version, err := file.AskVersion(t.Context()); err != nil || version != "mine 1.0; of bench" {
		t.Errorf("the version is %q, %v", version, err)
	}
	server, err := file.Start(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	folders, err := filepath.Glob(filepath.Join(os.TempDir(), "pushlab-*"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("the folders are %q, %v", folders, err)
	}
	words, err := os.ReadFile(filepath.Join(folders[0], "sub", "words"))
	if err != nil || !strings.HasSuffix(string(words), " bench {other} $! {}") || strings.Contains(string(words), "port2") {
		t.Errorf("the file is %q, %v", words, err)
	}
	port := server.URL[strings.LastIndex(server.URL, ":")+1:]
	how := file.Protocol("sse", server.Words).Subscribe
	if how.Path != "/"+port || len(how.Query) != 2 || how.Query[0].Name != "a" || how.Query[1].Value != "bench" || how.Cursors[0].To != "word:last" {
		t.Errorf("one subscribes by %+v", how)
	}
	if err := server.Close(); err != nil {
		t.Error(err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "pushlab-*")); len(left) != 0 {
		t.Errorf("it left %q", left)
	}
	// sh has started one process, and become the other. That was killed, which takes a moment.
	for limit := time.After(10 * time.Second); ; {
		left := members(server.PID)
		if len(left) == 0 {
			break
		}
		select {
		case <-time.After(time.Millisecond):
		case <-limit:
			t.Fatalf("it left processes: %q", left)
		}
	}
}

// members returns what /proc says of the processes of a group that have not ended.
func members(group int) (found []string) {
	files, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, file := range files {
		text, _ := os.ReadFile(file) // who is gone is none
		if fields := strings.Fields(string(text)); len(fields) > 4 && fields[4] == strconv.Itoa(group) && fields[2] != "Z" {
			found = append(found, string(text))
		}
	}
	return found
}

// A server that runs already is found by its port, and is not ended.
func TestServerThatRuns(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	url := "http://" + l.Addr().String()
	for text, pid := range map[string]int{"": os.Getpid(), "pid = 4711\n": 4711} {
		file, err := Parse("mine.toml", text+strings.Replace(least, "http://127.0.0.1:1", url+"/", 1))
		if err != nil {
			t.Fatal(err)
		}
		server, err := file.Start(context.Background(), nil)
		if err != nil || server.URL != url || server.PID != pid || server.Close() != nil {
			t.Errorf("%q: %+v, %v", text, server, err)
		}
	}
}

// The file in the README is one that works.
func TestReadmeFile(t *testing.T) {
	readme, err := os.ReadFile(filepath.Join("..", "..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(readme), "```toml\n")
	text, _, _ = strings.Cut(text, "```")
	if file, err := Parse("mine.toml", text); err != nil || !file.Resumes("sse") {
		t.Errorf("%v:\n%s", err, text)
	}
}
