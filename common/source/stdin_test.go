package source

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

func TestStdin(t *testing.T) {
	input := "{ \"a\": [1, 2] }\r\nhello, world\n\n42\n{broken\n\xff\nlast"
	want := []string{`{"a":[1,2]}`, `"hello, world"`, `""`, `42`, `"{broken"`, `"` + "\uFFFD" + `"`, `"last"`}
	for name, r := range map[string]io.Reader{
		"at once":      strings.NewReader(input),
		"byte by byte": iotest.OneByteReader(strings.NewReader(input)),
		"EOF early":    iotest.DataErrReader(strings.NewReader(input)),
		"in halves":    iotest.HalfReader(strings.NewReader(input)),
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{t: t}
			if err := mustParse(t, "-", Env{Stdin: r}).Run(t.Context(), rec.publish); err != nil {
				t.Error(err)
			}
			for _, e := range rec.entries {
				if e.topic != "message" {
					t.Errorf("topic %q, want message", e.topic)
				}
			}
			if diff := cmp.Diff(want, rec.takeData()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// Many chunks pass through the two buffers without one overwriting what the other still needs.
func TestStdinLarge(t *testing.T) {
	var input strings.Builder
	var want []string
	for i := range 2000 {
		line := strings.Repeat(string(rune('a'+i%26)), i)
		input.WriteString(line + "\n")
		want = append(want, `"`+line+`"`)
	}
	rec := &recorder{t: t}
	if err := mustParse(t, "-", Env{Stdin: strings.NewReader(input.String())}).Run(t.Context(), rec.publish); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(want, rec.takeData()); diff != "" {
		t.Errorf("(-want +got):\n%.1000s", diff)
	}
}

func TestStdinLongLine(t *testing.T) {
	log, logged := logTo()
	fits := strings.Repeat("a", MaxLine)
	rec := &recorder{t: t}
	input := fits + "\n" + fits + "a\nnext\n"
	if err := mustParse(t, "-", Env{Stdin: strings.NewReader(input), Logger: log}).Run(t.Context(), rec.publish); err != nil {
		t.Error(err)
	}
	if got := rec.takeData(); len(got) != 2 || got[0] != `"`+fits+`"` || got[1] != `"next"` {
		t.Errorf("published %.100q, want the line of 1 MiB and the one after the longer one", got)
	}
	if !strings.Contains(logged.String(), "level=WARN") || !strings.Contains(logged.String(), "bytes=1048577") {
		t.Errorf("logged %q, want a warning with the number of bytes", logged)
	}
}

func TestStdinReadError(t *testing.T) {
	unplugged := errors.New("unplugged")
	rec := &recorder{t: t}
	r := io.MultiReader(strings.NewReader("a\nb"), iotest.ErrReader(unplugged))
	err := mustParse(t, "-", Env{Stdin: r}).Run(t.Context(), rec.publish)
	if !errors.Is(err, unplugged) {
		t.Errorf("Run = %v, want it to wrap %v", err, unplugged)
	}
	if diff := cmp.Diff([]string{`"a"`, `"b"`}, rec.takeData()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// A reader with a deadline is left without a goroutine in it, and can be read on.
func TestStdinStopsReaderWithDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := net.Pipe()
		defer r.Close()
		defer w.Close()
		rec := &recorder{t: t}
		stop := start(t, mustParse(t, "-", Env{Stdin: r}), rec.publish)
		io.WriteString(w, "1\n")
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		go io.WriteString(w, "2")
		b := make([]byte, 1)
		if _, err := r.Read(b); err != nil || b[0] != '2' {
			t.Errorf("read on: %q, %v", b, err)
		}
		if diff := cmp.Diff([]string{"1"}, rec.takeData()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// The same with a pipe of the operating system: TestMain would find the goroutine.
func TestStdinStopsFile(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	published := make(chan string)
	rec := &recorder{t: t}
	stop := start(t, mustParse(t, "-", Env{Stdin: r}), sendTo(rec, published))
	io.WriteString(w, "1\n")
	<-published
	if err := stop(); err != nil {
		t.Error(err)
	}
}

// Run does not wait for a reader that cannot be interrupted; closing it ends the goroutine, without
// which the bubble could not end.
func TestStdinLeavesReaderWithoutDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		rec := &recorder{t: t}
		stop := start(t, mustParse(t, "-", Env{Stdin: r}), rec.publish)
		io.WriteString(w, "1\n2")
		synctest.Wait()
		if err := stop(); err != nil {
			t.Error(err)
		}
		r.Close()
		synctest.Wait()
		if diff := cmp.Diff([]string{"1"}, rec.takeData()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
