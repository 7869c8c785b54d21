package fault

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Forms lists what Parse knows, for usage and error texts.
const Forms = "delay=100ms±20ms rate=16KiB/s split=1/5ms buffer=4KiB/30s stall blackhole " +
	"cut=fin|rst|blackhole@5s|@64KiB idle=60s/fin|rst|blackhole refuse=3s connections=6/refuse " +
	"answer=503/5x/10s/retry:2s/type:text/html"

// A part is how one part of a T is written: its value, "" for none. A flag has no value.
type part[T any] struct {
	name  string
	flag  func(*T) *bool
	parse func(*T, string) error
	text  func(T) string
}

// The parts that each direction has, in the order in which they are written.
var lineParts = []part[Line]{
	{name: "delay", parse: parseDelay, text: func(l Line) string {
		if l.Delay == 0 && l.Jitter == 0 {
			return ""
		}
		return l.Delay.String() + plusMinus(l.Jitter, time.Duration.String)
	}},
	{name: "rate", parse: parseRate, text: func(l Line) string {
		if l.Rate == 0 {
			return ""
		}
		return size(l.Rate) + "/s"
	}},
	{name: "split", parse: parseSplit, text: func(l Line) string {
		if l.Split.Size == 0 {
			return ""
		}
		return size(int64(l.Split.Size)) + slash(l.Split.Pause)
	}},
	{name: "buffer", parse: parseBuffer, text: func(l Line) string {
		if l.Buffer.Size == 0 {
			return ""
		}
		text := size(int64(l.Buffer.Size)) + slash(l.Buffer.Wait)
		if l.Buffer.Accel {
			text += "/accel"
		}
		return text
	}},
	{name: "stall", flag: func(l *Line) *bool { return &l.Stall }},
	{name: "blackhole", flag: func(l *Line) *bool { return &l.BlackHole }},
	{name: "cut",
		parse: func(l *Line, s string) error { return l.Cut.parse(s) },
		text:  func(l Line) string { return l.Cut.String() }},
}

// The parts that a connection, or the proxy, has as a whole.
var wholeParts = []part[Fault]{
	{name: "cut",
		parse: func(f *Fault, s string) error { return f.Cut.parse(s) },
		text:  func(f Fault) string { return f.Cut.String() }},
	{name: "idle", parse: parseIdle, text: func(f Fault) string {
		if f.Idle.After == 0 {
			return ""
		}
		text := f.Idle.After.String()
		if f.Idle.Kind != "" {
			text += "/" + string(f.Idle.Kind)
		}
		return text
	}},
	{name: "refuse", parse: parseRefuse, text: func(f Fault) string {
		switch f.Refuse {
		case 0:
			return ""
		case Always:
			return "always"
		}
		return f.Refuse.String()
	}},
	{name: "connections", parse: parseLimit, text: func(f Fault) string {
		switch {
		case f.Limit.Connections == 0:
			return ""
		case f.Limit.Refuse:
			return strconv.Itoa(f.Limit.Connections) + "/refuse"
		}
		return strconv.Itoa(f.Limit.Connections)
	}},
	{name: "answer", parse: parseAnswer, text: func(f Fault) string { return f.Answer.String() }},
}

// elsewhere maps what other programs call a fault to its name here.
var elsewhere = map[string]string{
	"latency": "delay", "jitter": "delay=100ms±20ms", "slow_close": "delay (it holds the end back too)",
	"bandwidth": "rate", "slicer": "split", "slice": "split",
	"timeout": "blackhole, or cut=fin@5s", "drop": "blackhole", "loss": "blackhole", "down": "refuse",
	"reset_peer": "cut=rst", "reset": "cut=rst", "close": "cut=fin", "limit_data": "cut=fin@64KiB", "limit": "connections",
}

// Parse reads the text of a fault: parts with commas between them, each a name and perhaps a value,
// as Forms shows them.
//
//	delay=100ms±20ms,cut=rst@5s,buffer=4KiB/30s
//
// delay, rate, split, buffer, stall and blackhole are for both directions, or with "up:" (from the
// client) or "down:" (from the server) before them for one; "down:cut=fin" closes one direction.
// Times have a unit, sizes may have one: B, KiB, MiB, GiB; rate also knows kbit and Mbit. For ± one
// may type +-. "" and "none" are the zero Fault.
func Parse(text string) (Fault, error) {
	var r reader
	if text = strings.TrimSpace(text); text != "" && text != "none" {
		for item := range strings.SplitSeq(text, ",") {
			name, value, given := strings.Cut(strings.TrimSpace(item), "=")
			direction, plain, ok := strings.Cut(name, ":")
			if !ok {
				direction, plain = "", name
			} else if direction != "up" && direction != "down" {
				return Fault{}, fmt.Errorf("fault: %.40q: unknown direction %.20q; use up or down", item, direction)
			}
			if err := r.read(direction, plain, value, given); err != nil {
				return Fault{}, err
			}
		}
	}
	return r.fault, r.fault.Check()
}

