package access

import (
	"container/list"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// Limits of tickets.
const (
	// TicketLife is how long a ticket can be used.
	TicketLife = 30 * time.Second
	// MaxTickets is how many there may be that were not used yet.
	MaxTickets = 10_000
)

// ErrTooManyTickets is returned when there are as many tickets as there may be. It passes within TicketLife.
var ErrTooManyTickets = errors.New("access: too many tickets are waiting to be used")

// Tickets stand for a grant in a URL, where a token would be read by too many: an EventSource and a browser's
// WebSocket can send nothing else of their own. Each can be used once, and soon. The zero Tickets are ready
// for use, from any goroutine.
type Tickets struct {
	mu     sync.Mutex
	bySum  map[[sha256.Size]byte]*list.Element
	oldest list.List // of ticket, in the order in which they end
}

// A ticket is what is kept of one: not the text, and so nothing that a look-up could tell by its time.
type ticket struct {
	sum   [sha256.Size]byte
	grant *Grant
	ends  time.Time
}

// Make makes a ticket for a grant. It ends with that, or after TicketLife.
func (t *Tickets) Make(g *Grant, now time.Time) (text string, life time.Duration, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for e := t.oldest.Front(); e != nil && !now.Before(e.Value.(ticket).ends); e = t.oldest.Front() {
		t.remove(e)
	}
	if t.oldest.Len() >= MaxTickets {
		return "", 0, ErrTooManyTickets
	}
	text, life = rand.Text(), TicketLife
	made := ticket{sha256.Sum256([]byte(text)), g, now.Add(life)}
	if t.bySum == nil {
		t.bySum = make(map[[sha256.Size]byte]*list.Element)
	}
	t.bySum[made.sum] = t.oldest.PushBack(made)
	if !g.Expires.IsZero() {
		life = max(0, min(life, g.Expires.Sub(now)))
	}
	return text, life, nil
}

// Use returns what a ticket stands for, and makes it worthless. It fails if it already is.
func (t *Tickets) Use(text string, now time.Time) (*Grant, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	e := t.bySum[sha256.Sum256([]byte(text))]
	if e == nil {
		return nil, errTicket
	}
	used := t.remove(e)
	if !now.Before(used.ends) {
		return nil, errTicket
	}
	return used.grant, used.grant.CheckTime(now)
}

var errTicket = errors.New("access: the ticket is not valid: each can be used once, within 30 seconds")

func (t *Tickets) remove(e *list.Element) ticket {
	removed := t.oldest.Remove(e).(ticket)
	delete(t.bySum, removed.sum)
	return removed
}
