// Command soak holds thousands of subscribers of all four transports behind nginx for minutes, and keeps account of every
// delivery. Server and proxy are those of deploy/: nginx with two workers and the shipped site, the server on a Unix socket.
//
//	publisher ──▶ pushlab ◀── unix ── nginx, 2 workers ◀── a quarter each: long polling, HTTP streaming, SSE, WebSocket
//
// It exits with 1 if a delivery is lost, repeated or out of order, if a connection is, or if the rate cannot be kept.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"text/tabwriter"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	s := soak{out: os.Stdout}
	flag.StringVar(&s.program, "program", "bin/pushlab", "the pushlab that serves")
	flag.IntVar(&s.subscribers, "subscribers", 10_000, "how many subscribers, a quarter by each transport")
	flag.Float64Var(&s.rate, "rate", 50_000, "deliveries a second, to all together")
	flag.DurationVar(&s.duration, "duration", 10*time.Minute, "for how long")
	flag.IntVar(&s.size, "size", 128, "bytes of data in an event")
	flag.Parse()
	if err := s.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// A soak is what is held, and for how long.
type soak struct {
	program     string
	subscribers int
	rate        float64
	duration    time.Duration
	size        int
	out         io.Writer
}

const (
	parallel = 32               // who connect at the same time
	patience = 30 * time.Second // for what is under way in the end
	late     = time.Second      // how late an event may be published
)

// run starts everything, publishes on schedule, and tells what came of it.
func (s *soak) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "pushlab-soak-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	socket := filepath.Join(dir, "pushlab.sock")
	server, err := machine.StartServer(ctx, machine.ServerConfig{Command: []string{
		s.program, "serve", "--source", "none", "--log-level", "warn", "--listen", "localhost:0", "--listen", "unix:" + socket, "--trust-proxy", "unix",
	}})
	if err != nil {
		return err
	}
	defer server.Close()
	proxy, err := startNginx(ctx, dir, socket)
	if err != nil {
		return err
	}
	defer proxy.Close()

	base := time.Now()
	pace := load.Pacer{Rate: s.rate / float64(s.subscribers), Sleep: load.SleepExactly}
	events := max(1, int(pace.Rate*s.duration.Seconds()))
	lanes, err := s.connect(ctx, proxy.URL, base, events)
	for _, l := range lanes {
		defer l.Close()
	}
	if err != nil {
		return err
	}
	direct, err := load.NewDialer(server.URL, nil)
	if err != nil {
		return err
	}
	publisher, err := load.ConnectPublisher(ctx, direct, s.size, load.ToPushlab())
	if err != nil {
		return err
	}
	defer publisher.Close()

	fmt.Fprintf(s.out, "%d subscribers, %d by each transport, %.0f deliveries a second, %v\n", s.subscribers, s.subscribers/len(lanes), s.rate, s.duration)
	before := readUsage(server, proxy)
	start := time.Now()
	worst := time.Duration(0)
	published, err := pace.Run(ctx, start, events, func(n int, due time.Time) error {
		worst = max(worst, time.Since(due))
		return publisher.Publish(n, due.Sub(base))
	})
	took := time.Since(start)
	for limit := time.Now().Add(patience); !allCame(lanes, published) && time.Now().Before(limit); {
		time.Sleep(10 * time.Millisecond)
	}
	return errors.Join(err, s.tell(lanes, published, took, worst, before, readUsage(server, proxy)))
}

// A lane is the subscribers of one transport.
type lane struct {
	transport string
	*load.Load
}

// connect connects a quarter of the subscribers by each transport.
func (s *soak) connect(ctx context.Context, url string, base time.Time, events int) (lanes []lane, err error) {
	dialer, err := load.NewDialer(url, nil)
	if err != nil {
		return nil, err
	}
	for _, transport := range result.Transports() {
		l, err := load.New(load.Config{
			Transport: transport, Subscribe: load.Pushlab(transport).Subscribe, Dialer: dialer, Base: base,
			Subscribers: s.subscribers / len(result.Transports()), Measured: events,
		})
		if err != nil {
			return lanes, err
		}
		lanes = append(lanes, lane{transport, l})
	}
	failed := make([]error, len(lanes))
	var connecting sync.WaitGroup
	for i, l := range lanes {
		connecting.Go(func() { failed[i] = l.Connect(ctx, parallel) })
	}
	connecting.Wait()
	return lanes, errors.Join(failed...)
}

func allCame(lanes []lane, events int) bool {
	for _, l := range lanes {
		if !l.Came(true, events) {
			return false
		}
	}
	return true
}

// tell prints what came of it, and fails if that is not what should have.
func (s *soak) tell(lanes []lane, published int, took, worst time.Duration, before, after usage) error {
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tsubscribers\tdelivered\tlost\trepeated\treordered\tgaps\tp50 ms\tp99 ms\tmax ms\t")
	var failed []error
	total := 0
	for _, l := range lanes {
		a, each := l.Account(), s.subscribers/len(lanes)
		took, err := l.Deliveries()
		missing := int64(each*published) - a.Delivered
		ms := func(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()*1000) }
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t\n", l.transport, l.Present(), a.Delivered, missing, a.Duplicated, a.Reordered, a.Gaps, ms(took.P50), ms(took.P99), ms(took.Max))
		total += int(a.Delivered)
		if lost, why := l.Lost(); lost > 0 {
			err = errors.Join(err, fmt.Errorf("%d subscribers lost their connection; one of them: %w", lost, why))
		}
		if missing+a.Duplicated+a.Reordered > 0 {
			err = errors.Join(err, errors.New("deliveries were lost, repeated or out of order"))
		}
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", l.transport, err))
		}
	}
	t.Flush()
	fmt.Fprintf(s.out, "%d events in %v, at most %v late; %.0f deliveries a second\n", published, took.Round(time.Second), worst.Round(time.Millisecond), float64(total)/took.Seconds())
	fmt.Fprintln(s.out, after.since(before, took))
	if worst > late {
		failed = append(failed, fmt.Errorf("an event was published %v late: this machine does not keep the rate; choose a lower -rate", worst.Round(time.Millisecond)))
	}
	return errors.Join(failed...)
}

// A usage is what the processes took.
type usage struct {
	cpu, memory map[string]int64
}

func readUsage(server, proxy *machine.Server) usage {
	u := usage{map[string]int64{}, map[string]int64{}}
	for name, pids := range map[string][]int{"server": machine.Family(server.PID), "nginx": machine.Family(proxy.PID), "load": {os.Getpid()}} {
		// What the system does not tell is left out.
		if cpu, err := machine.CPUTime(pids...); err == nil {
			u.cpu[name] = int64(cpu)
		}
		if memory, err := machine.ResidentMemory(pids...); err == nil {
			u.memory[name] = memory
		}
	}
	return u
}

// since tells in a line what was taken since another reading.
func (u usage) since(before usage, took time.Duration) string {
	var words []string
	for _, name := range []string{"server", "nginx", "load"} {
		words = append(words, fmt.Sprintf("%s %.2f cores, %d MiB (%+d)", name, float64(u.cpu[name]-before.cpu[name])/float64(took), u.memory[name]>>20, (u.memory[name]-before.memory[name])>>20))
	}
	return strings.Join(words, "; ")
}
