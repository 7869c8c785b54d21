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

	missing  func() error // of a file
	protocol func(transport string, server *machine.Server) load.Protocol
	counters bool                        // /metrics has Pushlab's counters
	resumes  func(transport string) bool // a cursor brings what was missed
}

// NewTarget makes a target of what a command line calls it: the name of a file in package targets, the
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
	case targets.IsPath(text):
		return newFileTarget(text, core)
	case len(words) > 0 && strings.ContainsRune(words[0], filepath.Separator):
		program = words[0]
	case len(words) == 0 || words[0] != result.PushlabName:
		return newFileTarget(text, core)
	}
	command := append([]string{program}, serveCommand...)
	command = append(append(command, serveArgs...), words[1:]...)
	target := PushlabTarget(text, func(ctx context.Context, _ string) (*machine.Server, error) {
		return machine.StartServer(ctx, machine.ServerConfig{Command: command, Core: core})
	})
	target.Version = func(ctx context.Context) (string, error) {
		said, err := exec.CommandContext(ctx, program, "--version").Output()
		return strings.TrimSpace(string(said)), err
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
		Name: file.Name, About: file.About, Version: file.AskVersion, missing: file.Missing, resumes: file.Resumes,
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
var serveCommand = []string{"serve", "--listen", "localhost:0", "--source", "none", "--log-level", "warn"}

// PushlabAbout says what a Pushlab server is.
const PushlabAbout = "this program's serve command"

// PushlabTarget is a Pushlab server. It is no file, since it takes arguments, and tells its counters.
func PushlabTarget(name string, start func(ctx context.Context, transport string) (*machine.Server, error)) Target {
	return Target{
		Name: name, About: PushlabAbout, Transports: result.Transports(), Start: start, counters: true,
		protocol: func(transport string, _ *machine.Server) load.Protocol { return load.Pushlab(transport) },
		resumes:  func(string) bool { return true },
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
