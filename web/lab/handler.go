package lab

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"pushlab/common/hub"
	"pushlab/common/request"
	"pushlab/common/tap"
)

// cookieName is the cookie that gives a learner his lab.
const cookieName = "lab"

// Labs are all there are, and the handler of what is below /lab.
type Labs struct {
	config  Config
	running sync.WaitGroup

	mu     sync.Mutex
	labs   map[string]*Lab
	ending int // those of which something is left, though they are not among labs any more
	closed bool
}

// New returns none yet.
func New(config Config) *Labs {
	if config.Server == nil {
		panic("lab: Config.Server is missing")
	}
	return &Labs{config: config.withDefaults(), labs: map[string]*Lab{}}
}

// Close ends all labs at once, and waits until nothing is left of them: half a second for private servers that somebody
// holds up (drain), and one more for observers that do not take their goodbye (Lab.close).
func (s *Labs) Close() {
	s.mu.Lock()
	s.closed = true
	for _, l := range s.labs {
		s.end(l)
	}
	s.mu.Unlock()
	s.running.Wait()
}

// Len is how many there are, without those that are ending.
func (s *Labs) Len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.labs)
}

// end ends a lab. It is called with mu held.
func (s *Labs) end(l *Lab) {
	if s.labs[l.id] == l {
		delete(s.labs, l.id)
		s.ending++
		s.running.Go(func() {
			l.close()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.ending--
		})
	}
}

// leave ends a lab that nobody observes.
func (s *Labs) leave(l *Lab) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(l)
}

// ServeHTTP serves what is below /lab.
func (s *Labs) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, "/lab"), "/")
	id, rest, _ := strings.Cut(path, "/")
	var problem *request.Problem
	switch {
	case path == "":
		problem = s.create(w, r)
	case path == "kinds":
		if problem = request.CheckMethod(r, http.MethodGet, http.MethodHead); problem == nil {
			answerJSON(w, http.StatusOK, tap.Kinds)
		}
	default:
		var l *Lab
		if l, problem = s.find(id, r); problem == nil {
			problem = s.serve(l, rest, w, r)
		}
	}
	if problem != nil {
		problem.ServeHTTP(w, r)
	}
}

func answerJSON(w http.ResponseWriter, status int, value any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(value) // a client that is gone needs no answer
}

// create makes a lab.
func (s *Labs) create(w http.ResponseWriter, r *http.Request) *request.Problem {
	if problem := request.CheckMethod(r, http.MethodPost); problem != nil {
		return problem
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	origin, ok := request.NormalOrigin(scheme + r.Host)
	if !ok {
		return request.Invalid("Host", "%.100q is no host", r.Host)
	}
	if given := r.Header.Get("Origin"); given != "" && given != origin { // a proxy in between would make it another
		return &request.Problem{Status: http.StatusForbidden, Parameter: "Origin",
			Detail: fmt.Sprintf("the page is at %.100q, and this server at %s; labs are for those who reach it under its own name", given, origin)}
	}
	l, problem := s.open(origin)
	if problem != nil {
		return problem
	}
	// RFC 6265, section 4.1.2 (CORS-04): it is for the page's own requests, and no script reads it. What changes something
	// needs more than a cookie: web checks the origin of those requests.
	http.SetCookie(w, &http.Cookie{
		Name: cookieName, Value: l.secret, Path: "/lab/" + l.id, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode,
	})
	w.Header().Set("Location", "/lab/"+l.id)
	answerJSON(w, http.StatusCreated, l.describe())
	return nil
}

func (s *Labs) open(origin string) (*Lab, *request.Problem) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, &request.Problem{Status: http.StatusServiceUnavailable, Detail: "the server is leaving; try again", Header: http.Header{"Retry-After": {"1"}}}
	}
	if n := len(s.labs) + s.ending; n >= s.config.Labs {
		when, after := "in a minute", s.config.Alone+time.Second
		if s.ending > 0 {
			when, after = "in a moment", time.Second
		}
		return nil, &request.Problem{Status: http.StatusServiceUnavailable,
			Detail: fmt.Sprintf("there are %d labs, and no more may be; close pages that are not needed, and try again %s", n, when),
			Header: http.Header{"Retry-After": {strconv.Itoa(int(after / time.Second))}}} // RFC 9110, section 10.2.3 (HTTP-08)
	}
	l, err := open(s.config, origin, s.leave)
	if err != nil {
		s.config.Logger.Error("a lab could not be made", "error", err)
		return nil, &request.Problem{Status: http.StatusInternalServerError, Detail: "no lab could be made; the server's log says why"}
	}
	s.labs[l.id] = l
	return l, nil
}

