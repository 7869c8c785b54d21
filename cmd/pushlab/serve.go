package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"pushlab/common/hub"
	"pushlab/common/source"
	"pushlab/web"
)

// serveOptions are the flags of serve.
type serveOptions struct {
	listen      []string
	socketMode  string
	socketGroup string
	sources     []string
	history     int
	historySize size
	maxMessage  size
	maxHeader   size
	maxTopics   int
	perAddress  int
	connectRate float64
	publishRate float64
	admin       string
	wire        string
	tlsCert     string
	tlsKey      string
	selfSigned  bool
	web         web.Config
	access      accessFlags
	journal     journalFlags
	log         logFlags
}

func serveCommand(std streams) *cobra.Command {
	o := serveOptions{historySize: 64 << 20, maxMessage: 1 << 20, maxHeader: 32 << 10, connectRate: 100, publishRate: 100}
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve events by all transports, and the page that shows them",
		Example: `  pushlab serve
  tail -f app.log | pushlab serve --source -
  pushlab serve --listen 0.0.0.0:8443 --host push.lan --tls-self-signed --publish-token-file pub.txt --subscribe-token-file sub.txt
  pushlab serve --listen unix:/run/pushlab.sock --socket-group www-data --host example.com --jwt-key key.pem`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("demo") {
				o.web.Demo = onlyHere(o.listen)
			}
			given := cmd.Flags().Changed
			o.web.MaxPerAddress = ifGiven(given("max-connections-per-address"), o.perAddress)
			o.web.ConnectRate = ifGiven(given("connect-rate"), o.connectRate)
			o.web.PublishRate = ifGiven(given("publish-rate"), o.publishRate)
			return serve(cmd.Context(), &o, std)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.listen, "listen", []string{"localhost:8080"}, "where to listen: HOST:PORT or unix:PATH; may be repeated")
	f.StringVar(&o.socketMode, "socket-mode", "0660", "permissions of Unix sockets, in octal")
	f.StringVar(&o.socketGroup, "socket-group", "", "group of Unix sockets, such as www-data")
	f.StringArrayVar(&o.web.Hosts, "host", nil, "a name, beside localhost, under which to answer; may be repeated")
	f.BoolVar(&o.web.Open, "open", false, "answer under any name, and let everybody do what needs no token, from elsewhere too")
	f.StringArrayVar(&o.web.AllowedOrigins, "allow-origin", nil, "an origin whose pages may use the server, such as https://example.com; may be repeated")
	f.StringArrayVar(&o.sources, "source", []string{"clock", "host"}, "where events come from: "+source.Forms+"; may be repeated")
	f.IntVar(&o.history, "history", 10_000, "how many events to keep for those who resume")
	f.Var(&o.historySize, "history-bytes", "how many bytes they may take, in all encodings")
	o.journal.register(f)
	f.Var(&o.maxMessage, "max-message", "how large a published event may be")
	f.IntVar(&o.web.MaxConnections, "max-connections", 0, "how many subscribers there may be at a time; 0 is as many as the system allows")
	f.IntVar(&o.perAddress, "max-connections-per-address", 1000, "how many subscribers there may be at a time from one address; 0 is no limit. This and the next two are for loopback only if they are given")
	f.Var(&frequencyValue{&o.connectRate, time.Second}, "connect-rate", "how often one address may subscribe, with polls and tickets, on average; ten seconds' worth may come at once; 0 is no limit")
	f.Var(&frequencyValue{&o.publishRate, time.Second}, "publish-rate", "how often one address may publish, likewise")
	f.StringArrayVar(&o.web.TrustProxy, "trust-proxy", nil, "whose X-Forwarded-For to believe: the address or network of a proxy, or unix for who connects to our Unix sockets; may be repeated")
	f.IntVar(&o.maxTopics, "max-topics", 100_000, "how many topics the log may know")
	f.Var(&o.maxHeader, "max-header", "how large the head of a request may be")
	f.DurationVar(&o.web.ReadDeadline, "read-deadline", 30*time.Second, "how long the content of a request, or a WebSocket message that has begun, may take to arrive")
	f.DurationVar(&o.web.Heartbeat, "heartbeat", 15*time.Second, "after how long a quiet stream gets a heartbeat")
	f.DurationVar(&o.web.Retry, "retry", 3*time.Second, "after how long subscribers are asked back when the server leaves, more or less")
	f.DurationVar(&o.web.WriteDeadline, "write-deadline", 10*time.Second, "how long a subscriber may take nothing before it is cut off")
	f.DurationVar(&o.web.Drain, "drain", 3*time.Second, "how long the server takes to leave; in the first two thirds it says goodbye to one subscriber after the other")
	f.StringVar(&o.admin, "admin", "", "where to serve /metrics and /debug/pprof/ to those who look after the server: localhost:PORT or unix:PATH")
	f.BoolVar(&o.web.Echo, "echo", false, "send messages to /websocket/echo back, for protocol test suites")
	f.BoolVar(&o.web.Compress, "compress", false, "let WebSocket clients agree on compression (permessage-deflate)")
	f.BoolVar(&o.web.Demo, "demo", false, "give those who ask from this machine a server of their own to try things with (default: if it listens only there)")
	f.StringVar(&o.web.Dev, "dev", "", "a folder to serve the page from, such as web/static, instead of from the program; the page is loaded again when a file changes")
	f.StringVar(&o.tlsCert, "tls-cert", "", "a file with a certificate in PEM, to serve HTTPS (and HTTP/2) on HOST:PORT with; it is read again when it changes. Unix sockets stay as they are")
	f.StringVar(&o.tlsKey, "tls-key", "", "the file with its key")
	f.BoolVar(&o.selfSigned, "tls-self-signed", false, "do so with a certificate made now, for localhost and each --host; its fingerprint is printed, and another one is made after some weeks")
	o.access.register(f)
	f.StringVar(&o.wire, "wire", autoEngine, "how to write to streams: "+engineNames())
	o.log.register(f)
	return cmd
}

