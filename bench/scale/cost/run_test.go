package cost

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/hub"
	"pushlab/sse"
	"pushlab/web"
)

// TestMain lets the test's own program stand in for the servers: pushlab serve, and nats-server.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "serve" || os.Args[1] == "--jetstream") {
		play := serve
		if os.Args[1] == "--jetstream" {
			play = listen
		}
		if err := play(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// serve is pushlab serve with the flags that are given here; of a journal it asks only that somebody listens there.
func serve(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.String("source", "", "")
	flags.String("log-level", "", "")
	at := flags.String("listen", "", "")
	flags.Func("journal", "", func(url string) error {
		address, isNATS := strings.CutPrefix(url, "nats://")
		if !isNATS {
			return errors.New("no journal: " + url)
		}
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		return conn.Close()
	})
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	l, err := web.Listen(ctx, *at, web.Socket{})
	if err != nil {
		return err
	}
	h := hub.New(hub.Config{})
	defer h.Close()
	s, err := web.NewServer(h, web.Config{})
	if err != nil {
		return err
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	return s.Run(ctx, l)
}

// listen is a nats-server that only listens.
func listen(args []string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	flags := flag.NewFlagSet("nats-server", flag.ContinueOnError)
	flags.Bool("jetstream", false, "")
	dir := flags.String("store_dir", "", "")
	address, port := flags.String("addr", "", ""), flags.String("port", "", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if _, err := os.Stat(*dir); err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(*address, *port))
	if err != nil {
		return err
	}
	<-ctx.Done()
	return l.Close()
}

func small() Config {
	return Config{
		Program: os.Args[0], Transport: sse.Name, Nodes: 2, Rounds: 2, Loads: []Load{{5, 100}},
		WarmUp: 50 * time.Millisecond, Measure: 200 * time.Millisecond, Patience: 10 * time.Second,
	}
}

// Nodes that are apart are each published to; every lane is in every round, and nothing is left running (TestMain).
func TestNodesApart(t *testing.T) {
	c := small()
	all, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	rows := Summarize(c, all)
	if len(all) != 4 || len(rows) != 2 {
		t.Fatalf("%d measurements and %d rows, want 4 and 2", len(all), len(rows))
	}
	for i, r := range rows {
		if r.Lane != (Lane{i + 1, false}) || r.Delivery.Median <= 0 || r.Delivery.Rounds != 2 || r.P99.Median < r.P50.Median || r.Broker.Max > 0 {
			t.Errorf("row %d is %+v", i, r)
		}
		if (r.Others.Median > 0) != (i > 0) {
			t.Errorf("the others of %d nodes took %v", i+1, r.Others)
		}
	}
	if rows[0].Times.Min != 1 || rows[0].Times.Max != 1 {
		t.Errorf("the first lane against itself is %v", rows[0].Times)
	}
	if all[0].Lane == all[2].Lane {
		t.Error("the same lane is first in both rounds")
	}
}

// A NATS server is started for each lane with a journal, and nodes are told where; one lane has none.
func TestNodesWithNATS(t *testing.T) {
	c := small()
	c.NATS, c.Nodes, c.Rounds = os.Args[0], 1, 1
	all, err := Run(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 2 || all[0].Lane != (Lane{1, false}) || all[1].Lane != (Lane{1, true}) {
		t.Fatalf("the lanes are %+v", all)
	}
}

// What does not come is an error that says where; so is a server that does not start, and an end of the context.
func TestRunFails(t *testing.T) {
	apart := small()
	apart.NATS, apart.Patience = os.Args[0], 2*time.Second // whose nodes have no log in common
	if _, err := Run(t.Context(), apart); err == nil || !strings.Contains(err.Error(), "node 2: not all of the 5 events have come") {
		t.Errorf("a second node that gets nothing: %v", err)
	}
	nowhere := small()
	nowhere.Program = "/nowhere/pushlab"
	if _, err := Run(t.Context(), nowhere); err == nil || !strings.Contains(err.Error(), "/nowhere/pushlab") {
		t.Errorf("a program that is not there: %v", err)
	}
	refuses := small()
	refuses.Journal = "file:/somewhere"
	if _, err := Run(t.Context(), refuses); err == nil || !strings.Contains(err.Error(), "no journal: file:/somewhere") {
		t.Errorf("a server that refuses its journal: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(ctx, small()); err == nil {
		t.Error("it runs although it was interrupted")
	}
}

// It stops by itself: each measurement has its bound, and the whole has their sum.
func TestLimit(t *testing.T) {
	c := Config{Loads: make([]Load, 2), Rounds: 3, Nodes: 2, WarmUp: time.Second, Measure: 4 * time.Second, Patience: 5 * time.Second}
	if got, want := c.Limit(), 3*2*2*45*time.Second; got != want {
		t.Errorf("without a journal: %v, want %v", got, want)
	}
	c.NATS = "nats-server"
	if got, want := c.Limit(), 3*2*4*45*time.Second; got != want {
		t.Errorf("with twice the lanes: %v, want %v", got, want)
	}
}

// Ratios are of one round each: two rounds of which one is slow have the same ratio, whatever their medians are.
func TestSummarize(t *testing.T) {
	load, alone, apart, one, two := Load{10, 1}, Lane{1, false}, Lane{2, false}, Lane{1, true}, Lane{2, true}
	c := Config{NATS: "nats-server", Nodes: 2, Rounds: 2, Loads: []Load{load}}
	rows := Summarize(c, []Measurement{
		{Load: load, Lane: alone, Round: 0, Delivery: 5},
		{Load: load, Lane: one, Round: 0, Delivery: 6, Broker: 20},
		{Load: load, Lane: apart, Round: 0, Delivery: 3.5},
		{Load: load, Lane: two, Round: 0, Delivery: 7, Broker: 30, Others: 4},
		{Load: load, Lane: two, Round: 1, Delivery: 14, Broker: 60, Others: 8},
		{Load: load, Lane: alone, Round: 1, Delivery: 10},
	})
	if len(rows) != 4 || rows[0].Lane != alone || rows[3].Lane != two {
		t.Fatalf("the rows are %+v", rows)
	}
	if got := rows[3]; got.Times.Median != 1.4 || got.Times.Min != 1.4 || got.Times.Rounds != 2 || got.Delivery.Median != 10.5 ||
		got.TimesApart.Median != 2 || got.TimesApart.Rounds != 1 || got.TimesBroker.Median != 1.5 || got.TimesBroker.Rounds != 1 || got.Others.Median != 6 {
		t.Errorf("two nodes: %+v", got)
	}
	if got := rows[2]; got.Times.Rounds != 1 || got.Times.Median != 1.2 || got.TimesBroker.Median != 1 {
		t.Errorf("one node: %+v", got)
	}
}
