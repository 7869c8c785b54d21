// Package nginx starts a real nginx before a server: one process with a folder of its own, which is gone when it is
// closed. What it does to push connections is up to its settings, and so it can be shown and measured.
package nginx

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"text/template"
	"time"
)

// Options are how an nginx treats what comes from the server behind it. The zero value does not buffer.
type Options struct {
	// Buffering is proxy_buffering: it collects a response before it passes it on; but see HTTP11.
	Buffering bool
	// ObeyAccel says that X-Accel-Buffering: no in a response turns buffering off for it.
	ObeyAccel bool
	// ReadTimeout is after how long of silence it gives up on the server. Default 60 s, at least 1 s.
	ReadTimeout time.Duration
	// Gzip says that it compresses, whatever the type and whatever Cache-Control says; GzipLevel how hard, 1 to 9.
	// Default 1, which is nginx's.
	Gzip      bool
	GzipLevel int
	// HTTP11 is proxy_http_version 1.1, without which (the default up to nginx 1.29.6) only WebSockets are asked for by
	// HTTP/1.1. It matters more than its name says: to HTTP/1.0 a server answers without chunks, and nginx holds what
	// comes until a buffer is full; of a chunked response it passes each chunk on, buffering or not, unless it compresses
	// it.
	HTTP11 bool
	// KeepAlive is how many connections to the server it keeps for later requests, which takes HTTP11. Default: none, it
	// makes one for each request.
	KeepAlive int

	// NoUpgrade says that it treats WebSockets as any other request, as nginx does if nobody tells it of them.
	NoUpgrade bool
	// HTTP and Location are further directives, as they stand in a configuration. Those of Location are for all requests
	// but WebSockets. They are not checked: they must not come from anybody else.
	HTTP, Location string

	// Listen is where it listens, 127.0.0.1:PORT. Default: a socket in its folder, which Dial knows.
	Listen string
	// Connections is how many it can have, to both sides together. Default 512.
	Connections int
	// Launch starts the process, by calling start. It may choose the core on which that happens. Default: any.
	Launch func(start func() error) error
}

// An Nginx is a running one, between whoever dials it and one server. Its methods may be called from any goroutine, once
// Start has returned.
type Nginx struct {
	// Version is its version, such as "1.22.1".
	Version string
	// Dir is the folder of its files, which goes when it is closed.
	Dir string
	// Log is the end of what it has said.
	Log LastWords

	cmd    *exec.Cmd
	listen string        // "" is a socket in its folder
	done   chan struct{} // closed when the process has ended
	close  sync.Once
}

// ErrNotInstalled is returned where nginx is not installed.
var ErrNotInstalled = errors.New("nginx is not installed")

// Find returns where nginx is, and which version; "" if it is not installed. Debian puts it where a user's PATH does not lead.
var Find = sync.OnceValues(func() (program, version string) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "-v").CombinedOutput() // nginx version: nginx/1.22.1
		if m := versionText.FindSubmatch(out); err == nil && m != nil {
			return path, string(m[1])
		}
	}
	return "", ""
})

var versionText = regexp.MustCompile(`nginx/(\S+)`)

// configText is all that an nginx is told. It names its files relative to its own folder, in which it runs.
var configText = template.Must(template.New("nginx.conf").Parse(`daemon off;
master_process off;  # one process, which is all there is to end, and needs no other user's rights
error_log stderr warn;
pid nginx.pid;
events { worker_connections {{.Connections}}; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  map $http_upgrade $connection_upgrade {
    default upgrade;
    ""      close;
  }
  gzip {{.Gzip}};
  gzip_comp_level {{.GzipLevel}};
  gzip_min_length 0;
  gzip_proxied any;
  gzip_types *;
  {{.HTTP}}
  upstream server {
    server {{.Upstream}};
    {{.KeepAlive}}
  }
  server {
    listen {{.Listen}} backlog=4096;
    client_max_body_size 0;
    proxy_set_header Host $http_host;
    proxy_buffering {{.Buffering}};
    {{.Ignore}}
    proxy_read_timeout {{.ReadTimeout}}ms;
    proxy_connect_timeout 5s;
    location / {
      proxy_pass http://server;
      proxy_http_version {{.Version}};
      {{.Connection}}
      {{.Location}}
    }
    {{if not .NoUpgrade}}location = /websocket {
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }{{end}}
  }
}
`))

// New makes the folder of an nginx, which is to be started yet. Close removes it.
func New() (*Nginx, error) {
	program, version := Find()
	if program == "" {
		return nil, ErrNotInstalled
	}
	dir, err := os.MkdirTemp("", "pushlab-nginx-")
	if err != nil {
		return nil, fmt.Errorf("nginx: a folder for its files: %w", err)
	}
	n := &Nginx{Version: version, Dir: dir, done: make(chan struct{})}
	n.cmd = exec.Command(program, "-e", "stderr", "-p", dir, "-c", "nginx.conf")
	n.cmd.Dir = dir
	n.cmd.Env = []string{} // it would take over sockets that NGINX names
	n.cmd.Stderr = &n.Log
	tieToUs(n.cmd)
	return n, nil
}

