package probe_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/probe"
	"pushlab/web"
)

var nolog = log.New(io.Discard, "", 0)

// A fixture is our own server, in memory, and what stands before it.
type fixture struct {
	t      *testing.T
	hub    *hub.Hub
	dial   func(ctx context.Context, network, address string) (net.Conn, error)
	proxy  *httputil.ReverseProxy
	before func(http.Handler) http.Handler // the proxy
}

// newFixture starts a server. It drains it at the end of the test.
func newFixture(t *testing.T, config web.Config) *fixture {
	f := &fixture{t: t, hub: hub.New(hub.Config{}), before: func(h http.Handler) http.Handler { return h }}
	server, err := web.NewServer(f.hub, config)
	if err != nil {
		t.Fatal(err)
	}
	l := memhttp.Listen()
	f.dial = l.Dial
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, l) }()
	transport := &http.Transport{DialContext: l.Dial, DisableCompression: true, DisableKeepAlives: true}
	f.proxy = &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(&url.URL{Scheme: "http", Host: "localhost"})
			r.Out.Host = r.In.Host
		},
		Transport:    transport,
		ErrorLog:     nolog,
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return f
}

// rewrite changes what the proxy asks the server.
func (f *fixture) rewrite(change func(*httputil.ProxyRequest)) {
	before := f.proxy.Rewrite
	f.proxy.Rewrite = func(r *httputil.ProxyRequest) {
		before(r)
		change(r)
	}
}

// answer changes what the proxy answers.
func (f *fixture) answer(change func(*http.Response)) {
	f.proxy.ModifyResponse = func(r *http.Response) error {
		change(r)
		return nil
	}
}

// body changes the content of the streams by HTTP.
func (f *fixture) body(change func(io.ReadCloser) io.ReadCloser) {
	f.answer(func(r *http.Response) {
		if streams(r) {
			r.Body = change(r.Body)
		}
	})
}

func streams(r *http.Response) bool { return r.ContentLength < 0 && r.StatusCode == http.StatusOK }

// delay has the proxy look only every now and then for what has come.
func (f *fixture) delay(every time.Duration) {
	f.answer(func(r *http.Response) {
		if streams(r) {
			r.Body = &lazy{r.Body, every, r.Request.Context().Done()}
		}
	})
}

// front starts the proxy and returns how to reach it.
func (f *fixture) front() func(ctx context.Context, network, address string) (net.Conn, error) {
	server := memhttp.NewServer(f.t, f.before(f.proxy))
	server.HTTP.ErrorLog = nolog
	return server.Dial
}

// symptoms lists what is not fine: state, check, transports and cause.
func symptoms(d *probe.Diagnosis) (list []string) {
	for _, o := range d.Observations {
		if o.State != probe.Fine {
			list = append(list, strings.Join(strings.Fields(fmt.Sprintf("%s %s %s: %s, %s", o.State, o.Check, strings.Join(o.Transports, "+"), o.Cause, o.Fault)), " "))
		}
	}
	return list
}

// causes lists the symptoms of which the cause is known. Of a single event that was late it is not: on a busy
// machine that happens.
func causes(d *probe.Diagnosis) []string {
	return slices.DeleteFunc(symptoms(d), func(s string) bool { return strings.HasSuffix(s, ": ,") })
}

