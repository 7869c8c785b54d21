package source

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// A tailTest follows a real file in virtual time: the source polls exactly once in each tick.
type tailTest struct {
	t      *testing.T
	path   string
	rec    *recorder
	logged *bytes.Buffer
	stop   func() error
}

const testPoll = time.Millisecond

// inTail follows a file that begins with content, or does not exist if content is nil.
func inTail(t *testing.T, content []byte, limit int, f func(*tailTest)) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		h := &tailTest{t: t, path: filepath.Join(dir, "log"), rec: &recorder{t: t}}
		if content != nil {
			h.write(h.path, string(content))
		}
		log, logged := logTo()
		h.logged = logged
		h.stop = start(t, named{name: "tail", run: tail{path: h.path, log: log, poll: testPoll, limit: limit}.run}, h.rec.publish)
		synctest.Wait()
		<-time.After(testPoll / 2) // so that ticks end between two polls
		f(h)
		if err := h.stop(); err != nil {
			t.Errorf("Run = %v, want nil", err)
		}
	})
}

func (h *tailTest) tick() {
	<-time.After(testPoll)
	synctest.Wait()
}

func (h *tailTest) write(path, text string) { appendTo(h.t, path, text) }

// rotate renames the file as log rotation does, and returns its new name.
func (h *tailTest) rotate() string {
	h.t.Helper()
	old := h.path + "." + strconv.FormatInt(time.Now().UnixNano(), 10)
	if err := os.Rename(h.path, old); err != nil {
		h.t.Fatal(err)
	}
	return old
}

// want checks what was published since the last call.
func (h *tailTest) want(data ...string) {
	h.t.Helper()
	if diff := cmp.Diff(data, h.rec.takeData()); diff != "" {
		h.t.Errorf("(-want +got):\n%s", diff)
	}
}

func appendTo(t *testing.T, path, text string) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

func TestTailBeginsAtTheEnd(t *testing.T) {
	inTail(t, []byte("old\n"), MaxLine, func(h *tailTest) {
		h.tick()
		h.want()
		h.write(h.path, "new\n{\"a\": 1}\n")
		h.tick()
		h.want(`"new"`, `{"a":1}`)
	})
}

func TestTailHoldsUnfinishedLine(t *testing.T) {
	inTail(t, []byte(""), MaxLine, func(h *tailTest) {
		h.write(h.path, "a\nun")
		h.tick()
		h.want(`"a"`)
		h.write(h.path, "fini")
		h.tick()
		h.tick()
		h.want()
		h.write(h.path, "shed\nb")
		h.tick()
		h.want(`"unfinished"`)
	})
}

// A line that is unfinished when the source starts is published whole.
func TestTailBeginsInALine(t *testing.T) {
	inTail(t, []byte("old\nunfini"), MaxLine, func(h *tailTest) {
		h.tick()
		h.want()
		h.write(h.path, "shed\n")
		h.tick()
		h.want(`"unfinished"`)
	})
}

func TestTailWaitsForTheFile(t *testing.T) {
	inTail(t, nil, MaxLine, func(h *tailTest) {
		for range 5 {
			h.tick()
		}
		if n := strings.Count(h.logged.String(), "waiting for the file"); n != 1 {
			t.Errorf("told %d times that it waits, want once: %s", n, h.logged)
		}
		h.write(h.path, "first\n")
		h.tick()
		h.want(`"first"`)
	})
}

func TestTailRotation(t *testing.T) {
	inTail(t, []byte("old\n"), MaxLine, func(h *tailTest) {
		h.write(h.path, "1\n")
		h.tick()
		h.write(h.path, "2\n") // not read yet when the file is renamed
		old := h.rotate()
		h.write(old, "3\n") // the writer has it open still
		h.write(h.path, "10\n")
		h.tick()
		h.want("1", "2", "3")
		h.write(old, "4\n") // and learns of the rotation late
		h.tick()
		h.want("4")
		h.tick()
		h.write(h.path, "11\n")
		h.tick()
		h.want("10", "11")
		h.write(old, "too late\n")
		h.write(h.path, "12\n")
		h.tick()
		h.want("12")
	})
}

// Between renaming and creating, the old file is still the one to read.
func TestTailRotationInSteps(t *testing.T) {
	inTail(t, []byte(""), MaxLine, func(h *tailTest) {
		old := h.rotate()
		for i := range 5 {
			h.write(old, strconv.Itoa(i)+"\n")
			h.tick()
		}
		h.want("0", "1", "2", "3", "4")
		h.write(h.path, "10\n")
		h.tick()
		h.tick()
		h.want("10")
	})
}

// An old file that never falls silent is given up after a while.
func TestTailRotationBusyWriter(t *testing.T) {
	inTail(t, []byte(""), MaxLine, func(h *tailTest) {
		old := h.rotate()
		h.write(h.path, "\"new\"\n")
		for range 2 * tailPatience {
			h.write(old, "\"old\"\n")
			h.tick()
		}
		got := h.rec.takeData()
		if len(got) != tailPatience+1 || got[tailPatience-1] != `"old"` || got[tailPatience] != `"new"` {
			t.Errorf("published %q, want %d of the old file, then the new one", got, tailPatience)
		}
	})
}

