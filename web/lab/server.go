package lab

import (
	"context"
	"net"
	"net/http"
	"time"

	"pushlab/common/fault"
	"pushlab/common/hub"
)

// A restart is what is to happen to the private server.
type restart struct {
	down   time.Duration
	lost   bool // the log goes with it
	polite bool // it says goodbye
}

// newServer makes the private server as the settings say.
func (l *Lab) newServer(h *hub.Hub) (Server, error) {
	l.mu.Lock()
	s := l.settings
	l.mu.Unlock()
	var strangers []string
	if !s.Guard { // no other page is let in, since none has to do with the lesson
		strangers = l.stranger.origins()
	}
	return l.config.Server(h, ServerOptions{
		Origin: l.origin, SocketOrigins: strangers, Heartbeat: time.Duration(s.Heartbeat), Retry: orNow(time.Duration(s.Retry)),
		Wait: orNow(time.Duration(s.Wait) * time.Second), Compress: s.Compress, Drain: drain, MaxMessage: maxMessage, Routes: map[string]http.Handler{"/raw": &l.raw},
	})
}

// orNow returns what means nothing where 0 means a default.
func orNow(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}

// serve runs the private server, life after life.
func (l *Lab) serve(server Server) {
	h, _ := l.hubAndHistory()
	for {
		ctx, stop := context.WithCancel(l.ctx)
		l.raw.begin(ctx)
		l.mu.Lock()
		l.server = server
		if len(l.restarts) == 0 { // another one may be asked for already
			l.down = 0
		}
		l.mu.Unlock()
		l.pending.changed()
		ended := make(chan error, 1)
		listeners := []net.Listener{l.link.listen()}
		if l.h2 != nil {
			if door, err := l.h2.listen(); err == nil {
				listeners = append(listeners, door)
			} else if l.ctx.Err() == nil {
				l.config.Logger.Error("the port for HTTP/2 of a lab is lost", "lab", l.id, "error", err)
			}
		}
		go func() { ended <- server.Run(ctx, listeners...) }()

		var r restart
		select {
		case r = <-l.restarts:
			l.reopens(!r.lost)
			l.quit(r)
			stop()
			<-ended
		case <-l.ctx.Done():
			stop()
			<-ended
			return
		case err := <-ended: // which it does not by itself
			stop()
			l.config.Logger.Error("the server of a lab has failed", "lab", l.id, "error", err)
			l.reopens(true)
		}
		l.mu.Lock()
		l.server = nil
		l.mu.Unlock()
		if !r.lost {
			h.Reopen() // the log outlives the server, and takes events meanwhile
			l.reopens(false)
		}
		if !l.away(r) {
			return
		}
		if r.lost {
			h = l.newHub()
		}
		var err error
		if server, err = l.newServer(h); err != nil { // the settings were checked
			l.config.Logger.Error("the server of a lab cannot be made", "lab", l.id, "error", err)
			return
		}
	}
}

// reopens says whether the log will take events again that it does not take now.
func (l *Lab) reopens(will bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.reopened != nil {
		close(l.reopened)
		l.reopened = nil
	}
	if will {
		l.reopened = make(chan struct{})
	}
}

// quit breaks the connections of a server that goes without a goodbye.
func (l *Lab) quit(r restart) {
	if r.polite {
		return
	}
	for _, n := range l.lanes {
		n.proxy.Once(fault.Fault{Cut: fault.Cut{Kind: fault.RST}, Refuse: r.down}) // which fails only when the lab ends
	}
}

// away has the ports refuse connections for a while, and reports whether the lab goes on.
func (l *Lab) away(r restart) bool {
	if r.down == 0 {
		return l.ctx.Err() == nil
	}
	l.mu.Lock()
	l.down = l.tap.Now() + r.down
	l.mu.Unlock()
	l.pending.changed()
	for _, n := range l.lanes {
		n.proxy.Once(fault.Fault{Refuse: r.down})
	}
	timer := time.NewTimer(r.down)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-l.ctx.Done():
		return false
	}
}

// restart has the server restarted, and reports whether it will be: one restart can be waiting.
func (l *Lab) restart(r restart) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	select {
	case l.restarts <- r:
		l.down = max(l.down, l.tap.Now()+r.down)
		l.pending.changed()
		return true
	default:
		return false
	}
}

// stayAway has the ports refuse connections for as long as the server is away, after faults were reset.
func (l *Lab) stayAway(lanes []*lane) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.server != nil {
		return
	}
	if left := l.down - l.tap.Now(); left > 0 {
		for _, n := range lanes {
			n.proxy.Once(fault.Fault{Refuse: left})
		}
	}
}
