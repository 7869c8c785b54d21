// Package proxies starts real reverse proxies before a server: nginx, HAProxy, Apache, Caddy and Varnish, as Debian
// packages them, each with a configuration as an operator would write it. What stands in deploy/ runs here as it is.
//
// A configuration is what an operator adds to the one that Debian ships: a site for nginx, Apache and Caddy, the
// sections after global for HAProxy, VCL for Varnish. It says that the server is at Socket or at Address, and that the
// proxy listens on port 80, in one of these ways:
//
//	nginx      listen 80;              (and listen [::]:80; if there is one)
//	HAProxy    bind :80
//	Apache     <VirtualHost *:80>
//	Caddy      http:// or http://NAME  as the site's address
//	Varnish    not in its configuration; parameters of the program are read from lines "# varnishd -p NAME=VALUE"
//
// Start puts other addresses in these places, and changes nothing else.
package proxies

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"pushlab/common/nginx"
)

// A Kind is a program that can stand between.
type Kind string

// The kinds that there are.
const (
	Nginx   Kind = "nginx"
	HAProxy Kind = "haproxy"
	Apache  Kind = "apache"
	Caddy   Kind = "caddy"
	Varnish Kind = "varnish"
)

// Kinds returns all kinds.
func Kinds() []Kind { return []Kind{Nginx, HAProxy, Apache, Caddy, Varnish} }

// Where a configuration says that the server is.
const (
	Socket  = "/run/pushlab/pushlab.sock"
	Address = "127.0.0.1:8080"
)

// ErrNotInstalled is why Start fails where there is no such program.
var ErrNotInstalled = errors.New("not installed")

// A Proxy is a running one, between whoever dials it and one server. Its methods may be called from any goroutine.
type Proxy struct {
	// Kind and Version are what it is, such as "2.6.12" of HAProxy.
	Kind    Kind
	Version string
	// Log is the end of what it has said.
	Log nginx.LastWords

	dir    string
	listen string
	cmd    *exec.Cmd
	cancel context.CancelFunc
	done   chan struct{} // closed when the process has ended
	close  func() error
}

// startTime is how long a proxy may take to start. Varnish has its configuration compiled by a C compiler.
const startTime = 30 * time.Second

// port is where proxies listen, each on a loopback address of its own: so none of them can find its port taken, and no
// stranger can answer in its place.
const port = 8000

// Start starts a proxy of that kind before the server at an address of this machine, 127.0.0.1:PORT or unix:PATH, and
// waits until it listens. It ends when ctx does; Close is to be called in any case. Where the program is not installed,
// the error is ErrNotInstalled, and says what to install.
//
// As root, Apache serves as www-data, so that the server's socket must be open to that user.
func Start(ctx context.Context, kind Kind, config, upstream string) (*Proxy, error) {
	k, ok := kinds[kind]
	if !ok {
		return nil, fmt.Errorf("proxies: there is no %q; choose one of %q", kind, Kinds())
	}
	program := k.find()
	if program == "" {
		return nil, fmt.Errorf("%s is %w; on Debian it is in the package %s", kind, ErrNotInstalled, k.debian)
	}
	listen := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, byte(1 + rand.N(254)), byte(rand.N(256)), byte(1 + rand.N(254))}), port)
	site, err := k.site(config, upstream, listen.String())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", kind, err)
	}
	// Not of this user alone: as root, Apache reads it as another one.
	dir, err := os.MkdirTemp("", "pushlab-"+string(kind)+"-")
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: a folder for its files: %w", kind, err)
	}
	p := &Proxy{Kind: kind, Version: k.version(program), dir: dir, listen: listen.String(), done: make(chan struct{})}
	p.close = sync.OnceValue(p.end)
	ctx, p.cancel = context.WithCancel(ctx)
	if err := p.start(ctx, k, program, site); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// start writes the files, starts the process, and waits for it.
