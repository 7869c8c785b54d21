package embedded_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/journal"
	"pushlab/common/journal/embedded"
	"pushlab/common/journal/journaltest"
)

// asChild names the directory that this program, run again by TestKill9, appends to until it is killed.
const asChild = "JOURNAL_TEST_CHILD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(asChild); dir != "" {
		child(dir)
	}
	goleak.VerifyTestMain(m)
}

// quick is a configuration for tests. They stop no machine, so nothing has to be on the disk; and the server sets its timer for
// that without a lock, which the race detector sees if the timer is short and the machine so busy that it ends meanwhile.
func quick() embedded.Config {
	return embedded.Config{Config: journal.Config{Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}, Sync: time.Hour}
}

func open(t testing.TB, dir string, c embedded.Config) *embedded.Journal {
	t.Helper()
	log, err := embedded.Open(t.Context(), dir, c)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

func shut(t testing.TB, log hub.Log) {
	t.Helper()
	if err := log.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

func fill(t testing.TB, log hub.Log, n int) (last event.ID) {
	t.Helper()
	var err error
	for i := range n {
		if last, err = log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(strconv.Itoa(i))}); err != nil {
			t.Fatal(err)
		}
	}
	return last
}

func TestContract(t *testing.T) {
	journaltest.Test(t, func(t testing.TB) journaltest.Backend {
		dir := t.TempDir()
		return journaltest.Backend{
			Open: func(t testing.TB, c journal.Config) journaltest.Log {
				config := quick()
				config.Config = c
				return open(t, dir, config)
			},
			Lasts: true,
		}
	})
}

// TestOneProcess checks that a directory is locked, and is free again after Close, and after Open failed.
func TestOneProcess(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, quick())
	_, err := embedded.Open(t.Context(), dir, quick())
	if want := fmt.Sprintf("in use by another process (pid %d); stop it, or give another directory", os.Getpid()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v; want %q", err, want)
	}
	fill(t, log, 1)
	shut(t, log)
	other := quick()
	other.Name = "other"
	if _, err := embedded.Open(t.Context(), dir, other); err == nil || !strings.Contains(err.Error(), `the stream in `+dir+` is "pushlab"`) {
		t.Error(err)
	}
	shut(t, open(t, dir, quick()))
}

func TestOpenRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "journal"), []byte("dear diary"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		dir    string
		change func(*embedded.Config)
		want   string
	}{
		{"", nil, "there is no directory"},
		{file, nil, "cannot be made"},
		{foreign, nil, "is the directory that of another program?"},
		{t.TempDir(), func(c *embedded.Config) { c.Existing = true }, "there is no journal in"},
		{t.TempDir(), func(c *embedded.Config) { c.MinFree = 1 << 60 }, "is full: it has"},
		{t.TempDir(), func(c *embedded.Config) { c.Replicas = 3 }, "cannot hold 3 replicas"},
		{t.TempDir(), func(c *embedded.Config) { c.Name = "a b" }, "cannot be the name of a stream"},
	} {
		config := quick()
		if c.change != nil {
			c.change(&config)
		}
		if _, err := embedded.Open(t.Context(), c.dir, config); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %q", c.dir, err, c.want)
		}
	}
}

