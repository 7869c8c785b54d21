package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/request"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// dialers connect by each transport.
var dialers = map[string]func(ctx context.Context, url string, opts client.Options) (client.Conn, error){
	longpoll.Name:   dialer(longpoll.Dial),
	httpstream.Name: dialer(httpstream.Dial),
	sse.Name:        dialer(sse.Dial),
	websocket.Name:  dialer(websocket.Dial),
}

// dialer makes a transport's Dial return the interface; a nil pointer must not become one.
func dialer[C client.Conn](dial func(context.Context, string, client.Options) (C, error)) func(context.Context, string, client.Options) (client.Conn, error) {
	return func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
		conn, err := dial(ctx, url, opts)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}
}

// subOptions are the flags of sub.
type subOptions struct {
	transport string
	topics    []string
	after     string
	count     int
	token     tokenFlag
	log       logFlags
}

func subCommand(std streams) *cobra.Command {
	var o subOptions
	cmd := &cobra.Command{
		Use:   "sub URL",
		Short: "Print the events of a server, one envelope a line",
		Long: `Print the events of a server, one envelope a line. When the connection breaks,
sub reconnects and resumes; events that the server no longer has show as a line
with the topic $gap.`,
		Example: `  pushlab sub http://localhost:8080
  pushlab sub --transport websocket --topic clock http://localhost:8080
  pushlab sub --after earliest unix:/run/pushlab.sock`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return sub(cmd.Context(), &o, args[0], std) },
	}
	f := cmd.Flags()
	f.StringVar(&o.transport, "transport", sse.Name, "longpoll, httpstream, sse or websocket")
	f.StringArrayVar(&o.topics, "topic", nil, "a topic to subscribe to; may be repeated; none is all")
	f.StringVar(&o.after, "after", "", "a cursor to resume from, or earliest; else from now on")
	f.IntVar(&o.count, "count", 0, "stop after that many events; 0 is never")
	o.token.register(f)
	o.log.register(f)
	return cmd
}

func sub(ctx context.Context, o *subOptions, address string, std streams) error {
	dial, ok := dialers[o.transport]
	if !ok {
		return &usageError{fmt.Errorf("--transport is %q; use longpoll, httpstream, sse or websocket", o.transport)}
	}
	if err := request.CheckTopics(o.topics); err != nil {
		return &usageError{fmt.Errorf("--topic: %s", request.Reason(err))}
	}
	if o.after != "" {
		if _, err := request.ParseCursor(o.after); err != nil {
			return &usageError{fmt.Errorf("--after: %s", request.Reason(err))}
		}
	}
	target, err := parseTarget(address, o.transport)
	if err != nil {
		return err
	}
	if err := o.token.check(); err != nil {
		return err
	}
	logger, err := o.log.logger(std)
	if err != nil {
		return err
	}
	connected := false
	follower := client.Follow(func(ctx context.Context, after string) (client.Conn, error) {
		token, err := o.token.read()
		if err != nil {
			return nil, err
		}
		conn, err := dial(ctx, target.url, client.Options{Topics: slices.Clone(o.topics), After: after, Token: token, DialContext: target.dial})
		if err != nil && !connected {
			return nil, unreachable{err}
		}
		connected = connected || err == nil
		return conn, err
	}, o.after, client.Policy{Logger: logger})
	defer follower.Close()
	for n := 0; ; {
		e, err := follower.Next(ctx)
		if errors.Is(err, context.Canceled) {
			return nil // Ctrl-C is how one ends it
		}
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(std.out, "%s\n", e.Envelope()); err != nil {
			return fmt.Errorf("the events cannot be printed: %w", err)
		}
		if !e.Control() {
			n++
		}
		if e.Topic == event.GapTopic {
			logger.Warn("events were lost; the server no longer has them", "gap", string(e.Data))
		}
		if n == o.count && n > 0 {
			return nil
		}
	}
}

// unreachable is why the first connection failed; who mistyped an address should not wait for it.
type unreachable struct{ error }

// Permanent tells client.Follow not to try again.
func (u unreachable) Permanent() bool { return true }

func (u unreachable) Unwrap() error { return u.error }

func (u unreachable) Error() string {
	text := u.error.Error()
	if strings.Contains(text, "refused") || strings.Contains(text, "no such file") {
		return fmt.Sprintf("%s; does the server run? Start it with 'pushlab serve'", text)
	}
	return text
}
