//go:build !linux

package main

import (
	"errors"
	"os"
	"os/exec"
)

// tieToUs does nothing: there is no way to tie a process to this one.
func tieToUs(*exec.Cmd) {}

// freeze fails: there is no way known here.
func freeze(*os.Process, bool) error { return errors.New("processes are frozen on Linux only") }
