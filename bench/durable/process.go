package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A process is a server that is killed and started again. It belongs to one goroutine.
type process struct {
	name    string
	command []string
	log     string // the file with what it said, in all its lives
	ready   func(context.Context) error

	cmd    *exec.Cmd
	output *os.File
	exited chan struct{} // closed when it has ended; nil: it does not run
}

func newProcess(dir, name string, command []string, ready func(context.Context) error) *process {
	return &process{name: name, command: command, log: filepath.Join(dir, name+".log"), ready: ready}
}

// startTimeout is how long a server may take until it is ready. One that was killed has to look through its files first.
const startTimeout = 30 * time.Second

// start starts the process, without waiting for it.
func (p *process) start() (err error) {
	if p.output, err = os.OpenFile(p.log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	cmd := exec.Command(p.command[0], p.command[1:]...)
	cmd.Stdout, cmd.Stderr = p.output, p.output
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PUSHLAB_") })
	tieToUs(cmd)
	if err := cmd.Start(); err != nil {
		return errors.Join(fmt.Errorf("starting %s: %w", p.name, err), p.output.Close())
	}
	exited := make(chan struct{})
	p.cmd, p.exited = cmd, exited
	go func() { // kill waits for it
		defer close(exited)
		cmd.Wait() // how it ended is in its log
	}()
	return nil
}

// await waits until the process is ready.
func (p *process) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := p.ready(ctx)
		if err == nil {
			return nil
		}
		timer := time.NewTimer(20 * time.Millisecond)
		select {
		case <-timer.C:
		case <-p.exited:
			timer.Stop()
			return fmt.Errorf("%s: %w; it said: %s", p.name, errEnded, p.said())
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("%s is not ready: %w; it said: %s", p.name, err, p.said())
		}
	}
}

// kill ends the process as kill -9 does, and waits for that. It does nothing if the process does not run.
func (p *process) kill() error {
	if p.exited == nil {
		return nil
	}
	err := p.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = fmt.Errorf("%s: %w; it said: %s", p.name, errEnded, p.said())
	}
	return errors.Join(err, p.collect())
}

// restart kills the processes, starts them again after that time, and waits until they are ready. If they are interrupted, they are
// killed once more so long after that start, wherever they are then.
func restart(ctx context.Context, all []*process, down, interrupted time.Duration) error {
	if err := killAll(all); err != nil {
		return err
	}
	if err := pause(ctx, down); err != nil {
		return err
	}
	if interrupted > 0 {
		for _, p := range all {
			if err := p.start(); err != nil {
				return err
			}
		}
		if err := pause(ctx, interrupted); err != nil {
			return err
		}
		for _, p := range all {
			if err := p.kill(); err != nil && !errors.Is(err, errEnded) { // a node may have, as is said below
				return err
			}
		}
	}
	for _, p := range all {
		for begun := time.Now(); ; {
			if err := p.start(); err != nil {
				return err
			}
			err := p.await(ctx)
			if err == nil {
				break
			}
			// A node does not start while no NATS server leads, and ends; whoever looks after it starts it again.
			if !errors.Is(err, errEnded) || time.Since(begun) > startTimeout {
				return err
			}
			if err := errors.Join(p.collect(), pause(ctx, 100*time.Millisecond)); err != nil {
				return err
			}
		}
	}
	return nil
}

func killAll(all []*process) (err error) {
	for _, p := range all {
		err = errors.Join(err, p.kill())
	}
	return err
}

// standStill stops the processes for that time, as a machine may that has no time for them, and lets them go on.
func standStill(ctx context.Context, all []*process, down time.Duration) (err error) {
	for _, p := range all {
		err = errors.Join(err, freeze(p.cmd.Process, true))
	}
	err = errors.Join(err, pause(ctx, down))
	for _, p := range all {
		err = errors.Join(err, freeze(p.cmd.Process, false))
	}
	return err
}

// errEnded is in the error of await when the process has ended.
var errEnded = errors.New("it ended by itself")

// collect lets go of a process that has ended by itself.
func (p *process) collect() error {
	<-p.exited
	p.exited = nil
	return p.output.Close()
}

// said returns the end of what the process said.
func (p *process) said() string {
	const most = 2 << 10
	f, err := os.Open(p.log)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	if end, err := f.Seek(0, io.SeekEnd); err == nil {
		f.Seek(max(0, end-most), io.SeekStart)
	}
	text, _ := io.ReadAll(f) // what could be read will do
	return string(bytes.TrimSpace(text))
}

// firstPort and ports are where servers listen: below the ports that systems give to those who connect, so that nobody has taken
// the port of a server that is down. (A connection to a port of those can even meet itself.)
const firstPort, ports = 10_000, 20_000

// freePort returns a port on loopback that nobody listens on, and that is none of those.
func freePort(not map[int]bool) (int, error) {
	for range 1_000 {
		port := firstPort + rand.N(ports)
		if not[port] {
			continue
		}
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err != nil {
			continue
		}
		not[port] = true
		return port, l.Close()
	}
	return 0, errors.New("there is no free port on loopback")
}