func gone() *request.Problem {
	return &request.Problem{Status: http.StatusNotFound, Parameter: "path", Detail: "there is no such lab; it ends when nobody observes it for a minute. Load the page again"}
}

func (s *Labs) find(id string, r *http.Request) (*Lab, *request.Problem) {
	s.mu.Lock()
	l := s.labs[id]
	s.mu.Unlock()
	switch {
	case l == nil:
		return nil, gone()
	case !l.owns(r):
		return nil, &request.Problem{Status: http.StatusForbidden, Parameter: "Cookie", Detail: "this lab is somebody else's; POST /lab makes one of your own"}
	}
	return l, nil
}

// serve serves what is below a lab.
func (s *Labs) serve(l *Lab, path string, w http.ResponseWriter, r *http.Request) *request.Problem {
	name, argument, _ := strings.Cut(path, "/")
	if argument != "" && name != "records" {
		name = "?"
	}
	commands := map[string]func(*http.Request) *request.Problem{
		"fault": l.fault, "server": l.serverCommand, "settings": l.set, "source": l.setSource, "nginx": l.setNginx, "raw": l.raw.set,
	}
	if command, ok := commands[name]; ok {
		problem := request.CheckMethod(r, http.MethodPost)
		if problem == nil {
			problem = command(r)
		}
		if problem == nil {
			answerJSON(w, http.StatusOK, l.state())
		}
		return problem
	}
	switch name {
	case "":
		switch r.Method {
		case http.MethodDelete:
			s.leave(l)
			w.WriteHeader(http.StatusNoContent)
		case http.MethodGet, http.MethodHead:
			answerJSON(w, http.StatusOK, l.describe())
		default:
			return request.CheckMethod(r, http.MethodGet, http.MethodHead, http.MethodDelete)
		}
		return nil
	case "step":
		if problem := request.CheckMethod(r, http.MethodPost); problem != nil {
			return problem
		}
		id, err := l.step(r.Context())
		if errors.Is(err, hub.ErrClosed) {
			return &request.Problem{Status: http.StatusServiceUnavailable, Detail: "the private server is away, and its log with it; try again when it is back", Header: http.Header{"Retry-After": {"1"}}}
		} else if err != nil {
			return request.Invalid("size", "%s", request.Reason(err))
		}
		answerJSON(w, http.StatusOK, struct {
			ID string `json:"id"`
		}{id.String()})
		return nil
	}
	if problem := request.CheckMethod(r, http.MethodGet, http.MethodHead); problem != nil && (name == "observe" || name == "clock" || name == "records") {
		return problem
	}
	switch name {
	case "observe":
		if l.batches.State().Subscriptions >= maxObservers {
			return &request.Problem{Status: http.StatusServiceUnavailable, Detail: fmt.Sprintf("%d observe this lab already", maxObservers), Header: http.Header{"Retry-After": {"5"}}}
		}
		l.observers.ServeHTTP(w, r)
		l.pending.newcomer()
		return nil
	case "clock":
		answerJSON(w, http.StatusOK, struct {
			Now time.Duration `json:"now"`
		}{l.tap.Now()})
		return nil
	case "records":
		return l.record(argument, w)
	}
	return &request.Problem{Status: http.StatusNotFound, Parameter: "path",
		Detail: "a lab has observe, clock, records/SEQ, fault, server, settings, source, step, nginx and raw"}
}

// record answers with all that is known of a record.
func (l *Lab) record(argument string, w http.ResponseWriter) *request.Problem {
	seq, err := strconv.ParseUint(argument, 10, 64)
	if err != nil {
		return request.Invalid("path", "%.40q is no record; give its seq", argument)
	}
	r, ok := l.tap.Record(seq)
	if !ok || r.N > 0 && len(r.Data) == 0 {
		return &request.Problem{Status: http.StatusNotFound, Parameter: "path", Detail: "the bytes of this record are not kept any more, or it is still to come"}
	}
	from, b := l.tap.Bytes(r)
	answerJSON(w, http.StatusOK, struct {
		Record *tap.Record `json:"record"`
		From   int64       `json:"from"`
		Bytes  []byte      `json:"bytes"`
	}{r, from, b})
	return nil
}
