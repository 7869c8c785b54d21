// Package cluster starts the example of a cluster on one machine: three NATS servers, three Pushlab nodes whose log is on
// them, and nginx in front, with the configurations of this folder. Its README is for operators.
//
//	clients ─▶ nginx :8080 ─┬─▶ node1 :8081 ─┐
//	                        ├─▶ node2 :8082 ─┼─▶ n1 :4222, n2 :4223, n3 :4224
//	                        └─▶ node3 :8083 ─┘
//
// Everything listens on loopback. What ends by itself is started again, as systemd would do it. All processes end with the
// cluster, and on Linux also with the process that started it, whatever ends that.
package cluster

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Config says what to start. A zero field means its default.
type Config struct {
	// Dir is where data, logs and passwords are. It is made if there is none. A second start goes on with what is there.
	Dir string
	// Pushlab and NATS are the programs. Defaults "bin/pushlab" and "bin/nats-server".
	Pushlab, NATS string
	// Servers are the NATS servers, by the names of their files in nats/. Default n1, n2 and n3.
	Servers []string
	// Nodes is how many nodes there are, up to 3, with nginx in front; negative is none, without nginx. Default 3.
	Nodes int
	// Address is the address of this machine to listen on: on Linux any of 127.0.0.0/8, so that there can be several
	// clusters. Default 127.0.0.1.
	Address string
	// RestartAfter is how long what has ended stays away. Default 5 seconds.
	RestartAfter time.Duration
	// Env is what the programs find in their environment beside PATH and HOME.
	Env []string
	// Out is told of what happens, in lines for a person. Default: nobody is.
	Out io.Writer
}

const (
	// startTime is how long a process may take until it can be used.
	startTime = 60 * time.Second
	// stopTime is how long it may take to end; then it is killed.
	stopTime = 10 * time.Second
)

// A Cluster is what was started.
type Cluster struct {
	config    Config
	unlock    func()
	out       sync.Mutex
	processes []*process // in the order of their start
}

// Start starts a cluster, and waits until all of it can be used. Close is to be called unless it fails. When ctx ends while
// it waits, it ends everything, and fails.
func Start(ctx context.Context, config Config) (_ *Cluster, err error) {
	c := &Cluster{config: config}
	if err := c.prepare(); err != nil {
		return nil, fmt.Errorf("cluster: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cluster: %w", err), c.Close())
		}
	}()
	// Each kind needs the one before it. NATS servers need each other.
	for _, kind := range [][]*process{c.servers(), c.nodes(), c.proxy()} {
		for _, p := range kind {
			if err := p.start(); err != nil {
				return nil, err
			}
			c.processes = append(c.processes, p)
		}
		for _, p := range kind {
			if err := p.waitUntilReady(ctx); err != nil {
				return nil, err
			}
		}
	}
	return c, nil
}

