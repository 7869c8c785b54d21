package doctor

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"pushlab/bench/result"
)

// A State is how good something is.
type State string

// The states. What is limited can be measured, but less of it or less exactly; what is missing cannot.
const (
	OK      State = "ok"
	Limited State = "limited"
	Missing State = "missing"
)

// A Check is what was found out about one thing.
type Check struct {
	// Name is what was looked at.
	Name  string `json:"name"`
	State State  `json:"state"`
	// Found is what there is, and Advice what to do about it; "" if nothing is to be done.
	Found  string `json:"found"`
	Advice string `json:"advice,omitempty"`
}

// A Report is what a machine can measure.
type Report struct {
	// Checks are what was looked at.
	Checks []Check `json:"checks"`
	// Subscribers is how many there can be at a time; 0 says that nothing can be measured.
	Subscribers int `json:"subscribers"`
}

// A System is what is asked. No function may be nil.
type System struct {
	// Read returns a file's text.
	Read func(name string) (string, error)
	// Look finds a program, as a shell does.
	Look func(program string) (path string, err error)
	// Try runs a program to its end, and returns why it failed; apart in a network namespace of its own.
	Try func(ctx context.Context, apart bool, program string, args ...string) error
	// Files returns how many files a process may have open, now and at most.
	Files func() (now, most uint64, err error)
	// Listen returns why no server can be started on the loopback interface.
	Listen func() error
	// Cores returns the cores that may be used, and whether a process can be kept to one of them.
	Cores func() (cores []int, pins error)
	// CPULimit is how many cores' time is granted, if that is limited.
	CPULimit func() (cores float64, limited bool)
	// Uring returns why there is no io_uring.
	Uring func() error
	// Noise is how late a timer is while nothing else is done, and the share of the cores' time that was
	// stolen meanwhile.
	Noise func(ctx context.Context) (late result.Latency, steal float64)
}

// What a run takes of files beside those of its subscribers, what the widest scenario has, and what the load does.
const (
	otherFiles  = 64
	widest      = 15_000
	perSource   = 10_000 // connections from one address
	mostOfLoad  = 20_000 // subscribers
	nchanModule = "/usr/lib/nginx/modules/ngx_nchan_module.so"
)

// From these on a machine is noisy, and too noisy.
const (
	someNoise = 300 * time.Microsecond
	muchNoise = 2 * time.Millisecond
	someSteal = 0.01
)

// Examine asks about all.
func Examine(ctx context.Context, s System) Report {
	var r Report
	add := func(c Check) { r.Checks = append(r.Checks, c) }
	files := s.files(&r)
	add(s.listen(&r))
	add(files)
	add(s.ports())
	add(s.cores())
	add(s.clock())
	add(s.noise(ctx))
	add(s.others())
	add(s.cpuTime())
	add(s.memory())
	add(s.perf(ctx))
	add(s.veth(ctx))
	add(s.delays(ctx))
	add(s.mtu())
	add(s.uring())
	add(s.program("nginx", "the comparisons with a proxy", "Debian: apt install nginx"))
	add(s.nchan())
	add(s.program("chromium", "the tests of the page; no benchmark needs it", "Debian: apt install chromium"))
	return r
}

func ok(name, format string, args ...any) Check {
	return Check{Name: name, State: OK, Found: fmt.Sprintf(format, args...)}
}

func limited(name, advice, format string, args ...any) Check {
	return Check{Name: name, State: Limited, Found: fmt.Sprintf(format, args...), Advice: advice}
}

func missing(name, advice, format string, args ...any) Check {
	return Check{Name: name, State: Missing, Found: fmt.Sprintf(format, args...), Advice: advice}
}

// setting reads a small file; "" if it cannot be read.
func (s System) setting(name string) string {
	text, err := s.Read(name)
	if err != nil {
		return ""
	}
	return strings.Join(strings.Fields(text), " ")
}

func (s System) listen(r *Report) Check {
	if err := s.Listen(); err != nil {
		r.Subscribers = 0
		return missing("server", "allow it: without a server nothing can be measured", "none can listen on the loopback interface: %v", err)
	}
	return ok("server", "can listen on the loopback interface")
}

