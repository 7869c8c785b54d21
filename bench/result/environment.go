package result

// An Environment is what a run's numbers depend on beside the program. What could not be found out
// is empty. The server is started with the same environment as the load,
// but for GODEBUG, by which a Go program is to tell of its garbage collections.
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
	// Governor is how the clock of the cores is governed, ClockSource what the kernel reads the time from.
	Governor    string `json:"governor,omitempty"`
	ClockSource string `json:"clock_source,omitempty"`
	// LocalPorts are the first and last port for connections that ask for none, Backlog how many
	// connections may wait to be accepted at most.
	LocalPorts string `json:"ip_local_port_range,omitempty"`
	Backlog    string `json:"somaxconn,omitempty"`
	// TCPReceive and TCPSend are the least, default and largest size of a socket's buffers, in bytes.
	// TCPAutocorking says whether small writes are put together, TCPCongestion what keeps the rate.
	TCPReceive     string `json:"tcp_rmem,omitempty"`
	TCPSend        string `json:"tcp_wmem,omitempty"`
	TCPAutocorking string `json:"tcp_autocorking,omitempty"`
	TCPCongestion  string `json:"tcp_congestion_control,omitempty"`
	// LoopbackMTU is how many bytes a packet on the loopback interface has at most.
	LoopbackMTU string `json:"lo_mtu,omitempty"`
	// NetNamespace is the network namespace. CPULimit is how many cores' time the control groups grant
	// at most, such as "1.50"; "" is all.
	NetNamespace string `json:"net_namespace,omitempty"`
	CPULimit     string `json:"cpu_limit,omitempty"`
	// Libraries are those that carry traffic in the server, with their versions; the rest is Go's own.
	Libraries string `json:"libraries,omitempty"`
	// Binary is the SHA-256 of the program.
	Binary string `json:"binary_sha256,omitempty"`
}
