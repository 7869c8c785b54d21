package lab

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"pushlab/common/event"
	"pushlab/common/fault"
	"pushlab/common/hub"
	"pushlab/common/nginx"
	"pushlab/common/tap"
	"pushlab/common/wire"
	"pushlab/websocket"
)

// Topic is that of the batches, and of the events that the lab itself publishes.
const Topic = "lab"

// A Lab is one learner's.
type Lab struct {
	config Config
	id     string
	secret string
	origin string
	leave  func(*Lab) // called when nobody observes the lab

	ctx     context.Context // ends when the lab does
	cancel  context.CancelFunc
	running sync.WaitGroup

	tap       *tap.Tap
	lanes     []*lane
	link      *link
	h2        *door     // nil: there is none
	stranger  *stranger // nil: there is none
	pending   pending
	batches   *hub.Hub
	observers *websocket.Handler
	raw       raw
	restarts  chan restart
	inserting sync.Mutex     // held while nginx is put between
	watching  sync.WaitGroup // those who wait for an nginx to end; it grows while inserting is held
	changing  sync.Mutex     // held while settings are changed

	mu       sync.Mutex
	hub      *hub.Hub
	reopened chan struct{} // closed when the log takes events again; nil: it does, or is lost
	server   Server        // nil while there is none
	settings Settings
	source   Source
	resource chan struct{} // closed, and made anew, when source changes
	bridged  event.ID      // the head of the main log when its events became wanted
	down     time.Duration // until when the server is away; 0: it is there
	count    uint64        // events that the lab made
}

