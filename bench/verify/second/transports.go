package second

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
)

// open subscribes by a transport, on a connection of its own. What it returns first waits for the next text that may
// have events in it, which is good until the next call.
func open(ctx context.Context, address, transport string) (next func() ([]byte, error), closing func(), err error) {
	conn, err := dial(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	closing = func() { conn.Close() }
	path := "/" + transport + "?topic=" + topic
	switch transport {
	case "longpoll":
		next, err = polls(conn, address, path)
	case "httpstream", "sse":
		next, err = lines(conn, address, path)
	case "websocket":
		next, err = messages(conn, address, path)
	default:
		err = fmt.Errorf("second: unknown transport %q", transport)
	}
	if err != nil {
		conn.Close()
	}
	return next, closing, err
}

// get sends a request, and reads the head of the answer.
func get(conn net.Conn, r *bufio.Reader, address, path string) (*http.Response, error) {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, address); err != nil {
		return nil, err
	}
	return http.ReadResponse(r, nil)
}

// polls asks again and again, on one connection. Each answer has the cursor to ask with.
func polls(conn net.Conn, address, path string) (next func() ([]byte, error), err error) {
	r := bufio.NewReader(conn)
	query := "&wait=0" // the first answer has a cursor alone
	ask := func() ([]byte, error) {
		answer, err := get(conn, r, address, path+query)
		if err != nil {
			return nil, err
		}
		defer answer.Body.Close()
		cursor := answer.Header.Get("Pushlab-Cursor")
		if cursor == "" || answer.StatusCode/100 != 2 {
			return nil, fmt.Errorf("second: a poll was answered with %s, cursor %q", answer.Status, cursor)
		}
		query = "&after=" + url.QueryEscape(cursor)
		return io.ReadAll(answer.Body)
	}
	_, err = ask()
	return ask, err
}

// lines reads a response that does not end, line by line: a line of JSON, or one of an event stream.
func lines(conn net.Conn, address, path string) (next func() ([]byte, error), err error) {
	answer, err := get(conn, bufio.NewReader(conn), address, path)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("second: a stream was answered with %s", answer.Status)
	}
	r := bufio.NewReaderSize(answer.Body, 64<<10)
	return func() ([]byte, error) { return r.ReadSlice('\n') }, nil
}

// messages reads a WebSocket.
func messages(conn net.Conn, address, path string) (next func() ([]byte, error), err error) {
	s, err := upgrade(conn, address, path)
	if err != nil {
		return nil, err
	}
	return s.next, nil
}
