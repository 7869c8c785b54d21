//go:build !unix

package main

import "os"

// columns returns how wide a terminal is, which here it does not know how to ask.
func columns(*os.File) int { return 0 }
