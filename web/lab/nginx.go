package lab

import (
	"bytes"
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

// nginxOptions is how an nginx treats what comes from the server behind it. The zero value does not buffer.
type nginxOptions struct {
	buffering   bool          // proxy_buffering: it collects a response before it passes it on; but see http11
	obeyAccel   bool          // X-Accel-Buffering: no in a response turns buffering off for it
	readTimeout time.Duration // after how long of silence it gives up on the server; default 60 s, at least 1 s
	gzip        bool          // it compresses, whatever the type and whatever Cache-Control says

	// http11 is proxy_http_version 1.1, without which (the default up to nginx 1.29.6) only WebSockets are asked for by
	// HTTP/1.1. It matters more than its name says: to HTTP/1.0 a server answers without chunks, and nginx holds what
	// comes until a buffer is full; of a chunked response it passes each chunk on, buffering or not, unless it compresses
	// it.
	http11 bool
}

// An nginx is a running one, between whoever dials it and one server.
type nginx struct {
	version string
	dir     string // its files, and its socket
	cmd     *exec.Cmd
	log     lastWords
	done    chan struct{} // closed when the process has ended
	close   sync.Once
}

// errNoNginx is returned where nginx is not installed.
var errNoNginx = errors.New("nginx is not installed")

// findNginx returns where nginx is, and which version. Debian puts it where a user's PATH does not lead.
var findNginx = sync.OnceValues(func() (program, version string) {
	for _, name := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		out, err := exec.Command(path, "-v").CombinedOutput() // nginx version: nginx/1.22.1
		if m := nginxVersion.FindSubmatch(out); err == nil && m != nil {
			return path, string(m[1])
		}
	}
	return "", ""
})

var nginxVersion = regexp.MustCompile(`nginx/(\S+)`)

// nginxConfig is all that an nginx is told. It names its files relative to its own folder, in which it runs.
var nginxConfig = template.Must(template.New("nginx.conf").Parse(`daemon off;
master_process off;  # one process, which is all there is to end, and needs no other user's rights
error_log stderr warn;
pid nginx.pid;
events { worker_connections 512; }
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
  gzip_min_length 0;
  gzip_proxied any;
  gzip_types *;
  upstream server { server {{.Upstream}}; }
  server {
    listen unix:socket;
    client_max_body_size 0;
    proxy_set_header Host $http_host;
    proxy_buffering {{.Buffering}};
    {{.Ignore}}
    proxy_read_timeout {{.ReadTimeout}}ms;
    proxy_connect_timeout 5s;
    location / {
      proxy_pass http://server;
      proxy_http_version {{.Version}};
    }
    location = /websocket {
      proxy_pass http://server;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }
  }
}
`))

// newNginx makes the folder of an nginx, which is to be started yet. Close removes it.
func newNginx() (*nginx, error) {
	program, version := findNginx()
	if program == "" {
		return nil, errNoNginx
	}
	dir, err := os.MkdirTemp("", "pushlab-nginx-")
	if err != nil {
		return nil, fmt.Errorf("lab: a folder for nginx: %w", err)
	}
	n := &nginx{version: version, dir: dir, done: make(chan struct{})}
	n.cmd = exec.Command(program, "-e", "stderr", "-p", dir, "-c", "nginx.conf")
	n.cmd.Dir = dir
	n.cmd.Env = []string{} // it would take over sockets that NGINX names
	n.cmd.Stderr = &n.log
	tieToUs(n.cmd)
	return n, nil
}

// start starts it before the server at an address of this machine, 127.0.0.1:PORT or unix:PATH. ctx bounds the start
// only.
func (n *nginx) start(ctx context.Context, upstream string, o nginxOptions) error {
	config, err := o.config(upstream)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(n.dir, "nginx.conf"), config, 0o600); err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if err := n.cmd.Start(); err != nil {
		return fmt.Errorf("lab: nginx: %w", err)
	}
	go func() {
		n.cmd.Wait() // it was killed, or its log says why it ended
		close(n.done)
	}()
	return n.waitUntilItAnswers(ctx)
}

// config writes the configuration.
func (o nginxOptions) config(upstream string) ([]byte, error) {
	if !validUpstream(upstream) {
		return nil, fmt.Errorf("lab: nginx is to stand before %q; give 127.0.0.1:PORT or unix:PATH", upstream)
	}
	if o.readTimeout == 0 {
		o.readTimeout = time.Minute
	}
	o.readTimeout = max(o.readTimeout, time.Second)
	ignore := "proxy_ignore_headers X-Accel-Buffering;"
	if o.obeyAccel {
		ignore = ""
	}
	version := "1.0"
	if o.http11 {
		version = "1.1"
	}
	var b bytes.Buffer
	err := nginxConfig.Execute(&b, map[string]any{
		"Upstream": upstream, "Buffering": onOff(o.buffering), "Gzip": onOff(o.gzip), "Ignore": ignore,
		"Version": version, "ReadTimeout": o.readTimeout.Milliseconds(),
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

func (n *nginx) waitUntilItAnswers(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := n.dial(ctx)
		if err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case <-n.done:
			return fmt.Errorf("lab: nginx has ended: %s", n.log.String())
		case <-ctx.Done():
			return fmt.Errorf("lab: nginx does not answer: %w; it says: %s", ctx.Err(), n.log.String())
		}
	}
}

// dial connects to it.
func (n *nginx) dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(n.dir, "socket"))
}

// Close ends it, and all connections through it, and waits until it is gone.
func (n *nginx) Close() error {
	var err error
	n.close.Do(func() {
		if n.cmd.Process != nil {
			n.cmd.Process.Kill() // it fails only if the process has ended
			<-n.done
		}
		err = os.RemoveAll(n.dir)
	})
	return err
}

// lastWords keeps the end of what is written.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

const maxLastWords = 4 << 10

// Write implements io.Writer.
func (l *lastWords) Write(b []byte) (int, error) {
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

// last returns the last line.
func (l *lastWords) last() string {
	text := l.String()
	text = text[strings.LastIndexByte(text, '\n')+1:]
	if len(text) > maxLine {
		text = text[:maxLine] + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// String returns all that is kept.
func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(string(l.text))
}