// TestMachineStopped checks in which cases the log gets another epoch: when the machine stopped while the log was open, and
// not everything was on the disk.
func TestMachineStopped(t *testing.T) {
	for _, c := range []struct {
		name                   string
		always, unknown, other bool
		again                  bool // it is another epoch
	}{
		{name: "the process was killed"},
		{name: "the machine stopped", other: true, again: true},
		{name: "the machine stopped, with sync always", always: true, other: true},
		{name: "nobody can say", unknown: true, again: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			boot := "first"
			if c.unknown {
				boot = ""
			}
			var lines bytes.Buffer
			config := quick()
			config.SyncAlways = c.always
			config.BootID = func() string { return boot }
			config.Logger = slog.New(slog.NewTextHandler(&lines, nil))
			log := open(t, dir, config)
			was := fill(t, log, 10)
			running, err := os.ReadFile(filepath.Join(dir, "running"))
			if err != nil {
				t.Fatal(err)
			}
			shut(t, log)
			if _, err := os.Stat(filepath.Join(dir, "running")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("after Close: %v", err)
			}
			if err := os.WriteFile(filepath.Join(dir, "running"), running, 0o600); err != nil {
				t.Fatal(err)
			}
			if c.other {
				boot = "second"
			}
			log = open(t, dir, config)
			now := fill(t, log, 1)
			if now.Seq != 11 || (now.Epoch != was.Epoch) != c.again || strings.Contains(lines.String(), "may be lost") != c.again {
				t.Errorf("it was %v and is %v; the log is\n%s", was, now, lines.String())
			}
			shut(t, log)
			log = open(t, dir, config) // and it stays
			if id := fill(t, log, 1); id.Epoch != now.Epoch {
				t.Errorf("it was %v and is %v", now, id)
			}
			shut(t, log)
		})
	}
}

