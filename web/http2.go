package web

import (
	"cmp"
	"net/http"
	"time"
)

// Limits of HTTP/2, where streams and polls share connections.
const (
	// maxHTTP2Streams is how many streams and polls a connection may have at a time. A proxy that has more subscribers opens
	// a further connection.
	maxHTTP2Streams = 250
	// maxHTTP2Frame is the least that a peer must be allowed (RFC 9113, section 6.5.2): each connection keeps a buffer of the
	// size of the largest frame that came.
	maxHTTP2Frame = 16 << 10
	// pingAfter is when a connection on which nothing comes is asked whether somebody is there. A subscriber says nothing,
	// so without this one that has vanished would be noticed by the system alone, after a quarter of an hour.
	pingAfter = 30 * time.Second
)

// protocols are what the server speaks on each listener: HTTP/1.1, and HTTP/2. Over TLS both ends agree on one of them. On
// plain TCP and Unix sockets a client that knows begins with HTTP/2 (RFC 9113, section 3.3), which proxies do that carry many
// subscribers over few connections. What it begins with is no HTTP/1.1 request, so neither needs to be told of the other, and
// there is no Upgrade, by which a client could get past a proxy's rules.
func protocols() *http.Protocols {
	p := new(http.Protocols)
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return p
}

// http2 returns the limits of connections by HTTP/2. WebSocket is not offered there: net/http has no extended CONNECT (RFC
// 8441) unless the environment asks for it.
func (c Config) http2() *http.HTTP2Config {
	return &http.HTTP2Config{
		MaxConcurrentStreams: maxHTTP2Streams,
		MaxReadFrameSize:     maxHTTP2Frame,
		SendPingTimeout:      pingAfter,
		// A stream's deadline ends the stream alone, and has to be told to the peer. One that takes nothing from the
		// connection would never hear of it, and hold all of them up for ever.
		WriteByteTimeout: max(0, cmp.Or(c.WriteDeadline, defaultWriteDeadline)),
	}
}

// defaultWriteDeadline is that of the transports.
const defaultWriteDeadline = 10 * time.Second
