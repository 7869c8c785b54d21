// Command pushlab is a laboratory for server push: a server that offers one source of events by
// long polling, HTTP streaming, Server-Sent Events and WebSocket, and the tools around it.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr}))
}

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run runs one command and returns its exit code.
func run(ctx context.Context, args []string, std streams) int {
	started := false
	root := &cobra.Command{
		Use:   "pushlab",
		Short: "A laboratory for server push: long polling, HTTP streaming, SSE and WebSocket side by side",
		Long: `Pushlab offers one source of events by long polling, HTTP streaming, Server-Sent
Events and WebSocket, so that they can be compared.

Every flag can also be set by an environment variable: --log-level by
PUSHLAB_LOG_LEVEL. Several values of one flag are separated by semicolons there.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version("", "").String(),
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error {
			if err := setFromEnvironment(cmd.Flags()); err != nil {
				return err
			}
			started = true // from here on it is not the command line that is at fault
			return nil
		},
	}
	root.SetArgs(args)
	root.SetIn(std.in)
	root.SetOut(std.out)
	root.SetErr(std.err)
	root.AddCommand(serveCommand(std), subCommand(std), pubCommand(std), benchCommand(std), planCommand(std), conformCommand(std), doctorCommand(std), tapCommand(std), logCommand(std))
	err := root.ExecuteContext(ctx)
	var usage *usageError
	switch {
	case err == nil:
		return exitDone
	case !started || errors.As(err, &usage):
		fmt.Fprintf(std.err, "pushlab: %v\nRun 'pushlab --help' or 'pushlab COMMAND --help' to see what there is.\n", err)
		return exitUsage
	default:
		fmt.Fprintf(std.err, "pushlab: %v\n", err)
		return exitFailed
	}
}

// A usageError is a mistake on the command line that a command found.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }
