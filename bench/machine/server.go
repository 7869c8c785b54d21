package machine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// A Server is what a run loads.
type Server struct {
	// URL is the server's address, such as "http://127.0.0.1:41234".
	URL string
	// Said is what it printed in front of its address, line by line.
	Said []string
	// PID is its process, whose CPU time is measured; 0 if that is not to be done.
	PID int
	// Words are what stands for what in what the server is told and asked, such as "{port}" for "41234".
	Words []string

	// Stop is what Close calls to end it; nil if it is not ours to end.
	Stop func() error

	trace *traceReader // of its standard error; nil if it is not ours
}

// ServerConfig says how to start a server. A zero field means its default.
type ServerConfig struct {
	// Command is the program and its arguments. It has to print the address that it listens on,
	// an http or https URL, to its standard output.
	Command []string
	// URL is its address, if it does not print one. The server is there when somebody listens.
	URL string
	// Also are further addresses, host and port, at which it must listen. They need a URL.
	Also []string
	// Core is the core that it runs on. Default: any.
	Core *int
	// Patience is how long it may take to print it. Default 10 s.
	Patience time.Duration
	// Grace is how long it may take to end when it is asked to, before it is killed. Default 5 s.
	Grace time.Duration
}

// A process is a running server.
type process struct {
	cmd    *exec.Cmd
	grace  time.Duration
	stderr traceReader
	exited chan struct{} // closed when it has ended; then err says how
	err    error
}

// StartServer starts a server in a process of its own and waits for its address. It gets none of
// this process's PUSHLAB_… variables, which could change what is measured, and is to tell of its garbage
// collections if it is a Go program. When ctx ends before the server is there, it is ended; after that only Close ends it.
func StartServer(ctx context.Context, config ServerConfig) (*Server, error) {
	if len(config.Command) == 0 {
		return nil, errors.New("bench: no command to start the server with")
	}
	p := &process{
		cmd:    exec.Command(config.Command[0], config.Command[1:]...),
		grace:  cmp.Or(config.Grace, 5*time.Second),
		exited: make(chan struct{}),
	}
	address := &addressFinder{found: make(chan string, 1), done: config.URL != ""}
	p.cmd.Stdout, p.cmd.Stderr = address, &p.stderr
	p.cmd.Env = withTrace(slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PUSHLAB_") }))
	p.cmd.WaitDelay = time.Second // whoever inherited its output does not keep us waiting
	p.cmd.SysProcAttr = apart()
	start := p.cmd.Start
	if config.Core != nil {
		start = func() error { return OnCore(*config.Core, p.cmd.Start) }
	}
	if err := start(); err != nil {
		return nil, fmt.Errorf("bench: starting the server: %w", err)
	}
	go func() {
		p.err = p.cmd.Wait()
		killGroup(p.cmd.Process.Pid)
		close(p.exited)
	}()
	patience := time.NewTimer(cmp.Or(config.Patience, 10*time.Second))
	defer patience.Stop()
	if config.URL != "" {
		ctx, cancel := context.WithTimeout(ctx, cmp.Or(config.Patience, 10*time.Second))
		defer cancel()
		go func() {
			for _, address := range append(config.Also, strings.TrimPrefix(config.URL, "http://")) {
				if reachable(ctx, address) != nil {
					return
				}
			}
			address.found <- config.URL
		}()
	}
	var err error
	select {
	case url := <-address.found:
		return &Server{URL: url, Said: address.said, PID: p.cmd.Process.Pid, Stop: sync.OnceValue(p.close), trace: &p.stderr}, nil
	case <-p.exited:
		err = p.gone()
	case <-patience.C:
		err = fmt.Errorf("bench: the server (%s) %s; it said: %s", strings.Join(config.Command, " "), missing(config), p.stderr.text())
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(err, p.end())
}

// missing says what a server did not do in time.
func missing(config ServerConfig) string {
	if config.URL == "" {
		return "printed no http URL"
	}
	return "does not listen at " + strings.Join(append([]string{config.URL}, config.Also...), " and ")
}

// Close asks the server to leave, and kills it if it does not; only the process that was started is
// asked, and what it leaves behind of those that it started is killed. It waits for the end. It fails if
// the server had ended before it was asked to.
func (s *Server) Close() error {
	if s.Stop == nil {
		return nil
	}
	return s.Stop()
}

func (p *process) close() error {
	select {
	case <-p.exited:
		return p.gone()
	default:
		return p.end()
	}
}

// end ends the process, however it takes it.
func (p *process) end() error {
	// Either signal fails if the process is gone, and then there is nothing to do.
	p.cmd.Process.Signal(syscall.SIGTERM)
	grace := time.NewTimer(p.grace)
	defer grace.Stop()
	select {
	case <-p.exited:
		return nil
	case <-grace.C:
	}
	p.cmd.Process.Kill()
	<-p.exited
	return fmt.Errorf("bench: the server did not end within %v of SIGTERM and was killed; it said: %s", p.grace, p.stderr.text())
}

// gone describes that the server has ended by itself.
func (p *process) gone() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("bench: the server ended by itself (%s); it said: %s", how, p.stderr.text())
}

// An addressFinder looks for the first http or https URL in what is written to it, and drops what follows.
type addressFinder struct {
	found chan string // has room for one
	said  []string    // the lines before it, once it is found
	line  []byte
	done  bool // nothing is looked for (any more)
}

// maxLine is how much of an output line, or of what the server said last, is kept.
const maxLine = 4 << 10

// maxSaid is how many lines are kept in front of the address.
const maxSaid = 100

func (f *addressFinder) Write(p []byte) (int, error) {
	for rest := p; len(rest) > 0 && !f.done; {
		piece, after, complete := bytes.Cut(rest, []byte("\n"))
		f.line = append(f.line, piece[:min(len(piece), maxLine-len(f.line))]...)
		if !complete {
			break
		}
		for word := range strings.FieldsSeq(string(f.line)) {
			if strings.HasPrefix(word, "http://") || strings.HasPrefix(word, "https://") {
				f.found <- strings.TrimRight(word, "/.,")
				f.done = true
				break
			}
		}
		if !f.done && len(f.said) < maxSaid {
			f.said = append(f.said, string(f.line))
		}
		f.line, rest = f.line[:0], after
	}
	return len(p), nil
}

// A tail keeps the last of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	t.buf = t.buf[max(0, len(t.buf)-maxLine):]
	return len(p), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if text := bytes.TrimSpace(t.buf); len(text) > 0 {
		return string(text)
	}
	return "(nothing)"
}
