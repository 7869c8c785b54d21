package second

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A Server is a server in a process of its own.
type Server struct {
	// URL is where it listens.
	URL string
	cmd *exec.Cmd
}

// StartServer starts a command that prints the http URL on which it listens, and ends at SIGTERM. How it is started is up
// to start, which may choose a core. The process is killed when ctx ends.
func StartServer(ctx context.Context, command []string, start func(*exec.Cmd) error) (*Server, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "PUSHLAB_") })
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := start(cmd); err != nil {
		return nil, fmt.Errorf("second: starting the server: %w", err)
	}
	for r := bufio.NewScanner(out); r.Scan(); {
		if _, address, found := strings.Cut(r.Text(), "http://"); found {
			go io.Copy(io.Discard, out) // until the process has ended
			return &Server{URL: "http://" + strings.TrimRight(address, "/"), cmd: cmd}, nil
		}
	}
	cmd.Process.Kill()
	return nil, fmt.Errorf("second: the server ended without an address: %v", cmd.Wait())
}

// Stop ends the server. It returns how long its process had a core in all its life, as the kernel tells whoever waits
// for it: all its threads, those that have ended too, user and kernel.
func (s *Server) Stop() (cpu time.Duration, err error) {
	s.cmd.Process.Signal(syscall.SIGTERM) // fails if it is gone, which Wait tells
	if err := s.cmd.Wait(); err != nil {
		return 0, fmt.Errorf("second: the server: %w", err)
	}
	return s.cmd.ProcessState.UserTime() + s.cmd.ProcessState.SystemTime(), nil
}
