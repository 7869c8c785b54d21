package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"pushlab/common/probe"
)

// doctorOptions are the flags of doctor.
type doctorOptions struct {
	probe      probe.DoctorOptions
	maxMessage size
	publish    bool
	asking     asking
}

func doctorCommand(std streams) *cobra.Command {
	o := doctorOptions{maxMessage: 1 << 20}
	cmd := &cobra.Command{
		Use:   "doctor URL",
		Short: "Tell what the proxies before a Pushlab server do to its events, and how to repair it",
		Long: `Tell what stands between you and a Pushlab server, and what it does to events: who
holds them back, compresses, stores, cuts what is quiet, drops Last-Event-ID, or lets
no WebSocket through; and which line of nginx, HAProxy, Apache, Caddy or Varnish
repairs it. ('pushlab bench doctor' is about something else: what this machine can
measure.)

URL is that of the server as its clients see it, with all proxies, and without /sse
and the like. With --direct it asks the server, or a proxy nearer to it, as well, and
tells by that whose fault it is. A chain of proxies is searched by one --direct after
the other.

Each line is one check:
  FINE    it is as it should be
  BROKEN  clients lose events, or get them late; what to do follows
  NOTE    it works, but not as well as it could; or it could not be asked

It publishes a few events, on a topic of its own: those who subscribe to all topics
see them. If events are held back it publishes up to 256 KiB more, to find out how
large the buffer is. With --publish=false it publishes nothing, and goes by the events
of the server's clock. Where tokens are needed, it takes one that is good for
doctor.* (subscribing, and publishing).

The exit code is 0 if nothing is broken, 1 if something is, and 2 for a wrong
command line.`,
		Example: `  pushlab doctor https://example.com
  pushlab doctor --direct http://localhost:8080 https://example.com
  pushlab doctor --idle 70s https://example.com      # finds time-outs of a minute
  pushlab doctor --json https://example.com | jq '.observations[] | select(.state == "broken")'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return diagnose(cmd.Context(), &o, args[0], std) },
	}
	f := cmd.Flags()
	f.StringVar(&o.probe.Direct, "direct", "", "the same server without the proxies, or with fewer of them: a URL, or unix:PATH")
	f.DurationVar(&o.probe.Idle, "idle", 12*time.Second, "how long to watch quiet streams; most proxies cut them after 30s or 60s; 0 is not at all")
	f.BoolVar(&o.publish, "publish", true, "publish events, on a topic of its own")
	f.Var(&o.maxMessage, "max-message", "how large an event one should be able to publish: the server's --max-message")
	o.asking.register(f)
	return cmd
}

func diagnose(ctx context.Context, o *doctorOptions, address string, std streams) error {
	options := o.probe
	options.MaxMessage = int(o.maxMessage)
	options.Mute = !o.publish
	if options.Idle == 0 {
		options.Idle = -1
	}
	var err error
	if options.Header, options.TLS, err = o.asking.prepare(); err != nil {
		return err
	}
	if address, options.DialContext, err = doctorTarget(address); err != nil {
		return err
	}
	if options.Direct != "" {
		if options.Direct, options.DialDirect, err = doctorTarget(options.Direct); err != nil {
			return err
		}
	}
	progress := newProgress(std)
	options.Progress = progress.tell
	found, err := probe.Diagnose(ctx, address, options)
	progress.clear()
	var option *probe.OptionError
	switch {
	case errors.As(err, &option):
		return &usageError{err}
	case err != nil:
		return unreachable{err}
	}
	if err := o.asking.print(std, found); err != nil {
		return fmt.Errorf("the diagnosis cannot be printed: %w", err)
	}
	switch n := found.Count(probe.Broken); n {
	case 0:
		return nil
	case 1:
		return errors.New("something is broken")
	default:
		return fmt.Errorf("%d things are broken", n)
	}
}

// doctorTarget reads the address of a server: a URL, or unix:PATH.
func doctorTarget(address string) (base string, dial func(context.Context, string, string) (net.Conn, error), err error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return "http://localhost", func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", path)
		}, nil
	}
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return "", nil, &usageError{fmt.Errorf("%q is no server; give a URL such as https://example.com, or unix:PATH", address)}
	}
	return address, nil, nil
}

// progress tells on a terminal what is being done, in one line.
type progress struct {
	std      streams
	terminal bool
}

func newProgress(std streams) *progress {
	f, ok := std.err.(*os.File)
	return &progress{std, ok && isatty.IsTerminal(f.Fd()) && os.Getenv("TERM") != "dumb"}
}

const clearLine = "\r\x1b[K"

func (p *progress) tell(text string) {
	if p.terminal {
		fmt.Fprintf(p.std.err, "%s%s...", clearLine, text)
	}
}

func (p *progress) clear() {
	if p.terminal {
		fmt.Fprint(p.std.err, clearLine)
	}
}
