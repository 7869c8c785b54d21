package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"
)

// Forms lists the specifications that Parse knows, for error and usage texts.
const Forms = "clock[:interval], host[:interval], - (stdin), tail:FILE, replay:FILE[:speed], sse:URL, load:rate=,size=, none"

// Defaults and limits of the intervals of clock and host. Below the limits the clock would only
// measure the timer, and the kernel's CPU counters (commonly 100 ticks a second) would not move.
const (
	defaultInterval  = time.Second
	minClockInterval = time.Millisecond
	minHostInterval  = 100 * time.Millisecond
)

// Env is what sources need from outside. The zero Env is enough for those that need nothing.
type Env struct {
	// Stdin is what "-" reads. Nil: that source is not available.
	//
	// A read that blocks cannot be interrupted by a context. If Stdin has a working SetReadDeadline
	// method, as a net.Conn and most files from os.Pipe do, Run uses it to end the read, and waits
	// for it. Otherwise, as with a terminal, Run returns at once when ctx ends or Publish fails, and
	// leaves one goroutine behind, which holds 64 KiB and ends when its read returns: at the next
	// input, at the end of the input, or when the caller closes Stdin. What that read gets is lost.
	Stdin io.Reader
	// Logger gets warnings: lines that were skipped, metrics this system does not tell, what
	// became of a followed file. Nil: they are discarded.
	Logger *slog.Logger
	// SSE makes the source of "sse:URL". It is given, and not built here, because a source that
	// subscribes needs a transport, and no transport is below this package. The URL is absolute,
	// with scheme http or https. Nil: that source is not available.
	SSE func(url string) (Source, error)
}

// Parse makes the source that a specification of the command line names.
//
//   - clock[:interval]: a Go duration such as 500ms, default 1s, at least 1ms.
//   - host[:interval]: the same, at least 100ms.
//   - "-": env.Stdin, which has to be given.
//   - tail:FILE: a regular file, which may not exist yet.
//   - replay:FILE[:speed]: a regular file. speed is how many times as fast as recorded, 0.001 to
//     1000000, default 1, or max: without any waiting. Only a last part that reads as a speed is
//     one, so FILE may contain colons; to replay a file whose name ends like a speed, add a speed.
//   - sse:URL: an absolute http or https URL, given to env.SSE.
//   - load[:rate=R,size=S,topics=N]: each option may be left out. R events a second, 0.001 to
//     1000000, default 10; S bytes of data in each, 64 to 1048576, default 128; spread evenly over
//     the N topics load.0, load.1 and so on, 1 to 10000, default the one topic load.
//   - none: no events.
//
// Whatever can be known to be wrong now is an error now, such as a recording that does not exist.
// The error says what is wrong and what to write instead.
func Parse(spec string, env Env) (Source, error) {
	if env.Logger == nil {
		env.Logger = slog.New(slog.DiscardHandler)
	}
	r, err := parse(spec, env)
	if err != nil {
		return nil, fmt.Errorf("source: %s: %w", name(spec), err)
	}
	return named{name: name(spec), run: r}, nil
}

func parse(spec string, env Env) (run, error) {
	kind, arg, hasArg := strings.Cut(spec, ":")
	switch kind {
	case "clock":
		d, err := parseInterval(arg, hasArg, minClockInterval)
		return clock{interval: d}.run, err
	case "host":
		d, err := parseInterval(arg, hasArg, minHostInterval)
		return host{interval: d, log: env.Logger, read: readSystem}.run, err
	case "tail":
		err := checkFile(arg)
		if errors.Is(err, fs.ErrNotExist) {
			err = nil // tail waits for it
		}
		return tail{path: arg, log: env.Logger, poll: tailPoll, limit: MaxLine}.run, err
	case "replay":
		return parseReplay(arg, env.Logger)
	case "sse":
		return parseSSE(arg, env)
	case "load":
		return parseLoad(arg, hasArg)
	}
	switch spec {
	case "-":
		if env.Stdin == nil {
			return nil, errors.New("there is no standard input here; use another source")
		}
		return stdin{r: env.Stdin, log: env.Logger}.run, nil
	case "none":
		return none, nil
	}
	return nil, fmt.Errorf("unknown source; use one of: %s", Forms)
}

// name is how errors name the source: its specification, without what may be a secret.
func name(spec string) string {
	if arg, ok := strings.CutPrefix(spec, "sse:"); ok {
		u, err := url.Parse(arg)
		if err != nil {
			return "sse"
		}
		return "sse:" + (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
	}
	return fmt.Sprintf("%.200q", spec)
}

func parseInterval(arg string, given bool, least time.Duration) (time.Duration, error) {
	if !given {
		return defaultInterval, nil
	}
	d, err := time.ParseDuration(arg)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not an interval; use a number with a unit, such as 500ms or 2s", arg)
	}
	if d < least {
		return 0, fmt.Errorf("the interval %s is too short; use at least %s", d, least)
	}
	return d, nil
}

func parseSSE(arg string, env Env) (run, error) {
	u, err := url.Parse(arg)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		// The text of err is left out: it would repeat the URL, and with it a password.
		return nil, errors.New("not an absolute URL; use one such as sse:https://example.org/sse")
	}
	if env.SSE == nil {
		return nil, errors.New("this program cannot subscribe to other servers; use another source")
	}
	src, err := env.SSE(arg)
	if err != nil {
		return nil, err
	}
	return src.Run, nil
}

// checkFile tells whether a regular file is there and may be read.
func checkFile(path string) error {
	if path == "" {
		return errors.New("name a file after the colon")
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() { // to open a named pipe would block
		return fmt.Errorf("%s is not a regular file; for a pipe use the source - and redirect standard input", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}
