package main

import (
	"os"
	"os/exec"
	"syscall"
)

// tieToUs has a process end when this one does, even if this one is killed, and keeps Ctrl-C from it.
func tieToUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// freeze stops a process, or lets it go on.
func freeze(p *os.Process, stop bool) error {
	if stop {
		return p.Signal(syscall.SIGSTOP)
	}
	return p.Signal(syscall.SIGCONT)
}
