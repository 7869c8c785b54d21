package probe

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// serveWebSocket answers an opening handshake, and then serves events.
func (l *lab) serveWebSocket(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	refuse := func(status int) {
		if status == http.StatusUpgradeRequired && !l.broken("WS-02d") {
			h.Set("Upgrade", "websocket")
			h.Set("Connection", "Upgrade")
		}
		if !l.broken("WS-02b/unsaid") {
			h.Set("Sec-WebSocket-Version", "13")
		}
		if l.broken("HTTP-09a") && r.Method == http.MethodHead {
			conn, _, _ := http.NewResponseController(w).Hijack()
			fmt.Fprintf(conn, "HTTP/1.1 %d Upgrade Required\r\nUpgrade: websocket\r\n\r\ncontent", status)
			conn.Close()
			return
		}
		w.WriteHeader(status)
	}
	key := r.Header.Get("Sec-WebSocket-Key")
	bytesOfKey, err := base64.StdEncoding.DecodeString(key)
	origin := r.Header.Get("Origin")
	own := "http://" + r.Host
	switch version := r.Header.Get("Sec-WebSocket-Version"); {
	case !listed(r.Header, "Upgrade", "websocket") && !listed(r.Header, "Connection", "upgrade"):
		refuse(map[bool]int{true: http.StatusNotFound, false: http.StatusUpgradeRequired}[l.broken("WS-02c")])
	case r.ProtoMinor == 0 && !l.broken("WS-01/proto"),
		!listed(r.Header, "Upgrade", "websocket") && !l.broken("WS-01/upgrade") && !(l.broken("WS-01/h2c") && r.Header.Get("Upgrade") != ""),
		!listed(r.Header, "Connection", "upgrade") && !l.broken("WS-01/connection") && !(l.broken("WS-01/keep-alive") && r.Header.Get("Connection") != ""),
		key == "" && !l.broken("WS-01/key"),
		key != "" && err != nil && !l.broken("WS-01/base64"),
		key != "" && err == nil && len(bytesOfKey) != 16 && !l.broken("WS-01/short"),
		version == "" && !l.broken("WS-01/version"):
		refuse(http.StatusBadRequest)
	case version != "13" && version != "" && !(l.broken("WS-02b") && version == "8"):
		refuse(map[bool]int{true: http.StatusForbidden, false: http.StatusUpgradeRequired}[l.broken("WS-02c/version")])
	case origin == stranger && l.broken("WS-03b"):
		refuse(http.StatusUnauthorized)
	case origin == stranger && !l.broken("WS-03a"),
		origin == "null" && !l.broken("CORS-03/null"),
		strings.HasPrefix(origin, "https:") && origin != stranger && !l.broken("CORS-03/scheme"),
		strings.HasSuffix(origin, ":1") && !l.broken("CORS-03/port"),
		strings.HasPrefix(origin, own+".") && !l.broken("CORS-03/prefix"):
		refuse(http.StatusForbidden)
	default:
		l.upgrade(w, r, key)
	}
}

func (l *lab) upgrade(w http.ResponseWriter, r *http.Request, key string) {
	h := w.Header()
	if !l.broken("WS-02a/upgrade") {
		h.Set("Upgrade", "websocket")
	}
	if !l.broken("WS-02a/connection") {
		h.Set("Connection", "Upgrade")
	}
	h.Set("Sec-WebSocket-Accept", acceptOf(key))
	if l.broken("WS-02a/accept") {
		h.Set("Sec-WebSocket-Accept", acceptOf(key+"x"))
	}
	if !l.foreign {
		h.Set("Pushlab-Cursor", l.cursor(l.head()))
	}
	offered := elements(r.Header, "Sec-WebSocket-Protocol")
	switch {
	case l.broken("WS-04a"), slices.Contains(offered, "pushlab.v1"):
		h.Set("Sec-WebSocket-Protocol", "pushlab.v1")
	}
	if l.broken("WS-04a/two") && len(offered) > 1 {
		h.Set("Sec-WebSocket-Protocol", strings.Join(offered, ", "))
	}
	if parameters, ok := l.deflate(r.Header); ok {
		h.Set(extensions, deflate+parameters)
	}
	if l.broken("WS-04b") {
		h.Set(extensions, "x-own")
	}
	hijacked, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	seq := l.head() // before the client knows that it is connected
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
	h.Write(&head)
	head.WriteString("\r\n")
	hijacked.Write(head.Bytes())
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := &labSocket{lab: l, socket: &socket{&answer{conn: &conn{Conn: hijacked, ctx: ctx}}}, topics: r.URL.Query()["topic"]}
	var writing sync.WaitGroup
	gone := make(chan struct{})
	writing.Go(func() { c.tell(seq, gone) })
	c.listen()
	close(gone)
	c.Conn.Close()
	writing.Wait()
}

