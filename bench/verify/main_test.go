package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestMain lets the test's own program stand in for the server that is measured, and for the second client.
func TestMain(m *testing.M) {
	play := map[string]func() error{
		"serve":       serve,
		secondCommand: func() error { return beSecond(context.Background(), os.Stdin, os.Stdout) },
	}
	if len(os.Args) > 1 && play[os.Args[1]] != nil {
		if err := play[os.Args[1]](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serve is pushlab serve, without its flags.
func serve() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	h := hub.New(hub.Config{})
	defer h.Close()
	s, err := web.NewServer(h, web.Config{})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	return s.Run(ctx, l)
}
