package lab

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"pushlab/common/fault"
	"pushlab/common/nginx"
	"pushlab/common/request"
)

// Nginx is how a real nginx stands between a lane's proxy and the private server.
type Nginx struct {
	Buffering   bool     `json:"buffering"`
	ObeyAccel   bool     `json:"obeyAccel"` // X-Accel-Buffering: no in a response turns buffering off
	ReadTimeout Duration `json:"readTimeout"`
	Gzip        bool     `json:"gzip"`
	HTTP11      bool     `json:"http11"` // it asks the server by HTTP/1.1
	Unix        bool     `json:"unix"`   // it reaches the server by a unix socket, not by TCP
}

// nginxStart is how long an nginx may take to start.
const nginxStart = 10 * time.Second

// between is an nginx, and the port or socket by which it reaches the private server. What goes through it cannot be told
// apart there: nginx has connections of its own, and other heads.
type between struct {
	settings Nginx
	nginx    *nginx.Nginx
	listener net.Listener
	cancel   context.CancelFunc
	accepted chan struct{} // closed when accept has returned
	life     context.Context
}

// insert starts an nginx for a lane.
func (n *lane) insert(ctx context.Context, settings Nginx) (*between, error) {
	proxy, err := nginx.New()
	if err != nil {
		return nil, err
	}
	listener, upstream, err := upstreamOf(proxy, settings.Unix)
	if err != nil {
		proxy.Close()
		return nil, err
	}
	b := &between{settings: settings, nginx: proxy, listener: listener, accepted: make(chan struct{})}
	b.life, b.cancel = context.WithCancel(n.lab.ctx)
	go func() {
		defer close(b.accepted)
		n.lab.link.accept(b.life, listener, n.name)
	}()
	err = proxy.Start(ctx, upstream, nginx.Options{
		Buffering: settings.Buffering, ObeyAccel: settings.ObeyAccel, ReadTimeout: time.Duration(settings.ReadTimeout),
		Gzip: settings.Gzip, HTTP11: settings.HTTP11,
	})
	if err != nil {
		b.close()
		return nil, err
	}
	return b, nil
}

// watch takes an nginx away that has ended by itself. It returns when nothing is left of that, or it was taken away by
// somebody else.
func (n *lane) watch(b *between) {
	select {
	case <-b.nginx.Done():
	case <-b.life.Done():
		return
	}
	n.mu.Lock()
	stands := n.between == b
	if stands {
		n.between = nil
	}
	n.mu.Unlock()
	if !stands {
		return // whoever has put something else there closes it
	}
	text := "nginx has ended (" + b.nginx.Ended() + "), and nothing stands in between any more"
	if words := b.nginx.Log.Last(); words != "" {
		text += "; its last words: " + words
	}
	n.lab.tap.Note(n.name, text)
	n.lab.config.Logger.Warn("the nginx before a lab's server has ended", "lab", n.lab.id, "lane", n.name, "log", b.nginx.Log.String())
	n.proxy.Cut(fault.FIN) // which fails only when the lab ends
	b.close()
	n.lab.pending.changed()
}

// upstreamOf listens where an nginx is to reach the private server, and returns what it calls that place.
func upstreamOf(n *nginx.Nginx, unix bool) (l net.Listener, name string, err error) {
	if unix {
		path := filepath.Join(n.Dir, "server")
		name = "unix:" + path
		l, err = net.Listen("unix", path)
	} else if l, err = net.Listen("tcp", "127.0.0.1:0"); err == nil {
		name = l.Addr().String()
	}
	if err != nil {
		return nil, "", fmt.Errorf("lab: %w", err)
	}
	return l, name, nil
}

// close ends it, with all connections that go through it.
func (b *between) close() {
	if b == nil {
		return
	}
	b.nginx.Close()
	b.cancel()
	b.listener.Close()
	<-b.accepted
}

// replace puts something else between the proxy and the server; nil is nothing. Those who are connected have to come back.
func (n *lane) replace(b *between) {
	n.mu.Lock()
	old := n.between
	n.between = b
	n.mu.Unlock()
	n.proxy.Cut(fault.FIN) // which fails only when the lab ends
	old.close()
}

// setNginx puts an nginx between lanes and the private server, or takes it away.
func (l *Lab) setNginx(r *http.Request) *request.Problem {
	if _, version := nginx.Find(); version == "" {
		return &request.Problem{Status: http.StatusNotFound, Detail: request.Reason(nginx.ErrNotInstalled)}
	}
	var c struct {
		Lane        *string `json:"lane"`
		On          *bool   `json:"on"`
		Buffering   *bool   `json:"buffering"`
		ObeyAccel   *bool   `json:"obeyAccel"`
		ReadTimeout *string `json:"readTimeout"`
		Gzip        *bool   `json:"gzip"`
		HTTP11      *bool   `json:"http11"`
		Unix        *bool   `json:"unix"`
	}
	if problem := decode(r, &c); problem != nil {
		return problem
	}
	lanes, problem := l.chosen(c.Lane)
	if problem != nil {
		return problem
	}
	settings := Nginx{Buffering: true, ObeyAccel: true, ReadTimeout: Duration(time.Minute)} // as nginx has them
	for setting, given := range map[*bool]*bool{&settings.Buffering: c.Buffering, &settings.ObeyAccel: c.ObeyAccel, &settings.Gzip: c.Gzip,
		&settings.HTTP11: c.HTTP11, &settings.Unix: c.Unix} {
		if given != nil {
			*setting = *given
		}
	}
	if c.ReadTimeout != nil {
		d, err := duration(*c.ReadTimeout, time.Second, time.Hour)
		if err != nil {
			return request.Invalid("readTimeout", "%s", request.Reason(err))
		}
		settings.ReadTimeout = Duration(d)
	}
	l.inserting.Lock()
	defer l.inserting.Unlock()
	ctx, cancel := context.WithTimeout(l.ctx, nginxStart)
	defer cancel()
	for _, n := range lanes {
		var b *between
		if c.On == nil || *c.On {
			var err error
			if b, err = n.insert(ctx, settings); ctx.Err() != nil && l.ctx.Err() != nil {
				return gone()
			} else if err != nil {
				l.config.Logger.Error("nginx could not be put before a lab's server", "lab", l.id, "lane", n.name, "error", err)
				return &request.Problem{Status: http.StatusInternalServerError, Detail: request.Reason(err)}
			}
		}
		n.replace(b)
		if b != nil {
			l.watching.Go(func() { n.watch(b) })
		}
	}
	l.pending.changed()
	return nil
}
