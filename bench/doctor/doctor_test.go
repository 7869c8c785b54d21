package doctor

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pushlab/bench/result"
)

// A made is a machine that is made up.
type made struct {
	files     map[string]string
	programs  []string
	fails     []string // programs that fail when tried
	now, most uint64
	cores     []int
	granted   float64 // 0: all
	pins      error
	uring     error
	listen    error
	late      time.Duration
	steal     float64
}

// good is a machine that can do everything.
func good() made {
	return made{
		files: map[string]string{
			"/proc/sys/net/ipv4/ip_local_port_range": "10240\t65000\n", "/proc/loadavg": "0.10 0.20 0.30 1/100 1234\n",
			"/sys/devices/system/clocksource/clocksource0/current_clocksource": "tsc\n", "/proc/self/schedstat": "1 2 3\n",
			"/proc/self/smaps_rollup": "Rss: 1 kB\n", "/proc/slabinfo": "slabinfo - version: 2.1\n", "/proc/sys/kernel/perf_event_paranoid": "-1\n",
			"/sys/class/net/lo/mtu": "1500\n", nchanModule: "\x7fELF",
		},
		programs: []string{"perf", "ip", "tc", "nginx", "chromium"}, now: 1 << 20, most: 1 << 20, cores: []int{0, 1, 2, 3}, late: 60 * time.Microsecond,
	}
}

// bad is one that can do hardly anything.
func bad() made {
	return made{
		files: map[string]string{"/proc/sys/net/ipv4/ip_local_port_range": "60000 60999", "/proc/loadavg": "7.50 3 3", "/sys/class/net/lo/mtu": "65536",
			"/sys/devices/system/clocksource/clocksource0/current_clocksource": "hpet", "/proc/sys/kernel/perf_event_paranoid": "4", "/proc/self/smaps_rollup": "Rss: 1 kB\n"},
		programs: []string{"perf"}, fails: []string{"perf", "ip", "tc"}, now: 1024, most: 4096, cores: []int{0}, late: 5 * time.Millisecond, steal: 0.04,
		uring: errors.New("io_uring is switched off here (kernel.io_uring_disabled)"),
	}
}

func (m made) system() System {
	has := func(list []string, program string) bool {
		return strings.Contains(" "+strings.Join(list, " ")+" ", " "+program+" ")
	}
	return System{
		Read: func(name string) (string, error) {
			if text, ok := m.files[name]; ok {
				return text, nil
			}
			return "", &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
		},
		Look: func(program string) (string, error) {
			if has(m.programs, program) {
				return "/usr/bin/" + program, nil
			}
			return "", fs.ErrNotExist
		},
		Try: func(_ context.Context, apart bool, program string, _ ...string) error {
			if has(m.fails, program) {
				return errors.New(program + ": not permitted")
			}
			return nil
		},
		Files:    func() (uint64, uint64, error) { return m.now, m.most, nil },
		Listen:   func() error { return m.listen },
		Cores:    func() ([]int, error) { return m.cores, m.pins },
		CPULimit: func() (float64, bool) { return m.granted, m.granted > 0 },
		Uring:    func() error { return m.uring },
		Noise: func(context.Context) (result.Latency, float64) {
			return result.Latency{Count: 1000, P50: m.late / 2, P99: m.late, P999: m.late, Max: 2 * m.late}, m.steal
		},
	}
}

// golden compares with a file in testdata, which UPDATE=1 writes anew.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what came; if that is right, run the test with UPDATE=1:\n%s", path, got)
	}
}

func TestReports(t *testing.T) {
	for name, m := range map[string]made{"good.txt": good(), "bad.txt": bad()} {
		var b bytes.Buffer
		if err := Examine(t.Context(), m.system()).Write(&b, nil); err != nil {
			t.Fatal(err)
		}
		golden(t, name, b.Bytes())
	}
}

// Each thing that is not as it should be is told by its own check, and only there.
func TestEachCheck(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*made)
		check  string
		state  State
		said   string
	}{
		"few files, which can be raised": {func(m *made) { m.now = 1024 }, "descriptors", Limited, "960 subscribers"},
		"few files for good":             {func(m *made) { m.now, m.most = 1024, 1024 }, "descriptors", Limited, "960"},
		"no files":                       {func(m *made) { m.now = 60 }, "descriptors", Missing, "0 subscribers"},
		"no server":                      {func(m *made) { m.listen = errors.New("no") }, "server", Missing, "loopback"},
		"few ports":                      {func(m *made) { m.files["/proc/sys/net/ipv4/ip_local_port_range"] = "100 199" }, "ports", Limited, "100 for each"},
		"one core":                       {func(m *made) { m.cores = []int{3} }, "cores", Limited, "share"},
		"no pinning":                     {func(m *made) { m.pins = errors.New("not permitted") }, "cores", Limited, "not permitted"},
		"a control group":                {func(m *made) { m.granted = 1.5 }, "cores", Limited, "1.50"},
		"a slow clock":                   {func(m *made) { m.files["/sys/devices/system/clocksource/clocksource0/current_clocksource"] = "acpi_pm" }, "clock", Limited, "acpi_pm"},
		"some noise":                     {func(m *made) { m.late = time.Millisecond }, "noise", Limited, "1.00"},
		"steal":                          {func(m *made) { m.steal = 0.02 }, "noise", Limited, "2.0 %"},
		"other programs":                 {func(m *made) { m.files["/proc/loadavg"] = "3 2 1" }, "other programs", Limited, "3.00"},
		"no schedstat":                   {func(m *made) { delete(m.files, "/proc/self/schedstat") }, "CPU time", Missing, "schedstat"},
		"no slabinfo":                    {func(m *made) { delete(m.files, "/proc/slabinfo") }, "memory", Limited, "not of the kernel"},
		"perf may not count":             {func(m *made) { m.fails = []string{"perf"} }, "perf", Missing, "paranoid -1"},
		"no veth":                        {func(m *made) { m.fails = []string{"ip"} }, "network namespaces", Missing, "not permitted"},
		"no netem":                       {func(m *made) { m.fails = []string{"tc"} }, "delays", Limited, "proxy"},
		"large packets":                  {func(m *made) { m.files["/sys/class/net/lo/mtu"] = "65536" }, "segments", Limited, "65536"},
		"no io_uring":                    {func(m *made) { m.uring = errors.New("switched off") }, "io_uring", Limited, "switched off"},
		"no nchan":                       {func(m *made) { delete(m.files, nchanModule) }, "nchan", Missing, "not installed"},
	} {
		m := good()
		c.change(&m)
		r := Examine(t.Context(), m.system())
		for _, check := range r.Checks {
			if check.Name == c.check {
				if check.State != c.state || !strings.Contains(check.Found, c.said) || check.Advice == "" {
					t.Errorf("%s: %+v", name, check)
				}
			} else if check.State != OK {
				t.Errorf("%s: %+v too", name, check)
			}
		}
		if nothing := c.check == "server" || name == "no files"; (r.Subscribers == 0) != nothing {
			t.Errorf("%s: %d subscribers", name, r.Subscribers)
		}
	}
}

// On this machine, whatever it is, something is found out about everything.
func TestThis(t *testing.T) {
	for _, c := range Examine(t.Context(), This()).Checks {
		if c.Found == "" || c.State == "" {
			t.Errorf("%+v", c)
		}
	}
}
