package bench

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/result"
	"pushlab/common/nginx"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// A Variant is another way in which load and server reach each other, or talk.
type Variant struct {
	// Name is what lanes and the command line call it. In "h2-N" N stands for a number.
	Name string
	// About says in a line what it is.
	About string

	setup  Setup          // what the server is asked for
	nginx  *nginx.Options // what nginx is, if one stands between
	unix   bool           // nginx reaches the server by a Unix socket
	way    load.Way       // how the load talks; TLS is put in when the certificate is known
	unread bool           // on each connection of its HTTP/2 is one more stream, by another transport, that is never read
	holds  bool           // what is between may hold events back
	cuts   bool           // or close connections
	only   []string       // transports; nil is all
	why    string         // not the others
	kind   result.Kind    // of the only cases that it is for; "" is all
}

// A Setup is what a variant asks of a server, beyond what is always served.
type Setup struct {
	// Socket is a Unix socket to listen on too, without TLS; "" is none.
	Socket string
	// TLS says that it serves HTTPS on its port. It has to print the fingerprint of its certificate.
	TLS bool
	// Compress says that it accepts permessage-deflate.
	Compress bool
	// Heartbeat is after how long a quiet stream gets a heartbeat; 0 is as always.
	Heartbeat time.Duration
}

// socketArgs are the arguments that ask a Pushlab program for the socket.
func (s Setup) socketArgs() []string {
	if s.Socket == "" {
		return nil
	}
	return []string{"--listen", "unix:" + s.Socket}
}

// args are those that ask for the rest. They stand last, so that nothing else overrides them.
func (s Setup) args() (args []string) {
	if s.TLS {
		args = append(args, "--tls-self-signed")
	}
	if s.Compress {
		args = append(args, "--compress")
	}
	if s.Heartbeat != 0 {
		args = append(args, "--heartbeat", s.Heartbeat.String())
	}
	return args
}

// readTimeout is what nginx has in the variants that are about it, in place of its 60 s.
const readTimeout = 10 * time.Second

// Variants returns all variants but the one without a name, which is a lane as it is.
func Variants() []Variant {
	http := []string{longpoll.Name, httpstream.Name, sse.Name}
	plain := nginx.Options{HTTP11: true}
	with := func(change func(*nginx.Options)) *nginx.Options {
		o := plain
		change(&o)
		return &o
	}
	level := func(n int) *nginx.Options {
		return with(func(o *nginx.Options) { o.Gzip, o.GzipLevel = true, n })
	}
	timeout := with(func(o *nginx.Options) { o.ReadTimeout = readTimeout })
	const upgraded = "nginx compresses nothing behind an upgrade"
	const noWebSocket = "WebSockets on HTTP/2 (RFC 8441) are not known to the server's library"
	return []Variant{
		{Name: "nginx", About: "nginx between, by TCP and HTTP/1.1, without buffering", nginx: &plain},
		{Name: "nginx-unix", About: "the same, but it reaches the server by a Unix socket", nginx: &plain, unix: true},
		{Name: "nginx-buffered", About: "nginx as it comes, HTTP/1.0 and buffering, and X-Accel-Buffering ignored", nginx: &nginx.Options{Buffering: true},
			way: load.Way{Presume: true}, holds: true},
		{Name: "nginx-gzip", About: "nginx compresses by gzip at level 1, which is its default, and flushes with each write", nginx: level(1),
			way: load.Way{Gzip: true}, only: http, why: upgraded},
		{Name: "nginx-gzip-6", About: "the same at level 6", nginx: level(6), way: load.Way{Gzip: true}, only: http, why: upgraded},
		{Name: "nginx-timeout-4s", About: "nginx gives up on a server that is silent for 10 s; there is a heartbeat each 4 s", nginx: timeout,
			setup: Setup{Heartbeat: 4 * time.Second}, cuts: true},
		{Name: "nginx-timeout-12s", About: "the same with a heartbeat each 12 s, which is too late", nginx: timeout,
			setup: Setup{Heartbeat: 12 * time.Second}, cuts: true},
		{Name: "tls", About: "TLS 1.3 with a certificate of ECDSA P-256, a full handshake for each connection", setup: Setup{TLS: true}},
		{Name: "tls-resumed", About: "TLS 1.3, sessions resumed by a ticket", setup: Setup{TLS: true}, way: load.Way{Resume: true}},
		{Name: "h2", About: "HTTP/2 by TLS, each subscriber on a connection of its own", setup: Setup{TLS: true}, way: load.Way{Streams: 1}, only: http, why: noWebSocket},
		{Name: "h2-N", About: fmt.Sprintf("HTTP/2 by TLS, N subscribers on each connection, 2 to %d", load.MaxStreams), setup: Setup{TLS: true}, only: http, why: noWebSocket},
		{Name: "h2-N-slow", About: "the same, and on each connection one more stream that is never read", setup: Setup{TLS: true}, unread: true, only: http, why: noWebSocket},
		{Name: "h2-N-stuck", About: "and of a client that has made its streams' windows larger, not its connection's, which that stream uses up",
			setup: Setup{TLS: true}, way: load.Way{Narrow: true}, unread: true, holds: true, cuts: true, only: http, why: noWebSocket},
		{Name: "deflate", About: "permessage-deflate, without context takeover", setup: Setup{Compress: true}, way: load.Way{Deflate: true},
			only: []string{websocket.Name}, why: "permessage-deflate is an extension of WebSocket"},
		{Name: result.Jitter, About: "in a storm, each waits a random time before it connects again, up to that of the scenario", kind: result.Storm},
		{Name: result.Slow1, About: "1 % of the subscribers read 1 KiB/s", kind: result.Slow},
		{Name: result.Slow10, About: "10 % do", kind: result.Slow},
		{Name: result.Stuck1, About: "1 % of them read nothing", kind: result.Slow},
	}
}