// onlyHere reports whether all addresses can be reached from this machine alone, by TCP.
func onlyHere(addresses []string) bool {
	for _, address := range addresses {
		host, _, err := net.SplitHostPort(address)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return false
		}
	}
	return true
}

// check finds what no part of the server can make sense of.
func (o *serveOptions) check() (fs.FileMode, error) {
	mode, err := strconv.ParseUint(o.socketMode, 8, 9)
	if err != nil {
		return 0, &usageError{fmt.Errorf("--socket-mode is %q; give permissions in octal, such as 0660", o.socketMode)}
	}
	for flag, n := range map[string]int64{
		"history": int64(o.history), "heartbeat": int64(o.web.Heartbeat), "retry": int64(o.web.Retry),
		"write-deadline": int64(o.web.WriteDeadline), "read-deadline": int64(o.web.ReadDeadline), "drain": int64(o.web.Drain), "max-topics": int64(o.maxTopics),
	} {
		if n <= 0 {
			return 0, &usageError{fmt.Errorf("--%s must be more than nothing", flag)}
		}
	}
	switch {
	case (o.tlsCert == "") != (o.tlsKey == ""):
		return 0, &usageError{errors.New("--tls-cert and --tls-key go together; give both, or --tls-self-signed")}
	case o.selfSigned && o.tlsCert != "":
		return 0, &usageError{errors.New("--tls-self-signed makes a certificate, --tls-cert names one; give only one of them")}
	}
	if (o.selfSigned || o.tlsCert != "") && !slices.ContainsFunc(o.listen, func(address string) bool { return !strings.HasPrefix(address, "unix:") }) {
		return 0, &usageError{errors.New("TLS is for addresses such as localhost:8443, and --listen names only unix sockets, which stay plain")}
	}
	if o.web.MaxConnections < 0 {
		return 0, &usageError{errors.New("--max-connections must not be negative; 0 is no limit")}
	}
	if o.perAddress < 0 {
		return 0, &usageError{errors.New("--max-connections-per-address must not be negative; 0 is no limit")}
	}
	if o.admin != "" && !strings.HasPrefix(o.admin, "unix:") && !onlyHere([]string{o.admin}) {
		return 0, &usageError{fmt.Errorf("--admin is %q, which others can reach, and who can reach it can have memory and time of this server; give localhost:PORT or unix:PATH", o.admin)}
	}
	return fs.FileMode(mode), nil
}