// open makes a lab for a page of that origin.
func open(config Config, origin string, leave func(*Lab)) (*Lab, error) {
	ctx, cancel := context.WithCancel(context.Background())
	l := &Lab{
		config: config, id: newID(), secret: rand.Text(), origin: origin, leave: leave,
		ctx: ctx, cancel: cancel,
		tap:      tap.New(tap.Config{ConnBytes: connBytes, Bytes: tapBytes}),
		batches:  hub.New(hub.Config{History: batches, HistoryBytes: batchesBytes}),
		restarts: make(chan restart, 1),
		settings: defaultSettings, source: defaultSource, resource: make(chan struct{}),
	}
	l.pending.ready, l.pending.clock = make(hub.Signal, 1), l.tap.Now
	l.observers = websocket.New(l.batches, websocket.Config{MaxMessage: maxCommand, AllowedOrigins: []string{origin}})
	if err := l.start(); err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

// newID returns a short name.
func newID() string { return strings.ToLower(rand.Text()[:6]) }

func (l *Lab) start() (err error) {
	h := l.newHub()
	if l.link, err = openLink(l); err != nil {
		return err
	}
	if l.config.TLS != nil {
		if l.h2, err = openDoor(l, l.config.TLS); err != nil {
			return err
		}
	}
	if l.config.Files != nil {
		if l.stranger, err = openStranger(l); err != nil {
			return err
		}
	}
	server, err := l.newServer(h)
	if err != nil {
		return err
	}
	for _, name := range names {
		n, err := openLane(l, name)
		if err != nil {
			return err
		}
		l.lanes = append(l.lanes, n)
	}
	l.running.Go(func() { l.serve(server) })
	l.running.Go(l.generate)
	if l.config.Main != nil {
		l.bridged = l.config.Main.State().Head
		l.running.Go(l.bridge)
	}
	l.running.Go(l.observe)
	return nil
}

// newHub makes an empty log, in the place of the one that there was.
func (l *Lab) newHub() *hub.Hub {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.hub = hub.New(hub.Config{History: l.settings.History, HistoryBytes: hubBytes, Observe: l.pending.publish})
	return l.hub
}

// close ends the lab, and waits until nothing is left of it.
func (l *Lab) close() {
	l.cancel()
	l.stranger.close()
	for _, n := range l.lanes {
		n.proxy.Close()
	}
	l.running.Wait()
	l.inserting.Lock() // from now on nobody inserts: ctx has ended
	defer l.inserting.Unlock()
	for _, n := range l.lanes {
		n.replace(nil)
	}
	l.watching.Wait()
	l.h2.close()
	if l.link != nil {
		l.link.close()
	}
	l.batches.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	l.observers.Shutdown(ctx) // which cuts off who does not take his goodbye
	l.tap.Close()
}

// owns reports whether a request is the learner's.
func (l *Lab) owns(r *http.Request) bool {
	return slices.ContainsFunc(r.CookiesNamed(cookieName), func(c *http.Cookie) bool {
		return subtle.ConstantTimeCompare([]byte(c.Value), []byte(l.secret)) == 1
	})
}

// publish puts an event into the private log. While a server leaves whose log is kept, it waits for that.
func (l *Lab) publish(ctx context.Context, topic string, data []byte) (event.ID, error) {
	for {
		h, _ := l.hubAndHistory()
		id, err := h.Publish(ctx, topic, data)
		if !errors.Is(err, hub.ErrClosed) {
			return id, err
		}
		l.mu.Lock()
		reopened := l.reopened
		l.mu.Unlock()
		if reopened == nil && h.State().Closed {
			return event.ID{}, err // the log is gone, or the lab
		}
		if reopened == nil {
			continue // it was reopened just now
		}
		select {
		case <-reopened:
		case <-ctx.Done():
			return event.ID{}, ctx.Err()
		case <-l.ctx.Done():
			return event.ID{}, hub.ErrClosed
		}
	}
}

func (l *Lab) hubAndHistory() (*hub.Hub, int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.hub, l.settings.History
}

func (l *Lab) subscribers() []wire.Subscriber {
	l.mu.Lock()
	server := l.server
	l.mu.Unlock()
	if server == nil {
		return nil
	}
	return server.Subscribers()
}

// A Description is what a page is told of its lab.
type Description struct {
	ID       string          `json:"id"`
	Lanes    map[string]Port `json:"lanes"`
	H2       *Port           `json:"h2"`       // where all lanes are to be had by HTTP/2; null: nowhere
	Attacker *Port           `json:"attacker"` // where a page of another origin is; null: nowhere
	Nginx    *string         `json:"nginx"`    // its version; null: it is not installed
	State    State           `json:"state"`
}

// A Port is one of this machine.
type Port struct {
	Port int `json:"port"`
}

func (l *Lab) describe() Description {
	d := Description{ID: l.id, Lanes: map[string]Port{}, State: l.state()}
	for _, n := range l.lanes {
		d.Lanes[n.name] = Port{n.port}
	}
	if l.h2 != nil {
		d.H2 = &Port{l.h2.port}
	}
	if l.stranger != nil {
		d.Attacker = &Port{l.stranger.port}
	}
	if _, version := nginx.Find(); version != "" {
		d.Nginx = &version
	}
	return d
}

// A State is what commands can change.
type State struct {
	Source   Source            `json:"source"`
	Settings Settings          `json:"settings"`
	Faults   map[string]string `json:"faults"` // by lane; "" if none is set
	Nginx    map[string]Nginx  `json:"nginx"`  // by lane, where it stands in between
	Down     time.Duration     `json:"down"`   // until when the server is away; 0: it is there
	Epoch    string            `json:"epoch"`
}

func (l *Lab) state() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	s := State{Source: l.source, Settings: l.settings, Faults: map[string]string{}, Nginx: map[string]Nginx{}, Down: l.down, Epoch: l.hub.State().Head.Epoch}
	for _, n := range l.lanes {
		s.Faults[n.name] = faultText(n.proxy.State().Setting)
		n.mu.Lock()
		if n.between != nil {
			s.Nginx[n.name] = n.between.settings
		}
		n.mu.Unlock()
	}
	return s
}

// faultText is a fault as text, "" if it is none.
func faultText(f fault.Fault) string {
	if f == (fault.Fault{}) {
		return ""
	}
	return f.String()
}
