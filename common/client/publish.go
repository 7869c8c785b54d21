package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"

	"pushlab/common/request"
)

// A Publication is an event that is to be published.
type Publication struct {
	// Topic is the event's. Default: the server's, which is message.
	Topic string
	// Data is one JSON value.
	Data json.RawMessage
	// Key makes it safe to publish the event again: the server remembers it for some minutes, and an event that comes with it
	// again, from the same publisher, is the one that is there. It has 1 to request.MaxKey visible ASCII characters. Default:
	// none; the event is published each time.
	Key string
}

// Publish posts an event to a server's /publish, once, and returns the event's id. Of the options it sends Header and Token.
// It fails with a *StatusError if the server does not take the event. When that is not Permanent, and after all other errors,
// the event may have been published, or not: publish it again with the same key, as Retry does.
func Publish(ctx context.Context, c *http.Client, to string, opts Options, p Publication) (id string, err error) {
	u, err := url.Parse(to)
	if err != nil {
		return "", Permanent(fmt.Errorf("client: %w", err))
	}
	if p.Topic != "" {
		query := u.Query()
		query.Set("topic", p.Topic)
		u.RawQuery = query.Encode()
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(p.Data))
	if err != nil {
		return "", Permanent(err)
	}
	maps.Copy(r.Header, opts.Fields())
	r.Header.Set("Content-Type", "application/json")
	if p.Key != "" {
		if err := request.CheckKey(p.Key); err != nil {
			return "", Permanent(err)
		}
		r.Header.Set(request.KeyHeader, request.QuoteKey(p.Key))
	}
	response, err := c.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return "", NewStatusError(response)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, 4<<10))
	if err != nil {
		return "", fmt.Errorf("client: the answer did not arrive: %w", err)
	}
	var created struct{ ID string }
	if err := json.Unmarshal(body, &created); err != nil || created.ID == "" {
		return "", Permanent(fmt.Errorf("client: the answer to an event has no id; is %s that of a Pushlab server?", to))
	}
	return created.ID, nil
}

// Keys makes keys for events, which nobody else makes. It belongs to one goroutine.
type Keys struct {
	prefix string
	n      int64
}

// NewKeys returns one that begins with a random prefix.
func NewKeys() *Keys { return &Keys{prefix: rand.Text()} }

// Next returns another key.
func (k *Keys) Next() string {
	k.n++
	return k.prefix + "-" + strconv.FormatInt(k.n, 10)
}
