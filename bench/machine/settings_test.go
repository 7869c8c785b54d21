package machine

import (
	"os"
	"path/filepath"
	"runtime/debug"
	"testing"

	"pushlab/bench/result"
)

// systemOf is a system with those files.
func systemOf(t *testing.T, files map[string]string) system {
	t.Helper()
	s := system{t.TempDir()}
	for name, text := range files {
		name = filepath.Join(s.root, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestSettings(t *testing.T) {
	var e result.Environment
	systemOf(t, map[string]string{
		"/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "powersave\n",
		"/proc/sys/net/ipv4/tcp_rmem":                           "4096\t131072\t33554432\n",
		"/sys/class/net/lo/mtu":                                 "65536\n",
		"/proc/self/cgroup":                                     "0::/a\n",
		"/sys/fs/cgroup/a/cpu.max":                              "150000 100000\n",
	}).settings(&e)
	want := result.Environment{Governor: "powersave", TCPReceive: "4096 131072 33554432", LoopbackMTU: "65536", CPULimit: "1.50"}
	if e != want {
		t.Errorf("the settings are %+v", e)
	}
}

func TestCPULimit(t *testing.T) {
	for name, c := range map[string]struct {
		files   map[string]string
		cores   float64
		limited bool
	}{
		"no groups": {nil, 0, false},
		"none":      {map[string]string{"/proc/self/cgroup": "0::/\n", "/sys/fs/cgroup/cpu.max": "max 100000\n"}, 0, false},
		"of a group above": {map[string]string{
			"/proc/self/cgroup": "0::/a/b\n", "/sys/fs/cgroup/a/cpu.max": "50000 100000\n", "/sys/fs/cgroup/a/b/cpu.max": "200000 100000\n",
		}, 0.5, true},
		"version 1": {map[string]string{
			"/proc/self/cgroup":                            "4:memory:/x\n3:cpu,cpuacct:/docker/x\n",
			"/sys/fs/cgroup/cpu/docker/x/cpu.cfs_quota_us": "300000\n", "/sys/fs/cgroup/cpu/docker/x/cpu.cfs_period_us": "100000\n",
			"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
		}, 3, true},
	} {
		if cores, limited := systemOf(t, c.files).cpuLimit(); cores != c.cores || limited != c.limited {
			t.Errorf("%s: %v cores, limited: %v", name, cores, limited)
		}
	}
}

func TestParseSteal(t *testing.T) {
	steal, all, err := parseSteal("cpu  10 20 30 40 50 60 70 80 5 5\ncpu0 1 1 1 1 1 1 1 1 0 0\n")
	if steal != 80 || all != 360 || err != nil {
		t.Errorf("%d of %d, %v", steal, all, err)
	}
	if _, _, err := parseSteal("intr 1\n"); err == nil {
		t.Error("there was no such line")
	}
}

// No password is kept.
func TestLibraries(t *testing.T) {
	got := libraries(&debug.BuildInfo{Deps: []*debug.Module{{Path: "golang.org/x/net", Version: "v0.59.0"}, {Path: "golang.org/x/text", Version: "v1"}, {Path: "github.com/gorilla/websocket", Version: "v1.5.3"}}})
	if got != "github.com/gorilla/websocket v1.5.3, golang.org/x/net v0.59.0" {
		t.Error(got)
	}
}

func TestWatch(t *testing.T) {
	c := NewWatch(result.Environment{LoadAverage: 3}).Conditions()
	if c.LoadBefore != 3 || c.Steal < 0 || c.Steal > 1 || c.ListenDrops < 0 {
		t.Errorf("%+v", c)
	}
	if len(binaryHash()) != 64 {
		t.Errorf("the program's hash is %q", binaryHash())
	}
}
