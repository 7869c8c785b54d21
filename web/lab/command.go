package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"pushlab/common/fault"
	"pushlab/common/request"
)

// Settings are those of the private server.
type Settings struct {
	Heartbeat  Duration   `json:"heartbeat"`  // what all lanes were set to last; negative: off
	Heartbeats Heartbeats `json:"heartbeats"` // what each of them has
	Retry      Duration   `json:"retry"`
	History    int        `json:"history"` // events that the log keeps
	Compress   bool       `json:"compress"`
	Guard      bool       `json:"guard"` // WebSockets are for the learner's page alone
	Wait       int        `json:"wait"`  // seconds that a poll waits which asks for no time
}

// Heartbeats are those of the lanes that have one. A long poll has none: it ends by itself, and that is its sign of life.
type Heartbeats struct {
	HTTPStream Duration `json:"httpstream"`
	SSE        Duration `json:"sse"`
	WebSocket  Duration `json:"websocket"`
}

// all gives all lanes the same heartbeat.
func all(d Duration) Heartbeats { return Heartbeats{HTTPStream: d, SSE: d, WebSocket: d} }

// of returns a lane's heartbeat, nil if the lane has none.
func (h *Heartbeats) of(lane string) *Duration {
	switch lane {
	case "httpstream":
		return &h.HTTPStream
	case "sse":
		return &h.SSE
	case "websocket":
		return &h.WebSocket
	}
	return nil
}

const defaultHeartbeat = Duration(15 * time.Second)

var defaultSettings = Settings{
	Heartbeat: defaultHeartbeat, Heartbeats: all(defaultHeartbeat), Retry: Duration(3 * time.Second), History: maxHistory, Guard: true, Wait: 25,
}

// A Duration is written as "15s"; a negative one is "off".
type Duration time.Duration

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) {
	if d < 0 {
		return []byte("off"), nil
	}
	return []byte(time.Duration(d).String()), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	if string(text) == "off" {
		*d = -1
		return nil
	}
	t, err := time.ParseDuration(string(text))
	*d = Duration(t)
	return err
}

// duration reads a time within bounds.
func duration(text string, least, most time.Duration) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil || d < least || d > most {
		return 0, fmt.Errorf("lab: %.40q is no time from %v to %v; give one such as 500ms or 3s", text, least, most)
	}
	return d, nil
}

// decode reads a command into a struct whose members are pointers, so that what is absent can be told. Members that it
// does not have are refused.
func decode(r *http.Request, command any) *request.Problem {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxCommand))
	if err != nil {
		return bodyProblem(err, maxCommand)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.DisallowUnknownFields()
	err = decoder.Decode(command)
	if err == nil && decoder.More() {
		return request.Invalid("body", "there is something behind the command")
	}
	var wrong *json.UnmarshalTypeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrong) && wrong.Field != "":
		return request.Invalid(wrong.Field, "%s must be a %s", wrong.Field, jsonType(wrong.Type.Kind().String()))
	}
	if name, ok := strings.CutPrefix(err.Error(), `json: unknown field "`); ok {
		name = strings.TrimSuffix(name, `"`)
		return request.Invalid(name, "there is no %.40q in this command", name)
	}
	return request.Invalid("body", "the command must be a JSON object")
}

// jsonType is what JSON calls a type.
func jsonType(kind string) string {
	switch {
	case strings.HasPrefix(kind, "int"):
		return "whole number"
	case strings.HasPrefix(kind, "float"):
		return "number"
	case kind == "bool":
		return "true or false"
	}
	return kind
}

func bodyProblem(err error, limit int) *request.Problem {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &request.Problem{Status: http.StatusRequestEntityTooLarge, Parameter: "body", Detail: fmt.Sprintf("it may have %d bytes", limit)}
	}
	return request.Invalid("body", "the content did not arrive: %v", err)
}

// chosen returns the lanes that a command is for.
func (l *Lab) chosen(name *string) ([]*lane, *request.Problem) {
	if name != nil && *name == "all" {
		return l.lanes, nil
	}
	for _, n := range l.lanes {
		if name != nil && *name == n.name {
			return []*lane{n}, nil
		}
	}
	return nil, request.Invalid("lane", "the lane is missing or unknown; use %s or all", strings.Join(names, ", "))
}

