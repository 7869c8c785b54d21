// Package pushlab_test checks what the compiler does not: the direction of the imports, the package
// comments, that the four transports stay parallel, and that no test sleeps or skips in silence.
// Tables first, checks below. To make an exception, add a line to a table, with the reason.
package pushlab_test

import (
	"go/ast"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var transports = []string{"longpoll", "httpstream", "sse", "websocket"}

// underTransport is what a transport may import: these, and never another transport.
var underTransport = []string{"common/access", "common/event", "common/hub", "common/request", "common/wire", "common/client"}

// allowed names, for every package, the pushlab packages it may import; "x/..." is all below x. An
// entry "x_test" adds to it for the _test.go files of x. All tests may import testSupport as well.
var allowed = map[string][]string{
	"cmd/pushlab":         {"..."},
	"web":                 {".", "web/...", "common/...", "longpoll", "httpstream", "sse", "websocket"},
	"web/highlight":       {},
	"web/lab":             {"common/...", "websocket"}, // not web: which gives it a function that makes servers
	"web/lab_test":        {"web"},
	"longpoll":            underTransport,
	"httpstream":          underTransport,
	"sse":                 underTransport,
	"websocket":           underTransport,
	"common/access":       {"common/event"},
	"common/event":        {},
	"common/hub":          {"common/event"},
	"common/source":       {"common/event"},
	"common/journal":      {"common/event", "common/hub"},
	"common/journal_test": {"common/fault", "common/journal/embedded"}, // a line to the servers that is slow; and to compare

	"common/journal/embedded":    {"common/event", "common/hub", "common/journal"},
	"common/journal/history":     {"common/event"}, // not hub, whose tests use it, too
	"common/journal/journaltest": {"common/event", "common/hub", "common/journal"},

	"common/request": {"common/access", "common/event", "common/hub"},
	"common/kernel":  {},
	"common/wire":    {"common/event", "common/hub", "common/kernel"},
	"common/client":  {"common/event", "common/request"},
	"common/tap":     {"common/event"},
	"common/fault":   {},
	"common/nginx":   {},
	"common/proxies": {"common/nginx"}, // the end of what a process has said
	"common/probe":   {"common/event", "common/request", "common/client"},

	"common/probe_test": {"common/hub", "common/nginx", "common/proxies", "deploy", "web"}, // a server to diagnose, and what stands before it
	"deploy":            {},
	"deploy_test":       {"common/...", "web", "longpoll", "httpstream", "sse", "websocket"}, // what stands behind the proxies

	"deploy/cluster":       {"deploy"}, // nginx's site
	"deploy/cluster/start": {"deploy/cluster"},

	"interop": {"common/...", "web", "longpoll", "httpstream", "sse", "websocket"}, // tests only

	"common/browsertest": {},
	"common/memhttp":     {"common/kernel"}, // which it imitates
	// The suite is given each transport through an interface, so it imports none.
	"common/transporttest": {"common/event", "common/hub", "common/request", "common/wire", "common/client", "common/journal", "common/memhttp", "common/kernel"},
	".":                    {}, // the source that the page shows: only a package above it can embed it

	"bench":           {"bench/result", "bench/load", "bench/machine", "bench/stats", "bench/targets", "common/hub", "common/nginx", "longpoll", "httpstream", "sse", "websocket"}, // not web: the server is another process
	"bench_test":      {"bench/peers", "bench/report", "common/..."},
	"bench/result":    {"longpoll", "httpstream", "sse", "websocket"}, // their names
	"bench/load":      {"bench/result", "common/client", "common/event", "common/hub", "longpoll", "httpstream", "sse", "websocket"},
	"bench/load_test": {"common/tap"},
	"bench/machine":   {"bench/result"},
	"bench/stats":     {"bench/result"},
	"bench/doctor":    {"bench/result", "bench/load", "bench/machine", "common/kernel"}, // it tries out what they need
	"bench/report":    {"bench/result", "bench/stats"},
	"bench/plan":      {"bench/result", "bench/stats", "longpoll", "websocket"}, // their names
	"bench/targets":   {"bench/result", "bench/load", "bench/machine", "longpoll", "websocket"},
	"bench/peers":     {"bench/load", "common/client", "common/fault", "longpoll", "websocket"},

	"bench/excerpt":      {"bench/result", "bench/stats"},
	"bench/excerpt_test": {"bench"}, // its scenarios

	"bench/durable":         {"common/client", "common/event", "common/journal", "common/journal/history", "longpoll", "httpstream", "sse", "websocket"},
	"bench/durable_test":    {"common/hub", "common/journal/embedded", "web"}, // a server
	"bench/soak":            {"bench/load", "bench/machine", "bench/result", "deploy"},
	"bench/soak_test":       {"common/hub", "web"},                                       // a server
	"bench/scale":           {"bench/machine", "bench/result", "bench/scale/...", "sse"}, // the name
	"bench/scale/tree":      {"longpoll", "httpstream", "sse", "websocket"},              // their names
	"bench/scale/cost":      {"bench/load", "bench/machine", "bench/result", "bench/stats"},
	"bench/scale/cost_test": {"common/hub", "sse", "web"},                                                                                                   // a server
	"bench/verify":          {"bench", "bench/machine", "bench/result", "bench/stats", "bench/verify/second", "longpoll", "httpstream", "sse", "websocket"}, // their names
	"bench/verify_test":     {"common/hub", "web"},                                                                                                          // a server
	"bench/verify/second":   {},                                                                                                                             // so that it cannot share a mistake with what it checks
}

// testSupport may be imported by every _test.go file, and by no other file outside these packages. (bench/durable is a program,
// but it tests.)
var testSupport = []string{"bench/durable", "common/browsertest", "common/journal/history", "common/journal/journaltest", "common/memhttp", "common/transporttest"}

// reserved names, for a module, the only packages that may import it, in tests too.
var reserved = map[string][]string{
	"github.com/labstack/echo":        {"web"},                                                                                      // a transport is a plain http.Handler
	"github.com/golang-jwt/jwt":       {"common/access"},                                                                            // the rest sees grants
	"github.com/gorilla/websocket":    {"websocket", "bench/peers", "bench/durable"},                                                // bench and its tests use our client, which does not publish; peers are as others write them
	"github.com/nats-io/nats-server":  {"common/journal/embedded", "common/journal/journaltest"},                                    // 9 MiB that only the program should link,
	"pushlab/common/journal/embedded": {"cmd/pushlab", "common/journal_test", "common/journal/embedded_test", "bench/durable_test"}, // as what has it
	"github.com/nats-io/nats.go":      {"common/journal", "common/journal/...", "cmd/pushlab_test"},                                 // the rest sees the hub's Log interface
}

// testOnly modules may be imported by _test.go files and testSupport alone.
var testOnly = []string{
	"github.com/anishathalye/porcupine",
	"github.com/chromedp",
	"github.com/google/go-cmp",
	"go.uber.org/goleak",
	"pgregory.net/rapid",
}

// Every transport has these files and these exported names. A further one must be in all four, or
// stand in ownFiles or ownNames as "transport/file" or "transport.Name", with the reason.
var (
	transportFiles = []string{
		"doc.go", "config.go", "handler.go", "wire.go", "client.go",
		"wire_test.go", "handler_test.go", "client_test.go", "example_test.go", "bench_test.go",
	}
	ownFiles = map[string]string{
		"sse/message.go":              "for servers that send something other than envelopes",
		"sse/message_test.go":         "for servers that send something other than envelopes",
		"websocket/session.go":        "only WebSocket listens after its handshake",
		"websocket/session_test.go":   "only WebSocket listens after its handshake",
		"websocket/publish.go":        "only WebSocket listens after its handshake",
		"websocket/publish_test.go":   "only WebSocket listens after its handshake",
		"websocket/frames.go":         "gorilla must not read past a frame, and leaves out checks of headers",
		"websocket/frames_test.go":    "gorilla must not read past a frame, and leaves out checks of headers",
		"websocket/messenger.go":      "gorilla's connections, of which a few serve all",
		"websocket/messenger_test.go": "gorilla's connections, of which a few serve all",
		"websocket/hurry.go":          "only WebSocket reads messages",
		"websocket/hurry_test.go":     "only WebSocket reads messages",
		"websocket/deflate.go":        "RFC 7692 is a specification of its own",
		"websocket/deflate_test.go":   "RFC 7692 is a specification of its own",
		"websocket/echo.go":           "the endpoint that protocol test suites ask for",
		"websocket/echo_test.go":      "the endpoint that protocol test suites ask for",
	}

	transportNames = []string{"Config", "Handler", "New", "AppendFrame", "Decoder", "Conn", "Dial"}
	ownNames       = map[string]string{
		"sse.Message":       "for servers that send something other than envelopes",
		"sse.AppendMessage": "for servers that send something other than envelopes",
		"sse.ErrField":      "for servers that send something other than envelopes",
		"websocket.Echo":    "the endpoint that protocol test suites ask for",
		"websocket.NewEcho": "the endpoint that protocol test suites ask for",
	}
)

// waived lists "file sleeps" and "file skips", with the reason. To sleep in a function literal handed
// to synctest.Test takes no time and needs no entry; to sleep in a helper called from there does.
var waived = map[string]string{
	"bench/load/arrival_linux_test.go sleeps": "the kernel's clock is asked how long bytes lay in a socket, so they have to lie there",
	"common/hub/hub_test.go skips":            "rapid then draws another action; the test goes on",
	"common/wire/model_test.go sleeps":        "a script runs in a bubble, but is no function literal",
}

// bubbles are, beside synctest.Test, functions that run a function literal in virtual time.
var bubbles = []string{"onEngines", "onSlowLog"}

// testTags are the build tags a test file may ask for. Any other tag is a skip that nobody sees.
var testTags = []string{"linux", "darwin", "windows", "unix", "race"}

func TestImports(t *testing.T) {
	for _, f := range goFiles(t) {
		pkg := path.Dir(f.path)
		support := slices.Contains(testSupport, pkg)
		if pkg == "common" {
			t.Errorf("%s: common itself has no Go file; put it into a package below", f.path)
			continue
		}
		if _, ok := allowed[pkg]; !ok {
			t.Errorf("%s: package %s is not in the table of imports; add it to allowed in rules_test.go", f.path, pkg)
			continue
		}
		for _, spec := range f.ast.Imports {
			imp, _ := strconv.Unquote(spec.Path.Value)
			own, ok := strings.CutPrefix(imp, "pushlab/")
			if imp == "pushlab" {
				own, ok = ".", true
			}
			if ok && own != pkg {
				switch {
				case slices.Contains(testSupport, own) && f.isTest:
				case slices.Contains(testSupport, own) && !support:
					t.Errorf("%s imports %s, which is for tests only", f.path, imp)
				case !matches(allowed[pkg], own) && !(f.isTest && matches(allowed[pkg+"_test"], own)):
					t.Errorf("%s imports %s; the table of imports allows %s only %q", f.path, imp, pkg, allowed[pkg])
				}
			}
			for module, users := range reserved {
				if within(imp, module) && !matches(users, pkg) && !(f.isTest && matches(users, pkg+"_test")) {
					t.Errorf("%s imports %s, which only %q may", f.path, imp, users)
				}
			}
			for _, module := range testOnly {
				if within(imp, module) && !f.isTest && !support {
					t.Errorf("%s imports %s, which is for tests only", f.path, imp)
				}
			}
		}
	}
}

func TestPackageComments(t *testing.T) {
	comments := map[string]int{} // directory → files with a package comment
	for _, f := range goFiles(t) {
		if f.isTest {
			continue
		}
		dir, want := path.Dir(f.path), "Package "+f.ast.Name.Name+" "
		if f.ast.Name.Name == "main" {
			want = "Command " + path.Base(dir) + " "
		}
		comments[dir] += 0
		if f.ast.Doc != nil {
			comments[dir]++
			if !strings.HasPrefix(f.ast.Doc.Text(), want) {
				t.Errorf("%s: the package comment must begin with %q", f.path, want)
			}
		}
	}
	for dir, n := range comments {
		if n != 1 {
			t.Errorf("%s: %d files have a package comment, it must be one", dir, n)
		}
	}
}

func TestTransportsAreParallel(t *testing.T) {
	files, names := map[string][]string{}, map[string][]string{}
	for _, f := range goFiles(t) {
		if dir := path.Dir(f.path); slices.Contains(transports, dir) {
			files[dir] = append(files[dir], path.Base(f.path))
			if !f.isTest {
				names[dir] = append(names[dir], exported(f.ast)...)
			}
		}
	}
	checkParallel(t, files, transportFiles, "/", ownFiles)
	checkParallel(t, names, transportNames, ".", ownNames)
}

// checkParallel checks that every transport has what is required, and that anything else is in all
// four or in own.
func checkParallel(t *testing.T, have map[string][]string, required []string, sep string, own map[string]string) {
	t.Helper()
	all := slices.Concat(slices.Collect(maps.Values(have))...)
	all = append(all, required...)
	slices.Sort(all)
	for _, name := range slices.Compact(all) {
		var with, without []string
		for _, transport := range transports {
			if slices.Contains(have[transport], name) {
				with = append(with, transport)
			} else {
				without = append(without, transport)
			}
		}
		if slices.Contains(required, name) && len(without) > 0 {
			t.Errorf("%s is missing in %v; every transport has it", name, without)
			continue
		}
		for _, transport := range with {
			if key := transport + sep + name; len(without) > 0 && own[key] == "" {
				t.Errorf("%s has no counterpart in %v; if that must be so, give the reason in rules_test.go", key, without)
			}
		}
	}
	for key := range own {
		if transport, name, _ := strings.Cut(key, sep); !slices.Contains(have[transport], name) {
			t.Errorf("%s is gone; remove it from rules_test.go", key)
		}
	}
}

func TestNoSleepsNoSilentSkips(t *testing.T) {
	used := map[string]bool{}
	for _, f := range goFiles(t) {
		if !f.isTest && !slices.Contains(testSupport, path.Dir(f.path)) {
			continue
		}
		for _, tag := range f.buildTags() {
			if !slices.Contains(testTags, tag) {
				t.Errorf("%s needs the build tag %q, which make test does not set: it would never run", f.path, tag)
			}
		}
		check := func(n ast.Node, does, instead string) {
			used[f.path+does] = true
			if waived[f.path+does] == "" {
				t.Errorf("%s%s; %s, or give the reason in rules_test.go", fset.Position(n.Pos()), does, instead)
			}
		}
		var bubble token.Pos // the end of the latest call of synctest.Test
		ast.Inspect(f.ast, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			recv, name := selector(call.Fun)
			switch {
			case recv == "synctest" && name == "Test", slices.Contains(bubbles, name):
				bubble = call.End()
			case recv == "time" && name == "Sleep" && f.isTest && call.Pos() > bubble:
				check(call, " sleeps", "wait for the event itself, or use testing/synctest")
			case name == "SkipNow", name == "Skipf", name == "Skip" && slices.Contains([]string{"t", "b", "f", "tb"}, recv):
				check(call, " skips", "fail, saying what to install")
			}
			return true
		})
	}
	for key := range waived {
		if !used[key] {
			t.Errorf("%q is no longer true; remove it from rules_test.go", key)
		}
	}
}