// shown is a diagnosis as it is printed.
func shown(t *testing.T, d *probe.Diagnosis) string {
	t.Helper()
	var b strings.Builder
	if err := d.Write(&b, false); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A filled reads nothing before there are so many bytes, as who fills a buffer does.
type filled struct {
	io.ReadCloser
	size  int
	ready bytes.Buffer
}

func (f *filled) Read(p []byte) (int, error) {
	if f.ready.Len() == 0 {
		if _, err := io.CopyN(&f.ready, f.ReadCloser, int64(f.size)); err != nil && f.ready.Len() == 0 {
			return 0, err
		}
	}
	return f.ready.Read(p)
}

// A lazy reads only every now and then.
type lazy struct {
	io.ReadCloser
	every time.Duration
	done  <-chan struct{} // when who asked is gone
}

func (l *lazy) Read(p []byte) (int, error) {
	select {
	case <-time.After(l.every):
		return l.ReadCloser.Read(p)
	case <-l.done:
		return 0, io.ErrUnexpectedEOF
	}
}

// An impatient ends when nothing comes for a time: with an error, or as if that were the end.
type impatient struct {
	io.ReadCloser
	after  time.Duration
	proper bool
}

func (i *impatient) Read(p []byte) (int, error) {
	late := time.AfterFunc(i.after, func() { i.Close() })
	n, err := i.ReadCloser.Read(p)
	if !late.Stop() && i.proper {
		return n, io.EOF
	}
	return n, err
}

// zipped compresses a body, and may pass each piece on at once.
func zipped(body io.ReadCloser, atOnce bool) io.ReadCloser {
	r, w := io.Pipe()
	z := gzip.NewWriter(w)
	done := make(chan struct{})
	go func() {
		defer close(done)
		p := make([]byte, 4<<10)
		for {
			n, err := body.Read(p)
			z.Write(p[:n]) // to who may be gone
			if atOnce {
				z.Flush()
			}
			if err != nil {
				w.CloseWithError(err)
				return
			}
		}
	}()
	return struct {
		io.Reader
		io.Closer
	}{r, closer(func() error {
		body.Close()
		r.Close()
		<-done
		return nil
	})}
}

type closer func() error

func (c closer) Close() error { return c() }

// A store answers the same question with the answer of the first time.
type store struct {
	http.RoundTripper
	mu      sync.Mutex
	answers map[string][]byte
}

func (s *store) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Path != "/longpoll" {
		return s.RoundTripper.RoundTrip(r)
	}
	key := r.URL.String()
	s.mu.Lock()
	content, ok := s.answers[key]
	s.mu.Unlock()
	if ok {
		return &http.Response{StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, Request: r, ContentLength: int64(len(content)),
			Header: http.Header{"Content-Type": {"application/json"}, "Age": {"3"}}, Body: io.NopCloser(bytes.NewReader(content))}, nil
	}
	response, err := s.RoundTripper.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	content, err = io.ReadAll(response.Body)
	response.Body.Close()
	response.Body = io.NopCloser(bytes.NewReader(content))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[key] = content
	return response, err
}

