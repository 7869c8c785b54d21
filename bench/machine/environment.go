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
	e.LoadAverage = loadAverage()
	system{}.settings(&e)
	e.Binary = binaryHash()
	if limits, err := os.ReadFile("/proc/self/limits"); err == nil {
		e.OpenFiles = parseOpenFiles(string(limits))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		e.Libraries = libraries(info)
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

// loadAverage is the system's over a minute; 0 if it is not known.
func loadAverage() float64 {
	average, err := loadaverage.Avg()
	if err != nil {
		return 0
	}
	return average.Load1
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