// Start starts it before the server at an address of this machine, 127.0.0.1:PORT or unix:PATH, and waits until it
// listens. ctx bounds the start only. It is called once.
func (n *Nginx) Start(ctx context.Context, upstream string, o Options) error {
	config, err := o.config(upstream)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(n.Dir, "nginx.conf"), config, 0o600); err != nil {
		return fmt.Errorf("nginx: %w", err)
	}
	n.listen = o.Listen
	launch := o.Launch
	if launch == nil {
		launch = func(start func() error) error { return start() }
	}
	if err := launch(n.cmd.Start); err != nil {
		return fmt.Errorf("nginx: %w", err)
	}
	go func() {
		n.cmd.Wait() // it was killed, or its log says why it ended
		close(n.done)
	}()
	return n.waitUntilItAnswers(ctx)
}

// config writes the configuration.
func (o Options) config(upstream string) ([]byte, error) {
	if !validUpstream(upstream) {
		return nil, fmt.Errorf("nginx is to stand before %q; give 127.0.0.1:PORT or unix:PATH", upstream)
	}
	if o.Listen != "" && !validUpstream(o.Listen) {
		return nil, fmt.Errorf("nginx is to listen on %q; give 127.0.0.1:PORT", o.Listen)
	}
	o.ReadTimeout = max(cmp.Or(o.ReadTimeout, time.Minute), time.Second)
	ignore := "proxy_ignore_headers X-Accel-Buffering;"
	if o.ObeyAccel {
		ignore = ""
	}
	version := "1.0"
	if o.HTTP11 {
		version = "1.1"
	}
	keep, connection := "", ""
	if o.KeepAlive > 0 {
		keep, connection = fmt.Sprintf("keepalive %d;", o.KeepAlive), `proxy_set_header Host $http_host; proxy_set_header Connection "";`
	}
	var b bytes.Buffer
	err := configText.Execute(&b, map[string]any{
		"Upstream": upstream, "Buffering": onOff(o.Buffering), "Gzip": onOff(o.Gzip), "GzipLevel": cmp.Or(o.GzipLevel, 1), "Ignore": ignore,
		"Version": version, "ReadTimeout": o.ReadTimeout.Milliseconds(), "KeepAlive": keep, "Connection": connection,
		"Listen": cmp.Or(o.Listen, "unix:socket"), "Connections": cmp.Or(o.Connections, 512),
		"NoUpgrade": o.NoUpgrade, "HTTP": o.HTTP, "Location": o.Location,
	})
	return b.Bytes(), err
}

var plainPath = regexp.MustCompile(`^/[\w./-]+$`)

// validUpstream lets nothing into the configuration that could be more than an address of this machine.
func validUpstream(address string) bool {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return plainPath.MatchString(path)
	}
	ip, err := netip.ParseAddrPort(address)
	return err == nil && ip.Addr().IsLoopback() && ip.Addr().Zone() == ""
}

func onOff(b bool) string {
	if b {
		return "on"
	}
	return "off"
}

func (n *Nginx) waitUntilItAnswers(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := n.Dial(ctx)
		if err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-n.done:
			return fmt.Errorf("nginx has ended: %s", n.Log.String())
		case <-ctx.Done():
			return fmt.Errorf("nginx does not answer: %w; it says: %s", ctx.Err(), n.Log.String())
		}
	}
}

// Dial connects to it.
func (n *Nginx) Dial(ctx context.Context) (net.Conn, error) {
	if n.listen != "" {
		return new(net.Dialer).DialContext(ctx, "tcp", n.listen)
	}
	return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(n.Dir, "socket"))
}

// PID returns its process.
func (n *Nginx) PID() int { return n.cmd.Process.Pid }

// Done returns a channel that is closed when the process has ended; then Ended says how.
func (n *Nginx) Done() <-chan struct{} { return n.done }

// Ended says how the process has ended, such as "signal: killed".
func (n *Nginx) Ended() string { return n.cmd.ProcessState.String() }

// Close ends it, and all connections through it, and waits until it is gone.
func (n *Nginx) Close() error {
	var err error
	n.close.Do(func() {
		if n.cmd.Process != nil {
			n.cmd.Process.Kill() // it fails only if the process has ended
			<-n.done
		}
		err = os.RemoveAll(n.Dir)
	})
	return err
}

// LastWords keeps the end of what is written. Its methods may be called from any goroutine.
type LastWords struct {
	mu   sync.Mutex
	text []byte
}

const maxLastWords = 4 << 10

// Write implements io.Writer.
func (l *LastWords) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, b...)
	if over := len(l.text) - maxLastWords; over > 0 {
		l.text = l.text[over:]
	}
	return len(b), nil
}

// maxLine is how much of a line is shown, in bytes.
const maxLine = 300

// Last returns the last line.
func (l *LastWords) Last() string {
	text := l.String()
	text = text[strings.LastIndexByte(text, '\n')+1:]
	if len(text) > maxLine {
		text = text[:maxLine] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// String returns all that is kept.
func (l *LastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(string(l.text))
}
