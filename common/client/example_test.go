package client_test

import (
	"context"
	"fmt"
	"io"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
)

// A shortConn stands for a transport's connection: it brings two events, and breaks.
type shortConn struct{ last, end event.ID }

func (c *shortConn) Next(context.Context) (event.Event, error) {
	if c.last == c.end {
		return event.Event{}, io.ErrUnexpectedEOF
	}
	c.last.Seq++
	return event.Event{ID: c.last, Topic: "clock", Data: []byte(`"tick"`)}, nil
}

func (c *shortConn) Cursor() string { return c.last.String() }
func (c *shortConn) Close() error   { return nil }

// Follow dials again whenever the connection breaks, and resumes where it broke. A program's dial
// function calls a transport's Dial with client.Options{After: after}.
func ExampleFollow() {
	dial := func(ctx context.Context, after string) (client.Conn, error) {
		fmt.Println("dial, after", after)
		id, err := event.ParseID(after)
		if err != nil {
			return nil, err
		}
		return &shortConn{last: id, end: event.ID{Epoch: id.Epoch, Seq: id.Seq + 2}}, nil
	}
	f := client.Follow(dial, "mfrggzdf-7", client.Policy{MinBackoff: time.Millisecond})
	defer f.Close()
	for range 5 {
		e, err := f.Next(context.Background())
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Printf("%s %s %s\n", e.ID, e.Topic, e.Data)
	}
	fmt.Println("resume after", f.Cursor())
	// Output:
	// dial, after mfrggzdf-7
	// mfrggzdf-8 clock "tick"
	// mfrggzdf-9 clock "tick"
	// dial, after mfrggzdf-9
	// mfrggzdf-10 clock "tick"
	// mfrggzdf-11 clock "tick"
	// dial, after mfrggzdf-11
	// mfrggzdf-12 clock "tick"
	// resume after mfrggzdf-12
}

// The ledger of a subscriber of all topics shows what is missing: sequence numbers are dense.
func ExampleLedger() {
	var ledger client.Ledger
	ledger.Begin(event.ID{Epoch: "mfrggzdf", Seq: 0})
	for _, seq := range []uint64{1, 2, 2, 5} {
		ledger.Observe(event.Event{ID: event.ID{Epoch: "mfrggzdf", Seq: seq}, Topic: "clock"})
	}
	fmt.Printf("%d events, %d repeated, %d lost\n", ledger.Events, ledger.Repeated, ledger.Lost)
	// Output:
	// 4 events, 1 repeated, 2 lost
}
