package bench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/bench/targets"
)

// A Target is a kind of server that can be measured: how to start one, and how to talk to it.
type Target struct {
	// Name is what results call it.
	Name string
	// About says in a sentence what it is.
	About string
	// Transports are the labels of the transports that it offers.
	Transports []string
	// Start starts a server that offers a transport. The server is measured once, and closed before
	// the next is started, so that none inherits what another left behind.
	Start func(ctx context.Context, transport string) (*machine.Server, error)
	// Version asks for its version. It may be nil.
	Version func(ctx context.Context) (string, error)

	setUp    func(ctx context.Context, transport string, s Setup) (*machine.Server, error) // Start as a variant asks; nil: it cannot be
	missing  func() error                                                                  // of a file
	protocol func(transport string, server *machine.Server) load.Protocol
	counters bool                        // /metrics has Pushlab's counters
	echoes   bool                        // its protocol has an Echo
	resumes  func(transport string) bool // a cursor brings what was missed; nil: none does
	// restart starts a server where another was, of that URL, and has ended; nil if that cannot be done.
	restart func(ctx context.Context, transport, url string) (*machine.Server, error)
	plain   bool // it loses what somebody does not read at once
	null    bool // there is no server, the subscribers read a hub
}

// measures reports whether a case of that kind says something about one of the target's transports.
func (t Target) measures(c result.Case, transport string) bool {
	switch {
	case t.null:
		return c.Kind == result.FanOut || c.Kind == result.Capacity || c.Kind == result.Slow
	case c.Kind == result.Echo:
		return t.echoes
	case c.Kind == result.Storm:
		return t.resumes != nil && t.resumes(transport) && (c.Manner != result.Restart || t.restart != nil)
	default:
		return true
	}
}

// NewTarget makes a target of what a command line calls it: "null", the name of a file in package targets, the
// path of such a file, or "pushlab" and more arguments for its serve command, such as "pushlab --heartbeat
// 5s". Instead of pushlab there may be the path of another such program. Then name is text. The servers
// get the core.
func NewTarget(text string, core *int, serveArgs []string) (Target, error) {
	program, err := os.Executable()
	if err != nil {
		return Target{}, fmt.Errorf("bench: which program to start as the server: %w", err)
	}
	words := strings.Fields(text)
	switch {
	case text == result.NullName:
		return nullTarget(), nil
	case targets.IsPath(text):
		return newFileTarget(text, core)
	case len(words) > 0 && strings.ContainsRune(words[0], filepath.Separator):
		program = words[0]
	case len(words) == 0 || words[0] != result.PushlabName:
		return newFileTarget(text, core)
	}
	// A server that has said where its port is has made the socket, which comes first.
	serve := func(address string, s Setup) func(context.Context, string) (*machine.Server, error) {
		command := append([]string{program}, serveCommand(append(s.socketArgs(), "--listen", address)...)...)
		command = append(append(command, serveArgs...), words[1:]...)
		config := machine.ServerConfig{Command: append(command, s.args()...), Core: core}
		return func(ctx context.Context, _ string) (*machine.Server, error) { return machine.StartServer(ctx, config) }
	}
	target := PushlabTarget(text, serve("localhost:0", Setup{}))
	target.Version = func(ctx context.Context) (string, error) {
		said, err := exec.CommandContext(ctx, program, "--version").Output()
		return strings.TrimSpace(string(said)), err
	}
	target.setUp = func(ctx context.Context, transport string, s Setup) (*machine.Server, error) {
		return serve("localhost:0", s)(ctx, transport)
	}
	target.restart = func(ctx context.Context, transport, url string) (*machine.Server, error) {
		return serve(strings.TrimPrefix(url, "http://"), Setup{})(ctx, transport)
	}
	return target, nil
}

func newFileTarget(text string, core *int) (Target, error) {
	file, err := targets.Find(text)
	if err != nil {
		return Target{}, err
	}
	return FileTarget(file, core), nil
}

// FileTarget is what a file describes. The servers get the core.
func FileTarget(file targets.File, core *int) Target {
	target := Target{
		Name: file.Name, About: file.About, Version: file.AskVersion, missing: file.Missing, resumes: file.Resumes, plain: file.Relays(),
		Start: func(ctx context.Context, _ string) (*machine.Server, error) { return file.Start(ctx, core) },
		protocol: func(transport string, server *machine.Server) load.Protocol {
			return file.Protocol(transport, server.Words)
		},
	}
	for _, transport := range result.Transports() { // in their order
		if _, offers := file.Transports[transport]; offers {
			target.Transports = append(target.Transports, transport)
		}
	}
	return target
}

// serveCommand is for a Pushlab program to serve what bench needs, and nothing else.
func serveCommand(listen ...string) []string {
	return append(append([]string{"serve"}, listen...), "--source", "none", "--log-level", "warn")
}

// PushlabAbout says what a Pushlab server is.
const PushlabAbout = "this program's serve command"

// PushlabTarget is a Pushlab server. It is no file, since it takes arguments, and tells its counters.
func PushlabTarget(name string, start func(ctx context.Context, transport string) (*machine.Server, error)) Target {
	return Target{
		Name: name, About: PushlabAbout, Transports: result.Transports(), Start: start, counters: true, echoes: true,
		protocol: func(transport string, _ *machine.Server) load.Protocol { return load.Pushlab(transport) },
		resumes:  func(string) bool { return true },
	}
}

// nullTarget is the hub alone: subscribers are goroutines that read it, in this process. What a transport
// takes more than that is the transport's. There are no bytes, and no process of its own: its CPU time has
// that of the publisher and of the subscribers' accounts in it.
func nullTarget() Target {
	start := func(context.Context, string) (*machine.Server, error) { return &machine.Server{PID: os.Getpid()}, nil }
	return Target{
		Name: result.NullName, About: "the hub alone, read by goroutines of this process: what all transports have in common",
		Transports: []string{result.NullName}, Start: start, null: true,
	}
}

// Missing tells what keeps the target from being started, if that is known before.
func (t Target) Missing() error {
	if t.missing == nil {
		return nil
	}
	return t.missing()
}

// info is what a result says of the target.
func (t Target) info(ctx context.Context) result.Target {
	info := result.Target{Name: t.Name, About: t.About}
	if t.Version != nil {
		// Who cannot tell it can be measured all the same.
		info.Version, _ = t.Version(ctx)
	}
	return info
}
