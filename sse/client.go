package sse

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"

	"pushlab/common/client"
)

// A Conn is a client's connection. Its methods are those of client.Conn.
type Conn struct{ *client.Stream }

// Dial connects to the server's URL, which may be any event stream's. Its context bounds the
// handshake, not the connection. An answer that is no stream is a *client.StatusError. To reconnect
// and resume, use client.Follow.
func Dial(ctx context.Context, url string, opts client.Options) (*Conn, error) {
	// WHATWG HTML, section 9.2.2 (SSE-20): no cache may answer. Section 9.2.3 (SSE-23): the cursor
	// travels as Last-Event-ID, unless it is empty.
	after := opts.After
	opts.After = ""
	header := http.Header{"Cache-Control": {"no-cache"}}
	// An id may have control characters, which a header field may not (RFC 9110, section 5.5).
	control := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	if after != "" && !strings.ContainsFunc(after, control) {
		header.Set("Last-Event-ID", after)
	}
	url, err := opts.URL(url)
	if err != nil {
		return nil, err
	}
	response, end, err := client.Get(ctx, url, opts, contentType, header)
	if err != nil {
		return nil, fmt.Errorf("sse: %w", err)
	}
	start := cmp.Or(response.Header.Get(client.CursorHeader), after)
	decoder := &Decoder{Limit: opts.Limit(), LastID: start, id: start, Retry: -1} // no server can name that time
	decode := client.Reader(response.Body, decoder)
	read := func() (client.Batch, error) {
		id, retry := decoder.LastID, decoder.Retry
		batch, err := decode()
		if decoder.Retry != retry {
			batch.Retry = new(decoder.Retry)
		}
		if decoder.LastID != id {
			// An event of a foreign server has no other; and an empty one takes it back.
			batch.Cursor, batch.Forget = decoder.LastID, decoder.LastID == ""
		}
		return batch, err
	}
	return &Conn{client.NewStream(start, read, end)}, nil
}
