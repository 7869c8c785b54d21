package main

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// An attack is done by an attacker, with its connections, until ctx ends.
type attack struct {
	name string
	run  func(*attacker, context.Context)
	// perSecond is how often it is begun, all connections together: as many as there can be that each have work for the server would
	// share its processors with the healthy, whatever the server does.
	perSecond int
	// slower is by what the healthy may be slower on a quiet machine. 0: by two.
	slower float64
}

// attacks are what TestHostile does to a server.
var attacks = []attack{
	{"half-open", (*attacker).halfOpen, 250, 0},
	{"slow heads", (*attacker).slowHeads, 250, 0},
	{"slow bodies", (*attacker).slowBodies, 250, 0},
	{"slow frames", (*attacker).slowFrames, 250, 0},
	{"no readers", (*attacker).noReaders, 250, 0},
	{"giant frames", (*attacker).giantFrames, 20, 0},
	{"invalid UTF-8", (*attacker).invalidUTF8, 500, 0},
	{"header bombs", (*attacker).headerBombs, 50, 0},
	{"deflate bombs", (*attacker).deflateBombs, 20, 0},
	{"topic floods", (*attacker).topicFloods, 500, 0},
	{"connect storm", (*attacker).connectStorm, 10_000, 5}, // which takes all that the processors have, on both sides
	{"junk", (*attacker).junk, 500, 0},
	{"HTTP/2", (*attacker).http2, 20, 0},
}

// An attacker makes connections, and counts what becomes of them.
type attacker struct {
	address     string
	connections int
	turns       chan struct{} // one for each time that it may be begun

	mu     sync.Mutex
	counts map[string]int
}

// attackAs runs an attack as the environment says, prints what it did, and returns the process's exit code.
func attackAs(name string) int {
	i := slices.IndexFunc(attacks, func(a attack) bool { return a.name == name })
	connections, err := strconv.Atoi(os.Getenv("HOSTILE_CONNECTIONS"))
	lasts, err2 := time.ParseDuration(os.Getenv("HOSTILE_LASTS"))
	if i < 0 || err != nil || err2 != nil {
		fmt.Fprintln(os.Stderr, "this process does not know what to do:", name, err, err2)
		return exitUsage
	}
	a := &attacker{address: strings.TrimPrefix(os.Getenv("HOSTILE_URL"), "http://"), connections: connections, counts: map[string]int{}}
	ctx, cancel := context.WithTimeout(context.Background(), lasts)
	defer cancel()
	a.turns = make(chan struct{}, max(1, attacks[i].perSecond/10))
	var pacing sync.WaitGroup
	pacing.Go(func() { a.pace(ctx, attacks[i].perSecond) })
	attacks[i].run(a, ctx)
	pacing.Wait()
	a.mu.Lock()
	defer a.mu.Unlock()
	var said []string
	for _, what := range slices.Sorted(maps.Keys(a.counts)) {
		said = append(said, fmt.Sprintf("%d %s", a.counts[what], what))
	}
	fmt.Println(strings.Join(said, ", "))
	if a.counts["500"] > 0 || len(said) == 0 {
		fmt.Fprintln(os.Stderr, "the server failed, or was not reached")
		return exitFailed
	}
	return exitDone
}

func (a *attacker) count(what string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counts[what]++
}

