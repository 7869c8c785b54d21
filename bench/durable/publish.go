package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	gorilla "github.com/gorilla/websocket"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/journal/history"
)

const (
	// answerTimeout is how long a publisher waits for an answer. The log may still be waiting for its own then, so that there are two
	// attempts at the same time.
	answerTimeout = 2 * time.Second
	// retryFor is how long a publisher tries to publish an event; it is less than the time for which keys are remembered.
	retryFor = 90 * time.Second
)

// A sender attempts to publish an event on a node, once. errNotSent is in the error if the node did certainly not get it.
type sender interface {
	send(ctx context.Context, node int, p client.Publication) (id string, err error)
	close()
}

var errNotSent = errors.New("not sent")

// A publisher publishes one event after the other, each with its own content. With keys it tries again until it has an answer,
// each time on the next node; without them it takes what comes, as somebody has to who cannot tell what happened.
type publisher struct {
	name  string
	keys  bool
	nodes int
	to    sender
	base  time.Time // where the clock of operations begins
	every time.Duration
	// begun is how many attempts have begun, of all publishers.
	begun *atomic.Int64

	mu         sync.Mutex
	operations []history.Operation
	acked      map[string]event.ID // the highest of each topic
	answered   int                 // how many have an answer
	waited     pauses
}

// run publishes until ctx has ended, and then finishes what it has begun.
func (p *publisher) run(ctx context.Context) error {
	defer p.to.close()
	node := rand.N(p.nodes)
	for n := 0; pause(ctx, rand.N(2*p.every)) == nil; n++ {
		e := client.Publication{Topic: "t" + strconv.Itoa(n%topics), Data: json.RawMessage(strconv.Quote(p.name + " " + strconv.Itoa(n)))}
		if p.keys {
			e.Key = p.name + "-" + strconv.Itoa(n)
		}
		begun := time.Now()
		attempt := func(ctx context.Context) error {
			err := p.attempt(ctx, node, e)
			if err != nil {
				node = (node + 1) % p.nodes
			}
			return err
		}
		err := client.Retry(context.WithoutCancel(ctx), retryFor, client.Policy{MinBackoff: 50 * time.Millisecond, MaxBackoff: 500 * time.Millisecond}, attempt)
		if err != nil && !errors.Is(err, errUnknown) { // which is in the history
			return fmt.Errorf("%s: %w", p.name, err)
		}
		p.waited.note(time.Since(begun))
	}
	return nil
}

// attempt publishes an event once, and enters that into the history.
func (p *publisher) attempt(ctx context.Context, node int, e client.Publication) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	o := history.Operation{Call: time.Since(p.base), Key: e.Key, Content: content(e.Topic, e.Data)}
	p.begun.Add(1)
	text, err := p.to.send(ctx, node, e)
	o.Return = time.Since(p.base)
	if errors.Is(err, errNotSent) {
		return err
	}
	if err == nil {
		if o.ID, err = event.ParseID(text); err != nil {
			return client.Permanent(err)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.operations = append(p.operations, o)
	if err == nil {
		p.answered++
		if p.acked == nil {
			p.acked = map[string]event.ID{}
		}
		if o.ID.Seq > p.acked[e.Topic].Seq {
			p.acked[e.Topic] = o.ID
		}
		return nil
	}
	var permanent interface{ Permanent() bool }
	if !p.keys && !(errors.As(err, &permanent) && permanent.Permanent()) {
		return client.Permanent(errUnknown)
	}
	return err
}

// errUnknown ends the attempts of who has no key.
var errUnknown = errors.New("the outcome is unknown")

// told returns how many events have an answer, and the highest ID of those of each topic.
func (p *publisher) told() (int, map[string]event.ID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.answered, maps.Clone(p.acked)
}

// content is what tells an event from all others.
func content(topic string, data []byte) string { return topic + " " + string(data) }

// A poster publishes by POST.
type poster struct {
	urls []string
	http *http.Client
}

func (p poster) send(ctx context.Context, node int, e client.Publication) (string, error) {
	// That no connection could be made does not say so: a request with a key is one that net/http sends again by itself when an old
	// connection breaks, and then the error is that of the second time.
	var sent atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteHeaders: func() { sent.Store(true) }})
	id, err := client.Publish(ctx, p.http, p.urls[node]+"/publish", client.Options{}, e)
	if err != nil && !sent.Load() {
		err = fmt.Errorf("%w: %w", errNotSent, err)
	}
	return id, err
}

func (p poster) close() { p.http.CloseIdleConnections() }

// A talker publishes by WebSocket, over one connection as long as that lasts.
type talker struct {
	urls []string
	node int
	ws   *gorilla.Conn // nil: there is none
	sent int
}

func (t *talker) send(ctx context.Context, node int, e client.Publication) (id string, err error) {
	if t.ws != nil && t.node != node {
		t.close()
	}
	if t.ws == nil {
		// It subscribes to a topic without events.
		t.node = node
		if t.ws, _, err = gorilla.DefaultDialer.DialContext(ctx, "ws"+t.urls[node][len("http"):]+"/websocket?topic=none", nil); err != nil {
			t.ws = nil
			return "", fmt.Errorf("%w: %w", errNotSent, err)
		}
	}
	defer func() {
		if err != nil && !errors.Is(err, errRefused) {
			t.close()
		}
	}()
	t.sent++
	ref := strconv.Itoa(t.sent)
	message := map[string]any{"op": "publish", "ref": ref, "topic": e.Topic, "data": e.Data}
	if e.Key != "" {
		message["key"] = e.Key
	}
	end, _ := ctx.Deadline()
	t.ws.SetWriteDeadline(end)
	t.ws.SetReadDeadline(end)
	if err := t.ws.WriteJSON(message); err != nil {
		return "", err
	}
	for {
		var answer struct{ Op, Ref, ID, Error string }
		if err := t.ws.ReadJSON(&answer); err != nil {
			return "", err
		}
		switch {
		case answer.Ref != ref: // an event, or an answer that came too late for its question
		case answer.Op == "ack":
			return answer.ID, nil
		default:
			return "", fmt.Errorf("%w: %s", errRefused, answer.Error)
		}
	}
}

// errRefused is in the error of a message that was answered by an error.
var errRefused = errors.New("the server says")

func (t *talker) close() {
	if t.ws != nil {
		t.ws.Close() // what was on the way is lost, and counted as that
		t.ws = nil
	}
}
