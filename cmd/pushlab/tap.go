package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/request"
	"pushlab/common/tap"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
	"pushlab/websocket"
)

// tapOptions are the flags of tap.
type tapOptions struct {
	transport string
	topics    []string
	after     string
	count     int
	header    []string
	insecure  bool
	show      tapShow
	json      bool
}

func tapCommand(std streams) *cobra.Command {
	var o tapOptions
	cmd := &cobra.Command{
		Use:   "tap URL",
		Short: "Show every byte between a client and a server, and what it is for",
		Long: `Open a connection to a server, Pushlab or any other, and show every byte that goes
over it, both ways, as it comes: what it is, and with --explain why it is there and
where the specification says so.

  ▲ goes to the server, ▼ comes from it. Colours tell what is paid for what:
  heads, framing around the events, and the events themselves.

When the connection ends, tap connects again and resumes, as a browser does. Ctrl-C
ends it, and shows what it all has cost. Secrets, such as cookies, are hidden, but
counted. Of https the decrypted bytes are shown.`,
		Example: `  pushlab tap http://localhost:8080/sse
  pushlab tap --explain --count 3 http://localhost:8080/websocket
  pushlab tap --hex --topic chat http://localhost:8080/longpoll
  pushlab tap https://example.com/events
  pushlab tap --transport websocket --header 'Cookie: session=1' wss://example.com/live
  pushlab tap unix:/run/pushlab.sock`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return runTap(cmd.Context(), &o, args[0], std) },
	}
	f := cmd.Flags()
	f.StringVar(&o.transport, "transport", "", "longpoll, httpstream, sse or websocket; guessed from the URL if absent")
	f.StringArrayVar(&o.topics, "topic", nil, "a topic to subscribe to; may be repeated; none is all")
	f.StringVar(&o.after, "after", "", "a cursor to resume from, or earliest; else from now on")
	f.IntVar(&o.count, "count", 0, "stop after that many events; 0 is never")
	f.BoolVar(&o.show.hex, "hex", false, "show the bytes in hexadecimal, too")
	f.BoolVar(&o.show.explain, "explain", false, "explain everything where it is seen first")
	f.BoolVar(&o.json, "json", false, "print the records as JSON, one a line")
	f.StringArrayVar(&o.header, "header", nil, "a further header field of all requests, as 'Name: value'; may be repeated")
	f.BoolVar(&o.insecure, "insecure", false, "take any certificate")
	return cmd
}

// accepts is what each transport asks for.
var accepts = map[string]string{
	longpoll.Name: "application/json", httpstream.Name: "application/x-ndjson", sse.Name: "text/event-stream", websocket.Name: "",
}

// guessTransport tells the transport from a URL. What says nothing is an event stream.
func guessTransport(u *url.URL) string {
	path := strings.ToLower(u.Path)
	last := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case u.Scheme == "ws", u.Scheme == "wss", strings.Contains(path, "socket"), last == "ws":
		return websocket.Name
	case strings.Contains(path, "poll"):
		return longpoll.Name
	case strings.Contains(path, "httpstream"), strings.Contains(path, "ndjson"), strings.Contains(path, "jsonl"):
		return httpstream.Name
	}
	return sse.Name
}

// tapTarget reads an address. Without a path the transport's is added.
func tapTarget(address, transport string) (u *url.URL, socket, chosen string, err error) {
	socket, isUnix := strings.CutPrefix(address, "unix:")
	u, err = url.Parse(address)
	if isUnix {
		u, err = &url.URL{Scheme: "http", Host: "localhost"}, nil
	}
	if err != nil || u.Host == "" || !slices.Contains([]string{"http", "https", "ws", "wss"}, u.Scheme) {
		return nil, "", "", &usageError{fmt.Errorf("%q is no server; give a URL such as http://localhost:8080/sse, or unix:PATH", address)}
	}
	if !isUnix {
		socket = ""
	}
	chosen = cmp.Or(transport, guessTransport(u))
	if _, ok := accepts[chosen]; !ok {
		return nil, "", "", &usageError{fmt.Errorf("--transport is %q; use longpoll, httpstream, sse or websocket", chosen)}
	}
	if u.Path == "" {
		u.Path = "/" + chosen
	}
	return u, socket, chosen, nil
}

func runTap(ctx context.Context, o *tapOptions, address string, std streams) error {
	if err := request.CheckTopics(o.topics); err != nil {
		return &usageError{fmt.Errorf("--topic: %s", request.Reason(err))}
	}
	header, err := parseHeader(o.header)
	if err != nil {
		return err
	}
	u, socket, transport, err := tapTarget(address, o.transport)
	if err != nil {
		return err
	}
	recorder := tap.New(tap.Config{})
	defer recorder.Close()
	o.show.color, o.show.width = color(std.out), terminalWidth(std.out)
	t := &tapping{o: o, url: u, socket: socket, transport: transport, header: header, tap: recorder,
		out: std.out, view: newTapView(o.show), cursor: o.after, retry: 3 * time.Second}
	err = t.run(ctx)
	if t.connected && !o.json {
		fmt.Fprint(std.out, t.view.summary(t.seen))
	}
	return err
}

