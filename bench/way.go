package bench

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/common/nginx"
)

// A way is what stands between the load and a server, and how to reach both ends.
type way struct {
	dialer  load.Dialer // for subscribers
	load    load.Way    // how they talk
	control control     // for the publisher, and who reads the counters: never by what is between, nor by TLS
	between []*passing  // the nearest to the load first
	dir     string      // of sockets; "" is none
}

// A control is how to reach a server itself.
type control struct {
	url  string
	dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: by TCP
}

// A passing is a process between load and server.
type passing struct {
	result.Between
	pid   int
	close func() error
}

// A use is what such a process has used at one moment.
type use struct {
	cpu      time.Duration
	resident int64
}

// nginxStart is how long an nginx may take to start.
const nginxStart = 10 * time.Second

// start starts the server as the variant asks, and what is to stand before it. What it returns is to be closed, even
// if it fails; the server by its own Close.
func (r *run) start(ctx context.Context) (w *way, err error) {
	w = &way{load: r.variant.way}
	setup := r.variant.setup
	if r.variant.unix || setup.TLS {
		if w.dir, err = os.MkdirTemp("", "pushlab-bench-"); err != nil {
			return w, fmt.Errorf("bench: a folder for sockets: %w", err)
		}
		setup.Socket = filepath.Join(w.dir, "server")
	}
	if setup == (Setup{}) {
		r.server, err = r.target.Start(ctx, r.Transport)
	} else {
		r.server, err = r.target.setUp(ctx, r.Transport, setup)
	}
	if err != nil || r.target.null { // which nobody connects to
		return w, err
	}
	r.protocol = r.target.protocol(r.Transport, r.server)
	if r.variant.unread {
		w.load.Unread = r.target.protocol(another(r.Transport), r.server).Subscribe.Target()
	}
	w.control = control{r.server.URL, r.options.DialContext}
	if setup.TLS {
		w.control = control{"http://localhost", func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", setup.Socket)
		}}
		if w.load.TLS, err = trust(r.server); err != nil {
			return w, err
		}
	} else if strings.HasPrefix(r.server.URL, "https:") {
		return w, fmt.Errorf("bench: %s speaks TLS, which only the variants tls and h2 do", r.server.URL)
	}
	url := r.server.URL
	if r.variant.nginx != nil {
		upstream := ""
		if r.variant.unix {
			upstream = "unix:" + setup.Socket
		}
		if url, err = r.startNginx(ctx, w, upstream); err != nil {
			return w, err
		}
	}
	if r.point.RTT > 0 {
		if url, err = r.startDelay(ctx, w, url); err != nil {
			return w, err
		}
	}
	w.dialer, err = load.NewDialer(url, r.options.DialContext)
	for _, b := range w.between {
		b.Empty = b.use().resident
	}
	return w, err
}

// fingerprint is how a server says by what its certificate can be known.
const fingerprint = "SHA-256 fingerprint is "

func trust(s *machine.Server) (config *tls.Config, err error) {
	for _, line := range s.Said {
		if _, sum, ok := strings.Cut(line, fingerprint); ok {
			return load.TrustOnly(strings.TrimSpace(sum))
		}
	}
	return nil, errors.New("bench: the server does not say what its certificate is")
}

// startNginx puts an nginx before the server: before upstream, or its URL if that is "". It returns nginx's own URL.
func (r *run) startNginx(ctx context.Context, w *way, upstream string) (url string, err error) {
	n, err := nginx.New()
	if errors.Is(err, nginx.ErrNotInstalled) {
		return "", fmt.Errorf("bench: no nginx to put in between; install it (Debian: nginx): %w", err)
	}
	if err != nil {
		return "", err
	}
	if upstream == "" {
		address, err := net.ResolveTCPAddr("tcp", strings.TrimPrefix(r.server.URL, "http://"))
		if err != nil {
			return "", errors.Join(fmt.Errorf("bench: the server's address: %w", err), n.Close())
		}
		upstream = address.String()
	}
	port, err := machine.FreePort()
	if err != nil {
		return "", errors.Join(err, n.Close())
	}
	o := *r.variant.nginx
	o.Listen = fmt.Sprintf("127.0.0.1:%d", port)
	// One to each side. With fewer than one in sixteen left, nginx closes those that have asked for nothing yet.
	o.Connections = 2*r.point.Subscribers + r.point.Subscribers/4 + 128
	if o.HTTP11 {
		o.KeepAlive = r.point.Subscribers // or each poll would take a connection of its own
	}
	if pin := r.options.Pin; pin != nil {
		o.Launch = func(start func() error) error { return machine.OnCore(pin.Server, start) }
	}
	ctx, cancel := context.WithTimeout(ctx, nginxStart)
	defer cancel()
	if err := n.Start(ctx, upstream, o); err != nil {
		return "", errors.Join(err, n.Close())
	}
	if said := n.Log.String(); strings.Contains(said, "open file resource limit") {
		return "", errors.Join(fmt.Errorf("bench: nginx needs %d open files; raise the limit (ulimit -n), or use fewer subscribers; it said: %s", o.Connections, said), n.Close())
	}
	w.between = append(w.between, &passing{
		Between: result.Between{Name: "nginx", Version: n.Version}, pid: n.PID(),
		close: func() error {
			var err error
			select {
			case <-n.Done():
				err = fmt.Errorf("bench: nginx ended by itself (%s); it said: %s", n.Ended(), n.Log.String())
			default:
			}
			return errors.Join(err, n.Close())
		},
	})
	return "http://" + o.Listen, nil
}

