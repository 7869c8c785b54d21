package bench

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"pushlab/bench/machine"
	"pushlab/bench/peers"
	"pushlab/bench/report"
	"pushlab/bench/result"
	"pushlab/common/hub"
)

// echoVary is what web adds to each answer for browsers.
func echoVary(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Origin")
		h.ServeHTTP(w, r)
	})
}

// An announced takes the address that a server prints in its first line.
type announced chan string

func (a announced) Write(p []byte) (int, error) {
	_, url, _ := strings.Cut(strings.TrimSpace(string(p)), "listening on ")
	a <- url
	return len(p), nil
}

// serving starts what serves until its context ends, and tells its address on a writer.
func serving(t *testing.T, serve func(context.Context, io.Writer) error) func(context.Context, string) (*machine.Server, error) {
	return func(context.Context, string) (*machine.Server, error) {
		ctx, cancel := context.WithCancel(context.Background())
		ended, address := make(chan error, 1), make(announced, 1)
		go func() { ended <- serve(ctx, address) }()
		select {
		case url := <-address:
			return &machine.Server{URL: url, PID: os.Getpid(), Stop: func() error { cancel(); return <-ended }}, nil
		case err := <-ended:
			cancel()
			return nil, err
		}
	}
}

// reference is the target of an embedded file, whose server is in this process.
func reference(t *testing.T, name string, serve func(context.Context, io.Writer) error) Target {
	t.Helper()
	target, err := NewTarget(name, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	target.Start, target.Version = serving(t, serve), nil
	return target
}

// references are the floor, the baseline and a server that they are compared with.
func references(t *testing.T) Options {
	options := starting(func(context.Context) (*machine.Server, error) {
		server := httptest.NewServer(echoVary(newFixture(t, hub.Config{}).mux))
		return &machine.Server{URL: server.URL, PID: os.Getpid(), Stop: func() error { server.Close(); return nil }}, nil
	})
	options.Targets = append(options.Targets, reference(t, result.FloorName, peers.Floor), reference(t, result.BaselineName, peers.Baseline))
	return options
}

// The floor and the baseline send, byte for byte, as much as a Pushlab server does: otherwise they
// would be no measure for it.
func TestReferencesSendTheSameBytes(t *testing.T) {
	t.Parallel() // it mostly waits
	s := small(result.Transports()...)
	s.Targets, s.Rounds, s.Again = []string{result.FloorName, result.BaselineName, "pushlab"}, 1, true
	s.Rate, s.WarmUp, s.Measure = 200, 50*time.Millisecond, 100*time.Millisecond
	options := references(t)
	found, err := Run(t.Context(), []result.Case{s}, options)
	if err != nil {
		t.Fatal(err)
	}
	o := found.Outcomes[0]
	if found.Failed() || len(o.Measurements) != 4+1+4+1 || len(o.Summaries) != 10 {
		t.Fatalf("failed %v, %d measurements, %d summaries: %+v", found.Failed(), len(o.Measurements), len(o.Summaries), o)
	}
	down := map[string]int64{}
	for _, m := range o.Measurements {
		if m.Target == "pushlab" {
			down[m.Transport] = m.BytesDown
		}
		if m.Target == "pushlab" && m.Transport == "longpoll" {
			down[m.Transport] = eachAlone(t, s, m, options).BytesDown
		}
	}
	for _, m := range o.Measurements {
		if m.Delivered != 80 || m.Lost != 0 || m.Acknowledged != 20 {
			t.Errorf("%s %s: %+v", m.Target, m.Transport, m)
		}
		if m.Target != "pushlab" && m.BytesDown != down[m.Transport] {
			t.Errorf("%s %s sends %d bytes, pushlab %d", m.Target, m.Transport, m.BytesDown, down[m.Transport])
		}
	}
	var b bytes.Buffer
	if err := (report.Text{Result: found}).Write(&b); err != nil || !strings.Contains(b.String(), "floor longpoll again") {
		t.Errorf("%v; the floor is not in the report:\n%s", err, &b)
	}
}

// eachAlone measures a lane again until each event was written alone. While the machine is busy with something else a
// write may bring two, which in an answer to a poll saves a head; the references never do that.
func eachAlone(t *testing.T, c result.Case, m result.Measurement, options Options) result.Measurement {
	t.Helper()
	c.Targets, c.Transports, c.Variants, c.Again = []string{m.Target}, []string{m.Transport}, []string{m.Variant}, false
	apart := 20 * time.Millisecond // as many events, further apart, and more so where that is not enough: on a busy machine
	for range 20 {
		if m.EventsPerWrite() == 1 {
			return m
		}
		c.Rate, c.WarmUp, c.Measure = float64(time.Second)/float64(apart), 10*apart, 20*apart
		_, m = measured(t, t.Context(), c, options)
		apart = min(2*apart, 200*time.Millisecond)
	}
	t.Errorf("the server had %v events for each answer whenever it was measured", m.EventsPerWrite())
	return m
}

func TestNewTarget(t *testing.T) {
	for text, name := range map[string]string{
		"floor": "floor", "baseline": "baseline", "nchan": "nchan", "null": "null", "pushlab": "pushlab",
		"pushlab --heartbeat 5s": "pushlab --heartbeat 5s", "/bin/false --heartbeat 5s": "/bin/false --heartbeat 5s",
		"": "", "pigeon": "", "floor --low": "",
	} {
		target, err := NewTarget(text, nil, nil)
		if target.Name != name || (err == nil) != (name != "") {
			t.Errorf("%q makes %q, %v", text, target.Name, err)
		}
	}
	// It is a program, but no server.
	target, err := NewTarget("/bin/false --heartbeat 5s", nil, []string{"--open"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.Start(t.Context(), "sse"); err == nil {
		t.Error("/bin/false was started as a server")
	}
}

// A subscriber that only connects and leaves does not disturb the floor, nor does nonsense.
func TestFloorOutlivesItsSubscribers(t *testing.T) {
	t.Parallel() // it mostly waits
	server, err := serving(t, peers.Floor)(t.Context(), "sse")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	}()
	address := strings.TrimPrefix(server.URL, "http://")
	for _, request := range []string{"", "GET /sse?topic=bench HTTP/1.1\r\n\r\n", "GET /longpoll HTTP/1.1\r\n\r\n", strings.Repeat("x", 8<<10)} {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Error(err)
		}
		if strings.HasPrefix(request, "GET") {
			if _, err := conn.Read(make([]byte, 12)); err != nil {
				t.Errorf("%q: %v", request, err)
			}
		}
		conn.Close()
	}
	options := Options{Targets: []Target{reference(t, result.FloorName, peers.Floor)}}
	options.Targets[0].Start = func(context.Context, string) (*machine.Server, error) {
		return &machine.Server{URL: server.URL}, nil
	}
	options.noise = 10 * time.Millisecond
	s := small("sse")
	s.Targets, s.Rate, s.WarmUp, s.Measure = []string{result.FloorName}, 200, 0, 50*time.Millisecond
	if _, m := measured(t, t.Context(), s, options); m.Delivered != 40 || m.Lost != 0 || m.Error != "" {
		t.Errorf("%+v", m)
	}
}
