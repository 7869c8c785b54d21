package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionInfo tells which program this is.
type versionInfo struct {
	Version  string `json:"version"`
	Revision string `json:"revision,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
	// Wire is the engine that writes to streams, where there is one.
	Wire string `json:"wire,omitempty"`
	// Journal is where the log is kept: memory, file, nats or tls.
	Journal string `json:"journal,omitempty"`
}

func version(wire, journal string) versionInfo {
	v := versionInfo{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Wire: wire, Journal: journal}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" && info.Main.Version != "(devel)" {
		v.Version = info.Main.Version
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Revision = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}

func (v versionInfo) String() string {
	return fmt.Sprintf("%s %.12s (%s, %s)", v.Version, v.Revision, v.Go, v.Platform)
}
