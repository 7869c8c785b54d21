package transporttest

import (
	"context"
	"crypto/x509"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"pushlab/common/kernel"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// A route is a way from a client to a handler. The zero route is plain HTTP/1.1 in memory.
type route struct {
	name     string
	listen   func(*testing.T) listener // nil: in memory, and in virtual time
	tls      bool
	http2    bool
	wrap     func(http.Handler) http.Handler
	compress bool
	kernel   func() (kernel.Kernel, error) // on which streams have an engine; nil: none
}

// networks are the routes over sockets.
var networks = []route{
	{name: "TCP", listen: listenTCP},
	{name: "Unix socket", listen: listenUnix},
	{name: "TLS", listen: listenTCP, tls: true},
	{name: "HTTP/2", listen: listenTCP, tls: true, http2: true},
}

// kernels are those that a system may offer.
var kernels = []struct {
	name string
	open func() (kernel.Kernel, error)
}{
	{"write", kernel.Write},
	{"uring", kernel.Uring},
}

// networksOf returns the networks over which the transport can be reached, also with engines if its
// connections can be parked. All cases run over all of them; but an upgrade is refused over HTTP/2 (RFC
// 8441 is not supported), as a test of its own checks.
func networksOf(t *testing.T, tr Transport) []route {
	all := slices.DeleteFunc(slices.Clone(networks), func(r route) bool { return r.http2 && tr.Upgrade })
	if tr.Polls {
		return all
	}
	for _, k := range kernels {
		if _, err := k.open(); err != nil {
			t.Logf("not tested with the engine %s: %v", k.name, err)
			continue
		}
		for _, r := range networks {
			if !r.tls {
				r.name, r.kernel = r.name+" with "+k.name, k.open
				all = append(all, r)
			}
		}
	}
	return all
}

// faultyKernel is one in memory that cuts sends short, or would block, at times.
func faultyKernel() (kernel.Kernel, error) {
	return &memhttp.Kernel{Seed: 1, Short: 0.2, Again: 0.1, Spurious: 0.2}, nil
}

// engine starts an engine for the route, if it has one. It is closed when the test ends; its kernel must
// have nothing to complain of then.
func (r route) engine(t *testing.T) *wire.Engine {
	if r.kernel == nil {
		return nil
	}
	k, err := r.kernel()
	if err != nil {
		t.Fatal(err)
	}
	engine, err := wire.NewEngine(k)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
		if k, ok := k.(*memhttp.Kernel); ok {
			for _, misuse := range k.Misuse() {
				t.Errorf("the kernel complains: %s", misuse)
			}
		}
	})
	return engine
}

func (r route) virtual() bool { return r.listen == nil }

// scaled returns what the time d of a case is on the route: virtual time costs nothing, real time
// does.
func (r route) scaled(d time.Duration) time.Duration {
	if r.virtual() {
		return d
	}
	return d / 10
}

// busy is how long what has to happen in the end may take in real time.
const busy = 30 * time.Second

// buffers is more than the route holds of what nobody reads.
func (r route) buffers() int {
	if r.http2 {
		return 6 << 20 // a client of net/http takes 4 MiB before anybody reads
	}
	return 1 << 20
}

// handshake is about how many bytes a connection takes before HTTP begins.
func (r route) handshake() int {
	if r.tls {
		return 4000
	}
	return 0
}

// farewell is how long the standard library goes on trying to tell a peer that accepts nothing that
// the connection is closed: net/http closes it as soon as a write fails, and crypto/tls gives that 5 s.
func (r route) farewell() time.Duration {
	if r.tls && !r.http2 {
		return 5 * time.Second
	}
	return 0
}

// url is the server's. Its host is one for which httptest has a certificate.
func (r route) url() string {
	if r.tls {
		return "https://127.0.0.1"
	}
	return "http://127.0.0.1"
}

// serve starts a server with the handler at that path, and a client of it.
func (r route) serve(t *testing.T, path string, handler http.Handler) (*httptest.Server, func(context.Context, string, string) (net.Conn, error)) {
	if r.wrap != nil {
		handler = r.wrap(handler)
	}
	mux := http.NewServeMux()
	mux.HandleFunc(path, func(w http.ResponseWriter, q *http.Request) {
		if q.TLS != nil != r.tls || q.ProtoMajor == 2 != r.http2 {
			t.Errorf("a request by %s, TLS: %v", q.Proto, q.TLS != nil)
		}
		handler.ServeHTTP(w, q)
	})
	var l listener = memhttp.Listen()
	if !r.virtual() {
		l = r.listen(t)
	}
	server := &httptest.Server{Listener: l, EnableHTTP2: r.http2, Config: &http.Server{Handler: mux}}
	server.Config.ErrorLog = log.New(t.Output(), "", 0)
	if r.tls {
		server.StartTLS()
		trust(server.Certificate())
	} else {
		server.Start()
	}
	transport := server.Client().Transport.(*http.Transport)
	transport.DialContext = l.Dial
	transport.DisableCompression = true // or it would decompress in silence, and read ahead
	t.Cleanup(server.Close)
	return server, l.Dial
}

// trust has every client of the process trust that certificate, since a client's options do not say
// whom to trust. It is always the same: httptest's.
func trust(certificate *x509.Certificate) {
	trusting.Do(func() {
		roots := x509.NewCertPool()
		roots.AddCert(certificate)
		os.Setenv("GODEBUG", os.Getenv("GODEBUG")+",x509usefallbackroots=1") // instead of the system's
		x509.SetFallbackRoots(roots)
	})
}

var trusting sync.Once

// A listener has a way to connect to it.
type listener interface {
	net.Listener
	Dial(ctx context.Context, network, address string) (net.Conn, error) // whatever the address
}

// A socket listens on TCP or a Unix socket.
type socket struct{ net.Listener }

func listenTCP(t *testing.T) listener { return listenAt(t, "tcp", "127.0.0.1:0") }

func listenUnix(t *testing.T) listener {
	dir, err := os.MkdirTemp("", "") // the path of t.TempDir has the test's name, and the kernel takes some 100 bytes
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return listenAt(t, "unix", filepath.Join(dir, "socket"))
}

func listenAt(t *testing.T, network, address string) listener {
	t.Helper()
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	return socket{l}
}

func (s socket) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, s.Addr().Network(), s.Addr().String())
}

// Accept bounds how much the kernel holds of what nobody reads, which else depends on the machine.
func (s socket) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return c, c.(interface{ SetWriteBuffer(int) error }).SetWriteBuffer(256 << 10)
}