// fault sets faults, or has them happen.
func (l *Lab) fault(r *http.Request) *request.Problem {
	var c struct {
		Lane  *string `json:"lane"`
		Set   *string `json:"set"`
		Once  *string `json:"once"`
		Cut   *string `json:"cut"`
		Reset *bool   `json:"reset"`
	}
	if problem := decode(r, &c); problem != nil {
		return problem
	}
	lanes, problem := l.chosen(c.Lane)
	if problem != nil {
		return problem
	}
	given := 0
	for _, there := range []bool{c.Set != nil, c.Once != nil, c.Cut != nil, c.Reset != nil} {
		if there {
			given++
		}
	}
	if given != 1 {
		return request.Invalid("set", "give one of set, once, cut and reset")
	}
	do, parameter := (*fault.Proxy).Reset, "reset"
	switch {
	case c.Set != nil || c.Once != nil:
		parameter = "set"
		text := c.Set
		if text == nil {
			text, parameter = c.Once, "once"
		}
		f, err := fault.Parse(*text)
		if err != nil {
			return request.Invalid(parameter, "%s", request.Reason(err))
		}
		do = func(p *fault.Proxy) error { return p.Set(f) }
		if c.Once != nil {
			do = func(p *fault.Proxy) error { _, err := p.Once(f); return err }
		}
	case c.Cut != nil:
		kind := fault.Kind(*c.Cut)
		if !slices.Contains([]fault.Kind{fault.FIN, fault.RST, fault.Silence}, kind) {
			return request.Invalid("cut", "cut is %.40q; use fin, rst or blackhole", *c.Cut)
		}
		do = func(p *fault.Proxy) error { _, err := p.Cut(kind); return err }
	case !*c.Reset:
		return request.Invalid("reset", "reset can only be true")
	}
	for _, n := range lanes {
		if err := do(n.proxy); errors.Is(err, fault.ErrClosed) {
			return gone()
		} else if err != nil {
			return request.Invalid(parameter, "%s", request.Reason(err))
		}
	}
	if c.Reset != nil {
		l.stayAway(lanes)
	}
	l.pending.changed()
	return nil
}

// serverCommand restarts the server.
func (l *Lab) serverCommand(r *http.Request) *request.Problem {
	var c struct {
		Do     *string `json:"do"`
		Down   *string `json:"down"`
		Log    *string `json:"log"`
		Polite *bool   `json:"polite"`
	}
	if problem := decode(r, &c); problem != nil {
		return problem
	}
	if c.Do == nil || *c.Do != "restart" {
		return request.Invalid("do", "what the server can do is restart")
	}
	re := restart{polite: c.Polite == nil || *c.Polite}
	if c.Down != nil {
		var err error
		if re.down, err = duration(*c.Down, 0, maxDown); err != nil {
			return request.Invalid("down", "%s", request.Reason(err))
		}
	}
	if c.Log != nil {
		if re.lost = *c.Log == "lost"; !re.lost && *c.Log != "kept" {
			return request.Invalid("log", "the log can be lost or kept")
		}
	}
	if !l.restart(re) {
		return &request.Problem{Status: http.StatusConflict, Detail: "the server is about to restart already; wait until it is back"}
	}
	return nil
}

// heartbeat reads how often one comes, or off.
func heartbeat(text string) (Duration, error) {
	if text == "off" {
		return -1, nil
	}
	d, err := duration(text, 100*time.Millisecond, time.Hour)
	return Duration(d), err
}

