//go:build !linux

package nginx

import "os/exec"

// tieToUs does nothing: there is no way to tie a process to this one.
func tieToUs(*exec.Cmd) {}