// A reader collects the parts of a fault.
type reader struct {
	fault Fault
	seen  map[string]bool
}

func (r *reader) read(direction, name, value string, given bool) error {
	full := name
	if direction != "" {
		full = direction + ":" + name
	}
	fail := func(err error) error {
		return fmt.Errorf("fault: %.40s: %w", full, err)
	}
	once := func(keys ...string) bool {
		if r.seen == nil {
			r.seen = make(map[string]bool)
		}
		for _, key := range keys {
			if r.seen[key] {
				return false
			}
			r.seen[key] = true
		}
		return true
	}
	twice := errors.New("given twice")

	if direction == "" {
		for _, p := range wholeParts {
			if p.name == name {
				if !once(name) {
					return fail(twice)
				}
				if err := p.set(&r.fault, value, given); err != nil {
					return fail(err)
				}
				return nil
			}
		}
	}
	for _, p := range lineParts {
		if p.name != name {
			continue
		}
		lines := map[string][]*Line{"up": {&r.fault.Up}, "down": {&r.fault.Down}, "": {&r.fault.Up, &r.fault.Down}}
		keys := map[string][]string{"up": {"up:" + name}, "down": {"down:" + name}, "": {"up:" + name, "down:" + name}}
		if !once(keys[direction]...) {
			return fail(twice)
		}
		for _, l := range lines[direction] {
			if err := p.set(l, value, given); err != nil {
				return fail(err)
			}
		}
		return nil
	}
	if slices.ContainsFunc(wholeParts, func(p part[Fault]) bool { return p.name == name }) {
		return fail(errors.New("has no direction; leave out what stands before the colon"))
	}
	if here, ok := elsewhere[name]; ok {
		return fmt.Errorf("fault: %q is called %s here", name, here)
	}
	return fmt.Errorf("fault: unknown fault %.40q; the forms are: %s", name, Forms)
}

func (p part[T]) set(to *T, value string, given bool) error {
	if p.flag != nil {
		if given {
			return errors.New("has no value; leave out what stands behind the name")
		}
		*p.flag(to) = true
		return nil
	}
	return p.parse(to, value)
}

// get returns how a part is written: whether it is set, and its value.
func (p part[T]) get(from T) (value string, set bool) {
	if p.flag != nil {
		return "", *p.flag(&from)
	}
	value = p.text(from)
	return value, value != ""
}

// visit calls do with every part that is set, in the order in which they are written: those that
// both directions have alike, then those of the whole, then those of one direction.
func (f Fault) visit(do func(direction, name, value string, flag bool)) {
	shared := func(p part[Line]) bool { // "cut" alone is that of the whole
		up, ok1 := p.get(f.Up)
		down, ok2 := p.get(f.Down)
		return ok1 && ok2 && up == down && p.name != "cut"
	}
	for _, p := range lineParts {
		if shared(p) {
			value, _ := p.get(f.Up)
			do("", p.name, value, p.flag != nil)
		}
	}
	for _, p := range wholeParts {
		if value, ok := p.get(f); ok {
			do("", p.name, value, false)
		}
	}
	for i, l := range []Line{f.Up, f.Down} {
		for _, p := range lineParts {
			if value, ok := p.get(l); ok && !shared(p) {
				do([]string{"up", "down"}[i], p.name, value, p.flag != nil)
			}
		}
	}
}

// String returns the text that Parse reads, "none" for the zero Fault.
func (f Fault) String() string {
	var items []string
	f.visit(func(direction, name, value string, flag bool) {
		if direction != "" {
			name = direction + ":" + name
		}
		if !flag {
			name += "=" + value
		}
		items = append(items, name)
	})
	if items == nil {
		return "none"
	}
	return strings.Join(items, ",")
}

// MarshalText returns String, for flags.
func (f Fault) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText is Parse, for flags.
func (f *Fault) UnmarshalText(text []byte) (err error) {
	*f, err = Parse(string(text))
	return err
}

// MarshalJSON writes an object with the names and values of the text; those for one direction are in
// an object below it:
//
//	{"delay":"100ms±20ms","cut":"rst@5s","down":{"stall":true}}
func (f Fault) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	within, comma := "", ""
	f.visit(func(direction, name, value string, flag bool) {
		if direction != within {
			if within != "" {
				b.WriteByte('}')
			}
			b.WriteString(comma + strconv.Quote(direction) + ":{")
			within, comma = direction, ""
		}
		b.WriteString(comma + strconv.Quote(name) + ":")
		comma = ","
		if flag {
			b.WriteString("true")
			return
		}
		text, _ := json.Marshal(value) // a string cannot fail
		b.Write(text)
	})
	if within != "" {
		b.WriteByte('}')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// UnmarshalJSON reads what MarshalJSON writes, and also the text as a string. A value may be a
// number, such as {"split":1}; false is the same as to leave the part out.
func (f *Fault) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		return f.UnmarshalText([]byte(text))
	}
	var r reader
	if err := r.readJSON("", data); err != nil {
		return err
	}
	*f = r.fault
	return f.Check()
}