// A tapping is a run of tap: a client that does as little as it can, and shows all of it. It acts on what the recorder
// has found, so that what is shown is what has happened.
type tapping struct {
	o         *tapOptions
	url       *url.URL
	socket    string // a Unix socket, if not ""
	transport string
	header    http.Header
	tap       *tap.Tap
	out       io.Writer
	view      *tapView

	conn      net.Conn
	shown     uint64 // the last record that was shown
	connected bool
	cursor    string
	retry     time.Duration
	events    int // without control events
	seen      int // with them

	// Of the connection.
	tail     []byte // the last bytes that were read
	read     int64  // how many were
	status   int
	stream   bool // the answer is a stream, or an answer to a poll
	complete bool // the response is
	switched bool // to WebSocket
	closing  bool // a close frame was sent
	closed   bool // one has come
	polls    int
	lastPoll time.Time
}

// errCounted ends the run: there were as many events as were asked for.
var errCounted = errors.New("there were enough events")

// run connects, again and again, until it has seen enough.
func (t *tapping) run(ctx context.Context) error {
	for {
		err := t.connect(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // Ctrl-C is how one ends it
		case err != nil && !t.connected:
			return unreachable{err}
		case err != nil:
			t.tap.Note("", err.Error())
		default:
			err = t.converse(ctx)
			t.conn.Close()
			if ctx.Err() != nil || err == errCounted {
				_, err = t.show()
				return err
			}
			if again, outcome := t.judge(err); !again {
				_, err = t.show()
				return cmp.Or(outcome, err)
			}
		}
		text := fmt.Sprintf("connecting again in %v", t.retry)
		if t.cursor != "" {
			text += ", to go on after " + t.cursor
		}
		t.tap.Note("", text)
		if _, err := t.show(); err != nil {
			return err
		}
		select {
		case <-time.After(t.retry):
		case <-ctx.Done():
			return nil
		}
	}
}

// judge says, at the end of a connection, whether to connect again, and if not what has come of it.
func (t *tapping) judge(err error) (again bool, outcome error) {
	switch {
	case err != nil:
		return false, err
	case t.status == 0:
		return true, nil // it broke before there was an answer
	case t.status == http.StatusNoContent && t.transport != longpoll.Name:
		t.tap.Note("", "by 204 the server asks not to connect again")
		return false, nil
	case t.status != http.StatusOK && t.status != http.StatusSwitchingProtocols && t.status != http.StatusNoContent:
		return false, fmt.Errorf("the server answered %d %s; is this the right URL, and --transport %s right?", t.status, http.StatusText(t.status), t.transport)
	case !t.stream && t.complete:
		t.tap.Note("", "that was no stream of events, and it is complete")
		return false, nil
	}
	return true, nil
}

// connect opens a connection, and records it from its beginning on.
func (t *tapping) connect(ctx context.Context) error {
	secure := t.url.Scheme == "https" || t.url.Scheme == "wss"
	port := cmp.Or(t.url.Port(), map[bool]string{true: "443", false: "80"}[secure])
	network, address := "tcp", net.JoinHostPort(t.url.Hostname(), port)
	if t.socket != "" {
		network, address = "unix", t.socket
	}
	dialer := net.Dialer{Timeout: 10 * time.Second}
	conn, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	note := ""
	if secure {
		client := tls.Client(conn, &tls.Config{ServerName: t.url.Hostname(), NextProtos: []string{"http/1.1"}, InsecureSkipVerify: t.o.insecure})
		handshake, cancel := context.WithTimeout(ctx, dialer.Timeout)
		defer cancel()
		if err := client.HandshakeContext(handshake); err != nil {
			conn.Close()
			return fmt.Errorf("%w; --insecure takes any certificate", err)
		}
		note = "inside " + tls.VersionName(client.ConnectionState().Version) + ", decrypted here; the segments of TCP carry it encrypted"
		conn = client
	}
	recorded := t.tap.Client(conn, t.transport)
	if note != "" {
		t.tap.Note("", note)
	}
	t.conn, t.connected = recorded, true
	t.tail, t.read, t.status, t.stream, t.complete = nil, 0, 0, false, false
	t.switched, t.closing, t.closed, t.polls = false, false, false, 0
	return nil
}

