// Package pushlab carries the source of what it teaches, so that the page can show the code beside the bytes
// that it wrote. Everything else is in the packages below.
package pushlab

import "embed"

// Source holds the Go files of the four transports, and of the packages that they stand on, without tests.
//
// The patterns are all names that do not end in _test.go: those whose last letter is no t, or whose last but one is
// no s.
//
//go:embed longpoll/*[^t].go longpoll/*[^s]t.go
//go:embed httpstream/*[^t].go httpstream/*[^s]t.go
//go:embed sse/*[^t].go sse/*[^s]t.go
//go:embed websocket/*[^t].go websocket/*[^s]t.go
//go:embed common/wire/*[^t].go
//go:embed common/hub/*[^t].go common/hub/*[^s]t.go
//go:embed common/request/*[^t].go common/request/*[^s]t.go
var Source embed.FS