func TestTailRotationPublishesUnfinishedLine(t *testing.T) {
	inTail(t, []byte(""), MaxLine, func(h *tailTest) {
		h.write(h.path, "unfinished")
		h.tick()
		h.rotate()
		h.write(h.path, "new\n")
		h.tick()
		h.want()
		h.tick()
		h.want(`"unfinished"`, `"new"`)
	})
}

// Deleting and creating the file is a rotation too, and so is changing a symbolic link.
func TestTailReplacedFile(t *testing.T) {
	inTail(t, []byte(""), MaxLine, func(h *tailTest) {
		if err := os.Remove(h.path); err != nil {
			t.Fatal(err)
		}
		h.tick()
		other := h.path + ".other"
		h.write(other, "other\n")
		if err := os.Symlink(other, h.path); err != nil {
			t.Fatal(err)
		}
		h.tick()
		h.tick()
		h.want(`"other"`)
	})
}

func TestTailTruncation(t *testing.T) {
	inTail(t, []byte(""), MaxLine, func(h *tailTest) {
		h.write(h.path, "1\n2\n3\nunfinished")
		h.tick()
		h.want("1", "2", "3")
		if err := os.Truncate(h.path, 0); err != nil {
			t.Fatal(err)
		}
		h.write(h.path, "4\n")
		h.tick()
		h.want(`"unfinished"`, "4")
		h.write(h.path, "5\n")
		h.tick()
		h.want("5")
	})
}

func TestTailLongLine(t *testing.T) {
	inTail(t, []byte("0123456"), 8, func(h *tailTest) {
		h.write(h.path, "789\n12345678\n")
		h.tick()
		h.want("12345678")
		if !strings.Contains(h.logged.String(), "bytes=10") {
			t.Errorf("logged %q, want a warning with the number of bytes", h.logged)
		}
	})
}

// What is not a file any more is told once, and waited for.
func TestTailUnreadable(t *testing.T) {
	inTail(t, nil, MaxLine, func(h *tailTest) {
		if err := os.Mkdir(h.path, 0o700); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			h.tick()
		}
		if n := strings.Count(h.logged.String(), "not a regular file"); n != 1 {
			t.Errorf("told %d times, want once: %s", n, h.logged)
		}
		if err := os.Remove(h.path); err != nil {
			t.Fatal(err)
		}
		h.write(h.path, "1\n")
		h.tick()
		h.want("1")
	})
	inTail(t, []byte(""), MaxLine, func(h *tailTest) {
		old := h.rotate()
		if err := os.Mkdir(h.path, 0o700); err != nil {
			t.Fatal(err)
		}
		for i := range 5 {
			h.write(old, strconv.Itoa(i)+"\n")
			h.tick()
		}
		h.want("0", "1", "2", "3", "4")
	})
}

func TestTailDefaultPoll(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	appendTo(t, path, "old\n")
	synctest.Test(t, func(t *testing.T) {
		rec := &recorder{t: t}
		stop := start(t, mustParse(t, "tail:"+path, Env{}), rec.publish)
		synctest.Wait()
		appendTo(t, path, "new\n")
		<-time.After(tailPoll + time.Millisecond)
		if err := stop(); err != nil {
			t.Error(err)
		}
		if diff := cmp.Diff([]string{`"new"`}, rec.takeData()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// Whatever a writer and a rotation do, as long as they let the source see each step, every line is
// published once and in order.
func TestTailAnyHistory(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		steps := rapid.SliceOfN(rapid.SampledFrom([]string{"tick", "line", "part", "rotate", "truncate"}), 1, 30).Draw(rt, "steps")
		var want, got []string
		inTail(t, []byte("old\n"), MaxLine, func(h *tailTest) {
			line, n := "", 0
			end := func() {
				if line != "" {
					want = append(want, `"`+line+`"`)
				}
				line = ""
			}
			write := func(feed string) {
				n++
				text := "x" + strconv.Itoa(n)
				line += text
				h.write(h.path, text+feed)
			}
			for _, step := range steps {
				switch step {
				case "tick":
					h.tick()
				case "part":
					write("")
				case "line":
					write("\n")
					end()
				case "rotate":
					h.rotate()
					end()
					h.write(h.path, "")
					for range 3 {
						h.tick()
					}
				case "truncate":
					h.tick()
					end()
					if err := os.Truncate(h.path, 0); err != nil {
						h.t.Fatal(err)
					}
					h.tick()
				}
			}
			h.tick()
			got = h.rec.takeData()
		})
		if diff := cmp.Diff(want, got); diff != "" {
			rt.Fatalf("(-want +got):\n%s", diff)
		}
	})
}

func TestLineStart(t *testing.T) {
	for _, tt := range []struct {
		content string
		want    int64
	}{
		{"", 0}, {"\n", 1}, {"a", 0}, {"a\n", 2}, {"a\nbc", 2}, {"a\n12345678", 2},
		// Too long: any place from which more than 8 bytes follow.
		{"a\n123456789", 2}, {"a\n1234567890", 3}, {"12345678901234567890", 11},
	} {
		got, err := lineStart(strings.NewReader(tt.content), int64(len(tt.content)), 8)
		if got != tt.want || err != nil {
			t.Errorf("lineStart(%q) = %d, %v, want %d", tt.content, got, err, tt.want)
		}
	}
}
