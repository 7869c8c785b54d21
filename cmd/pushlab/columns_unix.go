//go:build unix

package main

import (
	"os"

	"golang.org/x/sys/unix"
)

// columns returns how wide a terminal is; 0 if the file is none.
func columns(f *os.File) int {
	width, _ := terminalSize(f)
	return width
}

// terminalSize returns how many columns and rows a terminal has; 0 if the file is none.
func terminalSize(f *os.File) (width, height int) {
	size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0, 0
	}
	return int(size.Col), int(size.Row)
}
