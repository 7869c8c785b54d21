package bench

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/longpoll"
)

// A Target is a kind of server that can be measured: how to start one, and how to talk to it.
type Target struct {
	// Name is what results call it.
	Name string
	// Transports are the labels of the transports that it offers.
	Transports []string
	// Start starts a server that offers a transport. The server is measured once, and closed before
	// the next is started, so that none inherits what another left behind.
	Start func(ctx context.Context, transport string) (*machine.Server, error)

	setUp    func(ctx context.Context, transport string, s Setup) (*machine.Server, error) // Start as a variant asks; nil: it cannot be
	protocol load.Protocol
	counters bool // /metrics has Pushlab's counters
	resumes  bool // a cursor brings what was missed
	// restart starts a server where another was, of that URL, and has ended; nil if that cannot be done.
	restart func(ctx context.Context, transport, url string) (*machine.Server, error)
	plain   bool // it loses what somebody does not read at once
	null    bool // there is no server, the subscribers read a hub
}

// measures reports whether a case of that kind says something about the target.
func (t Target) measures(c result.Case) bool {
	switch {
	case t.null:
		return c.Kind == result.FanOut || c.Kind == result.Capacity || c.Kind == result.Slow
	case c.Kind == result.Echo:
		return t.protocol.Echo != nil
	case c.Kind == result.Storm:
		return t.resumes && (c.Manner != result.Restart || t.restart != nil)
	default:
		return true
	}
}

// NewTarget makes a target of what a command line calls it: "floor", "baseline", "nchan", "null", or
// "pushlab" and more arguments for its serve command, such as "pushlab --heartbeat 5s". Instead of
// pushlab there may be the path of another such program. Name is text. The servers get the core.
func NewTarget(text string, core *int, serveArgs []string) (Target, error) {
	program, err := os.Executable()
	if err != nil {
		return Target{}, fmt.Errorf("bench: which program to start as the server: %w", err)
	}
	start := func(command ...string) func(context.Context, string) (*machine.Server, error) {
		return func(ctx context.Context, transport string) (*machine.Server, error) {
			return machine.StartServer(ctx, machine.ServerConfig{Command: command, Core: core})
		}
	}
	words := strings.Fields(text)
	switch {
	case text == result.FloorName:
		return floorTarget(start(program, "bench", "floor")), nil
	case text == result.BaselineName:
		return baselineTarget(start(program, "bench", "baseline")), nil
	case text == result.NchanName:
		return nchanTarget(core), nil
	case text == result.NullName:
		return nullTarget(), nil
	case len(words) > 0 && strings.ContainsRune(words[0], filepath.Separator):
		program = words[0]
	case len(words) == 0 || words[0] != result.PushlabName:
		return Target{}, fmt.Errorf("bench: unknown target %q; use pushlab, %s, %s, %s, %s, or the path of a program", text, result.FloorName, result.BaselineName, result.NchanName, result.NullName)
	}
	// A server that has said where its port is has made the socket, which comes first.
	serve := func(address string, s Setup) func(context.Context, string) (*machine.Server, error) {
		command := append([]string{program}, serveCommand(append(s.socketArgs(), "--listen", address)...)...)
		command = append(append(command, serveArgs...), words[1:]...)
		return start(append(command, s.args()...)...)
	}
	target := PushlabTarget(text, serve("localhost:0", Setup{}))
	target.setUp = func(ctx context.Context, transport string, s Setup) (*machine.Server, error) {
		return serve("localhost:0", s)(ctx, transport)
	}
	target.restart = func(ctx context.Context, transport, url string) (*machine.Server, error) {
		return serve(strings.TrimPrefix(url, "http://"), Setup{})(ctx, transport)
	}
	return target, nil
}

// serveCommand is for a Pushlab program to serve what bench needs, and nothing else.
func serveCommand(listen ...string) []string {
	return append(append([]string{"serve"}, listen...), "--source", "none", "--log-level", "warn")
}

// PushlabTarget is a Pushlab server.
func PushlabTarget(name string, start func(ctx context.Context, transport string) (*machine.Server, error)) Target {
	return Target{Name: name, Transports: result.Transports(), Start: start, protocol: load.Protocol{
		Path: load.PushlabPath, Publish: func(string) load.Publishing { return load.ToPushlab() },
		Echo: load.PushlabEchoing(),
	}, counters: true, resumes: true}
}

// floorTarget is a server that does nothing but send to each subscriber what the publisher says: the
// bytes that a Pushlab server would send. Nobody who makes one system call for each can cost less.
func floorTarget(start func(context.Context, string) (*machine.Server, error)) Target {
	return Target{Name: result.FloorName, Transports: result.Transports(), Start: start, protocol: load.Protocol{
		Path: load.PushlabPath, Publish: func(transport string) load.Publishing { return load.Frames(load.Framing(transport)) },
	}, plain: true}
}

// baselineTarget is what net/http costs: a handler that waits for the event and writes the answer of
// a Pushlab server.
func baselineTarget(start func(context.Context, string) (*machine.Server, error)) Target {
	return Target{Name: result.BaselineName, Transports: []string{longpoll.Name}, Start: start, protocol: load.Protocol{
		Path: load.PushlabPath, Publish: func(string) load.Publishing { return load.Frames(load.AppendAnswer) },
	}, plain: true}
}

// nullTarget is the hub alone: subscribers are goroutines that read it, in this process. What a transport
// takes more than that is the transport's. There are no bytes, and no process of its own: its CPU time has
// that of the publisher and of the subscribers' accounts in it.
func nullTarget() Target {
	start := func(context.Context, string) (*machine.Server, error) { return &machine.Server{PID: os.Getpid()}, nil }
	return Target{Name: result.NullName, Transports: []string{result.NullName}, Start: start, null: true}
}
