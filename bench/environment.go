package bench

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/host"
	loadaverage "github.com/shirou/gopsutil/v4/load"
)

// An Environment is what a run's numbers depend on beside the program. What could not be found out
// is empty. The server is started with the same environment as the load.
type Environment struct {
	// OS and Arch are what the program was built for.
	OS   string `json:"os"`
	Arch string `json:"arch"`
	// Kernel is the kernel's version.
	Kernel string `json:"kernel"`
	// CPU is the processor's model, Cores how many of it the system has.
	CPU   string `json:"cpu"`
	Cores int    `json:"cores"`
	// GOMAXPROCS is how many threads may run Go code at a time, in each of the two processes.
	GOMAXPROCS int `json:"gomaxprocs"`
	// GoVersion is what the program was built with.
	GoVersion string `json:"go_version"`
	// GOGC and GOMEMLIMIT are the settings of the garbage collector, if the user made some.
	GOGC       string `json:"gogc,omitempty"`
	GOMEMLIMIT string `json:"gomemlimit,omitempty"`
	// OpenFiles is how many files, and so connections, a process may have open: "soft/hard".
	OpenFiles string `json:"open_files"`
	// Revision is the commit that the program was built from, Modified whether with changes that
	// are in no commit.
	Revision string `json:"revision"`
	Modified bool   `json:"modified"`
	// LoadAverage is the system's load average over a minute, before the run.
	LoadAverage float64 `json:"load_average"`
}

// ReadEnvironment finds out about this machine and this program.
func ReadEnvironment(ctx context.Context) Environment {
	e := Environment{
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
