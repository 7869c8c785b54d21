package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pushlab/common/probe"
)

// conformOptions are the flags of conform.
type conformOptions struct {
	probe      probe.Options
	maxMessage size
	asking     asking
}

func conformCommand(std streams) *cobra.Command {
	var o conformOptions
	cmd := &cobra.Command{
		Use:   "conform URL",
		Short: "Check a server against the standards: SSE, WebSocket, long polling, HTTP streaming",
		Long: `Check a server, Pushlab or any other, against what the standards ask of one that
pushes events: by Server-Sent Events, WebSocket, long polling, or lines of JSON in
a response that stays open.

Each line is one check:
  pass  the server does what is asked
  FAIL  it does not, and clients that follow the standard suffer from it
  warn  it does not, but that is only recommended
  n/a   the check could not be made; the reason follows

Without a path all four endpoints of a Pushlab server are checked; a slash is a path.
Many checks need an event. They wait for one, or publish it: to --publish, or to
/publish of a Pushlab server, whose subscribers see it, unless that is none. All
requests go to the server itself: no proxy is used, and no redirect followed.

The exit code is 0 if nothing failed, 1 if something did, and 2 for a wrong
command line.`,
		Example: `  pushlab conform http://localhost:8080
  pushlab conform https://example.com/events
  pushlab conform --transport websocket --header 'Cookie: session=1' https://example.com/live
  pushlab conform --publish http://localhost:3000/say --timeout 30s http://localhost:3000/sse
  pushlab conform --only SSE-30,SSE-36 --json http://localhost:3000/sse`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return conform(cmd.Context(), &o, args[0], std) },
	}
	f := cmd.Flags()
	f.StringVar(&o.probe.Transport, "transport", "", strings.Join(probe.Transports(), ", ")+"; guessed from the path or the answer if absent")
	f.StringVar(&o.probe.Publish, "publish", "", "a URL where events can be posted, as text or JSON, that come out at the server; or none")
	f.DurationVar(&o.probe.Timeout, "timeout", 5*time.Second, "how long to wait for an answer or an event; heartbeats and pings are waited for from 15s on, all of them from 65s on")
	f.StringSliceVar(&o.probe.Only, "only", nil, "ids of checks, such as SSE-30a, SSE-30 for all its parts, or SSE; none is all")
	f.Var(&o.maxMessage, "max-message", "how large a message the WebSocket takes, if that is to be checked (default 1MiB, and more is no failure)")
	o.asking.register(f)
	return cmd
}

func conform(ctx context.Context, o *conformOptions, address string, std streams) error {
	options := o.probe
	options.MaxMessage = int(o.maxMessage)
	var err error
	if options.Header, options.TLS, err = o.asking.prepare(); err != nil {
		return err
	}
	urls, dial, err := conformTargets(address, options.Transport)
	if err != nil {
		return err
	}
	options.DialContext = dial
	report, err := probe.Conform(ctx, urls, options)
	var option *probe.OptionError
	switch {
	case errors.As(err, &option):
		return &usageError{err}
	case err != nil && len(urls) > 1: // it is Pushlab that was expected there
		return unreachable{err}
	case err != nil:
		return err
	}
	if err := o.asking.print(std, report); err != nil {
		return fmt.Errorf("the report cannot be printed: %w", err)
	}
	switch n := report.Count(probe.Fail); n {
	case 0:
		return nil
	case 1:
		return errors.New("a check failed")
	default:
		return fmt.Errorf("%d checks failed", n)
	}
}

// conformTargets reads an address: a URL, or unix:PATH. Without a path it is that of a Pushlab
// server, all of whose endpoints are meant.
func conformTargets(address, transport string) (urls []string, dial func(context.Context, string, string) (net.Conn, error), err error) {
	u, err := url.Parse(address)
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		u, err = &url.URL{Scheme: "http", Host: "localhost"}, nil
		dial = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}
	}
	if err != nil || u.Host == "" {
		return nil, nil, &usageError{fmt.Errorf("%q is no server; give a URL such as http://localhost:8080/sse, or unix:PATH", address)}
	}
	endpoints := probe.Transports()
	switch u.Scheme {
	case "http", "https":
	case "ws", "wss":
		endpoints = []string{probe.WebSocket}
	default:
		return nil, nil, &usageError{fmt.Errorf("%q is not reached by http, https, ws or wss", address)}
	}
	if u.Path != "" {
		return []string{address}, dial, nil
	}
	if transport != "" {
		endpoints = []string{transport}
	}
	for _, endpoint := range endpoints {
		urls = append(urls, u.JoinPath(endpoint).String())
	}
	return urls, dial, nil
}