// pace gives so many turns a second, as far as they are taken.
func (a *attacker) pace(ctx context.Context, perSecond int) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begin := time.Now()
	for given := 0; ; {
		for ; given <= int(float64(perSecond)*time.Since(begin).Seconds()); given++ {
			select {
			case a.turns <- struct{}{}:
			default:
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// each runs do on all connections at once, again and again until ctx ends.
func (a *attacker) each(ctx context.Context, do func(i int)) {
	var running sync.WaitGroup
	for i := range a.connections {
		running.Go(func() {
			for ctx.Err() == nil {
				select {
				case <-a.turns:
					do(i)
				case <-ctx.Done():
				}
			}
		})
	}
	running.Wait()
}

// connect connects. At the end of ctx the connection is reset, which leaves nothing behind that would use up ports.
func (a *attacker) connect(ctx context.Context) (net.Conn, func(), bool) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", a.address)
	if err != nil {
		if ctx.Err() == nil {
			a.count("not connected")
			pause(ctx, 10*time.Millisecond)
		}
		return nil, nil, false
	}
	a.count("connections")
	conn.(*net.TCPConn).SetLinger(0)
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	return conn, func() {
		stop()
		conn.Close()
	}, true
}

// pause waits, until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// say connects, says something, and reads the beginning of the answer.
func (a *attacker) say(ctx context.Context, text string) {
	conn, leave, ok := a.connect(ctx)
	if !ok {
		return
	}
	defer leave()
	io.WriteString(conn, text)
	a.hear(ctx, conn)
}

// shake opens a WebSocket.
func (a *attacker) shake(ctx context.Context, fields string) (net.Conn, func(), bool) {
	conn, leave, ok := a.connect(ctx)
	if !ok {
		return nil, nil, false
	}
	io.WriteString(conn, upgrade(ofItsOwn)+fields+"\r\n")
	var head []byte
	for b := make([]byte, 1); !bytes.HasSuffix(head, []byte("\r\n\r\n")); head = append(head, b...) {
		if _, err := io.ReadFull(conn, b); err != nil {
			leave()
			return nil, nil, false
		}
	}
	return conn, leave, true
}

// tell opens a WebSocket, sends frames, and waits for the server to close it, if it wants to.
func (a *attacker) tell(ctx context.Context, fields, frames string) {
	conn, leave, ok := a.shake(ctx, fields)
	if !ok {
		return
	}
	defer leave()
	io.WriteString(conn, frames)
	conn.SetReadDeadline(time.Now().Add(time.Second))
	if _, err := io.Copy(io.Discard, conn); err == nil || !errors.Is(err, os.ErrDeadlineExceeded) {
		a.count("closed")
	}
}

// hear counts the status of the answer.
func (a *attacker) hear(ctx context.Context, conn net.Conn) {
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if ctx.Err() != nil {
		return // and its end would come too late
	}
	status := make([]byte, len("HTTP/1.1 200"))
	if _, err := io.ReadFull(conn, status); err == nil && bytes.HasPrefix(status, []byte("HTTP/1.")) {
		a.count(string(status[len("HTTP/1.1 "):]))
	} else if ctx.Err() == nil {
		a.count("closed")
	}
}

// trickle connects, and says something, a byte at a time.
func (a *attacker) trickle(ctx context.Context, begin, rest string) {
	conn, leave, ok := a.connect(ctx)
	if !ok {
		return
	}
	defer leave()
	io.WriteString(conn, begin)
	a.drip(ctx, conn, rest)
}

// drip says the same over and over, a byte at a time, until the server has enough.
func (a *attacker) drip(ctx context.Context, conn net.Conn, rest string) {
	for i := 0; ctx.Err() == nil; i++ {
		if _, err := io.WriteString(conn, rest[i%len(rest):][:1]); err != nil && ctx.Err() == nil {
			a.count("closed")
			return
		}
		pause(ctx, 100*time.Millisecond)
	}
}

func (a *attacker) halfOpen(ctx context.Context) {
	a.each(ctx, func(int) {
		if conn, leave, ok := a.connect(ctx); ok {
			conn.Read(make([]byte, 1)) // until the server has enough
			leave()
		}
	})
}

func (a *attacker) slowHeads(ctx context.Context) {
	a.each(ctx, func(int) { a.trickle(ctx, "GET /sse HTTP/1.1\r\nHost: localhost\r\n", "X: x\r\n") })
}

func (a *attacker) slowBodies(ctx context.Context) {
	a.each(ctx, func(i int) {
		path := []string{"/publish", "/sse", "/longpoll", "/nowhere"}[i%4]
		a.trickle(ctx, "POST "+path+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1000000\r\n\r\n", "x")
	})
}

// upgrade is the head of a request for a WebSocket, without the empty line.
func upgrade(query string) string {
	return "GET /websocket" + query + " HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
}

// ofItsOwn is a subscription that gets nothing of what is published for the healthy. Who gets that, too, is one more
// subscriber, which takes its share whether it attacks or not.
const ofItsOwn = "?topic=of-its-own"

// frame is a frame as a client sends it, with a mask that is not seen. It may say that it is longer than it is.
func frame(first byte, length int, payload string) string {
	b := binary.BigEndian.AppendUint64([]byte{first, 0x80 | 127}, uint64(length))
	switch {
	case length <= 125:
		b = []byte{first, 0x80 | byte(length)}
	case length <= 0xffff:
		b = binary.BigEndian.AppendUint16([]byte{first, 0x80 | 126}, uint16(length))
	}
	return string(append(b, 0, 0, 0, 0)) + payload
}

func (a *attacker) slowFrames(ctx context.Context) {
	a.each(ctx, func(int) {
		if conn, leave, ok := a.shake(ctx, ""); ok {
			io.WriteString(conn, frame(0x81, 1_000_000, strings.Repeat(" ", 100_000)))
			a.drip(ctx, conn, " ")
			leave()
		}
	})
}

// noReaders subscribe, or ask for much at once, and read nothing.
func (a *attacker) noReaders(ctx context.Context) {
	asks := []string{
		"GET /sse?after=earliest HTTP/1.1\r\nHost: localhost\r\n\r\n", upgrade("") + "\r\n",
		strings.Repeat("GET /style.css HTTP/1.1\r\nHost: localhost\r\n\r\n", 100),
		strings.Repeat("GET /longpoll?after=earliest HTTP/1.1\r\nHost: localhost\r\n\r\n", 100),
	}
	pings := strings.Repeat(wsText(`{"op":"ping","ref":"`+strings.Repeat("x", 4000)+`"}`), 500)
	a.each(ctx, func(i int) {
		if i%5 == 0 {
			if conn, leave, ok := a.shake(ctx, ""); ok {
				io.WriteString(conn, pings)
				<-ctx.Done()
				leave()
			}
			return
		}
		if conn, leave, ok := a.connect(ctx); ok {
			conn.(*net.TCPConn).SetReadBuffer(4 << 10)
			io.WriteString(conn, asks[i%len(asks)])
			<-ctx.Done()
			leave()
		}
	})
}

func (a *attacker) giantFrames(ctx context.Context) {
	megabytes := strings.Repeat("x", 4<<20)
	frames := []string{
		frame(0x81, 1<<62, megabytes), frame(0x81, len(megabytes), megabytes),
		strings.Repeat(frame(0x01, 1000, megabytes[:1000]), 2000), // more fragments than there may be bytes, if not one message
	}
	says := []string{
		"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 4194304\r\n\r\n" + megabytes,
		"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n400000\r\n" + megabytes,
	}
	a.either(ctx, "", frames, says)
}

// either sends one of the frames to a WebSocket, or says one of the requests, in turn.
func (a *attacker) either(ctx context.Context, fields string, frames, says []string) {
	a.each(ctx, func(int) {
		if i := rand.IntN(len(frames) + len(says)); i < len(frames) {
			a.tell(ctx, fields, frames[i])
		} else {
			a.say(ctx, says[i-len(frames)])
		}
	})
}

func (a *attacker) invalidUTF8(ctx context.Context) {
	frames := []string{
		frame(0x81, 4, "\xff\xfe\xfd\xfc"), frame(0x01, 1, "\xc3") + frame(0x80, 1, "("), frame(0x88, 4, "\x03\xe8\xff\xfe"),
	}
	says := []string{
		"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n\xff\xfe",
		"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 4\r\n\r\n\"\xff\xfe\"",
		"GET /sse?topic=%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /longpoll?after=\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /sse HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: \xff\xfe\r\n\r\n", "GET /\xff HTTP/1.1\r\nHost: \xff\r\n\r\n",
	}
	a.either(ctx, "", frames, says)
}

func (a *attacker) headerBombs(ctx context.Context) {
	says := []string{
		"GET /sse HTTP/1.1\r\nHost: localhost\r\nX: " + strings.Repeat("x", 1<<20) + "\r\n\r\n",
		"GET /sse HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X: x\r\n", 100_000) + "\r\n",
		"GET /sse?" + strings.Repeat("topic=a&", 100_000) + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
		"GET /sse?" + strings.Repeat("topic=a&", 3500) + " HTTP/1.1\r\nHost: localhost\r\n\r\n", // few enough to be read
		"GET /sse HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: " + strings.Repeat("9", 30_000) + "\r\n\r\n",
		"GET /longpoll HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("Prefer: wait=1\r\n", 1900) + "\r\n",
		"GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: " + strings.Repeat("x;q=0.1,", 3500) + "\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: localhost\r\nRange: bytes=" + strings.Repeat("0-,", 9000) + "1-\r\n\r\n",
		upgrade(ofItsOwn) + "Sec-WebSocket-Extensions: " + strings.Repeat("permessage-deflate;a,", 1400) + "\r\n\r\n",
		"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("x", 1<<20) + "\r\n",
		"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X: x\r\n", 100_000),
	}
	a.each(ctx, func(i int) { a.say(ctx, says[i%len(says)]) })
}

// deflateBombs send messages that inflate to hundreds of times their size, and to sixteen times what is allowed.
func (a *attacker) deflateBombs(ctx context.Context) {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression) // the level is a constant
	w.Write(make([]byte, 64<<10))
	w.Flush()
	bomb := strings.TrimSuffix(strings.Repeat(b.String(), 256), "\x00\x00\xff\xff")
	a.either(ctx, "Sec-WebSocket-Extensions: permessage-deflate\r\n", []string{frame(0xc1, len(bomb), bomb)}, []string{
		"POST /publish HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Encoding: deflate\r\nContent-Length: " + strconv.Itoa(len(bomb)) + "\r\n\r\n" + bomb,
	})
}

