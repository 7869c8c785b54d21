package source

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math"
	"net"
	"runtime"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	gopsload "github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"
	gopsnet "github.com/shirou/gopsutil/v4/net"
)

// host publishes what the machine is doing on the topic "host".
type host struct {
	interval time.Duration
	log      *slog.Logger
	read     func(context.Context) reading
}

// hostData is the data of an event; the package comment explains its members. A member is nil, and
// left out, if it is not known: zero would be a claim.
type hostData struct {
	CPUPercent  *float64 `json:"cpu_percent,omitempty"`
	MemoryUsed  *uint64  `json:"memory_used_bytes,omitempty"`
	MemoryTotal *uint64  `json:"memory_total_bytes,omitempty"`
	Load1       *float64 `json:"load1,omitempty"`
	Load5       *float64 `json:"load5,omitempty"`
	Load15      *float64 `json:"load15,omitempty"`
	Received    *uint64  `json:"received_bytes_per_second,omitempty"`
	Sent        *uint64  `json:"sent_bytes_per_second,omitempty"`
}

// A reading is what the counters of the operating system say at one moment. What is nil could not
// be read; problems has the reason, by metric.
type reading struct {
	at       time.Time
	cpu      *cpuTime
	memory   *memory
	load     *gopsload.AvgStat
	network  map[string]traffic // by interface
	problems map[string]error
}

// cpuTime is in seconds since the machine started, summed over all cores.
type cpuTime struct{ busy, total float64 }

// memory is in bytes.
type memory struct{ used, total uint64 }

// traffic is in bytes since the interface exists.
type traffic struct{ received, sent uint64 }

func (r reading) empty() bool {
	return r.cpu == nil && r.memory == nil && r.load == nil && r.network == nil
}

// run publishes the first event one interval after the start, since rates need two readings.
func (h host) run(ctx context.Context, publish Publish) error {
	told := map[string]bool{}
	last := h.read(ctx)
	if last.empty() {
		return errors.New("this system tells none of its metrics; leave the source host out")
	}
	return every(ctx, h.interval, func() error {
		now := h.read(ctx)
		for metric, err := range now.problems {
			if !told[metric] {
				told[metric] = true
				h.log.Warn("source: a host metric cannot be read and is left out", "metric", metric, "error", err)
			}
		}
		d := now.since(last)
		last = now
		if d == (hostData{}) {
			return nil // for a moment nothing could be read, say for want of file descriptors
		}
		data, err := json.Marshal(d)
		if err != nil {
			return err
		}
		return publish(ctx, "host", data)
	})
}

// since returns the data of the event between two readings.
func (r reading) since(last reading) hostData {
	var d hostData
	if r.cpu != nil && last.cpu != nil {
		if total := r.cpu.total - last.cpu.total; total > 0 {
			percent := (r.cpu.busy - last.cpu.busy) / total * 100
			// The kernel may take back a little of the idle time it counted.
			d.CPUPercent = new(round(min(max(percent, 0), 100), 1))
		}
	}
	if r.memory != nil {
		d.MemoryUsed, d.MemoryTotal = &r.memory.used, &r.memory.total
	}
	if r.load != nil {
		d.Load1, d.Load5, d.Load15 = new(round(r.load.Load1, 2)), new(round(r.load.Load5, 2)), new(round(r.load.Load15, 2))
	}
	if seconds := r.at.Sub(last.at).Seconds(); r.network != nil && last.network != nil && seconds > 0 {
		var sum traffic
		for name, now := range r.network {
			// An interface that is new, or whose counters began anew, counts from the next time.
			before, ok := last.network[name]
			if ok && now.received >= before.received && now.sent >= before.sent {
				sum.received += now.received - before.received
				sum.sent += now.sent - before.sent
			}
		}
		d.Received = new(uint64(math.Round(float64(sum.received) / seconds)))
		d.Sent = new(uint64(math.Round(float64(sum.sent) / seconds)))
	}
	return d
}

// round keeps the events short: later digits are noise.
func round(x float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(x*scale) / scale
}

// readSystem reads the counters of this machine.
func readSystem(ctx context.Context) reading {
	r := reading{at: time.Now(), problems: map[string]error{}}
	var err error
	if r.cpu, err = readCPU(ctx); err != nil {
		r.problems["cpu"] = err
	}
	if r.memory, err = readMemory(ctx); err != nil {
		r.problems["memory"] = err
	}
	if r.load, err = readLoad(ctx); err != nil {
		r.problems["load"] = err
	}
	if r.network, err = readNetwork(ctx); err != nil {
		r.problems["network"] = err
	}
	return r
}

// readCPU does not use cpu.Percent, which compares with the last call of anybody in the program.
func readCPU(ctx context.Context) (*cpuTime, error) {
	all, err := cpu.TimesWithContext(ctx, false)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 { // how it reports on Linux that it could not read
		return nil, errors.New("the system shows no CPU times")
	}
	t := all[0]
	// Guest time is left out: the kernel has it in User and Nice already.
	busy := t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal
	return &cpuTime{busy: busy, total: busy + t.Idle + t.Iowait}, nil
}

func readMemory(ctx context.Context) (*memory, error) {
	m, err := mem.VirtualMemoryWithContext(ctx)
	if err != nil {
		return nil, err
	}
	if m.Total == 0 {
		return nil, errors.New("the system shows no memory")
	}
	return &memory{used: m.Used, total: m.Total}, nil
}

func readLoad(ctx context.Context) (*gopsload.AvgStat, error) {
	if runtime.GOOS == "windows" {
		// The library would estimate one, in a goroutine that never ends.
		return nil, errors.New("there is no load average on Windows")
	}
	return gopsload.AvgWithContext(ctx)
}

func readNetwork(ctx context.Context) (map[string]traffic, error) {
	counters, err := gopsnet.IOCountersWithContext(ctx, true)
	if err != nil {
		return nil, err
	}
	interfaces, err := net.Interfaces() // the counters do not tell which one is a loopback
	if err != nil {
		return nil, err
	}
	loopback := map[string]bool{}
	for _, i := range interfaces {
		loopback[i.Name] = i.Flags&net.FlagLoopback != 0
	}
	found := map[string]traffic{}
	for _, c := range counters {
		if !loopback[c.Name] {
			found[c.Name] = traffic{received: c.BytesRecv, sent: c.BytesSent}
		}
	}
	return found, nil
}
