package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/bench/targets"
	"pushlab/common/memhttp"
)

// A stranger is a server that is not ours: each of its transports has an envelope and a cursor of its own.
type stranger struct {
	mu     sync.Mutex
	events []string
	more   chan struct{}    // closed with the next
	times  func(at int) int // how often an event is sent; nil is once
}

// strangerFile describes it.
const strangerFile = `
url = "http://localhost"
[publish]
by = "post"
path = "/publish?key=1"
query = { channel = "{topic}" }
headers = { X-Key = "secret" }
body = '{"channel":"{topic}","text":"{escaped}"}'
accepted = "202"
refused = '{"error"'

[transports.sse]
path = "/sse"
query = { channel = "{topic}" }
opened = ": welcome"
cursor = [{ from = "id", to = "header:Last-Event-ID" }]

[transports.httpstream]
method = "POST"
path = "/lines"
body = '{"channel":"{topic}"}'
cursor = [{ from = "json:epoch", as = "epoch" }, { from = "json:seq", as = "seq" }]
resume = { body = '{"channel":"{topic}","epoch":"{epoch}","seq":{seq}}' }

[transports.websocket]
path = "/socket"
subprotocol = "stranger.v1"
greeting = ['{"channel":"{topic}"}']
opened = '{"subscribed":'
cursor = [{ from = "json:seq", as = "seq" }]
resume = { greeting = ['{"channel":"{topic}","seq":{seq}}'] }

[transports.longpoll]
path = "/poll"
settle = "50ms"
cursor = [{ from = "header:X-Epoch", to = "header:If-Epoch" }, { from = "header:X-Seq", to = "query:seq" }]
`

func (s *stranger) publish(w http.ResponseWriter, r *http.Request) {
	var in struct{ Channel, Text string }
	if r.Header.Get("X-Key") != "secret" || r.FormValue("key") != "1" || r.FormValue("channel") != "bench" || json.NewDecoder(r.Body).Decode(&in) != nil || in.Channel != "bench" {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, in.Text)
	close(s.more)
	s.more = make(chan struct{})
	w.WriteHeader(http.StatusAccepted)
}

// from returns behind which event to go on: what seq says, or the last one.
func (s *stranger) from(seq string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, err := strconv.Atoi(seq); err == nil {
		return n
	}
	return len(s.events)
}

// each sends events behind one until that fails.
func (s *stranger) each(ctx context.Context, after int, send func(seq int, data string) error) {
	for {
		s.mu.Lock()
		events, more := s.events, s.more
		s.mu.Unlock()
		for after < len(events) {
			times := 1
			if s.times != nil {
				times = s.times(after)
			}
			after++
			for range times {
				if send(after, events[after-1]) != nil {
					return
				}
			}
		}
		select {
		case <-more:
		case <-ctx.Done():
			return
		}
	}
}

func (s *stranger) sse(w http.ResponseWriter, r *http.Request) {
	after := s.from(r.Header.Get("Last-Event-ID"))
	control := http.NewResponseController(w)
	fmt.Fprint(w, ": welcome\n\n")
	control.Flush()
	s.each(r.Context(), after, func(seq int, data string) error {
		fmt.Fprintf(w, "id: %d\r\nevent: news\r\ndata: %s\r\n\r\n", seq, data)
		return control.Flush()
	})
}