// files says how many subscribers there can be: each takes a file here and one in the server.
func (s System) files(r *Report) Check {
	now, most, err := s.Files()
	if err != nil {
		r.Subscribers = widest
		return limited("descriptors", "", "the limit is not known: %v", err)
	}
	subscribers := func(limit uint64) int { return int(min(max(limit, otherFiles)-otherFiles, mostOfLoad)) }
	r.Subscribers = subscribers(now)
	found := fmt.Sprintf("%d, so up to %d subscribers", now, r.Subscribers)
	switch {
	case r.Subscribers == 0:
		return missing("descriptors", fmt.Sprintf("ulimit -n %d", most), "%s", found)
	case r.Subscribers >= widest:
		return ok("descriptors", "%s", found)
	case subscribers(most) > r.Subscribers:
		return limited("descriptors", fmt.Sprintf("ulimit -n %d, for up to %d", most, subscribers(most)), "%s", found)
	default:
		return limited("descriptors", "root may raise the limit (ulimit -Hn)", "%s", found)
	}
}

func (s System) ports() Check {
	const name = "ports"
	var first, last int
	if n, _ := fmt.Sscan(s.setting("/proc/sys/net/ipv4/ip_local_port_range"), &first, &last); n != 2 {
		return limited(name, "", "which ports connections have is not known")
	}
	count := last - first + 1
	if count < perSource {
		return limited(name, "sysctl -w net.ipv4.ip_local_port_range='10240 65000'", "%d for each address; the load uses up to %d", count, perSource)
	}
	return ok(name, "%d for each address, of which the load has as many as it needs", count)
}

func (s System) cores() Check {
	const name = "cores"
	cores, pins := s.Cores()
	share := "latency tails are the scheduler's then; compare bytes, and CPU time with care"
	if granted, is := s.CPULimit(); is && granted < float64(len(cores)) {
		return limited(name, "raise the control group's limit (cpu.max): it stops both at once, in the middle of a run", "%d, but only the time of %.2f is granted", len(cores), granted)
	}
	switch {
	case len(cores) == 0:
		return limited(name, share, "nobody can be kept to a core on this system")
	case len(cores) == 1:
		return limited(name, share, "one: server and load share it")
	case pins != nil:
		return limited(name, share, "%d, but nobody can be kept to one: %v", len(cores), pins)
	case len(cores) == 2:
		return ok(name, "2: one for the server, one for the load; with a proxy between compare only ratios")
	}
	return ok(name, "%d: one for the server, one for the load", len(cores))
}

func (s System) clock() Check {
	const name = "clock"
	switch source := s.setting("/sys/devices/system/clocksource/clocksource0/current_clocksource"); source {
	case "":
		return limited(name, "", "what the kernel reads the time from is not known")
	case "hpet", "acpi_pm", "jiffies":
		return limited(name, "boot with clocksource=tsc, if the machine has a steady one", "%s: to read the time takes microseconds", source)
	default:
		return ok(name, "%s", source)
	}
}

func (s System) noise(ctx context.Context) Check {
	const name = "noise"
	late, steal := s.Noise(ctx)
	ms := func(d time.Duration) string { return strconv.FormatFloat(float64(d)/1e6, 'f', 2, 64) }
	found := fmt.Sprintf("a timer is late by p50 %s, p99 %s, p99.9 %s, max %s ms; no delivery is more exact", ms(late.P50), ms(late.P99), ms(late.P999), ms(late.Max))
	if steal > 0 {
		found += fmt.Sprintf("; %.1f %% of the time was stolen", 100*steal)
	}
	switch {
	case late.Count == 0:
		return missing(name, "", "it was not looked for")
	case late.P999 > muchNoise || steal > someSteal:
		return limited(name, "p99 and above are the machine's: compare medians, bytes and ratios within a round; end what else runs", "%s", found)
	case late.P999 > someNoise:
		return limited(name, "p99.9 and above are the machine's", "%s", found)
	}
	return ok(name, "%s", found)
}

// others says whether other programs run.
func (s System) others() Check {
	const name = "other programs"
	cores, _ := s.Cores()
	average, err := strconv.ParseFloat(strings.Split(s.setting("/proc/loadavg")+" ", " ")[0], 64)
	switch {
	case err != nil:
		return limited(name, "", "the load average is not known")
	case average > 0.5*float64(max(1, len(cores))):
		return limited(name, "end them, or wait: the load average is over the last minute", "the load average is %.2f", average)
	}
	return ok(name, "the load average is %.2f", average)
}

func (s System) cpuTime() Check {
	const name = "CPU time"
	if _, err := s.Read("/proc/self/schedstat"); err != nil {
		return missing(name, "a kernel with CONFIG_SCHED_INFO; without it CPU per event is not told", "no schedstat: %v", err)
	}
	return ok(name, "to the nanosecond, by thread (schedstat)")
}

