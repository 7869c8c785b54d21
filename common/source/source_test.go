package source

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// foreign stands for the source that a program gives for sse:URL.
type foreign struct{}

func (foreign) Run(ctx context.Context, publish Publish) error {
	if err := publish(ctx, "", json.RawMessage(`1`)); err != nil {
		return err
	}
	<-ctx.Done()
	return ctx.Err()
}

// everyKind calls f in a bubble for each kind of source that publishes, with something to publish.
func everyKind(t *testing.T, f func(t *testing.T, src Source, feed func())) {
	recording := filepath.Join(t.TempDir(), "recording")
	if err := os.WriteFile(recording, []byte("1\n2\n3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	followed := filepath.Join(t.TempDir(), "log")
	for _, spec := range []string{"clock", "host", "-", "tail:" + followed, "replay:" + recording, "sse:http://localhost/sse", "load"} {
		kind, _, _ := strings.Cut(spec, ":")
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, w := io.Pipe()
				defer w.Close()
				src := mustParse(t, spec, Env{Stdin: r, SSE: func(string) (Source, error) { return foreign{}, nil }})
				f(t, src, func() {
					switch kind {
					case "-":
						go io.WriteString(w, "1\n")
					case "tail": // once the source has found the end of the file
						go func() {
							<-time.After(time.Second)
							appendTo(t, followed, "1\n")
						}()
					}
				})
			})
		})
	}
}

// The end of ctx is the normal end of every source, before the first event or after it.
func TestRunEndsWithContext(t *testing.T) {
	everyKind(t, func(t *testing.T, src Source, feed func()) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		none := func(context.Context, string, json.RawMessage) error {
			t.Error("published after the end of ctx")
			return nil
		}
		if err := src.Run(ctx, none); err != nil {
			t.Errorf("Run with a cancelled context = %v, want nil", err)
		}
	})
	everyKind(t, func(t *testing.T, src Source, feed func()) {
		ctx, cancel := context.WithCancelCause(t.Context())
		published := 0
		feed()
		err := src.Run(ctx, func(ctx context.Context, topic string, data json.RawMessage) error {
			published++
			cancel(errors.New("enough"))
			return ctx.Err()
		})
		if err != nil || published != 1 {
			t.Errorf("Run = %v after %d events, want nil after 1", err, published)
		}
	})
	everyKind(t, func(t *testing.T, src Source, feed func()) {
		// A Publish that never looks at ctx does not keep the source alive.
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		rec := &recorder{t: t}
		feed()
		err := src.Run(ctx, func(_ context.Context, topic string, data json.RawMessage) error {
			cancel()
			if topic == "" {
				topic = "message"
			}
			return rec.publish(ctx, topic, data)
		})
		if n := len(rec.take()); err != nil || n != 1 {
			t.Errorf("Run = %v after %d events, want nil after 1", err, n)
		}
	})
}

// An error of Publish ends the source, and says which one it was.
func TestRunEndsWithPublishError(t *testing.T) {
	everyKind(t, func(t *testing.T, src Source, feed func()) {
		closed := errors.New("the log is closed")
		feed()
		err := src.Run(t.Context(), func(context.Context, string, json.RawMessage) error { return closed })
		if !errors.Is(err, closed) {
			t.Fatalf("Run = %v, want it to wrap %v", err, closed)
		}
		for _, want := range []string{"source: ", "on topic \"", closed.Error()} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("Run = %q, want it to contain %q", err, want)
			}
		}
	})
}

func TestNone(t *testing.T) {
	rec := &recorder{t: t}
	if err := mustParse(t, "none", Env{}).Run(t.Context(), rec.publish); err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	if got := rec.take(); got != nil {
		t.Errorf("published %v, want nothing", got)
	}
}
