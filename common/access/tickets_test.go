package access_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pushlab/common/access"
)

func makeTicket(t *testing.T, tickets *access.Tickets, g *access.Grant, at time.Time) (string, time.Duration) {
	t.Helper()
	text, life, err := tickets.Make(g, at)
	if err != nil {
		t.Fatal(err)
	}
	return text, life
}

// A ticket can be used once, and soon, and not after its token has expired (CORS-05).
func TestTickets(t *testing.T) {
	var tickets access.Tickets
	if _, err := tickets.Use("", now); err == nil {
		t.Error("nothing is a ticket")
	}
	forever, ending := new(access.Grant), &access.Grant{Expires: now.Add(10 * time.Second)}

	text, life := makeTicket(t, &tickets, forever, now)
	if life != access.TicketLife || len(text) < 26 {
		t.Errorf("%q, %v", text, life)
	}
	if g, err := tickets.Use(text, now.Add(access.TicketLife-1)); g != forever || err != nil {
		t.Error(g, err)
	}
	if _, err := tickets.Use(text, now); err == nil {
		t.Error("it could be used twice")
	}

	text, _ = makeTicket(t, &tickets, forever, now)
	if _, err := tickets.Use(text, now.Add(access.TicketLife)); err == nil {
		t.Error("it could be used too late")
	}
	if _, err := tickets.Use(text, now); err == nil {
		t.Error("it could be used after it was too late")
	}

	text, life = makeTicket(t, &tickets, ending, now)
	if life != 10*time.Second {
		t.Errorf("it outlives its token: %v", life)
	}
	if _, err := tickets.Use(text, ending.Expires); err == nil {
		t.Error("it could be used after its token had expired")
	}
}

func TestTicketsAreBounded(t *testing.T) {
	var tickets access.Tickets
	g := new(access.Grant)
	first, _ := makeTicket(t, &tickets, g, now)
	for range access.MaxTickets - 1 {
		makeTicket(t, &tickets, g, now.Add(time.Second))
	}
	if _, _, err := tickets.Make(g, now.Add(2*time.Second)); !errors.Is(err, access.ErrTooManyTickets) {
		t.Error(err)
	}
	// One that is used, and one that has ended, make room.
	if _, err := tickets.Use(first, now.Add(2*time.Second)); err != nil {
		t.Error(err)
	}
	makeTicket(t, &tickets, g, now.Add(2*time.Second))
	if _, _, err := tickets.Make(g, now.Add(access.TicketLife)); !errors.Is(err, access.ErrTooManyTickets) {
		t.Error(err)
	}
	for range access.MaxTickets - 1 {
		makeTicket(t, &tickets, g, now.Add(time.Second+access.TicketLife))
	}
}

func TestOneOfManyUsesATicket(t *testing.T) {
	var tickets access.Tickets
	text, _ := makeTicket(t, &tickets, new(access.Grant), now)
	var used atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if _, err := tickets.Use(text, now); err == nil {
				used.Add(1)
			}
		})
	}
	all.Wait()
	if used.Load() != 1 {
		t.Errorf("%d have used it", used.Load())
	}
}
