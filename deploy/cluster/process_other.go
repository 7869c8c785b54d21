//go:build !linux

package cluster

import "os/exec"

// tieToUs does nothing: there is no way to tie a process to this one.
func tieToUs(*exec.Cmd) {}

// lock does nothing; a second cluster finds the ports taken.
func lock(string) (unlock func(), err error) { return func() {}, nil }
