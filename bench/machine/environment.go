package machine

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	loadaverage "github.com/shirou/gopsutil/v4/load"

	"pushlab/bench/result"
)

// ReadEnvironment finds out about this machine and this program.
func ReadEnvironment(ctx context.Context) result.Environment {
	e := result.Environment{
		OS: runtime.GOOS, Arch: runtime.GOARCH, Cores: runtime.NumCPU(),
		GOMAXPROCS: runtime.GOMAXPROCS(0), GoVersion: runtime.Version(),
		GOGC: os.Getenv("GOGC"), GOMEMLIMIT: os.Getenv("GOMEMLIMIT"),
	}
	// What cannot be found out stays empty: it is no reason not to measure.
	if kernel, err := host.KernelVersionWithContext(ctx); err == nil {
		e.Kernel = kernel
	}
	if cpus, err := cpu.InfoWithContext(ctx); err == nil && len(cpus) > 0 {
		e.CPU = strings.Join(strings.Fields(cpus[0].ModelName), " ")
	}
	if average, err := loadaverage.AvgWithContext(ctx); err == nil {
		e.LoadAverage = average.Load1
	}
	if limits, err := os.ReadFile("/proc/self/limits"); err == nil {
		e.OpenFiles = parseOpenFiles(string(limits))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch s.Key {
			case "vcs.revision":
				e.Revision = s.Value
			case "vcs.modified":
				e.Modified = s.Value == "true"
			}
		}
	}
	return e
}

// parseOpenFiles finds the limit of open files in /proc/PID/limits.
func parseOpenFiles(limits string) string {
	for line := range strings.Lines(limits) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			if fields := strings.Fields(rest); len(fields) >= 2 {
				return fields[0] + "/" + fields[1]
			}
		}
	}
	return ""
}