// prepare finds what cannot be, and makes the folder.
func (c *Cluster) prepare() (err error) {
	config := &c.config
	config.Pushlab = cmp.Or(config.Pushlab, "bin/pushlab")
	config.NATS = cmp.Or(config.NATS, "bin/nats-server")
	config.Address = cmp.Or(config.Address, "127.0.0.1")
	config.Nodes = cmp.Or(config.Nodes, 3)
	config.RestartAfter = cmp.Or(config.RestartAfter, 5*time.Second)
	if config.Servers == nil {
		config.Servers = []string{"n1", "n2", "n3"}
	}
	if config.Out == nil {
		config.Out = io.Discard
	}
	if config.Dir == "" || config.Nodes > 3 {
		return errors.New("it needs a folder, and has three nodes at most")
	}
	// Paths that stay true in the folders of the processes.
	for _, path := range []*string{&config.Dir, &config.Pushlab, &config.NATS} {
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	for _, program := range []string{config.Pushlab, config.NATS} {
		if _, err := os.Stat(program); err != nil {
			return fmt.Errorf("a program is missing: %w; make cluster builds it", err)
		}
	}
	if err := os.MkdirAll(config.Dir, 0o700); err != nil {
		return err
	}
	if c.unlock, err = lock(filepath.Join(config.Dir, "lock")); err != nil {
		return err
	}
	if err := c.writeFiles(); err != nil {
		c.unlock()
		return err
	}
	return nil
}

func (c *Cluster) path(name ...string) string {
	return filepath.Join(append([]string{c.config.Dir}, name...)...)
}

func (c *Cluster) url(port int) string { return fmt.Sprintf("http://%s:%d", c.config.Address, port) }

// The ports, as the files have them.
const (
	proxyPort = 8080 // the nodes have the next three
	natsPort  = 4222 // likewise
	healthOf  = 4000 // between the port of a NATS server and that for its health
)

var portOf = map[string]int{"n1": natsPort, "n2": natsPort + 1, "n3": natsPort + 2, "alone": natsPort + 3}

func (c *Cluster) servers() (all []*process) {
	for _, name := range c.config.Servers {
		port := portOf[name]
		all = append(all, c.process(name, fmt.Sprintf("nats://%s:%d", c.config.Address, port),
			c.url(port+healthOf)+"/healthz", c.path("nats"), c.config.NATS, "-c", name+".conf"))
	}
	return all
}

func (c *Cluster) nodes() (all []*process) {
	for i := 1; i <= c.config.Nodes; i++ {
		address := fmt.Sprintf("%s:%d", c.config.Address, proxyPort+i)
		all = append(all, c.process(fmt.Sprint("node", i), "http://"+address, "http://"+address+"/readyz", c.config.Dir, c.config.Pushlab, "serve",
			"--listen", address,
			"--journal", c.Journal(), "--journal-replicas", "3", "--journal-login-file", c.path("login"),
			"--trust-proxy", "127.0.0.0/8", // nginx, which says who the client is
			"--demo=false", // whose servers are on one node, and requests come to any
			"--source", "none"))
	}
	return all
}

func (c *Cluster) proxy() []*process {
	if c.config.Nodes < 0 {
		return nil
	}
	program := "nginx"
	for _, path := range []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"} {
		if found, err := exec.LookPath(path); err == nil {
			program = found
			break
		}
	}
	return []*process{c.process("nginx", c.URL()+"  in front of the nodes", c.URL()+"/readyz", c.path("nginx"),
		program, "-e", "stderr", "-p", c.path("nginx"), "-c", "nginx.conf")}
}

func (c *Cluster) process(name, about, ready, dir, program string, args ...string) *process {
	env := append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}, c.config.Env...)
	ctx, cancel := context.WithCancel(context.Background())
	return &process{
		name: name, about: about, ready: ready, ctx: ctx, cancel: cancel,
		log: c.path("log", name), pid: c.path("pid", name), restartAfter: c.config.RestartAfter, say: c.say,
		command: func() *exec.Cmd {
			cmd := exec.Command(program, args...)
			cmd.Dir, cmd.Env = dir, env
			tieToUs(cmd)
			return cmd
		},
	}
}

// URL is where nginx listens.
func (c *Cluster) URL() string { return c.url(proxyPort) }

// NodeURL is where a node listens, counted from 1.
func (c *Cluster) NodeURL(node int) string { return c.url(proxyPort + node) }

// Journal is what --journal is for the NATS servers that were asked for, and form a cluster.
func (c *Cluster) Journal() string {
	var hosts []string
	for _, name := range c.config.Servers {
		if name != "alone" || len(c.config.Servers) == 1 {
			hosts = append(hosts, fmt.Sprintf("%s:%d", c.config.Address, portOf[name]))
		}
	}
	return "nats://" + strings.Join(hosts, ",")
}

// LoginFile is what --journal-login-file is for them.
func (c *Cluster) LoginFile() string { return c.path("login") }

// say tells a line.
func (c *Cluster) say(format string, args ...any) {
	c.out.Lock()
	defer c.out.Unlock()
	fmt.Fprintf(c.config.Out, "cluster: "+format+"\n", args...)
}

