package result

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