// deflate answers an offer of permessage-deflate.
func (l *lab) deflate(h http.Header) (parameters string, ok bool) {
	offer, ok := deflateOf(&answer{header: h})
	switch {
	case !ok:
		return "", l.broken("PMD-01a")
	case l.broken("PMD-01c"):
		return "; client_max_window_bits=15", len(offer) == 0
	case l.broken("PMD-01c/unknown"):
		return "; quickly", len(offer) == 0
	case l.broken("PMD-01b"):
		return "", true
	}
	for i, p := range offer {
		if slices.Contains(offer[:i], p) || !slices.Contains([]string{"client_max_window_bits", "server_max_window_bits=15", "server_no_context_takeover", "client_no_context_takeover"}, p) {
			return "", false
		}
	}
	return "", true
}

// A labSocket is the lab's side of a WebSocket.
type labSocket struct {
	*lab
	*socket
	topics []string

	mu    sync.Mutex // one writer at a time
	ended bool       // nothing may follow
}

func (c *labSocket) write(b []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.Conn.Write(b)
	}
}

// frame returns a frame as the server sends it.
func (c *labSocket) frameOf(first byte, payload []byte) []byte {
	opcode := first & 0x0f
	switch {
	case c.broken("WS-05a"):
		return clientFrame(first, payload)
	case c.broken("WS-06a/bit") && opcode == opText:
		first |= rsv1
	case c.broken("WS-07d/order") && opcode == opText:
		first = first&^0x0f | opContinuation
	case c.broken("WS-07d/control") && opcode == opPong:
		first &^= fin
	case c.broken("WS-06a/length") && len(payload) < 126:
		return append(binary.BigEndian.AppendUint16([]byte{first, 126}, uint16(len(payload))), payload...)
	}
	return append(frameHead(first, 0, len(payload)), payload...)
}

// tell sends events and pings.
func (c *labSocket) tell(seq int, gone <-chan struct{}) {
	ping := time.NewTicker(15 * time.Second)
	defer ping.Stop()
	for {
		events, changed := c.after(seq, c.topics)
		for _, e := range events {
			c.write(c.frameOf(fin|opText, c.envelope(e.seq, e.topic, e.data)))
			if c.broken("WS-06a/opcode") {
				c.write(c.frameOf(fin|0x3, nil))
			}
			seq = e.seq
		}
		if len(events) > 0 {
			continue
		}
		select {
		case <-changed:
		case <-ping.C:
			if !c.broken("WS-16") {
				c.write(c.frameOf(fin|opPing, nil))
			}
		case <-gone:
			return
		}
	}
}

// end sends a close frame, unless it is to go without, and waits for the peer to go.
func (c *labSocket) end(code int) {
	payload := binary.BigEndian.AppendUint16(nil, uint16(code))
	if code == closeNoStatus && !c.broken("WS-11a", "WS-11a/empty") {
		payload = nil
	}
	c.write(c.frameOf(fin|opClose, payload))
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
}

// drain reads what is left, so that closing does not take anything away from the peer.
func (c *labSocket) drain() {
	c.SetReadDeadline(time.Now().Add(time.Second))
	c.Conn.(interface{ CloseWrite() error }).CloseWrite()
	io.Copy(io.Discard, c.Conn)
}

