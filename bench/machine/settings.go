package machine

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"

	"pushlab/bench/result"
)

// A system is where the kernel's files are: "" is the root, below which a test has its own.
type system struct{ root string }

// read returns a file's text without the space around it, and one space for each within; "" if it
// cannot be read.
func (s system) read(name string) string {
	text, err := os.ReadFile(filepath.Join(s.root, "/", name))
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(string(text)), " ")
}

// settings reads what the kernel was told that numbers depend on.
func (s system) settings(e *result.Environment) {
	e.Governor = s.read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
	e.ClockSource = s.read("/sys/devices/system/clocksource/clocksource0/current_clocksource")
	e.LocalPorts = s.read("/proc/sys/net/ipv4/ip_local_port_range")
	e.Backlog = s.read("/proc/sys/net/core/somaxconn")
	e.TCPReceive = s.read("/proc/sys/net/ipv4/tcp_rmem")
	e.TCPSend = s.read("/proc/sys/net/ipv4/tcp_wmem")
	e.TCPAutocorking = s.read("/proc/sys/net/ipv4/tcp_autocorking")
	e.TCPCongestion = s.read("/proc/sys/net/ipv4/tcp_congestion_control")
	e.LoopbackMTU = s.read("/sys/class/net/lo/mtu")
	e.NetNamespace, _ = os.Readlink(filepath.Join(s.root, "/proc/self/ns/net")) // "" where there is none
	if cores, limited := s.cpuLimit(); limited {
		e.CPULimit = strconv.FormatFloat(cores, 'f', 2, 64)
	}
}

// cpuLimit returns how many cores' time the control groups grant this process, if that is limited: the
// least that one of those says which it is in (cgroups(7)).
func (s system) cpuLimit() (cores float64, limited bool) {
	text, err := os.ReadFile(filepath.Join(s.root, "/proc/self/cgroup"))
	if err != nil {
		return 0, false
	}
	grant := func(quota, period string) {
		q, errQ := strconv.ParseFloat(quota, 64)
		p, errP := strconv.ParseFloat(period, 64)
		if errQ == nil && errP == nil && q > 0 && p > 0 && (!limited || q/p < cores) {
			cores, limited = q/p, true
		}
	}
	for line := range strings.Lines(string(text)) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		for group := path.Clean("/" + fields[2]); ; group = path.Dir(group) {
			switch {
			case fields[1] == "": // version 2
				if of := strings.Fields(s.read(path.Join("/sys/fs/cgroup", group, "cpu.max"))); len(of) == 2 {
					grant(of[0], of[1])
				}
			case strings.Contains(","+fields[1]+",", ",cpu,"):
				dir := path.Join("/sys/fs/cgroup/cpu", group)
				grant(s.read(dir+"/cpu.cfs_quota_us"), s.read(dir+"/cpu.cfs_period_us"))
			}
			if group == "/" {
				break
			}
		}
	}
	return cores, limited
}

// CPULimit returns how many cores' time this process is granted, if that is limited.
func CPULimit() (cores float64, limited bool) { return system{}.cpuLimit() }

// carriers are the modules that carry traffic.
var carriers = []string{"github.com/gorilla/websocket", "github.com/labstack/echo/v4", "golang.org/x/net", "golang.org/x/sys", "github.com/nats-io/nats-server/v2"}

// libraries lists the carriers that are built in.
func libraries(info *debug.BuildInfo) string {
	var list []string
	for _, name := range carriers {
		for _, m := range info.Deps {
			if m.Path == name {
				list = append(list, m.Path+" "+m.Version)
			}
		}
	}
	return strings.Join(list, ", ")
}

// binaryHash is the SHA-256 of this program; "" if its file cannot be read.
var binaryHash = sync.OnceValue(func() string {
	name, err := os.Executable()
	if err != nil {
		return ""
	}
	file, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer file.Close()
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return ""
	}
	return hex.EncodeToString(h.Sum(nil))
})

// StealTime returns how long a virtual machine's host had its cores since it started, and how long there was
// altogether. It is exact to 10 ms. It fails where the system does not tell.
func StealTime() (steal, all int64, err error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0, fmt.Errorf("bench: the system's CPU time: %w", err)
	}
	return parseSteal(string(text))
}

// parseSteal reads the line of all cores in /proc/stat, in ticks: the eighth is steal.
func parseSteal(text string) (steal, all int64, err error) {
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		if len(fields) < 9 || fields[0] != "cpu" {
			continue
		}
		for i, field := range fields[1:9] {
			ticks, err := strconv.ParseInt(field, 10, 64)
			if err != nil {
				return 0, 0, fmt.Errorf("bench: /proc/stat: %w", err)
			}
			all += ticks
			if i == 7 {
				steal = ticks
			}
		}
		return steal, all, nil
	}
	return 0, 0, fmt.Errorf("bench: /proc/stat has no times of cpu")
}

// A Watch notes what the machine is like from now on.
type Watch struct {
	conditions result.Conditions
	steal, all int64
	unread     error // why there are no counters of connections that were dropped
}

// NewWatch begins to watch. The load average before is what the environment says.
func NewWatch(before result.Environment) *Watch {
	w := &Watch{}
	w.conditions.LoadBefore = before.LoadAverage
	w.steal, w.all, _ = StealTime() // 0 where it is not told
	w.conditions.ListenOverflows, w.conditions.ListenDrops, w.unread = ListenDrops()
	return w
}

// Conditions returns what the machine was like since the watch began, but for the noise.
func (w *Watch) Conditions() result.Conditions {
	c := w.conditions
	if steal, all, err := StealTime(); err == nil && all > w.all && w.all > 0 {
		c.Steal = float64(steal-w.steal) / float64(all-w.all)
	}
	overflows, drops, err := ListenDrops()
	c.ListenOverflows, c.ListenDrops = overflows-c.ListenOverflows, drops-c.ListenDrops
	if err != nil || w.unread != nil {
		c.ListenOverflows, c.ListenDrops = 0, 0
	}
	c.LoadAfter = loadAverage()
	return c
}
