package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/common/kernel"
)

// How long a program may take, how long noise is looked for, and how much of a file is read.
const (
	trial     = 5 * time.Second
	listening = time.Second
	largest   = 64 << 10
)

// This returns the system that the program runs on.
func This() System {
	return System{
		Read: func(name string) (string, error) {
			file, err := os.Open(name)
			if err != nil {
				return "", err
			}
			defer file.Close()
			p := make([]byte, largest)
			n, err := file.Read(p)
			if n > 0 {
				err = nil
			}
			return string(p[:n]), err
		},
		Look: func(program string) (string, error) {
			path, err := exec.LookPath(program)
			if err != nil { // where Debian has servers, which only root's PATH names
				return exec.LookPath("/usr/sbin/" + program)
			}
			return path, nil
		},
		Try:   try,
		Files: openFiles,
		Listen: func() error {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			return l.Close()
		},
		Cores: func() ([]int, error) {
			cores := machine.Cores()
			if len(cores) < 2 {
				return cores, nil
			}
			unpin, err := machine.Pin(cores[len(cores)-1])
			if err == nil {
				err = unpin()
			}
			return cores, err
		},
		CPULimit: machine.CPULimit,
		Uring: func() error {
			_, err := kernel.Uring()
			return err
		},
		Noise: noise,
	}
}

// noise is looked for where the load of a pinned run is.
func noise(ctx context.Context) (late result.Latency, steal float64) {
	if cores := machine.Cores(); len(cores) > 1 {
		if unpin, err := machine.Pin(cores[len(cores)-1]); err == nil {
			defer unpin() // what it cannot undo has no consequence: the program ends
		}
	}
	watch := machine.NewWatch(result.Environment{})
	late, err := load.Noise(ctx, listening, load.SleepExactly)
	if err != nil {
		return result.Latency{}, 0
	}
	return late, watch.Conditions().Steal
}

// try runs a program to its end.
func try(ctx context.Context, apart bool, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, trial)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = time.Second
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if apart {
		if cmd.SysProcAttr = ownNetwork(); cmd.SysProcAttr == nil {
			return errors.New("this system has no network namespaces")
		}
	}
	if err := cmd.Run(); err != nil {
		if text := bytes.TrimSpace(said.Bytes()); len(text) > 0 && !apart {
			return fmt.Errorf("%w: %.200s", err, text)
		} else if len(text) > 0 {
			line, _, _ := bytes.Cut(text, []byte("\n"))
			return fmt.Errorf("%.100s", line)
		}
		return err
	}
	return nil
}
