package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/web"
)

// TestMetricsFollowTheRules of naming, which promlint knows.
func TestMetricsFollowTheRules(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{Demo: true})
	problems, err := promlint.New(strings.NewReader(s.get("/metrics"))).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// families returns the names of all metrics that there are.
func (s *service) families() map[string]bool {
	names := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (\S+) `).FindAllStringSubmatch(s.get("/metrics"), -1) {
		names[m[1]] = true
	}
	return names
}

var metricName = regexp.MustCompile(`\b(pushlab|go|process)_[a-z0-9_]+\b`)

// TestDashboard: the dashboard shows what there is, and all that there is of ours.
func TestDashboard(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	file, err := os.ReadFile("../deploy/grafana/pushlab.json")
	if err != nil {
		t.Fatal(err)
	}
	var dashboard struct {
		Title  string
		Panels []struct {
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
		Templating struct{ List []struct{ Name string } }
	}
	if err := json.Unmarshal(file, &dashboard); err != nil {
		t.Fatal(err)
	}
	variables := map[string]bool{"__rate_interval": true}
	for _, v := range dashboard.Templating.List {
		variables[v.Name] = true
	}
	exists, shown := s.families(), map[string]bool{"pushlab_wire_info": true} // by which servers are chosen
	places := map[string]string{}
	for _, p := range dashboard.Panels {
		place := fmt.Sprint(p.GridPos)
		if other, taken := places[place]; taken {
			t.Errorf("%q and %q are in one place", p.Title, other)
		}
		places[place] = p.Title
		for _, target := range p.Targets {
			names := metricName.FindAllString(target.Expr, -1)
			if len(names) == 0 {
				t.Errorf("%q shows no metric: %s", p.Title, target.Expr)
			}
			for _, name := range names {
				shown[name] = true
				// Those of a log are the program's: see its TestJournalOutage.
				if !exists[name] && !strings.HasPrefix(name, "pushlab_journal_") {
					t.Errorf("%q shows %s, which does not exist", p.Title, name)
				}
			}
			for _, v := range regexp.MustCompile(`\$(\w+)`).FindAllStringSubmatch(target.Expr, -1) {
				if !variables[v[1]] {
					t.Errorf("%q uses $%s, which is no variable", p.Title, v[1])
				}
			}
		}
	}
	for name := range exists {
		if strings.HasPrefix(name, "pushlab_") && !shown[name] {
			t.Errorf("no panel shows %s", name)
		}
	}
}

// TestOperationsNameMetrics: every metric, and reason of a refusal, that the operators' guide names exists.
func TestOperationsNameMetrics(t *testing.T) {
	s := serve(t, hub.Config{}, web.Config{})
	guide, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	exists, metrics := s.families(), s.get("/metrics")
	for _, name := range metricName.FindAllString(string(guide), -1) {
		if !exists[name] {
			t.Errorf("it names %s, which does not exist", name)
		}
	}
	reasons := regexp.MustCompile(`pushlab_requests_refused_total\{reason="(\w+)"\}`).FindAllStringSubmatch(metrics, -1)
	for _, r := range reasons {
		if !strings.Contains(string(guide), "`"+r[1]+"`") {
			t.Errorf("it does not tell what the reason %s is", r[1])
		}
	}
	if len(reasons) < 10 {
		t.Errorf("only %d reasons are counted from the start: %s", len(reasons), metrics)
	}
}

// A lockedBuffer may be written and read side by side.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestLog: of each stream the start and the end are logged, with what an operator asks for and without what is nobody's
// business. Behind a proxy that is trusted it is the client's address.
func TestLog(t *testing.T) {
	log := new(lockedBuffer)
	s := serve(t, hub.Config{}, web.Config{TrustProxy: []string{"127.0.0.1"}, Open: true, MaxMessage: 10,
		Logger: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	secret := http.Header{"Authorization": {"Bearer secret"}, "Cookie": {"session=secret"}, "X-Forwarded-For": {"198.51.100.7"}}
	for _, transport := range []string{"httpstream", "sse", "websocket"} {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		c, err := dialers[transport](ctx, s.url+"/"+transport+"?ticket=secret", client.Options{Header: secret})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Next(ctx); err != nil { // $open
			t.Fatal(err)
		}
		s.publish("a", `"secret"`)
		if _, err := c.Next(ctx); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	for path, status := range map[string]int{"/publish?ticket=secret": 415, "/nothing?ticket=secret": 404, "/sse?after=secret": 400} {
		if response, body := s.request("POST", path, secret, ""); response.StatusCode != status && response.StatusCode != 405 {
			t.Errorf("%s: %s %s", path, response.Status, body)
		}
	}
	after(t, "all ends are logged", func() bool { return strings.Count(log.String(), "stream ended") == 3 })
	if strings.Contains(log.String(), "secret") {
		t.Errorf("the log tells secrets:\n%s", log)
	}
	for _, line := range strings.Split(strings.TrimSpace(log.String()), "\n") {
		var entry struct {
			Level, Msg, Transport, Peer, Reason, Cursor string
			Topics                                      any
			Events, Bytes, Duration                     *int64
		}
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		switch entry.Msg {
		case "stream opened":
		case "stream ended":
			if entry.Reason != "left" || entry.Events == nil || *entry.Events != 1 || entry.Bytes == nil || *entry.Bytes == 0 || entry.Duration == nil {
				t.Errorf("the end has no reason, events, bytes or duration: %s", line)
			}
		default:
			continue
		}
		if entry.Level != "INFO" || entry.Peer != "198.51.100.7" || entry.Transport == "" || entry.Cursor == "" {
			t.Errorf("the level, the peer, the transport or the cursor is wrong: %s", line)
		}
	}
}

// TestAdmin: what can take the server's memory and time is on a listener of its own, and on no other; pages of other sites
// cannot ask for it.
func TestAdmin(t *testing.T) {
	h := hub.New(hub.Config{})
	server, err := web.NewServer(h, web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := serveServer(t, h, server)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- server.ServeAdmin(ctx, l) }()
	admin := &service{t: t, hub: h, url: "http://" + l.Addr().String()}
	for path, want := range map[string]string{
		"/metrics": "pushlab_streams_open", "/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=1": "goroutine profile",
		"/debug/pprof/cmdline": "web.test", "/debug/pprof/symbol": "num_symbols", "/debug/pprof/heap?debug=1": "heap profile",
	} {
		if body := admin.get(path); !strings.Contains(body, want) {
			t.Errorf("%s: %.200s", path, body)
		}
		if path == "/metrics" {
			continue
		}
		if response, body := s.request("GET", path, nil, ""); response.StatusCode != 404 {
			t.Errorf("the public listener has %s: %s %.200s", path, response.Status, body)
		}
	}
	for _, header := range []http.Header{{"Host": {"evil.example"}}, {"Sec-Fetch-Site": {"cross-site"}}, {"Sec-Fetch-Site": {"same-site"}}} {
		if response, body := admin.request("GET", "/metrics", header, ""); response.StatusCode != 421 && response.StatusCode != 403 {
			t.Errorf("%v: %s %.200s", header, response.Status, body)
		}
	}
	if response, _ := admin.request("GET", "/sse", nil, ""); response.StatusCode != 404 {
		t.Errorf("the admin listener serves subscribers: %s", response.Status)
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestAdminDeadlines: the admin listener waits for no content for ever, either.
func TestAdminDeadlines(t *testing.T) {
	for _, request := range []string{"OPTIONS *", "POST /metrics", "GET /nowhere"} {
		synctest.Test(t, func(t *testing.T) {
			server, err := web.NewServer(hub.New(hub.Config{}), web.Config{})
			if err != nil {
				t.Fatal(err)
			}
			l := memhttp.Listen()
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error)
			go func() { ended <- server.ServeAdmin(ctx, l) }()
			conn, err := l.Dial(ctx, "", "")
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			begin := time.Now()
			io.WriteString(conn, request+" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf")
			answer, _ := io.ReadAll(conn)
			if took := time.Since(begin); took > 31*time.Second || !strings.HasPrefix(string(answer), "HTTP/1.1 ") {
				t.Errorf("%s was answered %.100q, after %v", request, answer, took)
			}
			stop()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMetricsOfTheAdminListener: who asks the public listener as often as he can keeps nobody from the other; and no cache may
// keep the answer of either.
func TestMetricsOfTheAdminListener(t *testing.T) {
	h := hub.New(hub.Config{})
	server, err := web.NewServer(h, web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- server.ServeAdmin(ctx, l) }()
	admin := &service{t: t, hub: h, url: "http://" + l.Addr().String()}
	var asking sync.WaitGroup
	done := make(chan struct{})
	for range 8 {
		asking.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					r := httptest.NewRequest("GET", "/metrics", nil)
					r.Host = "localhost"
					w := httptest.NewRecorder()
					if server.ServeHTTP(w, r); w.Header().Get("Cache-Control") != "no-store" {
						t.Errorf("the public listener answers %d, %v", w.Code, w.Header())
					}
				}
			}
		})
	}
	for range 5 {
		if response, body := admin.request("GET", "/metrics", nil, ""); response.StatusCode != 200 || response.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("the admin listener answers %s %v %.100s", response.Status, response.Header, body)
		}
	}
	close(done)
	asking.Wait()
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	http.DefaultClient.CloseIdleConnections()
}
