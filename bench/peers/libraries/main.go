// Command libraries serves one of the libraries that Pushlab is compared with, each as its own
// documentation shows it:
//
//	libraries go-sse | gws | nbio | centrifuge | mercure [DATABASE]
//
// It prints its address, takes events at /publish (by POST or by WebSocket), and ends on SIGTERM.
package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "libraries:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	if len(args) > 0 && peers[args[0]] != nil {
		return peers[args[0]](ctx, out, args[1:])
	}
	return fmt.Errorf("which server? One of: %s", strings.Join(slices.Sorted(maps.Keys(peers)), ", "))
}