func (s System) memory() Check {
	const name = "memory"
	_, rollup := s.Read("/proc/self/smaps_rollup")
	_, slab := s.Read("/proc/slabinfo")
	switch {
	case rollup != nil:
		return missing(name, "Linux 4.14; without it memory per connection is not told", "no smaps_rollup: %v", rollup)
	case slab != nil:
		return limited(name, "as root also what the kernel takes for each socket (slabinfo)", "of processes, not of the kernel")
	}
	return ok(name, "of processes (smaps_rollup) and of the kernel (slabinfo)")
}

// perf is for who wants to know why; no scenario needs it.
func (s System) perf(ctx context.Context) Check {
	const name = "perf"
	paranoid := s.setting("/proc/sys/kernel/perf_event_paranoid")
	if _, err := s.Look("perf"); err != nil {
		return missing(name, "Debian: apt install linux-perf; it counts system calls", "not installed; no scenario needs it")
	}
	if err := s.Try(ctx, false, "perf", "stat", "-e", "raw_syscalls:sys_enter", "true"); err == nil {
		return ok(name, "counts system calls by tracepoints (perf_event_paranoid %s)", paranoid)
	}
	if err := s.Try(ctx, false, "perf", "stat", "-e", "task-clock", "true"); err == nil {
		return limited(name, "as root, or with sysctl -w kernel.perf_event_paranoid=-1", "no tracepoints, so it counts no system calls (perf_event_paranoid %s)", paranoid)
	}
	return missing(name, "sysctl -w kernel.perf_event_paranoid=1", "may not count (perf_event_paranoid %s)", paranoid)
}

func (s System) veth(ctx context.Context) Check {
	const name = "network namespaces"
	if err := s.Try(ctx, true, "ip", "link", "add", "name", "pushlab0", "type", "veth", "peer", "name", "pushlab1"); err != nil {
		return missing(name, "as root, with iproute2 and the kernel's veth; without it the loopback interface has to do", "no veth pair can be made: %v", err)
	}
	return ok(name, "with veth, which charges the receiving half of TCP to the receiver")
}

func (s System) delays(ctx context.Context) Check {
	const name = "delays"
	if err := s.Try(ctx, true, "tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", "1ms"); err != nil {
		return limited(name, "a kernel with sch_netem would do it without", "by a proxy between, which adds two hops; no netem")
	}
	return ok(name, "by netem, or by a proxy between")
}

func (s System) mtu() Check {
	const name = "segments"
	switch mtu := s.setting("/sys/class/net/lo/mtu"); mtu {
	case "":
		return limited(name, "", "the MTU of lo is not known")
	case "1500":
		return ok(name, "lo has an MTU of 1500, as Ethernet has")
	default:
		return limited(name, "as root: ip link set lo mtu 1500, for as many segments as on Ethernet", "lo has an MTU of %s: bytes are right, segments are fewer", mtu)
	}
}

func (s System) uring() Check {
	const name = "io_uring"
	if err := s.Uring(); err != nil {
		return limited(name, "the server writes by plain system calls then", "%v", err)
	}
	return ok(name, "the server uses it")
}

func (s System) program(name, what, install string) Check {
	path, err := s.Look(name)
	if err != nil {
		return missing(name, install, "not installed; it is for %s", what)
	}
	return ok(name, "%s", path)
}

func (s System) nchan() Check {
	const name, install = "nchan", "Debian: apt install nginx libnginx-mod-nchan"
	if _, err := s.Read(nchanModule); err != nil {
		return missing(name, install, "not installed; it is for the comparisons with it")
	}
	return ok(name, nchanModule)
}

// Write writes the report for people: a line for each check, and what follows. Paint gives a state its color; nil
// is none.
func (r Report) Write(w io.Writer, paint func(State, string) string) error {
	if paint == nil {
		paint = func(_ State, text string) string { return text }
	}
	width := 0
	for _, c := range r.Checks {
		width = max(width, len(c.Name))
	}
	var b strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&b, "%s %-*s  %s\n", paint(c.State, fmt.Sprintf("%-7s", c.State)), width, c.Name, c.Found)
		if c.Advice != "" && c.State != OK {
			fmt.Fprintf(&b, "%*s  → %s\n", 8+width, "", c.Advice)
		}
	}
	count := func(state State) (n int) {
		for _, c := range r.Checks {
			if c.State == state {
				n++
			}
		}
		return n
	}
	switch {
	case r.Subscribers == 0:
		b.WriteString("\nNothing can be measured here.\n")
	default:
		fmt.Fprintf(&b, "\nUp to %d subscribers can be measured here; of %d things %d are limited and %d missing.\n", r.Subscribers, len(r.Checks), count(Limited), count(Missing))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
