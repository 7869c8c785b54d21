package nginx

import (
	"os/exec"
	"syscall"
)

// tieToUs has a process end when this one does, even if this one is killed, and keeps Ctrl-C from it: it is ended when
// its connections are.
func tieToUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
}
