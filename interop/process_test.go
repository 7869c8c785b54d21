package interop

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is how long a program may run before a test that waits for it gives up. A test that
// passes never takes so long.
const patience = 30 * time.Second

// A process is a foreign program that a test has started, and that ends with the test.
type process struct {
	t     *testing.T
	name  string
	stdin io.WriteCloser
	lines chan line // closed when the program has ended
	late  <-chan time.Time
}

// A line is what a script saw. Which members it has depends on See.
type line struct {
	See  string
	Data string // a message, an answer's content

	Type, Cursor         string // an event of an EventSource
	Protocol, Extensions string // a WebSocket that opened
	Code                 int    // of a close frame, or an answer's status
	Reason               string // of a close frame
	Clean                *bool  // whether it was one, where the program tells
	Applied              string // the preference that a poll's answer confirms

	URL    string            // where a server listens
	Path   string            // of a request, with its query
	Header map[string]string // of a request; names are in lower case
}

// node runs a script of ours.
func node(t *testing.T, script string, args ...string) *process {
	t.Helper()
	if _, err := os.Stat("node_modules/.package-lock.json"); err != nil {
		t.Fatalf("the packages of Node are missing: run `make deps`, or `npm ci` in the directory interop (%v)", err)
	}
	return start(t, tool(t, "node", "nodejs"), script, args...)
}

// python runs a script of ours by the Python of the system, which has the system's packages; there
// may be another one in PATH.
func python(t *testing.T, script string, args ...string) *process {
	t.Helper()
	if err := haveWebsockets(); err != nil {
		t.Fatalf("run `make deps`, or install the package python3-websockets (%v)", err)
	}
	return start(t, systemPython, script, args...)
}

const systemPython = "/usr/bin/python3"

var haveWebsockets = sync.OnceValue(func() error {
	out, err := exec.Command(systemPython, "-c", "import websockets").CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
})

// tool finds a program that the tests need.
func tool(t *testing.T, name, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if name == "nginx" && err != nil { // Debian leaves its directory out of a user's PATH
		path, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err != nil {
		t.Fatalf("run `make deps`, or install the package %s (%v)", debianPackage, err)
	}
	return path
}

// start starts a script.
func start(t *testing.T, interpreter, script string, args ...string) *process {
	t.Helper()
	// go test remembers results; that we look at the scripts tells it when one is stale.
	for _, pattern := range []string{"clients/*", "servers/*", "package-lock.json"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if _, err := os.Stat(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.Command(interpreter, append([]string{script}, args...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := stdin.(interface{ SetWriteDeadline(time.Time) error }).SetWriteDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, name: strings.Join(append([]string{filepath.Base(script)}, args...), " "), stdin: stdin, lines: make(chan line), late: time.After(patience)}
	ended := make(chan struct{})
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(p.lines)
		reader := bufio.NewReader(stdout)
		for {
			text, err := reader.ReadBytes('\n') // a line may have megabytes
			if err != nil {
				return
			}
			var l line
			if err := json.Unmarshal(text, &l); err != nil {
				t.Errorf("%s: %q: %v", p.name, text, err)
			}
			select {
			case p.lines <- l:
			case <-ended:
				return
			}
		}
	})
	t.Cleanup(func() {
		close(ended)
		cmd.Process.Kill()
		reading.Wait()
		cmd.Wait() // it was killed, so that its status says nothing
		if t.Failed() && stderr.Len() > 0 {
			t.Logf("%s: %s", p.name, stderr.Bytes())
		}
	})
	return p
}

// command has the script do something.
func (p *process) command(command any) {
	p.t.Helper()
	b, err := json.Marshal(command)
	if err != nil {
		p.t.Fatal(err)
	}
	if _, err := p.stdin.Write(append(b, '\n')); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// next returns what the script sees next.
func (p *process) next() line {
	p.t.Helper()
	select {
	case l, ok := <-p.lines:
		if !ok {
			p.t.Fatalf("%s has ended", p.name)
		}
		return l
	case <-p.late:
		p.t.Fatalf("%s: waited in vain", p.name)
	}
	panic("unreachable")
}

// expect returns what the script sees next, which must be that.
func (p *process) expect(see string) line {
	p.t.Helper()
	l := p.next()
	if l.See != see {
		p.t.Fatalf("%s saw %.300v, want %s", p.name, l, see)
	}
	return l
}

// until returns the next of what the script sees that is that; what comes before is skipped.
func (p *process) until(see string) line {
	p.t.Helper()
	for {
		if l := p.next(); l.See == see {
			return l
		}
	}
}