// lines has the data escaped in a string.
func (s *stranger) lines(w http.ResponseWriter, r *http.Request) {
	var in struct {
		Channel, Epoch string
		Seq            json.Number
	}
	if r.Method != "POST" || json.NewDecoder(r.Body).Decode(&in) != nil || in.Channel != "bench" || (in.Seq != "") != (in.Epoch == "e1") {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	after := s.from(in.Seq.String())
	control := http.NewResponseController(w)
	fmt.Fprint(w, "{\"epoch\":\"e1\"}\n")
	control.Flush()
	s.each(r.Context(), after, func(seq int, data string) error {
		text, _ := json.Marshal(data)
		fmt.Fprintf(w, "{\"data\":%s,\"seq\":%d}\n", text, seq)
		return control.Flush()
	})
}

// socket sends every other message in two parts, one of them binary.
func (s *stranger) socket(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Sec-WebSocket-Protocol") != "stranger.v1" {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	var in struct {
		Channel string
		Seq     json.Number
	}
	if err := json.Unmarshal(masked(buffered.Reader), &in); err != nil || in.Channel != "bench" {
		return
	}
	after := s.from(in.Seq.String())
	conn.Write(frame(0x81, `{"subscribed":true}`))
	ctx, cancel := context.WithCancel(context.Background())
	go func() { // until the subscriber leaves
		io.Copy(io.Discard, buffered)
		cancel()
	}()
	s.each(ctx, after, func(seq int, data string) error {
		message := fmt.Sprintf(`{"seq":%d,"data":%s}`, seq, data)
		if seq%2 == 0 {
			_, err := conn.Write(frame(0x81, message))
			return err
		}
		_, err := conn.Write(append(frame(0x02, message[:30]), frame(0x80, message[30:])...))
		return err
	})
}

// masked reads the text of a short frame.
func masked(r *bufio.Reader) []byte {
	var head [6]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil
	}
	text := make([]byte, head[1]&0x7f)
	io.ReadFull(r, text)
	for i := range text {
		text[i] ^= head[2+i%4]
	}
	return text
}

// frame is a frame of fewer than 65,536 bytes.
func frame(first byte, text string) []byte {
	f := []byte{first, byte(len(text))}
	if len(text) > 125 {
		f = []byte{first, 126, byte(len(text) >> 8), byte(len(text))}
	}
	return append(f, text...)
}

// poll answers in chunks every other time, and once with nothing. It needs both cursors or none.
func (s *stranger) poll(w http.ResponseWriter, r *http.Request) {
	seq := r.FormValue("seq")
	if (seq != "") != (r.Header.Get("If-Epoch") == "e1") {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	after := s.from(seq)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s.each(ctx, after, func(seq int, data string) error {
		w.Header().Set("X-Epoch", "e1")
		w.Header().Set("X-Seq", strconv.Itoa(seq))
		switch {
		case r.FormValue("seq") == "6": // the event is in the next answer
			w.Header().Set("X-Seq", "06")
			w.WriteHeader(http.StatusNotModified)
		case seq%2 == 0:
			w.Write([]byte("[" + data + "]"))
		default:
			w.Write([]byte("["))
			http.NewResponseController(w).Flush()
			w.Write([]byte(data + "]"))
		}
		return io.EOF // one at a time
	})
}

// toStranger are options for strangers in memory, in virtual time.
func toStranger(t *testing.T, text string, prepare func(*stranger)) Options {
	t.Helper()
	file, err := targets.Parse("stranger.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	var server *memhttp.Server
	target := FileTarget(file, nil)
	target.Start = func(context.Context, string) (*machine.Server, error) {
		s := &stranger{more: make(chan struct{})}
		if prepare != nil {
			prepare(s)
		}
		mux := http.NewServeMux()
		for path, handler := range map[string]http.HandlerFunc{
			"POST /publish": s.publish, "/sse": s.sse, "/lines": s.lines, "/socket": s.socket, "/poll": s.poll, "/pieces": s.pieces,
			"/busy": func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusAccepted)
				io.WriteString(w, `{"error":"busy"}`)
			},
		} {
			mux.HandleFunc(path, handler)
		}
		server = memhttp.NewServer(t, mux)
		return &machine.Server{URL: memhttp.URL}, nil
	}
	options := inMemory(t, nil)
	options.Targets = []Target{target}
	options.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		return server.Dial(ctx, network, address)
	}
	return options
}

