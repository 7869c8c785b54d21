package bench

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/peers"
	"pushlab/bench/result"
	"pushlab/common/hub"
	"pushlab/common/nginx"
)

// ways are options for servers of this process that can be set up as variants ask, and for the delay.
func ways(t *testing.T) Options {
	set := func(_ context.Context, _ string, s Setup) (*machine.Server, error) {
		mux := newFixtureWith(t, hub.Config{}, s).mux
		server := httptest.NewUnstartedServer(mux)
		server.EnableHTTP2 = true
		var said []string
		if s.TLS {
			server.StartTLS()
			said = []string{fmt.Sprintf("server: the certificate's SHA-256 fingerprint is %X", sha256.Sum256(server.Certificate().Raw))}
		} else {
			server.Start()
		}
		control := &http.Server{Handler: mux}
		if s.Socket != "" {
			l, err := net.Listen("unix", s.Socket)
			if err != nil {
				return nil, err
			}
			go control.Serve(l) // until it is closed
		}
		stop := func() error {
			server.CloseClientConnections()
			server.Close()
			return control.Close()
		}
		// Without a process: this one has children that come and go, which are those of other tests.
		return &machine.Server{URL: server.URL, Said: said, Stop: stop}, nil
	}
	target := PushlabTarget("pushlab", func(ctx context.Context, transport string) (*machine.Server, error) {
		return set(ctx, transport, Setup{})
	})
	target.setUp = set
	return Options{noise: 10 * time.Millisecond, Targets: []Target{target}, Delay: func(ctx context.Context, url string, oneWay time.Duration) (*machine.Server, error) {
		return serving(t, func(ctx context.Context, out io.Writer) error { return peers.Delay(ctx, out, url, oneWay) })(ctx, "")
	}}
}

// quick is a case of 20 events to 6 subscribers, behind 10 of warm-up.
func quick(variants ...string) result.Case {
	c := small(result.Transports()...)
	c.Variants, c.Subscribers, c.Rate, c.WarmUp, c.Measure = variants, 6, 100, 100*time.Millisecond, 200*time.Millisecond // as many events as in eachAlone
	return c
}

// byWay runs a case, checks that everything came, and returns the measurements by transport and variant.
func byWay(t *testing.T, c result.Case, options Options) map[string]result.Measurement {
	t.Helper()
	found, err := Run(t.Context(), []result.Case{c}, options)
	if err != nil {
		t.Fatal(err)
	}
	by := map[string]result.Measurement{}
	for _, m := range found.Outcomes[0].Measurements {
		by[m.ShortName()] = m
		if want := int64(c.Events() * c.Subscribers); len(m.Verdict.Failed) > 0 || m.Delivered != want || m.Lost != 0 {
			t.Errorf("%s: %d of %d delivered; %+v", m.ShortName(), m.Delivered, want, m.Verdict)
		}
	}
	return by
}

// TestTLS: each event is one record, which has 22 bytes more; and so has each poll.
func TestTLS(t *testing.T) {
	t.Parallel() // it mostly waits
	c, options := quick("", "tls", "tls-resumed"), ways(t)
	by := byWay(t, c, options)
	for _, transport := range result.Transports() {
		direct := eachAlone(t, c, by[transport], options)
		for _, variant := range []string{"tls", "tls-resumed"} {
			m := eachAlone(t, c, by[transport+" "+variant], options)
			const record, events = 22, 20 * 6
			up := int64(0)
			if transport == "longpoll" {
				up = record * events
			}
			if m.TLSBytesDown != record*events || m.TLSBytesUp != up {
				t.Errorf("%s: TLS adds %d bytes down, %d up; want %d and %d", m.ShortName(), m.TLSBytesDown, m.TLSBytesUp, record*events, up)
			}
			if m.BytesDown-m.TLSBytesDown != direct.BytesDown {
				t.Errorf("%s: %d bytes above TLS, %d without", m.ShortName(), m.BytesDown-m.TLSBytesDown, direct.BytesDown)
			}
			resumed := 0
			if variant == "tls-resumed" {
				resumed = 6
			}
			c := m.Connecting
			if c == nil || c.Connections != 6 || c.Handshake == nil || c.Handshake.Count != 6 || c.Resumed != resumed || c.HandshakesPerSecond() <= 0 || c.FirstAnswer.Count != 6 {
				t.Errorf("%s: connecting %+v", m.ShortName(), c)
			}
		}
		if c := direct.Connecting; c == nil || c.Connections != 6 || c.Handshake != nil || c.FirstAnswer.Count != 6 || c.FirstAnswer.Max > c.Took || direct.TLSBytesDown != 0 {
			t.Errorf("%s: connecting %+v, TLS bytes %d", transport, c, direct.TLSBytesDown)
		}
	}
}

