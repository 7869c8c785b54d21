package httpstream

import (
	"cmp"
	"context"
	"fmt"

	"pushlab/common/client"
)

// A Conn is a client's connection. Its methods are those of client.Conn.
type Conn struct{ *client.Stream }

// Dial connects to the server's URL. Its context bounds the handshake, not the connection. An
// answer that is no stream is a *client.StatusError. To reconnect and resume, use client.Follow.
func Dial(ctx context.Context, url string, opts client.Options) (*Conn, error) {
	url, err := opts.URL(url)
	if err != nil {
		return nil, err
	}
	response, end, err := client.Get(ctx, url, opts, contentType, nil)
	if err != nil {
		return nil, fmt.Errorf("httpstream: %w", err)
	}
	read := client.Reader(response.Body, &Decoder{Limit: opts.Limit()})
	return &Conn{client.NewStream(cmp.Or(response.Header.Get(client.CursorHeader), opts.After), read, end)}, nil
}
