// Command verify checks the benchmark harness: whether it calls the same thing the same, and whether its figures are
// those of an independent count. docs/verify.md says what is checked and why; make bench-verify runs it.
//
// It exits with 1 if a criterion is not met, and with 2 if the machine was too noisy to tell.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"pushlab/bench"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/bench/verify/second"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// secondCommand is the argument by which this program is the second client.
const secondCommand = "second"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == secondCommand {
		if err := beSecond(ctx, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	program := flag.String("program", "bin/pushlab", "the pushlab whose servers are measured")
	document := flag.String("write", "", "a Markdown file to write the tables into, between its marks; none is only to print them")
	flag.Parse()
	os.Exit(run(ctx, *program, *document))
}

// run checks everything, and returns the exit code.
func run(ctx context.Context, program, document string) int {
	v, err := newVerifier(program, os.Stderr)
	if err == nil && document != "" { // before all that time goes by
		_, _, err = place(document)
	}
	var findings report
	if err == nil {
		findings, err = v.verify(ctx, standard())
	}
	if err == nil {
		fmt.Print(findings.markdown())
		if document != "" {
			err = findings.writeInto(document)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "verify:", err)
		return 1
	}
	return findings.exitCode()
}

// A plan is what is measured: cases whose lanes are compared with themselves, and those that both count, in so many rounds.
type plan struct {
	same   []result.Case
	count  []result.Case
	rounds int
}

// standard is the plan of make bench-verify. It takes some forty minutes.
func standard() plan {
	same := bench.Scenario{
		Name: "verify", Kind: result.FanOut, Targets: []string{targetName, twinName, result.FloorName}, Transports: result.Transports(),
		Subscribers: []int{20, 50, 100}, Rates: []float64{50, 200}, Sizes: []int{128, 2048}, Rounds: 5, Again: true,
		WarmUp: 100 * time.Millisecond, Measure: 500 * time.Millisecond, Drain: 5 * time.Second,
	}
	count := result.Case{
		Name: "count", Kind: result.FanOut, Targets: []string{targetName}, Transports: []string{httpstream.Name, sse.Name, websocket.Name}, Rounds: 1,
		// An event takes the server some milliseconds to send to all. By how much two clients differ in waking up is little
		// beside that; with one subscriber it would be most of the figure, and they would rightly disagree.
		Subscribers: 400, Rate: 50, Size: 128,
		// All subscribers wait for the same event, so a p99 is made of the slowest hundredth of the events: of some, it has to be.
		WarmUp: 400 * time.Millisecond, Measure: 5 * time.Second, Drain: 5 * time.Second,
	}
	polls := count
	// To answer a poll takes long, and who has an answer asks again. If that takes more than 10 ms altogether, Go's runtime
	// begins to take new polls before it has answered all, and which come when is up to the client. And polls are
	// garbage: now and then a collection makes an event slow, and there have to be enough of these for a p99.
	polls.Transports, polls.Subscribers, polls.Rate, polls.Measure = []string{longpoll.Name}, 50, 80, 12*time.Second
	return plan{same: same.Cases(), count: []result.Case{polls, count}, rounds: 11}
}

// The names of a target, and of the same once more. The floor is measured beside them, so that it is known what the machine
// did between two runs; see stats.Noise.
const (
	targetName = "pushlab"
	twinName   = "twin"
)

// A verifier measures.
type verifier struct {
	program string
	pin     *result.Pin // nil on one core
	log     io.Writer
}

func newVerifier(program string, log io.Writer) (*verifier, error) {
	program, err := filepath.Abs(program)
	if err == nil {
		_, err = os.Stat(program)
	}
	if err != nil {
		return nil, fmt.Errorf("no program to measure (make build makes it): %w", err)
	}
	v := &verifier{program: program, log: log}
	if cores := machine.Cores(); len(cores) > 1 {
		v.pin = &result.Pin{Server: cores[0], Load: cores[len(cores)-1]}
	}
	return v, nil
}

// bench runs cases as pushlab bench run does, and tells the log how far it is.
func (v *verifier) bench(ctx context.Context, cases []result.Case) (result.Result, error) {
	options := bench.Options{Pin: v.pin}
	for _, name := range []string{targetName, twinName} {
		target, err := bench.NewTarget(v.program, v.serverCore(), nil)
		if err != nil {
			return result.Result{}, err
		}
		target.Name = name
		options.Targets = append(options.Targets, target)
	}
	floor, err := bench.NewTarget(result.FloorName, v.serverCore(), nil)
	if err != nil {
		return result.Result{}, err
	}
	// Its file would start this program; and one lane is enough.
	floor.Start = func(ctx context.Context, _ string) (*machine.Server, error) {
		return machine.StartServer(ctx, machine.ServerConfig{Command: []string{v.program, "bench", result.FloorName}, Core: v.serverCore()})
	}
	floor.Transports, floor.Version = []string{sse.Name}, nil
	options.Targets = append(options.Targets, floor)
	r, err := bench.Run(ctx, cases, options)
	if err == nil && r.Interrupted {
		err = context.Canceled
	}
	return r, err
}

func (v *verifier) serverCore() *int {
	if v.pin == nil {
		return nil
	}
	return &v.pin.Server
}

// verify measures what the plan says.
func (v *verifier) verify(ctx context.Context, p plan) (r report, err error) {
	v.rest(ctx)
	began := time.Now()
	if r.same, err = v.compareSame(ctx, p.same); err != nil {
		return r, err
	}
	if r.counts, err = v.count(ctx, p.count, p.rounds); err != nil {
		return r, err
	}
	r.environment, r.program, r.pinned, r.took = machine.ReadEnvironment(ctx), v.program, v.pin != nil, time.Since(began)
	return r, nil
}

// restTime is how long the machine has to come to rest, from compiling this, for one.
const restTime = 2 * time.Minute

// rest waits until the load average is so low that a run has no flag for it, or until that has taken too long.
func (v *verifier) rest(ctx context.Context) {
	for limit := time.Now().Add(restTime); ctx.Err() == nil && time.Now().Before(limit); {
		e := machine.ReadEnvironment(ctx)
		if len(result.Conditions{LoadBefore: e.LoadAverage}.Flags(e.Cores)) == 0 {
			return
		}
		fmt.Fprintf(v.log, "verify: the load average is %.2f; waiting until the machine is at rest\n", e.LoadAverage)
		select {
		case <-time.After(10 * time.Second):
		case <-ctx.Done():
		}
	}
}

// beSecond is the second client's process: it reads what to do, and writes what it counted.
func beSecond(ctx context.Context, in io.Reader, out io.Writer) error {
	var l second.Load
	if err := json.NewDecoder(in).Decode(&l); err != nil {
		return err
	}
	c, err := second.Run(ctx, l)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(c)
}