// TestTLSWithAnotherCertificate: a server is trusted only if its certificate is the one that it said.
func TestTLSWithAnotherCertificate(t *testing.T) {
	t.Parallel() // it mostly waits
	options := ways(t)
	set := options.Targets[0].setUp
	for said, want := range map[string]string{
		"fingerprint": "does not say", "the SHA-256 fingerprint is " + strings.Repeat("AB:", 31) + "AB": "another certificate", "the SHA-256 fingerprint is AB": "is no SHA-256",
	} {
		options.Targets[0].setUp = func(ctx context.Context, transport string, s Setup) (*machine.Server, error) {
			server, err := set(ctx, transport, s)
			server.Said = []string{said}
			return server, err
		}
		c := quick("tls")
		c.Transports = []string{"sse"}
		if _, m := measured(t, t.Context(), c, options); !strings.Contains(m.Error, want) {
			t.Errorf("%q: the error is %q", said, m.Error)
		}
	}
}

// TestHTTP2OfAServerThatHasNone is told as what it is, and so is a server with TLS where none was asked for.
func TestHTTP2OfAServerThatHasNone(t *testing.T) {
	t.Parallel() // it mostly waits
	options := ways(t)
	set := options.Targets[0].setUp
	options.Targets[0].setUp = func(ctx context.Context, transport string, s Setup) (*machine.Server, error) {
		server, err := set(ctx, transport, s)
		if err != nil {
			return nil, err
		}
		old := httptest.NewTLSServer(http.NotFoundHandler()) // it offers HTTP/1.1 alone
		stop := server.Stop
		server.Stop = func() error { old.Close(); return stop() }
		server.URL, server.Said = old.URL, []string{fmt.Sprintf("the SHA-256 fingerprint is %X", sha256.Sum256(old.Certificate().Raw))}
		return server, nil
	}
	options.Targets[0].Start = func(ctx context.Context, transport string) (*machine.Server, error) {
		return set(ctx, transport, Setup{TLS: true})
	}
	c := quick("", "h2-6")
	c.Transports = []string{"sse"}
	found, err := Run(t.Context(), []result.Case{c}, options)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found.Outcomes[0].Measurements {
		if want := map[string]string{"": "speaks TLS, which only", "h2-6": "no application protocol"}[m.Variant]; !strings.Contains(m.Error, want) {
			t.Errorf("%s: the error is %q, it should say %q", m.ShortName(), m.Error, want)
		}
	}
}

// TestHTTP2: subscribers share connections; an event is a frame with a head of 9 bytes, in a record.
func TestHTTP2(t *testing.T) {
	t.Parallel() // it mostly waits
	c, options := quick("tls", "h2", "h2-2", "h2-6", "h2-6-slow"), ways(t)
	found, err := Run(t.Context(), []result.Case{c}, options)
	if err != nil {
		t.Fatal(err)
	}
	left := found.Outcomes[0].LeftOut
	if len(left) != 4 || left[0].Transport != "websocket" || !strings.Contains(left[0].Reason, "RFC 8441") {
		t.Errorf("left out: %+v", left)
	}
	by := map[string]result.Measurement{}
	for _, m := range found.Outcomes[0].Measurements {
		by[m.ShortName()] = m
	}
	for _, transport := range []string{"longpoll", "httpstream", "sse"} {
		for variant, connections := range map[string]int{"h2": 6, "h2-2": 3, "h2-6": 1, "h2-6-slow": 1} {
			m := by[transport+" "+variant]
			if len(m.Verdict.Failed) > 0 || m.Delivered != 120 {
				t.Errorf("%s: %d delivered, %+v", m.ShortName(), m.Delivered, m.Verdict)
				continue
			}
			c := m.Connecting
			if c.Connections != connections || c.Handshake.Count != int64(connections) || c.FirstAnswer.Count != 6 || (c.Joining != nil) != (connections < 6) || c.Joining != nil && c.Joining.Count != int64(6-connections) {
				t.Errorf("%s: connecting %+v", m.ShortName(), c)
			}
		}
		if transport == "longpoll" {
			continue // what HPACK makes of a head depends on the heads before
		}
		secure, m := eachAlone(t, c, by[transport+" tls"], options), eachAlone(t, c, by[transport+" h2"], options)
		// The chunk's size and ends of line go, a frame's head comes.
		if m.BytesDown != secure.BytesDown+120*(9-int64(len("aa\r\n\r\n"))) {
			t.Errorf("%s: %d bytes down by HTTP/2, %d by HTTP/1.1", transport, m.BytesDown, secure.BytesDown)
		}
	}
}