type goFile struct {
	path   string // from the root of the module, with slashes
	isTest bool
	ast    *ast.File
}

var fset = token.NewFileSet()

// goFiles parses all Go files of the module, whatever their build tags. It asks no go command, so
// that go test sees which files it read and knows when a cached result is stale.
func goFiles(t *testing.T) (files []goFile) {
	t.Helper()
	err := filepath.WalkDir(".", func(name string, d fs.DirEntry, err error) error {
		switch base := d.Name(); {
		case err != nil:
			return err
		case d.IsDir() && name != ".":
			_, noMod := os.Stat(filepath.Join(name, "go.mod"))
			if noMod == nil || base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
				return filepath.SkipDir // not of this module
			}
		case strings.HasSuffix(base, ".go"):
			parsed, err := parser.ParseFile(fset, name, nil, parser.ParseComments|parser.SkipObjectResolution)
			files = append(files, goFile{filepath.ToSlash(name), strings.HasSuffix(base, "_test.go"), parsed})
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// buildTags lists the tags in the //go:build line, negated ones included.
func (f goFile) buildTags() (tags []string) {
	for _, group := range f.ast.Comments {
		for _, c := range group.List {
			if expr, err := constraint.Parse(c.Text); err == nil && c.Pos() < f.ast.Package {
				expr.Eval(func(tag string) bool { tags = append(tags, tag); return true })
			}
		}
	}
	return tags
}

// exported lists the exported names a file declares at package level, without methods.
func exported(f *ast.File) (names []string) {
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil {
				names = append(names, n.Name.Name)
			}
			return false
		case *ast.TypeSpec:
			names = append(names, n.Name.Name)
			return false
		case *ast.ValueSpec:
			for _, id := range n.Names {
				names = append(names, id.Name)
			}
			return false
		}
		return true
	})
	return slices.DeleteFunc(names, func(name string) bool { return !ast.IsExported(name) })
}

// selector splits a called function x.name; recv is empty where there is no x, or x is not a plain name.
func selector(fun ast.Expr) (recv, name string) {
	switch fun := fun.(type) {
	case *ast.Ident:
		name = fun.Name
	case *ast.SelectorExpr:
		if id, ok := fun.X.(*ast.Ident); ok {
			recv = id.Name
		}
		name = fun.Sel.Name
	}
	return recv, name
}

// matches reports whether a list names pkg, by itself or as part of "x/...".
func matches(list []string, pkg string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		prefix, tree := strings.CutSuffix(entry, "...")
		return entry == pkg || tree && strings.HasPrefix(pkg, prefix)
	})
}

// within reports whether the import path imp is module or below it.
func within(imp, module string) bool {
	return imp == module || strings.HasPrefix(imp, module+"/")
}