// Describe writes what runs where.
func (c *Cluster) Describe(w io.Writer) {
	for _, p := range c.processes {
		fmt.Fprintf(w, "  %-6s %s\n", p.name, p.about)
	}
}

// Close ends all processes, the nodes first, which say goodbye to their subscribers, and waits for them. It may be called once.
func (c *Cluster) Close() error {
	ended := map[string]bool{}
	for _, prefix := range []string{"node", "nginx", ""} {
		var group sync.WaitGroup
		for _, p := range c.processes {
			if strings.HasPrefix(p.name, prefix) && !ended[p.name] {
				ended[p.name] = true
				group.Go(p.stop)
			}
		}
		group.Wait()
	}
	c.unlock()
	return nil
}

// A process is started again when it has ended, until it is stopped.
type process struct {
	name, about  string
	ready        string // a URL that answers 200 when it can be used
	log, pid     string // files
	command      func() *exec.Cmd
	restartAfter time.Duration
	say          func(format string, args ...any)
	ctx          context.Context // until it is stopped
	cancel       context.CancelFunc

	mu      sync.Mutex
	cmd     *exec.Cmd     // the present one, or the last
	ended   chan struct{} // closed when the first one has ended
	running sync.WaitGroup
}

// start starts it, and from then on whenever it ends.
func (p *process) start() error {
	p.ended = make(chan struct{})
	cmd, err := p.startOnce()
	if err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	p.running.Go(func() {
		p.waitFor(cmd)
		close(p.ended)
		for p.ctx.Err() == nil {
			p.say("%s has ended (%s); it is started again in %v. Its log is %s", p.name, p.cmd.ProcessState, p.restartAfter, p.log)
			select {
			case <-p.ctx.Done():
			case <-time.After(p.restartAfter):
				cmd, err := p.startOnce()
				switch {
				case p.ctx.Err() != nil:
				case err != nil:
					p.say("%s cannot be started again: %v", p.name, err)
				default:
					p.say("%s is started again", p.name)
					p.waitFor(cmd)
				}
			}
		}
	})
	return nil
}

func (p *process) startOnce() (*exec.Cmd, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.ctx.Err(); err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close() // the process has its own
	cmd := p.command()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.cmd = cmd
	return cmd, os.WriteFile(p.pid, fmt.Appendln(nil, cmd.Process.Pid), 0o600)
}

// waitFor waits until that process has ended.
func (p *process) waitFor(cmd *exec.Cmd) {
	cmd.Wait() // how it ended is in its state
	p.mu.Lock()
	defer p.mu.Unlock()
	os.Remove(p.pid) // the number may soon be somebody else's
}

// waitUntilReady waits until it can be used.
func (p *process) waitUntilReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, startTime, fmt.Errorf("it is not ready after %v", startTime))
	defer cancel()
	// For this address alone, and without a connection that stays.
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.ready, nil); err != nil {
			return err
		} else if response, err := client.Do(request); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-tick.C:
		case <-p.ended:
			return fmt.Errorf("%s has ended (%s): %s", p.name, p.cmd.ProcessState, p.lastWords())
		case <-ctx.Done():
			return fmt.Errorf("%s: %w: %s", p.name, context.Cause(ctx), p.lastWords())
		}
	}
}

// lastWords are the last lines of its log.
func (p *process) lastWords() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return fmt.Sprintf("%s says:\n%s", p.log, strings.Join(lines[max(0, len(lines)-5):], "\n"))
}

// stop ends it, and waits for that.
func (p *process) stop() {
	p.mu.Lock()
	p.cancel()
	p.cmd.Process.Signal(syscall.SIGTERM) // it fails only if it has ended
	p.mu.Unlock()
	kill := time.AfterFunc(stopTime, func() {
		p.say("%s does not end within %v, and is killed", p.name, stopTime)
		p.cmd.Process.Kill()
	})
	defer kill.Stop()
	p.running.Wait()
}
