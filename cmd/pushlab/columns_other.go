//go:build !unix

package main

import "os"

// columns returns how wide a terminal is, which here it does not know how to ask.
func columns(*os.File) int { return 0 }

// terminalSize returns how many columns and rows a terminal has, likewise.
func terminalSize(*os.File) (width, height int) { return 0, 0 }
