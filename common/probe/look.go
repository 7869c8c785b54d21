package probe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"

	"pushlab/common/client"
)

// paths tell a transport by the last element of a URL's path.
var paths = map[string]string{
	"longpoll": LongPoll, "poll": LongPoll,
	"httpstream": HTTPStream, "ndjson": HTTPStream,
	"sse": SSE, "eventsource": SSE,
	"websocket": WebSocket, "ws": WebSocket,
}

// look asks for the first time: it finds out the transport, if nobody told it, and whether the
// server is one of ours.
func (t *Target) look(ctx context.Context) error {
	if t.Transport == "" {
		last := path.Base(t.URL.Path)
		if t.Transport = paths[last]; t.Transport != "" {
			t.Guessed = fmt.Sprintf("the path, which ends with %q", last)
		}
	}
	if t.Transport == WebSocket {
		return t.lookUpgraded(ctx)
	}
	var a ask
	if t.Transport == "" {
		a.header = []string{"Accept: text/event-stream, application/x-ndjson, application/json;q=0.9, */*;q=0.1", "Prefer: wait=0"}
	}
	answer, err := t.ask(ctx, a)
	if errors.Is(err, errQuiet) && t.Transport != "" {
		t.held = true
		return nil // a long poll, or a stream whose head waits for the first event: the checks will tell
	}
	if err != nil {
		return err
	}
	defer answer.close()
	if t.Transport == "" {
		t.Transport, t.Guessed = guess(answer, t)
		switch {
		case t.Transport == WebSocket:
			return t.lookUpgraded(ctx)
		case t.Transport == "" && t.lookUpgraded(ctx) == nil:
			t.Transport, t.Guessed = WebSocket, "the answer to an opening handshake"
			return nil
		case t.Transport == "":
			return fmt.Errorf("it cannot be told from the answer how it pushes (%s, %s); say which transport it is", answer.statusLine(), cmp.Or(answer.field("Content-Type"), "without a type"))
		}
	}
	_, t.Pushlab = answer.header[client.CursorHeader]
	switch answer.status {
	case http.StatusOK:
		return nil
	case http.StatusNoContent:
		if t.Transport == LongPoll {
			return nil
		}
	}
	return unexpected(answer)
}

// lookUpgraded looks at an endpoint that may be a WebSocket. Some want to be told an origin; they are
// told their own.
func (t *Target) lookUpgraded(ctx context.Context) error {
	for _, page := range []string{"", t.origin()} {
		t.page = page
		answer, err := t.ask(ctx, ask{header: handshake(newKey())})
		if err != nil {
			return err
		}
		answer.close()
		if answer.status == http.StatusSwitchingProtocols {
			_, t.Pushlab = answer.header[client.CursorHeader]
			return nil
		}
		if page != "" || t.options.Header.Get("Origin") != "" {
			return unexpected(answer)
		}
	}
	return nil
}

// unexpected is the error for an answer that makes further questions pointless.
func unexpected(a *answer) error {
	if location := a.header.Get("Location"); location != "" {
		return fmt.Errorf("the server answered %d and sends you to %s; ask there", a.status, quoted(location))
	}
	if a.status == http.StatusUpgradeRequired {
		return errors.New("the server answered 426 Upgrade Required; a proxy in between may have to be told to pass Upgrade on")
	}
	if a.status == http.StatusUnauthorized {
		return errors.New("the server answered 401 Unauthorized; show it what it wants, such as a token, in the header of the requests")
	}
	return fmt.Errorf("the server answered %d %s; is this the URL of its endpoint?", a.status, http.StatusText(a.status))
}

// guess tells the transport from an answer to a plain GET, and from what in it.
func guess(a *answer, t *Target) (transport, from string) {
	mediaType, _, _ := mime.ParseMediaType(a.header.Get("Content-Type")) // "" if it is none
	_, cursor := a.header[client.CursorHeader]
	switch {
	case mediaType == "text/event-stream":
		return SSE, "the content's type"
	case ndjson(mediaType):
		return HTTPStream, "the content's type"
	case a.status == http.StatusUpgradeRequired && listed(a.header, "Upgrade", "websocket"):
		return WebSocket, "the status 426"
	case cursor && a.status == http.StatusNoContent:
		return LongPoll, "the status 204, with a cursor"
	case mediaType == "application/json" && a.status == http.StatusOK:
		content, err := a.content(t.deadline())
		var members map[string]json.RawMessage
		if err == nil && json.Unmarshal(content, &members) == nil && members["cursor"] != nil {
			return LongPoll, "the content, which is JSON with a cursor"
		}
	}
	return "", ""
}

// ndjson reports whether a media type is one that lines of JSON go by. None of them is registered.
func ndjson(mediaType string) bool {
	switch strings.Replace(mediaType, "/x-", "/", 1) {
	case "application/ndjson", "application/jsonl", "application/jsonlines", "application/json-lines", "application/stream+json":
		return true
	}
	return false
}
