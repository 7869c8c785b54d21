package proxies

import (
	"os/exec"
	"syscall"
)

// tieToUs has a process end when this one does, even if this one is killed, and gives it a group of its own: which keeps
// Ctrl-C from it, and is ended with it.
func tieToUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}

// endGroup ends a process, and those that it has started.
func endGroup(cmd *exec.Cmd) { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // it fails only if all have ended