func (r *reader) readJSON(direction string, data []byte) error {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return fmt.Errorf("fault: %.40q is not an object, such as {\"delay\":\"100ms\",\"down\":{\"stall\":true}}", data)
	}
	for _, name := range slices.Sorted(maps.Keys(parts)) { // the same error every time
		raw := parts[name]
		if direction == "" && (name == "up" || name == "down") {
			if err := r.readJSON(name, raw); err != nil {
				return err
			}
			continue
		}
		value, given := string(raw), true
		switch {
		case value == "false" || value == "null":
			continue
		case value == "true":
			value, given = "", false
		case raw[0] == '"':
			if err := json.Unmarshal(raw, &value); err != nil {
				return fmt.Errorf("fault: %.40s: %w", name, err)
			}
		case raw[0] == '{' || raw[0] == '[':
			return fmt.Errorf("fault: %.40s: %.40q is not a string, a number, true or false", name, raw)
		}
		if err := r.read(direction, name, value, given); err != nil {
			return err
		}
	}
	return nil
}

func parseDelay(l *Line, s string) (err error) {
	l.Delay, l.Jitter, err = spread(s, duration)
	return err
}

func parseRate(l *Line, s string) error {
	s = strings.TrimSuffix(s, "/s")
	per, bits := int64(1), s
	if n, ok := strings.CutSuffix(s, "kbit"); ok {
		per, bits = 1000/8, n
	} else if n, ok := strings.CutSuffix(s, "Mbit"); ok {
		per, bits = 1000*1000/8, n
	}
	n, err := bytesOf(bits)
	if err != nil || n == 0 || n > maxBytes/per || per > 1 && strings.HasSuffix(bits, "B") {
		return fmt.Errorf("%.40q is not a rate; use one such as 16KiB/s or 750kbit", s)
	}
	l.Rate = n * per
	return nil
}

func parseSplit(l *Line, s string) error {
	options := strings.Split(s, "/")
	n, err := count(options[0])
	if err != nil {
		return err
	}
	l.Split.Size = n
	if len(options) > 2 {
		return fmt.Errorf("%.40q has too many parts; use split=bytes/pause", s)
	} else if len(options) == 2 {
		l.Split.Pause, err = duration(options[1])
	}
	return err
}

func parseBuffer(l *Line, s string) error {
	options := strings.Split(s, "/")
	n, err := count(options[0])
	if err != nil {
		return err
	}
	l.Buffer = Buffer{Size: n}
	for _, option := range options[1:] {
		switch {
		case option == "accel" && !l.Buffer.Accel:
			l.Buffer.Accel = true
		case l.Buffer.Wait == 0:
			if l.Buffer.Wait, err = duration(option); err != nil {
				return err
			}
		default:
			return fmt.Errorf("%.40q has too many parts; use buffer=bytes/time/accel", s)
		}
	}
	return nil
}

// String returns how a cut is written behind "cut=", "" for none.
func (c Cut) String() string {
	text := string(c.Kind)
	if c.After > 0 {
		text += "@" + c.After.String() + plusMinus(c.Jitter, time.Duration.String)
	}
	if c.Bytes > 0 {
		text += "@" + size(c.Bytes) + plusMinus(c.Spread, size)
	}
	return text
}

func (c *Cut) parse(s string) (err error) {
	options := strings.Split(s, "@")
	*c = Cut{Kind: Kind(options[0])}
	if !c.Kind.known() {
		return fmt.Errorf("unknown kind %.20q; use fin, rst or blackhole", options[0])
	}
	for _, option := range options[1:] {
		value, _, _ := strings.Cut(strings.Replace(option, "+-", "±", 1), "±")
		if _, notTime := duration(value); notTime != nil {
			if c.Bytes != 0 {
				return errors.New("two sizes; one is enough")
			}
			if c.Bytes, c.Spread, err = spread(option, bytesOf); err != nil || c.Bytes == 0 {
				return fmt.Errorf("%.40q is neither a time nor a size; use one such as rst@5s or rst@64KiB", option)
			}
			continue
		}
		if c.After != 0 {
			return errors.New("two times; one is enough")
		}
		if c.After, c.Jitter, err = spread(option, duration); err != nil {
			return err
		}
		if c.After == 0 {
			return fmt.Errorf("%.40q is not longer than 0; leave out @ to cut at once", option)
		}
	}
	return nil
}

