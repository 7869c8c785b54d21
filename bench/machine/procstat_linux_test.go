package machine

import (
	"os"
	"runtime"
	"slices"
	"sync"
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

// Threads may end while they are counted.
func TestCPUTimeOfThreadsThatEnd(t *testing.T) {
	stop := make(chan struct{})
	var threads sync.WaitGroup
	for range 4 {
		threads.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				var one sync.WaitGroup
				one.Go(runtime.LockOSThread) // a goroutine that ends so takes its thread with it
				one.Wait()
			}
		})
	}
	for range 500 {
		if _, err := CPUTime(os.Getpid()); err != nil {
			t.Error(err)
			break
		}
	}
	close(stop)
	threads.Wait()
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
	read := func() (exact, quick time.Duration) {
		t.Helper()
		exact, err := CPUTime(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if quick, err = QuickCPUTime(os.Getpid()); err != nil {
			t.Fatal(err)
		}
		return exact, quick
	}
	exact, quick := read() // threads of other tests have ended, which only the quick way counts
	burn(t, 50*time.Millisecond)
	exactly, quickly := read()
	if off := (quickly - quick) - (exactly - exact); off.Abs() > 30*time.Millisecond {
		t.Errorf("the quick way says %v more, the exact one %v", quickly-quick, exactly-exact)
	}
	if _, err := QuickCPUTime(1 << 22); err == nil {
		t.Error("a process that cannot be has CPU time")
	}
}