// findVariant returns the variant of that name.
func findVariant(name string) (Variant, error) {
	var names []string
	if name == "" {
		return Variant{}, nil
	}
	for _, v := range Variants() {
		before, after, numbered := strings.Cut(v.Name, "N")
		text, ok := strings.CutPrefix(name, before)
		text, ends := strings.CutSuffix(text, after)
		switch n, err := strconv.Atoi(text); {
		case !numbered && v.Name == name:
			return v, nil
		case numbered && ok && ends && err == nil && n >= 2 && n <= load.MaxStreams && strconv.Itoa(n) == text:
			v.Name, v.way.Streams = name, n
			return v, nil
		}
		names = append(names, v.Name)
	}
	return Variant{}, fmt.Errorf("bench: unknown variant %q; use %s", name, strings.Join(names, ", "))
}

// Direct is what files and the command line call the variant without a name, which is a lane as it is.
const Direct = "direct"

// CheckVariants tells which of a case's variants is unknown, there twice, or for cases of another kind.
func CheckVariants(c result.Case) error {
	for i, name := range c.Variants {
		switch v, err := findVariant(name); {
		case err != nil:
			return err
		case slices.Contains(c.Variants[:i], name):
			return fmt.Errorf("bench: the variant %q is named twice", name)
		case v.kind != "" && v.kind != c.Kind:
			return fmt.Errorf("bench: the variant %q is for the kind %s, not for %s", name, v.kind, c.Kind)
		}
	}
	return nil
}

// another returns another transport, so that the server's counters of the first one stay as they are.
func another(transport string) string {
	if transport == httpstream.Name {
		return sse.Name
	}
	return httpstream.Name
}

func hasNginx() bool {
	program, _ := nginx.Find()
	return program != ""
}

// omits says why a target cannot be measured so by a transport, in such a case; "" if it can.
func (v Variant) omits(t Target, transport string, c result.Case) string {
	slow := v.kind == result.Slow
	switch {
	case v.nginx != nil && !hasNginx():
		return "nginx is not installed (Debian: nginx)"
	case t.null && (v.Name != "" && !slow || c.RTT > 0):
		return "null has no connections, so nothing can be between"
	case t.plain && slow:
		return t.Name + " has no room for what is not read at once"
	case v.holds && c.Kind == result.Storm:
		return "a storm is over when everybody has all, and what is held back does not come"
	case c.Kind == result.Echo && (v.holds || v.cuts):
		return "a client whose events do not come back has nothing to measure"
	case c.Kind == result.Echo && v.way.Streams > 0:
		return "clients post on connections of their own, which HTTP/2 is there to save"
	case c.Manner == result.Restart && (v.setup != Setup{} || v.unix):
		return "a server is restarted as it is, without what this asks of it"
	case v.only != nil && !slices.Contains(v.only, transport):
		return v.why
	case t.setUp == nil && (v.setup != Setup{} || v.unix):
		return t.Name + " cannot be started so: that is known of Pushlab alone"
	case t.Name == result.FloorName && v.nginx != nil:
		return "the floor does not read requests, so nothing can stand before it"
	}
	return ""
}