// startDelay puts a proxy before a URL that delays each direction by half of the round trip, and returns its own.
func (r *run) startDelay(ctx context.Context, w *way, url string) (string, error) {
	start := r.options.Delay
	if start == nil {
		return "", errors.New("bench: nobody has said how to start the proxy that delays")
	}
	scheme, _, _ := strings.Cut(url, "://")
	s, err := start(ctx, url, r.point.RTT/2)
	if err != nil {
		return "", err
	}
	w.between = append([]*passing{{Between: result.Between{Name: "delay"}, pid: s.PID, close: s.Close}}, w.between...)
	_, address, _ := strings.Cut(s.URL, "://")
	return scheme + "://" + address, nil
}

// DelayCommand returns how to start a proxy that delays, as a process of a Pushlab program; it gets the load's core, since
// it is on the load's side.
func DelayCommand(program string, core *int) func(ctx context.Context, url string, oneWay time.Duration) (*machine.Server, error) {
	return func(ctx context.Context, url string, oneWay time.Duration) (*machine.Server, error) {
		return machine.StartServer(ctx, machine.ServerConfig{Command: []string{program, "bench", "delay", "--delay", oneWay.String(), url}, Core: core})
	}
}

// close ends what stands between, and removes the sockets.
func (w *way) close() (err error) {
	for _, b := range w.between {
		err = errors.Join(err, b.close())
	}
	if w.dir != "" {
		err = errors.Join(err, os.RemoveAll(w.dir))
	}
	return err
}

// use reads what a process has used; zero where the system does not tell.
func (p *passing) use() (u use) {
	if p.pid == 0 {
		return use{}
	}
	if cpu, err := machine.CPUTime(machine.Family(p.pid)...); err == nil {
		u.cpu = cpu
	}
	if resident, err := machine.ResidentMemory(machine.Family(p.pid)...); err == nil {
		u.resident = resident
	}
	return u
}

// uses reads what all between have used.
func (w *way) uses() (all []use) {
	for _, b := range w.between {
		all = append(all, b.use())
	}
	return all
}

// used enters what they used between two readings.
func (r *run) used(before, after []use) {
	r.Between = nil
	for i, b := range r.way.between {
		between := b.Between
		between.CPU, between.Full = after[i].cpu-before[i].cpu, after[i].resident
		r.Between = append(r.Between, between)
	}
}

// excuse turns what the variant brings about into what was found: events that what is between holds back are not
// lost, and connections that it closes are no failure. It returns what is left of an error.
func (r *run) excuse(lost int, err error) error {
	if r.variant.holds {
		r.NotInTime = max(0, r.Lost) + r.WarmUpFaults
		r.Lost, r.WarmUpFaults = 0, 0
	}
	if r.variant.cuts && lost > 0 {
		r.PrematureCloses = int64(lost)
		r.Lost, err = 0, nil
	}
	return err
}

// remark notes what to know of the way.
func (r *run) remark() {
	note := func(text string) { r.Verdict.Notes = append(r.Verdict.Notes, text) }
	for _, b := range r.Between {
		on := "any core"
		if pin := r.options.Pin; pin != nil {
			on = fmt.Sprintf("the server's core %d", pin.Server)
			if b.Name == "delay" {
				on = fmt.Sprintf("the load's core %d", pin.Load)
			}
		}
		each := fmt.Sprintf("%v for each event", (b.CPU / time.Duration(max(1, r.Delivered))).Round(100*time.Nanosecond))
		if r.Delivered == 0 {
			each = fmt.Sprintf("%v in all", b.CPU.Round(100*time.Microsecond))
		}
		note(fmt.Sprintf("%s ran on %s, one program more on %d cores; its own CPU time, %s, is in no other number", b.Name, on, r.cores, each))
	}
	if r.variant.unread {
		note("bytes are those of the streams that are not read, too")
	}
}
