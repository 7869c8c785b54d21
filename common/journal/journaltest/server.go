package journaltest

import (
	"context"
	"net"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/journal"
)

// A Server is a NATS server with JetStream that listens on loopback, and can be stopped and started again on its files and
// its port.
type Server struct {
	// Options may be changed before Start.
	Options server.Options

	running *server.Server
}

// NewServer returns a server that is not started. It is stopped when the test ends.
func NewServer(t testing.TB) *Server {
	s := &Server{Options: server.Options{
		ServerName:         "n1",
		Host:               "127.0.0.1",
		Port:               server.RANDOM_PORT,
		NoSigs:             true,
		NoLog:              true,
		JetStream:          true,
		StoreDir:           t.TempDir(),
		JetStreamMaxMemory: 64 << 20,
		JetStreamMaxStore:  4 << 30,
	}}
	t.Cleanup(s.Stop)
	return s
}

// Start starts the server, again if it was stopped.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	options := s.Options
	running, err := server.NewServer(&options)
	if err != nil {
		t.Fatal(err)
	}
	running.Start()
	if !running.ReadyForConnections(10 * time.Second) {
		running.Shutdown()
		t.Fatal("the NATS server did not start")
	}
	s.running = running
	s.Options.Port = options.Port // the one that was found
}

// Stop stops the server, as an operator does.
func (s *Server) Stop() {
	if s.running != nil {
		s.running.Shutdown()
		s.running.WaitForShutdown()
		s.running = nil
	}
}

// URL is where the server listens.
func (s *Server) URL() string { return s.running.ClientURL() }

// Open opens a log there.
func (s *Server) Open(t testing.TB, config journal.Config) *journal.Stream {
	t.Helper()
	nc, err := journal.Connect(t.Context(), journal.Servers{URLs: s.URL()})
	if err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(t.Context(), nc, config)
	if err != nil {
		t.Fatal(err)
	}
	return log
}

// JetStream runs a function with a connection of its own, as an operator with a tool.
func (s *Server) JetStream(t testing.TB, do func(context.Context, jetstream.JetStream) error) {
	t.Helper()
	nc, err := nats.Connect(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	if err := do(t.Context(), js); err != nil {
		t.Fatal(err)
	}
}

// Recreate deletes a stream and creates it again, as an operator might.
func (s *Server) Recreate(t testing.TB, name string) {
	t.Helper()
	s.JetStream(t, func(ctx context.Context, js jetstream.JetStream) error {
		stream, err := js.Stream(ctx, name)
		if err != nil {
			return err
		}
		config := stream.CachedInfo().Config
		if err := js.DeleteStream(ctx, name); err != nil {
			return err
		}
		for late := time.After(patience); ; { // the server may still be removing the files
			if _, err = js.CreateStream(ctx, config); err == nil {
				return nil
			}
			select {
			case <-late:
				return err
			case <-time.After(20 * time.Millisecond):
			}
		}
	})
}

// NewCluster returns servers that are started and keep streams together.
func NewCluster(t testing.TB, n int) []*Server {
	t.Helper()
	servers := make([]*Server, n)
	ports := freePorts(t, 2*n)
	var routes []*url.URL
	for i := range servers {
		routes = append(routes, &url.URL{Scheme: "nats", Host: "127.0.0.1:" + strconv.Itoa(ports[i])})
	}
	for i := range servers {
		s := NewServer(t)
		s.Options.ServerName = "n" + strconv.Itoa(i+1)
		s.Options.Port = ports[n+i]
		s.Options.Cluster = server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: ports[i]}
		s.Options.Routes = routes
		servers[i] = s
		s.Start(t)
	}
	return servers
}

// freePorts returns ports on which nobody listened a moment ago. Those who make a cluster have to know each other's before
// they start.
func freePorts(t testing.TB, n int) (ports []int) {
	t.Helper()
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports
}