func (p *Proxy) start(ctx context.Context, k kind, program, site string) error {
	outer := strings.NewReplacer("DIR", p.dir, "LISTEN", p.listen, "HOST", strings.TrimSuffix(p.listen, fmt.Sprint(":", port)), "PORT", fmt.Sprint(port))
	files := map[string]string{k.siteFile: site}
	if k.outer != "" {
		files["outer.conf"] = outer.Replace(k.outer)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644); err != nil {
			return fmt.Errorf("%s: %w", p.Kind, err)
		}
	}
	var args []string
	for _, arg := range k.args {
		args = append(args, outer.Replace(arg))
	}
	if k.parameters != nil {
		for _, m := range k.parameters.FindAllStringSubmatch(site, -1) {
			args = append(args, strings.Fields(m[1])...)
		}
	}
	p.cmd = exec.Command(program, args...)
	p.cmd.Dir = p.dir
	p.cmd.Env = []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=" + p.dir, "TMPDIR=" + p.dir}
	for _, variable := range k.env {
		p.cmd.Env = append(p.cmd.Env, outer.Replace(variable))
	}
	p.cmd.Stdout, p.cmd.Stderr = &p.Log, &p.Log
	tieToUs(p.cmd)
	if err := p.cmd.Start(); err != nil {
		p.cmd = nil
		return fmt.Errorf("%s: %w", p.Kind, err)
	}
	stop := context.AfterFunc(ctx, func() { endGroup(p.cmd) })
	go func() {
		p.cmd.Wait() // it was ended, or its log says why it did
		stop()
		close(p.done)
	}()
	return p.waitUntilItAnswers(ctx, k)
}

func (p *Proxy) waitUntilItAnswers(ctx context.Context, k kind) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		if strings.Contains(p.Log.String(), k.says) {
			if c, err := p.Dial(ctx, "tcp", ""); err == nil {
				return c.Close()
			}
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("%s has ended: %s", p.Kind, p.Log.String())
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %w; it says: %s", p.Kind, ctx.Err(), p.Log.String())
		}
	}
}

// URL returns where it listens, as http://127.1.2.3:8000.
func (p *Proxy) URL() string { return "http://" + p.listen }

// Dial connects to it, whatever the address: it is for requests under another name than that of URL.
func (p *Proxy) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", p.listen)
}

// Done returns a channel that is closed when the process has ended; then Log says why.
func (p *Proxy) Done() <-chan struct{} { return p.done }

// Close ends it, and all connections through it, waits until it is gone, and removes its files.
func (p *Proxy) Close() error { return p.close() }

func (p *Proxy) end() error {
	p.cancel()
	if p.cmd != nil {
		<-p.done
	}
	return os.RemoveAll(p.dir)
}

// Find returns where the program of a kind is, and which version; "" if it is not installed.
func Find(kind Kind) (program, version string) {
	k := kinds[kind]
	if program = k.find(); program != "" {
		version = k.version(program)
	}
	return program, version
}

func (k kind) find() string {
	for _, name := range k.programs {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

var number = regexp.MustCompile(`\d+\.\d+(\.\d+)?`)

func (k kind) version(program string) string {
	out, _ := exec.Command(program, k.versionFlag...).CombinedOutput() // without it there is no number
	return string(number.Find(out))
}

var plainPath = regexp.MustCompile(`^/[\w./-]+$`)

// site puts addresses into a configuration.
func (k kind) site(config, upstream, listen string) (string, error) {
	from, to, other := Address, upstream, Socket
	if path, ok := strings.CutPrefix(upstream, "unix:"); ok {
		from, to, other = Socket, path, Address
		if !plainPath.MatchString(path) {
			return "", fmt.Errorf("the socket %q has a name that a configuration may not have; use letters, digits and ./-_", path)
		}
	} else if ip, err := netip.ParseAddrPort(upstream); err != nil || !ip.Addr().IsLoopback() || ip.Addr().Zone() != "" {
		return "", fmt.Errorf("it is to stand before %q; give 127.0.0.1:PORT or unix:PATH", upstream)
	}
	if !strings.Contains(config, from) || strings.Contains(config, other) {
		return "", fmt.Errorf("for a server at %s, its configuration must name %s, and not %s", upstream, from, other)
	}
	config = strings.ReplaceAll(config, from, to)
	if k.listens != "" && !strings.Contains(config, k.listens) {
		return "", fmt.Errorf("its configuration must listen on port 80, by %q", k.listens)
	}
	replace := []string{}
	for from, to := range k.listen {
		replace = append(replace, from, strings.ReplaceAll(to, "LISTEN", listen))
	}
	return strings.NewReplacer(replace...).Replace(config), nil
}
