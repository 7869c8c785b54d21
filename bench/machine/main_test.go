package machine

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or, if the test of the server process has started it, plays the server.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "play-server" {
		playServer(os.Args[2])
		return
	}
	goleak.VerifyTestMain(m)
}

var garbage []byte

// playServer behaves as the process of a server does, or should not.
func playServer(how string) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	for _, v := range os.Environ() {
		if len(v) > 8 && v[:8] == "PUSHLAB_" {
			fmt.Fprintln(os.Stderr, "it was given", v)
			os.Exit(1)
		}
	}
	switch how {
	case "dies at once":
		fmt.Fprintln(os.Stderr, "no port is free")
		os.Exit(3)
	case "says nothing":
		<-ctx.Done()
		return
	case "collects":
		for range 64 { // enough for a collection that nobody asked for
			garbage = make([]byte, 1<<20)
		}
		fmt.Printf("GODEBUG=%s\n", os.Getenv("GODEBUG"))
	case "dies later":
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			panic(err)
		}
		fmt.Printf("listening on http://%s/\n", l.Addr())
		l.Accept() // the first who connects brings it down
		fmt.Fprintln(os.Stderr, "out of memory")
		os.Exit(4)
	}
	fmt.Println("pushlab: some words first")
	fmt.Println("pushlab: listening on http://127.0.0.1:4321")
	<-ctx.Done()
	if how == "does not leave" {
		select {}
	}
}
