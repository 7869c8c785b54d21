package machine

import (
	"os"
	"slices"
	"testing"
	"time"
)

// burn keeps a core busy until the process has had that much more CPU time.
func burn(t *testing.T, d time.Duration) {
	t.Helper()
	before, err := CPUTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for x := 0; ; x++ {
		if x%1_000_000 != 0 {
			continue
		}
		now, err := CPUTime(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now-before >= d {
			return
		}
	}
}

func TestCPUTimeOfThisProcess(t *testing.T) {
	start := time.Now()
	busy, err := BusyTime(nil)
	if err != nil {
		t.Fatal(err)
	}
	burn(t, 50*time.Millisecond) // which ends, so the time counts up
	wall := time.Since(start)
	after, err := BusyTime(nil)
	if err != nil {
		t.Fatal(err)
	}
	if wall < 5*time.Millisecond {
		t.Errorf("50 ms of CPU time took %v: it counts too fast", wall)
	}
	if after-busy < 10*time.Millisecond {
		t.Errorf("this process was busy for 50 ms, but the system only for %v", after-busy)
	}
}

func TestMemoryOfThisProcess(t *testing.T) {
	pids := Family(os.Getpid())
	if rss, err := ResidentMemory(pids...); err != nil || rss < 1<<20 || pids[0] != os.Getpid() {
		t.Errorf("the processes %v take %d bytes, %v", pids, rss, err)
	}
	if _, err := ResidentMemory(1 << 30); err == nil {
		t.Error("a process that does not exist has memory")
	}
}

// The threads of this process move to one core, and back.
func TestPin(t *testing.T) {
	before := Cores()
	if len(before) == 0 {
		t.Fatal("this process may run nowhere")
	}
	unpin, err := Pin(before[0])
	if err != nil {
		t.Fatal(err)
	}
	if now := Cores(); len(now) != 1 || now[0] != before[0] {
		t.Errorf("after pinning to core %d it runs on %v", before[0], now)
	}
	if err := unpin(); err != nil {
		t.Error(err)
	}
	if now := Cores(); !slices.Equal(now, before) {
		t.Errorf("after unpinning it runs on %v, not %v", now, before)
	}
	if _, err := Pin(1 << 9); err == nil {
		t.Error("it was pinned to a core that does not exist")
	}
}

func TestCPUTimeOfNoProcess(t *testing.T) {
	if _, err := CPUTime(1 << 30); err == nil {
		t.Error("a process that does not exist has CPU time")
	}
}

func TestEnvironment(t *testing.T) {
	e := ReadEnvironment(t.Context())
	if e.Kernel == "" || e.Cores < 1 || e.GOMAXPROCS < 1 || e.GoVersion == "" || e.OpenFiles == "" {
		t.Errorf("something is missing: %+v", e)
	}
}

// The quick way to read the memory comes near the exact one.
func TestQuickMemory(t *testing.T) {
	exact, err := ResidentMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	quick, err := QuickMemory(os.Getpid())
	if err != nil || quick < exact-4<<20 || quick > exact+4<<20 {
		t.Errorf("%d bytes, %v; exactly it is %d", quick, err, exact)
	}
	if _, err := QuickMemory(1 << 30); err == nil {
		t.Error("a process that cannot be has memory")
	}
}

// The clocks of processes say what their threads' accounts say together.
func TestQuickCPUTime(t *testing.T) {
	burn(t, 20*time.Millisecond)
	before, err := CPUTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	quick, err := QuickCPUTime(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if off := quick - before; off < -20*time.Millisecond || off > 200*time.Millisecond {
		t.Errorf("the quick way says %v, the exact one said %v", quick, before)
	}
	if _, err := QuickCPUTime(1 << 22); err == nil {
		t.Error("a process that cannot be has CPU time")
	}
}

// What one reading of two processes costs the load, which makes it.
func BenchmarkReading(b *testing.B) {
	pid := os.Getpid()
	for name, cpu := range map[string]func(...int) (time.Duration, error){"exact": CPUTime, "quick": QuickCPUTime} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				for range 2 {
					if _, err := cpu(pid); err != nil {
						b.Fatal(err)
					}
				}
				if _, err := QuickMemory(pid); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