// listen reads frames until the connection ends.
func (c *labSocket) listen() {
	var message []byte
	within := false
	for {
		f, err := c.frame(time.Time{})
		if err != nil {
			if len(c.buf) > 10 { // a length that is too large, not the end
				switch {
				case c.broken("WS-06c/open"):
					c.write(c.frameOf(fin|opPong, nil))
					c.drain()
				case !c.broken("WS-06c"):
					c.end(closeProtocol)
					c.drain()
				}
			}
			return
		}
		code := c.judge(f, within, len(message))
		if code == 0 && f.opcode < opClose {
			if f.opcode != opContinuation {
				message = nil
			}
			message = append(message, f.payload...)
			within = !f.fin
			if (f.fin || c.broken("WS-10b")) && !utf8.Valid(message) && !c.broken("WS-10a") {
				code = closeInvalid
				if c.broken("WS-10a/code") {
					code = closeNormal
				}
			}
		}
		if code != 0 {
			c.end(code)
			c.drain()
			return
		}
		if c.answerControl(f, within) {
			return
		}
	}
}

// judge returns the code with which a frame fails the connection; 0 if it does not.
func (c *labSocket) judge(f frame, within bool, size int) int {
	control := f.opcode >= opClose
	switch {
	case f.rsv != 0 && !c.broken("WS-06b/bit"),
		(f.opcode > opBinary && !control || f.opcode > opPong) && !c.broken("WS-06b/opcode"),
		!f.masked && !c.broken("WS-05b"),
		control && !f.fin && !c.broken("WS-07b/fragment"),
		control && len(f.payload) > 125 && !c.broken("WS-07b/long"),
		f.opcode == opContinuation && !within && !c.broken("WS-07a/start"),
		!control && f.opcode != opContinuation && within && !c.broken("WS-07a/within"):
		if !f.masked && c.broken("WS-05b/code") {
			return closeNormal
		}
		return closeProtocol
	case !control && size+len(f.payload) > 4<<10 && !c.broken("WS-14"):
		if c.broken("WS-14/code") {
			return closeNormal
		}
		return closeTooBig
	}
	return 0
}

// answerControl answers a control frame; true if that was the last.
func (c *labSocket) answerControl(f frame, within bool) bool {
	switch f.opcode {
	case opPing:
		switch {
		case within && c.broken("WS-07c"):
		case c.broken("WS-09a"):
			c.write(c.frameOf(fin|opPong, nil))
		default:
			c.write(c.frameOf(fin|opPong, f.payload[:min(len(f.payload), 125)]))
		}
	case opPong:
		if c.broken("WS-09b") {
			c.end(closeProtocol)
			c.drain()
			return true
		}
	case opClose:
		return c.answerClose(f)
	}
	return false
}

func (c *labSocket) answerClose(f frame) bool {
	code := f.code()
	reserved := code < 1000 || code >= 5000 || slices.Contains([]int{1004, closeAbnormal, 1015}, code) || code == closeNoStatus && len(f.payload) == 2
	switch {
	case reserved && c.broken("WS-11a"): // sent back
	case reserved && c.broken("WS-11a/open"):
		return false
	case reserved && c.broken("WS-11a/normal"):
		code = closeNormal
	case reserved, len(f.payload) == 1 && !c.broken("WS-11b"):
		code = closeProtocol
	case len(f.payload) > 2 && !utf8.Valid(f.payload[2:]) && !c.broken("WS-11c"):
		code = closeInvalid
	case c.broken("WS-08a/none"):
		return true
	case c.broken("WS-08a/code") && code != closeNoStatus:
		code = closeNormal
	}
	c.end(code)
	switch {
	case c.broken("WS-08b"):
		c.Conn.Write(c.frameOf(fin|opText, []byte("one more thing")))
	case c.broken("WS-08c"):
		io.Copy(io.Discard, c.Conn)
	}
	return true
}