// TestDoctor has a proxy do wrong in one way, and wants to be told of that and of nothing else.
func TestDoctor(t *testing.T) {
	for _, c := range []struct {
		name   string
		breaks func(*fixture)
		want   []string
	}{
		{"nothing is wrong", func(*fixture) {}, nil},
		{"buffers by size", func(f *fixture) {
			f.body(func(b io.ReadCloser) io.ReadCloser { return &filled{ReadCloser: b, size: 8 << 10} })
		}, []string{
			"broken opening httpstream+sse: buffering, hop or server",
			"broken delay httpstream+sse: buffering, hop or server",
		}},
		{"buffers by time", func(f *fixture) {
			f.delay(900 * time.Millisecond)
		}, []string{"broken delay httpstream+sse: buffering, hop or server"}},
		{"compresses, and passes on at once", func(f *fixture) { compress(f, true) },
			[]string{"note compression httpstream+sse: compression, hop"}},
		{"compresses, and holds back", func(f *fixture) { compress(f, false) },
			[]string{"broken compression httpstream+sse: compression, hop"}},
		{"stores polls", func(f *fixture) {
			f.proxy.Transport = &store{RoundTripper: f.proxy.Transport, answers: make(map[string][]byte)}
		}, []string{"broken caching longpoll: caching, hop"}},
		{"drops Last-Event-ID", func(f *fixture) {
			f.rewrite(func(r *httputil.ProxyRequest) { r.Out.Header.Del("Last-Event-ID") })
		}, []string{"broken resume sse: request-field Last-Event-ID, hop"}},
		{"drops Prefer", func(f *fixture) {
			f.rewrite(func(r *httputil.ProxyRequest) { r.Out.Header.Del("Prefer") })
		}, []string{"note fields longpoll: request-field Prefer, hop"}},
		{"hides Preference-Applied", func(f *fixture) {
			f.answer(func(r *http.Response) { r.Header.Del("Preference-Applied") })
		}, []string{"note fields longpoll: answer-field Preference-Applied, hop"}},
		{"hides the cursor", func(f *fixture) {
			f.answer(func(r *http.Response) { r.Header.Del("Pushlab-Cursor") })
		}, []string{"broken fields httpstream+sse: answer-field Pushlab-Cursor, hop"}},
		{"changes the type", func(f *fixture) {
			f.answer(func(r *http.Response) {
				if r.Header.Get("Content-Type") == "text/event-stream" {
					r.Header.Set("Content-Type", "text/plain")
				}
			})
		}, []string{"broken fields sse: answer-field Content-Type, hop"}},
		{"changes Cache-Control", func(f *fixture) {
			f.answer(func(r *http.Response) { r.Header.Set("Cache-Control", "max-age=60") })
		}, []string{"note fields httpstream+sse: answer-field Cache-Control, hop"}},
		{"cuts what is quiet", func(f *fixture) {
			f.body(func(b io.ReadCloser) io.ReadCloser {
				return &impatient{ReadCloser: b, after: 3 * time.Second}
			})
		}, []string{"broken idle httpstream+sse: idle-timeout, hop or server"}},
		{"ends what is quiet as if it were complete", func(f *fixture) {
			f.body(func(b io.ReadCloser) io.ReadCloser {
				return &impatient{b, 3 * time.Second, true}
			})
		}, []string{
			"broken idle httpstream+sse: idle-timeout, hop or server",
			"note end httpstream+sse: proper-end, hop",
		}},
		{"passes no Upgrade on", func(f *fixture) {
			f.rewrite(func(r *httputil.ProxyRequest) {
				r.Out.Header.Del("Upgrade")
				r.Out.Header.Del("Connection")
			})
		}, []string{"broken upgrade websocket: upgrade, hop"}},
		{"refuses WebSockets", func(f *fixture) {
			f.before = func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Header.Get("Upgrade") != "" {
						http.Error(w, "no", http.StatusBadGateway)
						return
					}
					h.ServeHTTP(w, r)
				})
			}
		}, []string{"broken upgrade websocket: upgrade, hop"}},
		{"passes another Host on", func(f *fixture) {
			f.rewrite(func(r *httputil.ProxyRequest) { r.Out.Host = "backend.internal" })
		}, []string{"broken reach : host, hop or server"}},
		{"passes another local Host on", func(f *fixture) {
			f.rewrite(func(r *httputil.ProxyRequest) { r.Out.Host = "127.0.0.1:1" })
		}, []string{"broken origin websocket: host, hop or server"}},
		{"takes small requests only", func(f *fixture) {
			f.before = func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.ContentLength > 64<<10 {
						http.Error(w, "<html>too large</html>", http.StatusRequestEntityTooLarge)
						return
					}
					h.ServeHTTP(w, r)
				})
			}
		}, []string{"broken size : body-limit, hop or server"}},
		{"ends each connection", func(f *fixture) {
			f.before = func(h http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/longpoll" {
						w.Header().Set("Connection", "close")
					}
					h.ServeHTTP(w, r)
				})
			}
		}, []string{"note keep-alive longpoll: keep-alive, hop"}},
		{"has nobody behind it", func(f *fixture) {
			f.before = func(http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusBadGateway) })
			}
		}, []string{"broken reach : unanswered, hop or server"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, web.Config{})
				c.breaks(f)
				dial := f.front()
				for _, direct := range []bool{false, true} {
					o := probe.DoctorOptions{DialContext: dial}
					want := slices.Clone(c.want)
					if direct { // of which all is fine
						o.Direct, o.DialDirect = memhttp.URL, f.dial
						for i := range want {
							want[i] = strings.ReplaceAll(want[i], "hop or server", "hop")
						}
					}
					began := time.Now()
					d, err := probe.Diagnose(t.Context(), memhttp.URL, o)
					if err != nil {
						t.Fatal(err)
					}
					if took := time.Since(began); took > 15*time.Second {
						t.Errorf("it took %v", took)
					}
					if got := symptoms(d); !slices.Equal(got, want) {
						t.Errorf("direct %t: found %q, want %q\n%s", direct, got, want, shown(t, d))
					}
				}
			})
		})
	}
}

