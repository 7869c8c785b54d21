// Command start starts the example of a cluster, and ends it at Ctrl-C. `make cluster` runs it. With a command behind --, it runs
// that, and then ends.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"pushlab/deploy/cluster"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	config := cluster.Config{Out: os.Stderr}
	var servers string
	flag.StringVar(&config.Dir, "dir", "journal/cluster", "where data, logs and passwords are; a second run goes on with them")
	flag.StringVar(&config.Pushlab, "pushlab", "bin/pushlab", "the pushlab to start")
	flag.StringVar(&config.NATS, "nats-server", "bin/nats-server", "the NATS server to start")
	flag.StringVar(&servers, "servers", "n1,n2,n3", "which NATS servers to start: of these, and alone")
	flag.IntVar(&config.Nodes, "nodes", 3, "how many nodes to start, up to 3, with nginx in front; negative is none of these")
	flag.StringVar(&config.Address, "address", "127.0.0.1", "the address of this machine to listen on; on Linux any of 127.0.0.0/8")
	flag.DurationVar(&config.RestartAfter, "restart-after", 0, "how long what has ended stays away; 0 is 5s")
	flag.Parse()
	config.Servers = strings.Split(servers, ",")
	fmt.Fprintf(os.Stderr, "cluster: starting in %s; it takes some seconds\n", config.Dir)
	c, err := cluster.Start(ctx, config)
	if err != nil {
		return err
	}
	defer c.Close()
	if flag.NArg() > 0 {
		return runCommand(ctx)
	}
	c.Describe(os.Stdout)
	tell(c, config)
	<-ctx.Done()
	fmt.Println("cluster: stopping; its data stays")
	return nil
}

// runCommand runs the command of the command line.
func runCommand(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, flag.Arg(0), flag.Args()[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("cluster: the command failed: %w", err)
	}
	return nil
}

// tell tells what to try.
func tell(c *cluster.Cluster, config cluster.Config) {
	pid := func(name string) string { return fmt.Sprintf("$(cat %s)", filepath.Join(config.Dir, "pid", name)) }
	fmt.Printf(`
All of it runs; data, logs and passwords are in %[1]s. In other terminals, try:

  %[2]s sub --topic chat %[3]s            # through nginx, on any node
  %[2]s sub --topic chat --transport longpoll %[3]s
  %[2]s pub --topic chat %[4]s hello      # on one of the nodes
  %[2]s log info --journal %[5]s --journal-login-file %[6]s
  kill -9 %[7]s     # a node: its subscribers go on at another
  kill -9 %[8]s     # a NATS server: all goes on
  kill -9 %[8]s %[9]s     # two: nothing is published until one is back

What is killed is started again after some seconds. deploy/cluster/README.md says what is promised. Ctrl-C ends all.
`, config.Dir, config.Pushlab, c.URL(), c.NodeURL(1), c.Journal(), filepath.Join(config.Dir, "login"), pid("node1"), pid("n1"), pid("n2"))
}
