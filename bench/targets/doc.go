// Package targets reads files that describe servers to be measured: how to start one, and how to talk to
// it. example.toml documents the format; the files beside it are part of the program.
package targets