// TestLifeIsKept checks that no epoch comes twice, even if the server loses its note of one.
func TestLifeIsKept(t *testing.T) {
	dir, keep := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	log := open(t, dir, quick())
	first := fill(t, log, 1)
	shut(t, log)
	if err := os.CopyFS(keep, os.DirFS(filepath.Join(dir, "jetstream"))); err != nil {
		t.Fatal(err)
	}
	log = open(t, dir, quick())
	if err := log.Renew(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	second := fill(t, log, 1)
	shut(t, log)
	if err := errors.Join(os.RemoveAll(filepath.Join(dir, "jetstream")), os.CopyFS(filepath.Join(dir, "jetstream"), os.DirFS(keep))); err != nil {
		t.Fatal(err)
	}
	log = open(t, dir, quick())
	third := fill(t, log, 1)
	if err := log.Renew(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	fourth := fill(t, log, 1)
	shut(t, log)
	if first.Epoch == second.Epoch || third.Epoch != second.Epoch || fourth.Epoch == third.Epoch || fourth.Epoch == first.Epoch {
		t.Errorf("%v %v %v %v", first, second, third, fourth)
	}
}

// TestNoEmptyLogOverABrokenOne damages what the server needs to read the stream: Open must fail, and leave everything there.
func TestNoEmptyLogOverABrokenOne(t *testing.T) {
	dir := t.TempDir()
	log := open(t, dir, quick())
	was := fill(t, log, 10)
	shut(t, log)
	meta := filepath.Join(dir, "jetstream", "$G", "streams", "pushlab", "meta.inf")
	whole, err := os.ReadFile(meta)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(meta, whole[:len(whole)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := embedded.Open(t.Context(), dir, quick()); err == nil || !strings.Contains(err.Error(), "could not read it") {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(meta, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	log = open(t, dir, quick())
	if id := fill(t, log, 1); id.Seq != was.Seq+1 || id.Epoch != was.Epoch {
		t.Errorf("%v", id)
	}
	shut(t, log)
}

// TestNumbersGoOnAfterNothing checks that a log whose events are all gone goes on with its numbers when its process was killed:
// what a copy of the files has, taken while the log is open, is what there is after kill -9.
func TestNumbersGoOnAfterNothing(t *testing.T) {
	for name, empty := range map[string]func(*testing.T, *embedded.Journal){
		"trimmed": func(t *testing.T, log *embedded.Journal) {
			if err := log.Trim(t.Context(), 100); err != nil {
				t.Fatal(err)
			}
		},
		"expired": func(t *testing.T, log *embedded.Journal) {
			for late := time.After(10 * time.Second); ; {
				if state, err := log.State(t.Context()); err == nil && state.First == 101 {
					return
				}
				select {
				case <-late:
					t.Fatal("the events do not expire")
				case <-time.After(10 * time.Millisecond):
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, killed := t.TempDir(), filepath.Join(t.TempDir(), "copy")
			config := quick()
			if name == "expired" {
				config.MaxAge = 300 * time.Millisecond
			}
			log := open(t, dir, config)
			was := fill(t, log, 100)
			empty(t, log)
			if err := os.CopyFS(killed, os.DirFS(dir)); err != nil {
				t.Fatal(err)
			}
			shut(t, log)
			log = open(t, killed, config)
			if now := fill(t, log, 1); now.Seq != 101 || now.Epoch != was.Epoch {
				t.Errorf("%v after %v", now, was)
			}
			shut(t, log)
		})
	}
}

// TestDisk has the server fail to write: everything says so, and goes on by itself when there is room.
func TestDisk(t *testing.T) {
	log := open(t, t.TempDir(), quick())
	was := fill(t, log, 10)
	ctx, stop := context.WithCancel(t.Context())
	delivered := make(chan event.ID, 100)
	var tail sync.WaitGroup
	tail.Go(func() { log.Tail(ctx, was, func(e event.Event) { delivered <- e.ID }) })

	log.Fail(errors.New("no space left on device"))
	told := func(err error) bool {
		return errors.Is(err, hub.ErrUnavailable) && strings.Contains(err.Error(), "cannot be written: no space left on device; make room")
	}
	late := time.Now().Add(10 * time.Second)
	for {
		_, err := log.State(t.Context())
		if told(err) {
			break
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
	}
	if _, err := log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`1`)}); !told(err) {
		t.Error(err)
	}
	var now event.ID
	for {
		id, err := log.Append(t.Context(), hub.Entry{Topic: "a", Data: []byte(`1`), Key: "k"})
		if err == nil {
			now = id
			break
		}
		if time.Now().After(late) {
			t.Fatal(err)
		}
	}
	if now.Seq != 11 || now.Epoch != was.Epoch {
		t.Errorf("%v after %v", now, was)
	}
	if id := <-delivered; id != now {
		t.Errorf("%v was delivered", id)
	}
	stop()
	tail.Wait()
	shut(t, log)
}

// child appends, and says what was acknowledged, until it is killed.
func child(dir string) {
	log, err := embedded.Open(context.Background(), dir, quick())
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var running sync.WaitGroup
	for p := range 4 {
		running.Go(func() {
			for i := 0; ; i++ {
				data := fmt.Sprintf(`"%d/%d"`, p, i)
				id, err := log.Append(context.Background(), hub.Entry{Topic: "a", Data: []byte(data)})
				if err != nil {
					fmt.Println(err)
					os.Exit(1)
				}
				fmt.Println(id, data)
			}
		})
	}
	running.Wait()
}

// TestKill9 kills a process that appends, and checks that all it was told of is there, under the same IDs.
func TestKill9(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	acked := map[string]string{} // data by ID
	for round := range 2 {
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), asChild+"="+dir)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			id, data, found := strings.Cut(lines.Text(), " ")
			if _, err := event.ParseID(id); !found || err != nil {
				break // the last one is cut short, or it is an error
			}
			acked[id] = data
			if n == 500 {
				cmd.Process.Kill() // and what it had said before is read
			}
		}
		cmd.Wait()
		log := open(t, dir, quick())
		page, err := log.Read(t.Context(), 0, hub.Range{Events: 1 << 20, Bytes: 1 << 30})
		if err != nil {
			t.Fatal(err)
		}
		found := map[string]string{}
		for i, e := range page.Events {
			if e.ID.Seq != uint64(i+1) {
				t.Fatalf("%v is number %d", e.ID, i+1)
			}
			found[e.ID.String()] = string(e.Data)
		}
		for id, data := range acked {
			if found[id] != data {
				t.Fatalf("round %d: %s was %s, and is %q", round, id, data, found[id])
			}
		}
		if len(acked) < 500*(round+1) {
			t.Fatalf("only %d were acknowledged", len(acked))
		}
		shut(t, log)
	}
}