// TestHTTP2SlowStream: a stream that is not read stops the others only if it can use up the connection's window.
func TestHTTP2SlowStream(t *testing.T) {
	t.Parallel() // it mostly waits
	c := quick("h2-6-slow", "h2-6-stuck")
	c.Transports, c.Size, c.Rate, c.WarmUp, c.Drain = []string{"sse", "httpstream"}, 8000, 100, 50*time.Millisecond, 500*time.Millisecond
	found, err := Run(t.Context(), []result.Case{c}, ways(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found.Outcomes[0].Measurements {
		all := int64(c.Events() * c.Subscribers)
		if m.Variant == "h2-6-slow" && (m.Delivered != all || m.NotInTime != 0) || m.Variant == "h2-6-stuck" && (m.NotInTime == 0 || m.Delivered+m.NotInTime != all) || len(m.Verdict.Failed) > 0 {
			t.Errorf("%s: %d of %d delivered, %d not in time; %+v", m.ShortName(), m.Delivered, all, m.NotInTime, m.Verdict)
		}
	}
}

// TestNginx: what comes through nginx is complete, and nginx's own costs are told apart.
func TestNginx(t *testing.T) {
	t.Parallel() // it mostly waits
	c := quick("", "nginx", "nginx-unix")
	c.Rounds = 1
	found, err := Run(t.Context(), []result.Case{c}, ways(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found.Outcomes[0].Measurements {
		if len(m.Verdict.Failed) > 0 || m.Delivered != 120 {
			t.Errorf("%s: %+v", m.ShortName(), m.Verdict)
		}
		if m.Variant == "" {
			continue
		}
		if len(m.Between) != 1 || m.Between[0].Name != "nginx" || m.Between[0].Version == "" || m.Between[0].CPU <= 0 || m.Between[0].Full <= 0 || m.Between[0].Empty <= 0 {
			t.Errorf("%s: between %+v", m.ShortName(), m.Between)
		}
		if notes := strings.Join(m.Verdict.Notes, "\n"); !strings.Contains(notes, "nginx ran on any core") {
			t.Errorf("%s: the notes are %s", m.ShortName(), notes)
		}
	}
}

// TestNginxHoldsEventsBack: streams that nginx buffers bring nothing in time, which is a verdict, no failure; answers to
// polls are complete, and WebSockets are not buffered.
func TestNginxHoldsEventsBack(t *testing.T) {
	t.Parallel() // it mostly waits
	c := quick("nginx-buffered")
	c.Drain, c.Measure, c.Rate = 200*time.Millisecond, 200*time.Millisecond, 30
	found, err := Run(t.Context(), []result.Case{c}, ways(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range found.Outcomes[0].Measurements {
		want := int64(0)
		if m.Transport == "sse" || m.Transport == "httpstream" {
			want = 6 * (6 + 3)
		}
		says := strings.Join(m.Verdict.Invalid, "\n")
		if len(m.Verdict.Failed) > 0 || m.NotInTime != want || m.Lost != 0 || strings.Contains(says, "not delivered in time") != (want > 0) {
			t.Errorf("%s: %d not in time, %d lost; %+v", m.ShortName(), m.NotInTime, m.Lost, m.Verdict)
		}
	}
	if found.Failed() {
		t.Error("it counts as a failure")
	}
}

// TestNginxTimeout: heartbeats that come often enough keep streams open; others are closed, which is what was to be found
// out. A poll that waits has no heartbeat.
func TestNginxTimeout(t *testing.T) {
	t.Parallel() // it mostly waits
	c := quick()
	c.Kind, c.Measure = result.Idle, 1500*time.Millisecond
	options := ways(t)
	options.sleep = load.SleepExactly
	for _, heartbeat := range []time.Duration{200 * time.Millisecond, 10 * time.Second} {
		v := Variant{nginx: &nginx.Options{HTTP11: true, ReadTimeout: time.Second}, setup: Setup{Heartbeat: heartbeat}, cuts: true}
		var lanes []lane
		for _, transport := range c.Transports {
			if transport == "httpstream" && heartbeat > time.Second { // as by SSE
				continue
			}
			lanes = append(lanes, lane{result.Lane{Target: "pushlab", Transport: transport}, options.Targets[0], v})
		}
		for _, m := range options.measure(t.Context(), &teller{}, 0, c, lanes, 2) {
			want := int64(0)
			if m.Transport == "longpoll" || heartbeat > time.Second {
				want = 6
			}
			says := strings.Join(m.Verdict.Invalid, "\n")
			if m.PrematureCloses != want || len(m.Verdict.Failed) > 0 || strings.Contains(says, "premature closes") != (want > 0) {
				t.Errorf("%s with a heartbeat each %v: %d closed; %+v", m.Transport, heartbeat, m.PrematureCloses, m.Verdict)
			}
			if want == 0 && (m.Memory == nil || m.Between[0].Full <= 0) {
				t.Errorf("%s: memory %+v, between %+v", m.Transport, m.Memory, m.Between)
			}
		}
	}
}

// TestCompression: what repeats gets shorter, what is chance does not, or hardly.
func TestCompression(t *testing.T) {
	t.Parallel() // it mostly waits
	down := map[result.Data]map[string]float64{}
	for _, data := range []result.Data{result.PadData, result.JSONData, result.RandomData} {
		c := quick("", "nginx-gzip", "nginx-gzip-6", "deflate")
		c.Data, c.Size, c.Rate, c.WarmUp, c.Measure = data, 300, 200, 50*time.Millisecond, 100*time.Millisecond
		c.Transports = []string{"longpoll", "sse", "websocket"}
		down[data] = map[string]float64{}
		for name, m := range byWay(t, c, ways(t)) {
			down[data][name] = m.BytesDownPerEvent()
		}
		if len(down[data]) != 3+2+2+1 {
			t.Errorf("%q: %v", data, down[data])
		}
	}
	t.Log(down)
	for _, name := range []string{"sse nginx-gzip", "sse nginx-gzip-6", "websocket deflate"} {
		transport, _, _ := strings.Cut(name, " ")
		if pad, json, random := down[result.PadData], down[result.JSONData], down[result.RandomData]; pad[name] > pad[transport]/2 ||
			json[name] > json[transport]*0.9 || random[name] < random[transport]*0.6 || json[name] < pad[name] {
			t.Errorf("%s: %v bytes with one letter, %v of prices, %v by chance, of about %v", name, pad[name], json[name], random[name], pad[transport])
		}
	}
}

// TestDelay: an event takes half of the round trip longer, and connecting a round trip, on each transport and through TLS.
func TestDelay(t *testing.T) {
	t.Parallel() // it mostly waits
	c := quick("", "tls", "h2-6")
	c.RTT, c.Rate = 40*time.Millisecond, 10
	for name, m := range byWay(t, c, ways(t)) {
		if m.Delivery.P50 < 20*time.Millisecond || m.Delivery.P50 > time.Second || m.Connecting.FirstAnswer.P50 < 40*time.Millisecond {
			t.Errorf("%s: delivered within %v, first answers within %v", name, m.Delivery.P50, m.Connecting.FirstAnswer.P50)
		}
		if len(m.Between) != 1 || m.Between[0].Name != "delay" {
			t.Errorf("%s: between %+v", name, m.Between)
		}
	}
}

// TestStormByEachWay: who is dropped comes back by the same way, and gets all that it has missed.
func TestStormByEachWay(t *testing.T) {
	t.Parallel() // it mostly waits
	c := quick("tls", "tls-resumed", "h2-2", "nginx", "nginx-buffered", "nginx-gzip", "deflate")
	c.Kind, c.Rate, c.WarmUp, c.Measure, c.Drain = result.Storm, 500, 10*time.Millisecond, 60*time.Millisecond, 5*time.Second
	c.Transports = []string{"longpoll", "sse", "websocket"}
	found, err := Run(t.Context(), []result.Case{c}, ways(t))
	if err != nil {
		t.Fatal(err)
	}
	if o := found.Outcomes[0]; len(o.Measurements) != 5+5+4 || len(o.LeftOut) != 3+1+1+2 {
		t.Errorf("%d measured, left out: %+v", len(o.Measurements), o.LeftOut)
	}
	for _, m := range found.Outcomes[0].Measurements {
		if len(m.Verdict.Failed) > 0 || m.CatchUp == nil || m.CatchUp.Count != 6 || m.Delivered != 180 {
			t.Errorf("%s: %d delivered, %+v", m.ShortName(), m.Delivered, m.Verdict)
		}
		if connections := map[bool]int{true: 3, false: 6}[m.Variant == "h2-2"]; m.Connecting.Connections != connections {
			t.Errorf("%s: connecting %+v", m.ShortName(), m.Connecting)
		}
	}
}

func TestDelayIsMissing(t *testing.T) {
	options := ways(t)
	options.Delay = nil
	c := quick("")
	c.Transports, c.RTT = []string{"sse"}, time.Millisecond
	if _, m := measured(t, t.Context(), c, options); !strings.Contains(m.Error, "how to start the proxy") {
		t.Errorf("the error is %q", m.Error)
	}
}

// TestVariantNames: numbers are part of some, and what is unknown is refused with a list.
func TestVariantNames(t *testing.T) {
	for name, streams := range map[string]int{"": 0, "nginx": 0, "h2": 1, "h2-2": 2, "h2-7": 7, "h2-200": 200, "h2-50-slow": 50, "h2-7-stuck": 7} {
		if v, err := findVariant(name); err != nil || v.Name != name || v.way.Streams != streams {
			t.Errorf("%q: %+v, %v", name, v, err)
		}
	}
	for _, name := range []string{"pigeon", "h2-", "h2-1", "h2-07", "h2-201", "h2-N", "h2-x-slow", "direct"} {
		if _, err := findVariant(name); err == nil || !strings.Contains(err.Error(), "nginx-buffered, ") {
			t.Errorf("%q: %v", name, err)
		}
	}
	seen := map[string]bool{"": true}
	for _, v := range Variants() {
		if seen[v.Name] || v.About == "" || (v.only == nil) != (v.why == "") {
			t.Errorf("%+v", v)
		}
		seen[v.Name] = true
	}
}

// TestSetupArguments: the socket comes first, so that it is there when the port is told; the rest comes last, so that it
// is what holds.
func TestSetupArguments(t *testing.T) {
	record := filepath.Join(t.TempDir(), "record")
	program := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\" >"+record+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	target, err := NewTarget(program+" --heartbeat 5s", nil, []string{"--history", "9"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := target.setUp(t.Context(), "sse", Setup{Socket: "/s", TLS: true, Compress: true, Heartbeat: 4 * time.Second}); err == nil {
		t.Fatal("it was started as a server")
	}
	got, err := os.ReadFile(record)
	want := "serve --listen unix:/s --listen localhost:0 --source none --log-level warn --history 9 --heartbeat 5s --tls-self-signed --compress --heartbeat 4s\n"
	if err != nil || string(got) != want {
		t.Errorf("the arguments are %q, %v", got, err)
	}
}

// TestVariantsThatMakeNoSense are left out with the reason; if nothing is left, that is an error.
func TestVariantsThatMakeNoSense(t *testing.T) {
	options := Options{Targets: []Target{reference(t, result.FloorName, nil)}}
	c := quick("", "nginx", "tls", "deflate")
	c.Targets, c.Transports = []string{result.FloorName}, []string{"sse"}
	lanes, omitted, err := options.lanes(c)
	if err != nil || len(lanes) != 1 || len(omitted) != 3 {
		t.Errorf("%v, %v, %v", lanes, omitted, err)
	}
	c.Variants = []string{"deflate"}
	if _, _, err := options.lanes(c); err == nil || !strings.Contains(err.Error(), "extension of WebSocket") {
		t.Errorf("the error is %v", err)
	}
}
