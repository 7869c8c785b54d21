package main

import (
	"context"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestMain lets the test's own program stand in for the server.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "serve" {
		if err := serve(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve is pushlab serve with the flags that a soak gives.
func serve(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var listeners []net.Listener
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.String("source", "", "")
	flags.String("log-level", "", "")
	trusted := flags.String("trust-proxy", "", "")
	flags.Func("listen", "", func(at string) error {
		l, err := web.Listen(ctx, at, web.Socket{Mode: 0o660})
		listeners = append(listeners, l)
		return err
	})
	if err := flags.Parse(args); err != nil {
		return err
	}
	h := hub.New(hub.Config{})
	defer h.Close()
	s, err := web.NewServer(h, web.Config{TrustProxy: []string{*trusted}})
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", listeners[0].Addr())
	return s.Run(ctx, listeners...)
}

// Some subscribers of each transport get everything through nginx; what it printed has their number, and nothing lost.
func TestSoak(t *testing.T) {
	var out strings.Builder
	s := soak{program: os.Args[0], subscribers: 40, rate: 800, duration: time.Second, size: 128, out: &out}
	if err := s.run(t.Context()); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, transport := range []string{"longpoll", "httpstream", "sse", "websocket"} {
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), transport+" 10 200 0 0 0 0 ") {
			t.Errorf("%s did not get 200 deliveries:\n%s", transport, &out)
		}
	}
}

// A server that cannot be started, and a rate that cannot be kept, are errors.
func TestSoakFails(t *testing.T) {
	s := soak{program: "/nowhere/pushlab", subscribers: 4, rate: 4, duration: time.Second, size: 128, out: new(strings.Builder)}
	if err := s.run(t.Context()); err == nil || !strings.Contains(err.Error(), "/nowhere/pushlab") {
		t.Errorf("a program that is not there: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.program = os.Args[0]
	if err := s.run(ctx); err == nil {
		t.Error("it runs although it was interrupted")
	}
}
