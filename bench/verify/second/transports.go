package second

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
)

// open subscribes by a transport, on a connection of its own. The function waits for the next text that may have events
// in it, which is good until the next call.
func open(ctx context.Context, address, transport string) (conn *stamped, next func() ([]byte, error), err error) {
	plain, err := dial(ctx, address)
	if err != nil {
		return nil, nil, err
	}
	if conn, err = stamp(plain); err != nil {
		plain.Close()
		return nil, nil, err
	}
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
	return conn, next, err
}

// get sends a request, and reads the head of the answer.
func get(conn net.Conn, r *bufio.Reader, address, path string) (*http.Response, error) {
	if _, err := fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", path, address); err != nil {
		return nil, err
	}
	return http.ReadResponse(r, nil)
}

// polls asks again and again, on one connection. Each answer has the cursor to ask with. It reads the answers' heads itself
// (RFC 9112, section 2.1): net/http takes about as long for an answer as the server does, and who waits for the last of
// many would measure that.
func polls(conn net.Conn, address, path string) (next func() ([]byte, error), err error) {
	r := bufio.NewReader(conn)
	query := []byte("&wait=0") // the first answer has a cursor alone
	var request, body []byte
	ask := func() ([]byte, error) {
		request = append(append(append(request[:0], "GET "...), path...), query...)
		request = append(append(append(request, " HTTP/1.1\r\nHost: "...), address...), "\r\n\r\n"...)
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		status, err := r.ReadSlice('\n')
		if err != nil {
			return nil, err
		}
		if !bytes.HasPrefix(status, []byte("HTTP/1.1 2")) {
			return nil, fmt.Errorf("second: a poll was answered with %q", status)
		}
		length, cursor := 0, false
		for {
			field, err := r.ReadSlice('\n')
			if err != nil {
				return nil, err
			}
			name, value, ok := bytes.Cut(bytes.TrimSpace(field), []byte(": "))
			switch {
			case len(name) == 0:
				if !cursor {
					return nil, errors.New("second: a poll was answered without a cursor")
				}
				body = slices.Grow(body[:0], length)[:length]
				_, err := io.ReadFull(r, body)
				return body, err
			case ok && string(name) == "Content-Length":
				if length, err = strconv.Atoi(string(value)); err != nil {
					return nil, err
				}
			case ok && string(name) == "Pushlab-Cursor":
				query, cursor = append(append(query[:0], "&after="...), url.QueryEscape(string(value))...), true
			}
		}
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