func compress(f *fixture, atOnce bool) {
	f.answer(func(r *http.Response) {
		if streams(r) && r.Request.Header.Get("Accept-Encoding") == "gzip" {
			r.Body = zipped(r.Body, atOnce)
			r.Header.Set("Content-Encoding", "gzip")
		}
	})
}

// TestDoctorBomb: a stream that inflates to much more than was published is given up, and only that.
func TestDoctorBomb(t *testing.T) {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	io.CopyN(z, newlines{}, 64<<20) // to a buffer
	z.Close()
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, web.Config{})
		f.answer(func(r *http.Response) {
			if streams(r) && r.Request.Header.Get("Accept-Encoding") == "gzip" {
				r.Body.Close()
				r.Body = io.NopCloser(bytes.NewReader(bomb.Bytes()))
				r.Header.Set("Content-Encoding", "gzip")
			}
		})
		d, err := probe.Diagnose(t.Context(), memhttp.URL, probe.DoctorOptions{DialContext: f.front(), Idle: -1})
		if err != nil {
			t.Fatal(err)
		}
		if got := shown(t, d); len(causes(d)) > 0 || !strings.Contains(got, "a compressed stream brought more than 1 MiB") {
			t.Errorf("found %s", got)
		}
	})
}

type newlines struct{}

func (newlines) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '\n'
	}
	return len(p), nil
}

// TestDoctorPublishesDirectly: where nothing can be published through the hops it is done without them, though the examination
// of that way is over already.
func TestDoctorPublishesDirectly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, web.Config{})
		f.body(func(b io.ReadCloser) io.ReadCloser { return &filled{ReadCloser: b, size: 64 << 10} }) // so that much is published
		f.before = func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPost {
					w.WriteHeader(http.StatusMethodNotAllowed)
					return
				}
				h.ServeHTTP(w, r)
			})
		}
		// A hop that shows itself on this way, too: then nothing is asked at the end, and the race detector can tell that there is
		// no order between that and what the other way still does here.
		direct := *f.proxy
		direct.ModifyResponse = func(r *http.Response) error {
			r.Header.Set("Via", "1.1 Caddy")
			return nil
		}
		d, err := probe.Diagnose(t.Context(), memhttp.URL, probe.DoctorOptions{DialContext: f.front(), Direct: memhttp.URL, DialDirect: memhttp.NewServer(t, &direct).Dial, Idle: -1})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"broken publish : publish, hop", "broken opening httpstream+sse: buffering, hop", "broken delay httpstream+sse: buffering, hop"}
		if got := symptoms(d); !slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want))) {
			t.Errorf("found %q, want %q\n%s", got, want, shown(t, d))
		}
	})
}

// TestDoctorServerAtFault finds the same without the proxy.
func TestDoctorServerAtFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, web.Config{})
		f.body(func(b io.ReadCloser) io.ReadCloser { return &filled{ReadCloser: b, size: 8 << 10} })
		dial := f.front()
		d, err := probe.Diagnose(t.Context(), memhttp.URL, probe.DoctorOptions{DialContext: dial, Direct: memhttp.URL, DialDirect: dial})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"broken opening httpstream+sse: buffering, server", "broken delay httpstream+sse: buffering, server"}
		if got := symptoms(d); !slices.Equal(got, want) {
			t.Errorf("found %q, want %q\n%s", got, want, shown(t, d))
		}
	})
}

