package websocket

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	gorilla "github.com/gorilla/websocket"

	"pushlab/common/client"
	"pushlab/common/event"
)

// A Conn is a client's connection. Its methods are those of client.Conn. It answers the server's pings
// while Next is called; who does not call it for longer than the server's heartbeat interval is taken
// for dead.
type Conn struct{ *client.Stream }

// Dial connects to the server's URL, whose scheme may be ws, wss, http or https. Its context bounds
// the handshake, not the connection. An answer that is no stream is a *client.StatusError. To
// reconnect and resume, use client.Follow.
func Dial(ctx context.Context, url string, opts client.Options) (*Conn, error) {
	url, err := opts.URL(url)
	if err != nil {
		return nil, err
	}
	if opts.Method != "" && opts.Method != http.MethodGet || opts.Body != nil {
		return nil, client.Permanent(errors.New("websocket: the handshake is a GET without a body (RFC 6455, section 4.1); leave Method and Body out"))
	}
	if rest, ok := strings.CutPrefix(url, "http"); ok { // gorilla wants ws and wss
		url = "ws" + rest
	}
	// Gorilla heeds a context's deadline only, so the end of ours closes the connection instead.
	handshake, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	stop := func() bool { return true }
	dial := opts.DialContext
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	dialer := gorilla.Dialer{
		NetDialContext: func(_ context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(handshake, network, address)
			if err == nil {
				stop = context.AfterFunc(handshake, func() { conn.Close() })
			}
			return conn, err
		},
		Proxy:           http.ProxyFromEnvironment,
		Subprotocols:    []string{subprotocol},
		ReadBufferSize:  4 << 10,
		WriteBufferSize: 512, // for pongs and the close frame
	}
	ws, response, err := dialer.DialContext(context.WithoutCancel(ctx), url, opts.Fields())
	if inTime := stop(); err == nil && !inTime {
		ws.Close()
		err = handshake.Err()
	}
	if err != nil {
		switch {
		case errors.Is(err, gorilla.ErrBadHandshake):
			err = client.NewStatusError(response)
		case handshake.Err() != nil:
			err = handshake.Err()
		}
		return nil, fmt.Errorf("websocket: %w", err)
	}
	if err := checkHandshake(response.Header); err != nil {
		ws.Close()
		return nil, err
	}
	ws.SetReadLimit(int64(opts.Limit()))
	var stream atomic.Pointer[client.Stream]
	answer := ws.PingHandler()
	ws.SetPingHandler(func(payload string) error {
		if s := stream.Load(); s != nil {
			s.Touch()
		}
		return answer(payload)
	})
	start := cmp.Or(response.Header.Get(client.CursorHeader), opts.After)
	s := client.NewStream(start, func() (client.Batch, error) { return read(ws) }, func() error {
		// RFC 6455, section 7.1.1 (WS-08): a close frame each, and then the server closes. Whether
		// it does is not worth waiting for.
		ws.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(gorilla.CloseNormalClosure, ""), time.Now().Add(time.Second))
		return ws.Close()
	})
	stream.Store(s)
	return &Conn{s}, nil
}

// checkHandshake refuses an answer to the handshake that gorilla takes: one that chooses what we did
// not offer: RFC 6455, section 4.1 (WS-04), points 5 and 6 of the server's response.
func checkHandshake(h http.Header) error {
	if extensions := h.Get("Sec-WebSocket-Extensions"); extensions != "" {
		return fmt.Errorf("websocket: the server chose the extension %.100q, and none was offered", extensions)
	}
	if chosen := h.Values("Sec-WebSocket-Protocol"); len(chosen) > 1 || len(chosen) == 1 && chosen[0] != subprotocol {
		return fmt.Errorf("websocket: the server chose the subprotocol %.100q, and %s was offered", chosen, subprotocol)
	}
	return nil
}

// read reads a message.
func read(ws *gorilla.Conn) (client.Batch, error) {
	messageType, message, err := ws.ReadMessage()
	var closed *gorilla.CloseError
	switch {
	case errors.As(err, &closed) && closed.Code == gorilla.CloseGoingAway, errors.As(err, &closed) && closed.Code == gorilla.CloseNormalClosure:
		return client.Batch{}, io.EOF
	case errors.Is(err, gorilla.ErrReadLimit): // which gorilla has told the server, by 1009
		linger(ws)
		fallthrough
	case err != nil:
		return client.Batch{}, fmt.Errorf("websocket: %w", err)
	}
	if messageType != gorilla.TextMessage {
		err = errors.New("websocket: a binary message, but events are text")
		return client.Batch{}, refuse(ws, gorilla.CloseUnsupportedData, err)
	}
	e, err := parseMessage(message)
	if err != nil {
		return client.Batch{}, refuse(ws, gorilla.CloseInvalidFramePayloadData, err)
	}
	if e.Topic == "" { // an answer to somebody's message
		return client.Batch{}, nil
	}
	return client.Batch{Events: []event.Event{e}}, nil
}

// refuse tells the server why the connection ends, and returns that reason.
func refuse(ws *gorilla.Conn, code int, reason error) error {
	ws.WriteControl(gorilla.CloseMessage, gorilla.FormatCloseMessage(code, ""), time.Now().Add(time.Second))
	linger(ws)
	return reason
}

// linger lets the close frame arrive: to close at once, while there is something left to read, would
// reset the connection, and the server might never see why.
func linger(ws *gorilla.Conn) {
	c := ws.NetConn()
	if half, ok := c.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		c.SetReadDeadline(time.Now().Add(time.Second))
		io.Copy(io.Discard, c) // until the server has closed, or the second has passed
	}
}