func parseIdle(f *Fault, s string) (err error) {
	after, kind, given := strings.Cut(s, "/")
	if f.Idle.After, err = duration(after); err != nil {
		return err
	}
	if f.Idle.After == 0 {
		return errors.New("the time must be longer than 0")
	}
	if f.Idle.Kind = Kind(kind); given && !f.Idle.Kind.known() {
		return fmt.Errorf("unknown kind %.20q; use fin, rst or blackhole", kind)
	}
	return nil
}

func parseRefuse(f *Fault, s string) (err error) {
	if s == "" || s == "always" {
		f.Refuse = Always
		return nil
	}
	if f.Refuse, err = duration(s); err == nil && f.Refuse == 0 {
		err = errors.New("the time must be longer than 0")
	}
	return err
}

func parseLimit(f *Fault, s string) error {
	number, rest, given := strings.Cut(s, "/")
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 {
		return fmt.Errorf("%.40q is not a number of connections; use 1 or more", number)
	}
	if given && rest != "wait" && rest != "refuse" {
		return fmt.Errorf("%.40q: the others wait or refuse; use %d/wait or %d/refuse", s, n, n)
	}
	f.Limit = Limit{Connections: n, Refuse: rest == "refuse"}
	return nil
}

// String returns how an answer is written behind "answer=", "" for none.
func (a Answer) String() string {
	if a.Status == 0 {
		return ""
	}
	text := strconv.Itoa(a.Status)
	if a.Requests > 0 {
		text += "/" + strconv.Itoa(a.Requests) + "x"
	}
	text += slash(a.For)
	if a.RetryAfter > 0 {
		text += "/retry:" + a.RetryAfter.String()
	}
	if a.Type != "" {
		text += "/type:" + a.Type
	}
	return text
}

func parseAnswer(f *Fault, s string) (err error) {
	// A media type has a slash itself, so it is the last and takes the rest.
	s, media, typed := strings.Cut(s, "/type:")
	options := strings.Split(s, "/")
	a := Answer{Type: media}
	if a.Status, err = strconv.Atoi(options[0]); err != nil || a.Status < 200 || a.Status > 599 {
		return fmt.Errorf("%.40q is not a final status; use one such as 503", options[0])
	}
	if typed && media == "" {
		return errors.New("type: needs a media type, such as text/html")
	}
	for _, option := range options[1:] {
		if after, ok := strings.CutPrefix(option, "retry:"); ok && a.RetryAfter == 0 {
			if a.RetryAfter, err = duration(after); err != nil {
				return err
			}
		} else if number, ok := strings.CutSuffix(option, "x"); ok && a.Requests == 0 {
			if a.Requests, err = strconv.Atoi(number); err != nil || a.Requests < 1 {
				return fmt.Errorf("%.40q is not a number of requests; use one such as 5x", option)
			}
		} else if a.For == 0 {
			if a.For, err = duration(option); err != nil {
				return err
			}
		} else {
			return fmt.Errorf("%.40q is too much; use answer=503/5x/10s/retry:2s/type:text/html", option)
		}
	}
	f.Answer = a
	return nil
}

// spread reads a value and by how much it may be more or less.
func spread[T any](s string, parse func(string) (T, error)) (middle, by T, err error) {
	value, more, given := strings.Cut(strings.Replace(s, "+-", "±", 1), "±")
	if middle, err = parse(value); err == nil && given {
		by, err = parse(more)
	}
	return middle, by, err
}

func plusMinus[T int64 | time.Duration](by T, text func(T) string) string {
	if by == 0 {
		return ""
	}
	return "±" + text(by)
}

func slash(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return "/" + d.String()
}

func duration(s string) (time.Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxTime {
		return 0, fmt.Errorf("%.40q is not a time; use a number with a unit, such as 100ms or 5s, up to 24h", s)
	}
	return d, nil
}

// count reads a size that is at least 1 and fits into memory.
func count(s string) (int, error) {
	n, err := bytesOf(s)
	if err == nil && (n < 1 || n > maxSize) {
		err = fmt.Errorf("%.40q is too small or too large; use 1 byte to 1GiB", s)
	}
	return int(n), err
}

var units = []struct {
	name string
	size int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}

func bytesOf(s string) (int64, error) {
	number, unit := s, int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(s, u.name); ok {
			number, unit = n, u.size
			break
		}
	}
	n, err := strconv.ParseUint(number, 10, 41)
	if err != nil || int64(n) > maxBytes/unit {
		return 0, fmt.Errorf("%.40q is not a size; use one such as 512 or 4KiB, up to 1024GiB", s)
	}
	return int64(n) * unit, nil
}

func size(n int64) string {
	for _, u := range units {
		if n >= u.size && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return "0B"
}