// topicFloods publish on topics that nobody has, and subscribe to a hundred of them at once.
func (a *attacker) topicFloods(ctx context.Context) {
	topic := func() string { return fmt.Sprintf("t%d.%s", rand.Int64(), strings.Repeat("x", 100)) }
	a.each(ctx, func(i int) {
		switch i % 4 {
		case 0:
			a.say(ctx, "GET /sse?topic="+strings.Join(topics(topic), "&topic=")+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
		case 1:
			a.tell(ctx, "", strings.Repeat(wsText(`{"op":"subscribe","topics":["`+strings.Join(topics(topic), `","`)+`"]}`), 10))
		case 2:
			a.tell(ctx, "", wsText(`{"op":"publish","topic":"`+topic()+`","data":1}`))
		default:
			a.say(ctx, "POST /publish?topic="+topic()+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 1\r\n\r\nx")
		}
	})
}

func topics(topic func() string) (list []string) {
	for range 100 {
		list = append(list, topic())
	}
	return list
}

func wsText(message string) string { return frame(0x81, len(message), message) }

// connectStorm connects and leaves at once; every fourth asks for a stream before.
func (a *attacker) connectStorm(ctx context.Context) {
	a.each(ctx, func(i int) {
		if conn, leave, ok := a.connect(ctx); ok {
			if i%4 == 0 {
				io.WriteString(conn, "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
			}
			leave()
		}
	})
}

// junk sends bytes at random to every endpoint, where a request line, a body or a frame should be.
func (a *attacker) junk(ctx context.Context) {
	paths := []string{"/longpoll", "/httpstream", "/sse", "/websocket", "/publish", "/metrics", "/version", "/healthz", "/readyz", "/", "/lab", "/source/", "/a/x"}
	a.each(ctx, func(i int) {
		bytes := make([]byte, 1+rand.IntN(2000))
		for i := range bytes {
			bytes[i] = byte(rand.Uint32())
		}
		path := paths[rand.IntN(len(paths))]
		switch i % 5 {
		case 0:
			a.say(ctx, string(bytes)+"\r\n\r\n")
		case 1:
			a.say(ctx, "GET "+path+"?topic="+string(bytes[:len(bytes)/10])+" HTTP/1.1\r\nHost: localhost\r\n\r\n")
		case 2:
			a.say(ctx, "POST "+path+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(bytes))+"\r\n\r\n"+string(bytes))
		case 3:
			a.tell(ctx, "", string(bytes))
		default:
			a.say(ctx, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+string(bytes))
		}
	})
}

// http2 resets streams as soon as they are open, sends pings and settings without end, and opens streams with no window.
func (a *attacker) http2(ctx context.Context) {
	raw := func(kind, flags byte, stream uint32, payload string) string {
		head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
		return string(binary.BigEndian.AppendUint32(head, stream)) + payload
	}
	const path = "/sse" + ofItsOwn
	get := func(stream uint32) string { // RFC 7541, appendix A
		return raw(1, 5, stream, "\x82\x86\x04"+string(rune(len(path)))+path+"\x01\x09localhost")
	}
	const preface, settings, ping, reset, continuation = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 4, 6, 3, 9
	var resets, streams strings.Builder
	for i := range uint32(500) {
		resets.WriteString(get(2*i+1) + raw(reset, 0, 2*i+1, "\x00\x00\x00\x08"))
		streams.WriteString(get(2*i + 1))
	}
	says := []string{
		preface + raw(settings, 0, 0, "") + resets.String(),
		preface + raw(settings, 0, 0, "\x00\x04\x00\x00\x00\x00") + streams.String(), // an initial window of nothing
		preface + raw(settings, 0, 0, "") + strings.Repeat(raw(ping, 0, 0, "12345678"), 5_000),
		preface + strings.Repeat(raw(settings, 0, 0, ""), 5_000),
		preface + raw(settings, 0, 0, "") + raw(1, 1, 1, "") + strings.Repeat(raw(continuation, 0, 1, "\x00\x01x\x01x"), 5_000),
	}
	a.each(ctx, func(i int) {
		conn, leave, ok := a.connect(ctx)
		if !ok {
			return
		}
		defer leave()
		io.WriteString(conn, says[i%len(says)])
		pause(ctx, 200*time.Millisecond) // and read nothing
	})
}