// TestDoctorHeartbeats watches for longer than a heartbeat takes. One that is held back is missed where there is
// another.
func TestDoctorHeartbeats(t *testing.T) {
	for _, buffers := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			f := newFixture(t, web.Config{})
			var want []string
			if buffers {
				f.body(func(b io.ReadCloser) io.ReadCloser { return &filled{ReadCloser: b, size: 8 << 10} })
				for _, check := range []string{"opening", "delay", "idle"} {
					want = append(want, "broken "+check+" httpstream+sse: buffering, hop or server")
				}
			}
			d, err := probe.Diagnose(t.Context(), memhttp.URL, probe.DoctorOptions{DialContext: f.front(), Idle: 70 * time.Second})
			if err != nil {
				t.Fatal(err)
			}
			if got := symptoms(d); !slices.Equal(got, want) || !strings.Contains(shown(t, d), "the server beats about every 1") {
				t.Errorf("found %q, want %q\n%s", got, want, shown(t, d))
			}
		})
	}
}

// TestDoctorByClock publishes nothing, since it is told not to or is not let.
func TestDoctorByClock(t *testing.T) {
	for _, mute := range []bool{true, false} {
		for _, buffers := range []bool{false, true} {
			t.Run(fmt.Sprintf("mute=%t/buffers=%t", mute, buffers), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := newFixture(t, web.Config{})
					if buffers {
						f.delay(4 * time.Second)
					}
					want := []string{"note publish : ,"}
					if !mute {
						want = []string{"broken publish : publish, hop"}
						f.before = func(h http.Handler) http.Handler {
							return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
								if r.Method == http.MethodPost {
									w.WriteHeader(http.StatusMethodNotAllowed)
									return
								}
								h.ServeHTTP(w, r)
							})
						}
					}
					if buffers {
						want = slices.Insert(want, 0, "broken opening httpstream+sse: buffering, hop or server", "broken delay httpstream+sse: buffering, hop or server")
					}
					ticking, stop := context.WithCancel(t.Context())
					done := make(chan struct{})
					go func() {
						defer close(done)
						for n := 1; ; n++ {
							select {
							case <-time.After(time.Second):
								// Its clock is not ours.
								data, _ := json.Marshal(map[string]any{"time": time.Now().Add(-time.Hour).UTC(), "n": n})
								f.hub.Publish(ticking, "clock", data)
							case <-ticking.Done():
								return
							}
						}
					}()
					d, err := probe.Diagnose(t.Context(), memhttp.URL, probe.DoctorOptions{DialContext: f.front(), Mute: mute})
					stop()
					<-done
					if err != nil {
						t.Fatal(err)
					}
					if got := symptoms(d); !slices.Equal(got, want) {
						t.Errorf("found %q, want %q\n%s", got, want, shown(t, d))
					}
				})
			})
		}
	}
}

// TestDoctorSeveralLogs has every other request go to another server.
func TestDoctorSeveralLogs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, g := newFixture(t, web.Config{}), newFixture(t, web.Config{})
		var mu sync.Mutex
		n := 0
		f.before = func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				n++
				odd := n%2 == 1
				mu.Unlock()
				if odd {
					g.proxy.ServeHTTP(w, r)
					return
				}
				h.ServeHTTP(w, r)
			})
		}
		d, err := probe.Diagnose(t.Context(), memhttp.URL, probe.DoctorOptions{DialContext: f.front()})
		if err != nil {
			t.Fatal(err)
		}
		if got := symptoms(d); !slices.Contains(got, "broken log : several-logs, hop or server") {
			t.Errorf("found %q\n%s", got, shown(t, d))
		}
	})
}