// serve wires the server together and runs it until ctx ends.
func serve(ctx context.Context, o *serveOptions, std streams) (err error) {
	mode, err := o.check()
	if err != nil {
		return err
	}
	logger, err := o.log.logger(std)
	if err != nil {
		return err
	}
	control, err := o.access.control()
	if err != nil {
		return err
	}
	sources, err := parseSources(o.sources, std, logger)
	if err != nil {
		return err
	}
	engine, err := openEngine(o.wire, logger)
	if err != nil {
		return err
	}
	if engine != nil {
		defer engine.Close() // when the server has shut down its streams
	}
	hubConfig := hub.Config{History: o.history, HistoryBytes: int64(o.historySize), Topics: o.maxTopics}
	config := o.web
	metrics := newJournalMetrics()
	o.journal.config.Appended = metrics.appended
	log, err := o.journal.open(ctx, logger)
	if err != nil {
		return err
	}
	if log != nil {
		hubConfig.Log = log
		config.Collectors = metrics.of(statsOf(log))
		defer func() { err = errors.Join(err, closeLog(log)) }() // when nobody reads it any more
	}
	h := hub.New(hubConfig)
	config.Access, config.AuthCookie = control, o.access.cookie
	config.MaxMessage, config.MaxHeader = int(o.maxMessage), int(o.maxHeader)
	config.Logger, config.Engine, config.Version = logger, engine, version(engine.Name(), o.journal.kind())
	server, err := web.NewServer(h, config)
	if err != nil {
		return &usageError{err}
	}
	if err := o.checkPublic(control); err != nil {
		return err
	}
	// Until the server has drained, subscribers may have to read, and one may want to know why it takes so long.
	untilEnd, end := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	defer running.Wait()
	defer end()
	if log != nil {
		if err := follow(ctx, untilEnd, h, &running, logger); err != nil {
			return err
		}
	}
	secure, err := o.tls(std, logger)
	if err != nil {
		return err
	}
	listeners, admin, err := o.openListeners(ctx, mode, secure, std)
	if err != nil {
		return err
	}

	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	if admin != nil {
		running.Go(func() {
			if err := server.ServeAdmin(untilEnd, admin); err != nil {
				logger.Error("the server goes on without its admin listener", "error", err)
			}
		})
	}
	for i, s := range sources {
		running.Go(func() { runSource(ctx, s, o.sources[i], h, logger) })
	}
	running.Go(func() { giveMemoryBack(ctx, server.ConnectionsOpened, debug.FreeOSMemory) })
	err = server.Run(ctx, listeners...)
	return err
}

// follow has the hub follow its log until the end, and waits until it holds what the log holds.
func follow(ctx, untilEnd context.Context, h *hub.Hub, running *sync.WaitGroup, logger *slog.Logger) error {
	ready, failed := make(chan struct{}), make(chan error, 1)
	running.Go(func() {
		if err := h.Follow(untilEnd, func() { close(ready) }); untilEnd.Err() == nil {
			failed <- err
		}
	})
	select {
	case <-ready:
		return nil
	case err := <-failed:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// ifGiven returns the value of a flag in the terms of web.Config, where 0 is what was not given, and negative is no limit.
func ifGiven[N int | float64](given bool, value N) N {
	switch {
	case !given:
		return 0
	case value == 0:
		return -1
	}
	return value
}

// tls returns how to serve HTTPS; nil if it is not to be served. It tells by what a certificate of our own can be known.
func (o *serveOptions) tls(std streams, logger *slog.Logger) (*tls.Config, error) {
	switch {
	case o.tlsCert != "":
		return web.CertificateFiles(o.tlsCert, o.tlsKey, logger)
	case o.selfSigned:
		config, fingerprint, err := web.SelfSigned(o.web.Hosts)
		if err == nil {
			fmt.Fprintf(std.out, "pushlab: the certificate's SHA-256 fingerprint is %s\n", fingerprint)
		}
		return config, err
	}
	return nil, nil
}

func parseSources(specs []string, std streams, logger *slog.Logger) ([]source.Source, error) {
	env := source.Env{Stdin: std.in, Logger: logger, SSE: newSSESource(logger)}
	var sources []source.Source
	for i, spec := range specs {
		if spec == "-" && slices.Contains(specs[:i], "-") {
			return nil, &usageError{errors.New("--source - twice; there is only one standard input")}
		}
		s, err := source.Parse(spec, env)
		if err != nil {
			return nil, &usageError{err}
		}
		sources = append(sources, s)
	}
	return sources, nil
}

// runSource runs a source until it has nothing more to say. The server goes on without it.
func runSource(ctx context.Context, s source.Source, spec string, h *hub.Hub, logger *slog.Logger) {
	err := s.Run(ctx, sourcePublish(h, spec, logger))
	switch {
	case ctx.Err() != nil:
	case err != nil:
		logger.Error("a source failed; the server goes on without it", "source", spec, "error", err)
	default:
		logger.Info("a source has ended; the server goes on", "source", spec)
	}
}