// set changes settings.
func (l *Lab) set(r *http.Request) *request.Problem {
	var c struct {
		Heartbeat  *string           `json:"heartbeat"`
		Heartbeats map[string]string `json:"heartbeats"`
		Retry      *string           `json:"retry"`
		History    *int              `json:"history"`
		Compress   *bool             `json:"compress"`
		Guard      *bool             `json:"guard"`
		Wait       *int              `json:"wait"`
	}
	if problem := decode(r, &c); problem != nil {
		return problem
	}
	l.changing.Lock() // from reading the settings to setting them
	defer l.changing.Unlock()
	l.mu.Lock()
	s := l.settings
	l.mu.Unlock()
	if c.Heartbeat != nil {
		d, err := heartbeat(*c.Heartbeat)
		if err != nil {
			return request.Invalid("heartbeat", "%s, or off", request.Reason(err))
		}
		s.Heartbeat, s.Heartbeats = d, all(d)
	}
	for lane, text := range c.Heartbeats { // beside one for all, those of single lanes count
		own := s.Heartbeats.of(lane)
		if lane == "longpoll" {
			return request.Invalid("heartbeats", "a long poll has no heartbeat; it is answered when its wait is over")
		} else if own == nil {
			return request.Invalid("heartbeats", "there is no lane %.40q with a heartbeat; use httpstream, sse and websocket", lane)
		}
		d, err := heartbeat(text)
		if err != nil {
			return request.Invalid("heartbeats", "%s: %s, or off", lane, request.Reason(err))
		}
		*own = d
	}
	if c.Retry != nil {
		d, err := duration(*c.Retry, 0, time.Minute)
		if err != nil {
			return request.Invalid("retry", "%s", request.Reason(err))
		}
		s.Retry = Duration(d)
	}
	if c.History != nil {
		if s.History = *c.History; s.History < 1 || s.History > maxHistory {
			return request.Invalid("history", "history is %d; give a number of events from 1 to %d", s.History, maxHistory)
		}
	}
	if c.Wait != nil {
		if s.Wait = *c.Wait; s.Wait < 0 || time.Duration(s.Wait)*time.Second > request.MaxWait {
			return request.Invalid("wait", "wait is %d; give seconds from 0 to %d", s.Wait, request.MaxWait/time.Second)
		}
	}
	if c.Compress != nil {
		s.Compress = *c.Compress
	}
	if c.Guard != nil {
		s.Guard = *c.Guard
	}
	l.apply(s)
	return nil
}

// apply has new settings count. The log changes in place; all others are those of a server's life.
func (l *Lab) apply(s Settings) {
	l.mu.Lock()
	before := l.settings
	l.settings = s
	l.hub.SetHistory(s.History)
	l.mu.Unlock()
	l.pending.changed()
	if before.History = s.History; before != s {
		l.restart(restart{polite: true}) // if one is waiting, that will do
	}
}

// setSource changes what the lab publishes.
func (l *Lab) setSource(r *http.Request) *request.Problem {
	var c struct {
		Rate   *float64 `json:"rate"`
		Size   *int     `json:"size"`
		Kind   *string  `json:"kind"`
		Bridge *bool    `json:"bridge"`
	}
	if problem := decode(r, &c); problem != nil {
		return problem
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s := l.source
	if c.Rate != nil {
		if s.Rate = *c.Rate; !(s.Rate == 0 || s.Rate >= 0.001 && s.Rate <= maxRate) {
			return request.Invalid("rate", "the rate is %g; give events a second from 0.001 to %d, or 0 for none", s.Rate, maxRate)
		}
	}
	if c.Size != nil {
		if s.Size = *c.Size; s.Size < minSize || s.Size > maxSize {
			return request.Invalid("size", "the size is %d; give bytes from %d to %d", s.Size, minSize, maxSize)
		}
	}
	if c.Kind != nil {
		if s.Kind = *c.Kind; !slices.Contains(kinds, s.Kind) {
			return request.Invalid("kind", "the kind is %.40q; use %s", s.Kind, strings.Join(kinds, ", "))
		}
	}
	if c.Bridge != nil {
		s.Bridge = *c.Bridge
	}
	if s.Rate*float64(s.Size) > maxThroughput {
		parameter := "rate"
		if c.Rate == nil {
			parameter = "size"
		}
		return request.Invalid(parameter, "that would be %.0f MiB a second, and no more than %d may be; lower the rate or the size",
			s.Rate*float64(s.Size)/(1<<20), maxThroughput>>20)
	}
	if s.Bridge && !l.source.Bridge && l.config.Main != nil {
		l.bridged = l.config.Main.State().Head // who turns it on gets all that is published after the answer
	}
	l.source = s
	close(l.resource)
	l.resource = make(chan struct{})
	l.pending.changed()
	return nil
}
