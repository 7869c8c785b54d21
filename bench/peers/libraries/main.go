// Command libraries serves one of the libraries that Pushlab is compared with, each as its own
// documentation shows it:
//
//	libraries go-sse | gws | nbio | centrifuge | mercure [DATABASE]
//	libraries version NAME
//
// A server prints its address, takes events at /publish (by POST or by WebSocket), and ends on SIGTERM.
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

// topic is what the events are published on, where a library has topics.
const topic = "bench"

// history is how many events are kept for clients that come back, where a library does that.
const history = 10_000

// peers are the servers by name. Each serves on a port of its own, which it tells on out, until ctx
// ends.
var peers = map[string]func(ctx context.Context, out io.Writer, args []string) error{
	"go-sse":     serveGoSSE,
	"gws":        serveGWS,
	"nbio":       serveNbio,
	"centrifuge": serveCentrifuge,
	"mercure":    serveMercure,
}

// modules are what the servers are made of, by name.
var modules = map[string]string{
	"go-sse":     "github.com/tmaxmax/go-sse",
	"gws":        "github.com/lxzan/gws",
	"nbio":       "github.com/lesismal/nbio",
	"centrifuge": "github.com/centrifugal/centrifuge",
	"mercure":    "github.com/dunglas/mercure",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "libraries:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "version" && modules[args[1]] != "":
		_, err := fmt.Fprintln(out, version(modules[args[1]]))
		return err
	case len(args) > 0 && peers[args[0]] != nil:
		return peers[args[0]](ctx, out, args[1:])
	}
	return fmt.Errorf("which server? One of: %s", strings.Join(slices.Sorted(maps.Keys(peers)), ", "))
}

// version tells which version of a module this program has, and of which Go.
func version(module string) string {
	info, ok := debug.ReadBuildInfo()
	if ok {
		for _, m := range info.Deps {
			if m.Path == module {
				return m.Path + " " + m.Version + ", " + info.GoVersion
			}
		}
	}
	return module + " (unknown)"
}