// patience is how long a peer has to close after we said goodbye.
const patience = time.Second

// converse makes the request, and takes what comes. It returns nil when the connection has ended.
func (t *tapping) converse(ctx context.Context) error {
	stop := context.AfterFunc(ctx, func() { t.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	if err := t.write(t.request()); err != nil {
		return err
	}
	buf := make([]byte, 8<<10)
	for leaving := false; ; {
		n, failed := t.conn.Read(buf)
		t.tail = append(t.tail[max(0, len(t.tail)-256):], buf[:n]...)
		t.read += int64(n)
		messages, err := t.show()
		if err != nil {
			return err
		}
		for _, m := range messages {
			if err := t.react(ctx, m); err != nil && !errors.Is(err, errCounted) {
				return err
			} else if err != nil && !leaving {
				leaving = true
				if !t.goodbye() {
					return errCounted
				}
			}
		}
		switch {
		case failed != nil && ctx.Err() != nil && !leaving:
			stop()
			if leaving = true; !t.goodbye() {
				return nil
			}
		case failed != nil && leaving:
			return errCounted
		case failed != nil, t.complete:
			return nil // the records say how
		}
	}
}

// goodbye says so, where one can, and reports whether an answer may come.
func (t *tapping) goodbye() bool {
	t.conn.SetReadDeadline(time.Now().Add(patience))
	if !t.switched {
		return false
	}
	if t.closing {
		return true
	}
	return t.sendClose([]byte{0x03, 0xe8}) == nil // 1000: all is said
}

func (t *tapping) write(b []byte) error {
	t.conn.Write(b) // if it fails, reading tells why
	_, err := t.show()
	return err
}

// request is what asks for events.
func (t *tapping) request() []byte {
	t.lastPoll = time.Now()
	query := t.url.RawQuery
	add := func(name, value string) {
		if query != "" {
			query += "&"
		}
		query += url.QueryEscape(name) + "=" + url.QueryEscape(value)
	}
	for _, topic := range t.o.topics {
		add("topic", topic)
	}
	_, notID := event.ParseID(t.cursor)
	lastEventID := ""
	switch {
	case t.cursor == "":
	case t.transport == sse.Name && t.cursor != client.Earliest:
		lastEventID = strings.Map(func(r rune) rune { // what a header field cannot carry is left out
			if r < ' ' || r == 0x7f {
				return -1
			}
			return r
		}, t.cursor)
	case notID == nil || t.cursor == t.o.after: // a foreign id would mean nothing in our parameter
		add("after", t.cursor)
	}
	target := t.url.EscapedPath()
	if query != "" {
		target += "?" + query
	}
	host := t.url.Host
	if h := t.header.Get("Host"); h != "" {
		host = h
	}
	lines := []string{"GET " + target + " HTTP/1.1", "Host: " + host, "User-Agent: pushlab"}
	if t.transport == websocket.Name {
		var key [16]byte
		rand.Read(key[:]) // never fails (crypto/rand)
		lines = append(lines, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
			"Sec-WebSocket-Key: "+base64.StdEncoding.EncodeToString(key[:]))
	} else {
		lines = append(lines, "Accept: "+accepts[t.transport], "Accept-Encoding: identity")
	}
	switch t.transport {
	case sse.Name:
		lines = append(lines, "Cache-Control: no-cache")
		if lastEventID != "" {
			lines = append(lines, "Last-Event-ID: "+lastEventID)
		}
	case longpoll.Name:
		wait := 25
		if t.cursor == "" && t.polls == 0 {
			wait = 0 // the first poll asks where to begin
		}
		t.polls++
		lines = append(lines, "Prefer: wait="+strconv.Itoa(wait))
	}
	for _, name := range slices.Sorted(maps.Keys(t.header)) {
		for _, value := range t.header[name] {
			if name != "Host" {
				lines = append(lines, name+": "+value)
			}
		}
	}
	return []byte(strings.Join(lines, "\r\n") + "\r\n\r\n")
}

// show prints what was recorded since the last time, and returns what the server has said.
func (t *tapping) show() ([]tap.Message, error) {
	var messages []tap.Message
	for {
		batch, _, err := t.tap.Poll(t.shown)
		if err != nil {
			return nil, err
		}
		if len(batch.Records) == 0 {
			return messages, nil
		}
		for _, r := range batch.Records {
			t.shown = r.Seq
			var text []byte
			if t.o.json {
				if text, err = json.Marshal(r); err != nil {
					return nil, err
				}
				text = append(text, '\n')
			} else {
				text = []byte(t.view.record(r))
			}
			if _, err := t.out.Write(text); err != nil {
				return nil, fmt.Errorf("the bytes cannot be printed: %w", err)
			}
			t.learn(r)
			for _, m := range r.Messages {
				if m.Dir == tap.Down {
					messages = append(messages, m)
				}
			}
		}
	}
}

// learn takes the reconnection time from the spans.
func (t *tapping) learn(r *tap.Record) {
	each(r.Spans, func(s *tap.Span) {
		var ms uint64
		var err error = strconv.ErrSyntax
		switch {
		case s.Explain == "sse/retry":
			_, value, _ := strings.Cut(textOfSpans(s.Children), ":")
			ms, err = strconv.ParseUint(strings.TrimSpace(value), 10, 31)
		case s.Kind == "envelope-data":
			var bye struct{ Retry *uint32 }
			if json.Unmarshal([]byte(s.Text), &bye) == nil && bye.Retry != nil && slices.ContainsFunc(r.Messages, func(m tap.Message) bool { return m.Topic == event.ByeTopic }) {
				ms, err = uint64(*bye.Retry), nil
			}
		}
		if err == nil {
			t.retry = min(time.Duration(ms)*time.Millisecond, time.Minute)
		}
	})
}

// each calls do for all spans of the trees.
func each(spans []*tap.Span, do func(*tap.Span)) {
	for _, s := range spans {
		do(s)
		each(s.Children, do)
	}
}

// textOfSpans joins the text of leaves.
func textOfSpans(spans []*tap.Span) string {
	text := ""
	each(spans, func(s *tap.Span) {
		if len(s.Children) == 0 {
			text += s.Text
		}
	})
	return text
}

// react does what a client has to do about a message.
func (t *tapping) react(ctx context.Context, m tap.Message) error {
	switch m.Kind {
	case tap.ResponseMessage:
		t.status, _ = strconv.Atoi(strings.Fields(m.Label)[0]) // the parser has seen to it
		t.switched = t.status == http.StatusSwitchingProtocols
		t.stream = t.switched || accepts[t.transport] != "" && strings.HasSuffix(m.Label, ", "+accepts[t.transport]) || t.status == http.StatusNoContent
		if m.ID != "" {
			t.cursor = m.ID
		}
	case tap.EventMessage, tap.ControlMessage, tap.TextMessage:
		if m.ID != "" {
			t.cursor = m.ID
		}
		if !t.stream {
			break // what an error says
		}
		if t.seen++; m.Kind == tap.ControlMessage {
			break
		}
		if t.events++; t.events == t.o.count {
			return errCounted
		}
	case tap.EndMessage:
		t.complete = true
		if t.transport == longpoll.Name && t.stream && !t.closing {
			return t.pollAgain(ctx)
		}
	case tap.PingMessage:
		return t.sendFrame(0x8a, t.payload(m))
	case tap.CloseMessage:
		t.closed = true
		if !t.closing {
			return t.sendClose(t.payload(m))
		}
	}
	return nil
}

// pollAgain asks for what comes next, on the same connection. A server that answers at once and says no cursor would be
// asked without end.
func (t *tapping) pollAgain(ctx context.Context) error {
	t.complete = false
	if t.cursor == "" {
		select {
		case <-time.After(time.Until(t.lastPoll.Add(time.Second))):
		case <-ctx.Done():
			return nil
		}
	}
	return t.write(t.request())
}

// payload returns the payload of a short frame from the server, which was read just now.
func (t *tapping) payload(m tap.Message) []byte {
	const header = 2
	from := int64(len(t.tail)) - (t.read - m.Offset) + header
	to := from + m.Length - header
	if from < 0 || to > int64(len(t.tail)) || from > to {
		return nil
	}
	return slices.Clone(t.tail[from:to])
}

// sendClose answers a close frame, or sends the first: RFC 6455, section 5.5.1.
func (t *tapping) sendClose(payload []byte) error {
	t.closing = true
	t.conn.SetReadDeadline(time.Now().Add(patience)) // then the server closes
	return t.sendFrame(0x88, payload)
}

// sendFrame sends a frame of at most 125 bytes, masked: RFC 6455, section 5.3.
func (t *tapping) sendFrame(first byte, payload []byte) error {
	payload = payload[:min(len(payload), 125)]
	var key [4]byte
	rand.Read(key[:]) // never fails (crypto/rand)
	frame := append([]byte{first, 0x80 | byte(len(payload))}, key[:]...)
	for i, c := range payload {
		frame = append(frame, c^key[i%4])
	}
	return t.write(frame)
}

// terminalWidth returns how many columns there are: as COLUMNS says, or the terminal; 100 where nobody knows.
func terminalWidth(w io.Writer) int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 0 {
		return max(40, n)
	}
	if f, ok := w.(*os.File); ok {
		if n := columns(f); n > 0 {
			return max(40, n)
		}
	}
	return 100
}