// pieces sends events without a line's end, a chunk for each half.
func (s *stranger) pieces(w http.ResponseWriter, r *http.Request) {
	after := s.from("")
	control := http.NewResponseController(w)
	control.Flush()
	s.each(r.Context(), after, func(_ int, data string) error {
		io.WriteString(w, data[:50])
		control.Flush()
		io.WriteString(w, data[50:])
		return control.Flush()
	})
}

// of makes a case one of the stranger.
func ofStranger(c result.Case) result.Case {
	c.Targets = []string{"stranger"}
	return c
}

// Whatever the envelope and the cursor are, everybody gets everything, and what was missed.
func TestStrangerInVirtualTime(t *testing.T) {
	for _, transport := range result.Transports() {
		for name, c := range map[string]result.Case{"fan-out": small(transport), "storm": storming(transport)} {
			t.Run(transport+" "+name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					found, m := measured(t, t.Context(), ofStranger(c), toStranger(t, strangerFile, nil))
					want := int64(4 * c.Events())
					if found.Failed() || m.Delivered != want || m.Duplicated != 0 || m.Reordered != 0 || m.WarmUpFaults != 0 || m.Acknowledged != c.Events() {
						t.Errorf("%d of %d: %+v", m.Delivered, want, m)
					}
					if found.Targets[0].Name != "stranger" {
						t.Errorf("the targets are %+v", found.Targets)
					}
				})
			})
		}
	}
}

// Events that end neither a line nor a message are found too.
func TestStrangerWithoutLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		text := strings.Split(strangerFile, "[transports")[0] + "[transports.httpstream]\npath = \"/pieces\""
		found, m := measured(t, t.Context(), ofStranger(small("httpstream")), toStranger(t, text, nil))
		if found.Failed() || m.Delivered != 120 || m.Delivery.Max != 0 {
			t.Errorf("%+v", m)
		}
	})
}

func TestStrangerIsCaught(t *testing.T) {
	sending := func(times int) func(*stranger) {
		return func(s *stranger) {
			s.times = func(at int) int {
				if at == 20 {
					return times
				}
				return 1
			}
		}
	}
	for name, c := range map[string]struct {
		file    string
		prepare func(*stranger)
		want    func(result.Measurement) bool
	}{
		"losing":    {strangerFile, sending(0), func(m result.Measurement) bool { return m.Lost == 4 && m.Delivered == 116 }},
		"repeating": {strangerFile, sending(2), func(m result.Measurement) bool { return m.Duplicated == 4 && m.Lost == 0 }},
		"refusing": {strings.Replace(strangerFile, "/publish?key=1", "/busy", 1), nil, func(m result.Measurement) bool {
			return strings.Contains(m.Error, `the server refuses an event: {"error":"busy"}`)
		}},
		"another status": {strings.Replace(strangerFile, "secret", "guess", 1), nil, func(m result.Measurement) bool {
			return strings.Contains(m.Error, "403 Forbidden: no")
		}},
		"never saying that one is subscribed": {strings.Replace(strangerFile, ": welcome", ": come in", 1), nil, func(m result.Measurement) bool {
			return strings.Contains(m.Error, "4 of 4 subscribers could not connect, and none within 10s")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, transport := range []string{"sse", "httpstream", "websocket"} {
				if transport != "sse" && strings.HasPrefix(name, "never") {
					continue
				}
				synctest.Test(t, func(t *testing.T) {
					found, m := measured(t, t.Context(), ofStranger(small(transport)), toStranger(t, c.file, c.prepare))
					if !found.Failed() || !c.want(m) {
						t.Errorf("%s: %+v", transport, m)
					}
				})
			}
		})
	}
}

// Who cannot resume is left out of what measures that.
func TestStrangerThatForgets(t *testing.T) {
	text := strings.Replace(strangerFile, `opened = ": welcome"`, "opened = \": welcome\"\nforgets = true", 1)
	_, err := Run(t.Context(), []result.Case{ofStranger(storming("sse"))}, toStranger(t, text, nil))
	if err == nil || !strings.Contains(err.Error(), "none of stranger can be measured") {
		t.Errorf("the error is %v", err)
	}
}
