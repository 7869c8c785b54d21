package source

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// An entry is one published event and when it came.
type entry struct {
	topic string
	data  string
	at    time.Time
}

// A recorder publishes into memory, and checks what every Publish function may rely on.
type recorder struct {
	t       *testing.T
	mu      sync.Mutex
	entries []entry
}

func (r *recorder) publish(_ context.Context, topic string, data json.RawMessage) error {
	if err := event.CheckTopic(topic); err != nil {
		r.t.Error(err)
	}
	if compact, err := event.Compact(data); err != nil || !bytes.Equal(compact, data) {
		r.t.Errorf("data is not compact JSON: %.100q (%v)", data, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.entries = append(r.entries, entry{topic, string(data), time.Now()})
	return nil
}

// take returns what was published since the last call.
func (r *recorder) take() []entry {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.entries
	r.entries = nil
	return taken
}

// takeData returns the data of what was published since the last call.
func (r *recorder) takeData() []string {
	var data []string
	for _, e := range r.take() {
		data = append(data, e.data)
	}
	return data
}

// start runs a source. The function it returns ends it and returns what Run returned.
func start(t *testing.T, src Source, publish Publish) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- src.Run(ctx, publish) }()
	return func() error {
		cancel()
		return <-result
	}
}

// mustParse is Parse for specifications that are right.
func mustParse(t *testing.T, spec string, env Env) Source {
	t.Helper()
	src, err := Parse(spec, env)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// logTo returns a logger that writes into what it returns. Read it when the source is at rest.
func logTo() (*slog.Logger, *bytes.Buffer) {
	var b bytes.Buffer
	return slog.New(slog.NewTextHandler(&b, nil)), &b
}

// sendTo publishes to rec, and then tells the channel what it was.
func sendTo(rec *recorder, published chan<- string) Publish {
	return func(ctx context.Context, topic string, data json.RawMessage) error {
		err := rec.publish(ctx, topic, data)
		published <- string(data)
		return err
	}
}
