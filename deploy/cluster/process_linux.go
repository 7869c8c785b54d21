package cluster

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// tieToUs has a process end when this one does, even if this one is killed, and keeps Ctrl-C from it: it is stopped in its turn.
func tieToUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM, Setpgid: true}
}

// lock locks that file, since two clusters on the same data would destroy it. The system lets go of it when this process ends.
func lock(name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("%s is locked (%w): another cluster runs on this folder; stop it, or take another folder", name, err)
	}
	return func() { f.Close() }, nil
}