// TestDoctorHops wants each product recognized, and told only its own lines.
func TestDoctorHops(t *testing.T) {
	for _, c := range []struct {
		header http.Header
		hop    string
		line   string
	}{
		{http.Header{"Server": {"nginx/1.22.1"}}, "nginx", "proxy_set_header Last-Event-ID"},
		{http.Header{"Server": {"Apache/2.4.66 (Debian)"}}, "Apache", "RequestHeader unset Last-Event-ID"},
		{http.Header{"Via": {"1.1 Caddy"}}, "Caddy", "header_up -Last-Event-ID"},
		{http.Header{"X-Varnish": {"32770"}, "Via": {"1.1 host (Varnish/7.7)"}}, "Varnish", "unset req.http.Last-Event-ID"},
		{http.Header{"Via": {"1.1 d3.cloudfront.net (CloudFront)"}}, "CloudFront", ""},
		{http.Header{"Via": {"1.1 something"}}, "a hop", ""},
		{http.Header{}, "", "HAProxy"},
	} {
		t.Run(c.hop, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := newFixture(t, web.Config{})
				f.rewrite(func(r *httputil.ProxyRequest) { r.Out.Header.Del("Last-Event-ID") })
				f.answer(func(r *http.Response) {
					for name, values := range c.header {
						r.Header[name] = values
					}
				})
				d, err := probe.Diagnose(t.Context(), memhttp.URL, probe.DoctorOptions{DialContext: f.front(), Idle: -1})
				if err != nil {
					t.Fatal(err)
				}
				out := shown(t, d)
				if c.hop == "" {
					if len(d.Hops) > 0 || !strings.Contains(out, c.line) || !strings.Contains(out, "proxy_set_header") {
						t.Errorf("want all products:\n%s", out)
					}
					return
				}
				if len(d.Hops) != 1 || d.Hops[0].Name != c.hop || !strings.Contains(out, c.line) {
					t.Errorf("%+v\n%s", d.Hops, out)
				}
				if c.hop != "nginx" && strings.Contains(out, "proxy_set_header") {
					t.Errorf("nginx is told, too:\n%s", out)
				}
			})
		})
	}
}

func TestDoctorJSON(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFixture(t, web.Config{})
		f.rewrite(func(r *httputil.ProxyRequest) { r.Out.Header.Del("Last-Event-ID") })
		d, err := probe.Diagnose(t.Context(), memhttp.URL, probe.DoctorOptions{DialContext: f.front(), Idle: -1})
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			URL          string
			Fine, Broken int
			Observations []struct {
				Check, State, Cause, Fault, Advice string
				Transports                         []string
				Repairs                            []struct{ Hop, Line string }
			}
		}
		if err := json.Unmarshal(b, &got); err != nil {
			t.Fatal(err)
		}
		found := false
		for _, o := range got.Observations {
			if o.Check == "resume" {
				found = o.State == "broken" && o.Cause == "request-field Last-Event-ID" && o.Fault == "hop" && len(o.Repairs) == 5 && o.Advice != ""
			}
		}
		if got.URL != memhttp.URL || got.Broken != 1 || got.Fine < 8 || !found {
			t.Errorf("%s", b)
		}
	})
}

func TestDoctorMistakes(t *testing.T) {
	for _, c := range []struct {
		address string
		o       probe.DoctorOptions
		want    string
	}{
		{"localhost:8080", probe.DoctorOptions{}, "https://example.com"},
		{"ftp://localhost", probe.DoctorOptions{}, "https://example.com"},
		{"http://localhost", probe.DoctorOptions{Direct: "nonsense"}, "https://example.com"},
		{"http://localhost", probe.DoctorOptions{Idle: time.Millisecond}, "too short"},
		{"http://localhost", probe.DoctorOptions{MaxMessage: -1}, "negative"},
	} {
		if _, err := probe.Diagnose(t.Context(), c.address, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %+v: %v", c.address, c.o, err)
		}
	}
}
