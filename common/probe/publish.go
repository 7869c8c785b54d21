package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"
)

// A publisher is where events can be posted that come out at the target.
type publisher struct {
	url  *url.URL
	ours bool        // it takes a topic
	json atomic.Bool // it wants JSON, not text
}

// nowhere says that nothing is to be published.
const nowhere = "none"

// findPublisher tries where events can be posted. One that was named must work.
func (t *Target) findPublisher(ctx context.Context) error {
	p := &publisher{url: &url.URL{Scheme: t.URL.Scheme, Host: t.URL.Host, Path: "/publish"}, ours: true}
	switch {
	case t.options.Publish == nowhere:
		t.mute = "this needs an event of our own, and none is to be published"
		return nil
	case t.options.Publish != "":
		u, err := url.Parse(t.options.Publish)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("%q is no URL to publish to; it looks like http://localhost:8080/publish", t.options.Publish)
		}
		p.url, p.ours = u, t.Pushlab && u.Path == "/publish"
	case !t.Pushlab:
		t.mute = "this needs an event of our own: give a URL to publish to"
		return nil
	}
	t.publisher = p
	status, err := t.post(ctx, t.mark(), "text/plain; charset=utf-8", "text of "+t.mark())
	if err == nil && status >= 400 && status < 500 {
		p.json.Store(true)
		err = t.publish(ctx, t.mark(), "JSON of "+t.mark())
	} else if err == nil && status >= 300 {
		err = refused(status)
	}
	if err == nil {
		return nil
	}
	t.publisher = nil
	t.mute = fmt.Sprintf("this needs an event of our own, and nothing can be published: %v", err)
	if t.options.Publish != "" {
		return fmt.Errorf("nothing can be published to %s: %w", t.options.Publish, err)
	}
	return nil
}

func refused(status int) error {
	return fmt.Errorf("the server answered %d %s", status, http.StatusText(status))
}

// publish publishes a text as an event, on that topic where the server has topics.
func (t *Target) publish(ctx context.Context, topic, text string) error {
	if t.publisher == nil {
		return skip("%s", t.mute)
	}
	t.subscribed(ctx)
	contentType := "text/plain; charset=utf-8"
	if t.publisher.json.Load() {
		b, err := json.Marshal(text)
		if err != nil {
			return err
		}
		contentType, text = "application/json", string(b)
	}
	status, err := t.post(ctx, topic, contentType, text)
	if err == nil && status >= 300 {
		err = refused(status)
	}
	if err != nil {
		return fmt.Errorf("an event could not be published: %w", err)
	}
	return nil
}

// subscribed waits until whoever has just asked for events will get them. Only of our own servers is it
// known that they subscribe first and answer then.
func (t *Target) subscribed(ctx context.Context) {
	if t.Pushlab {
		return
	}
	timer := time.NewTimer(t.settle())
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// publishBytes publishes, if it can, what is not UTF-8. The server may refuse it.
func (t *Target) publishBytes(ctx context.Context, topic string) error {
	if t.publisher == nil {
		return nil
	}
	contentType, content := "text/plain; charset=utf-8", t.mark()+" \xff\xc3( \xed\xa0\x80"
	if t.publisher.json.Load() {
		contentType, content = "application/json", `"`+content+`"`
	}
	_, err := t.post(ctx, topic, contentType, content)
	return err
}

// post posts content to the publisher, and returns the status of the answer.
func (t *Target) post(ctx context.Context, topic, contentType, content string) (int, error) {
	answer, err := t.postWith(ctx, topic, contentType, content)
	if err != nil {
		return 0, err
	}
	answer.close()
	return answer.status, nil
}

// postWith posts content with further header fields, and returns the answer, which the caller closes.
func (t *Target) postWith(ctx context.Context, topic, contentType, content string, header ...string) (*answer, error) {
	p := t.publisher
	a := ask{method: http.MethodPost, body: []byte(content), header: append(header,
		"Host: "+p.url.Host, "Content-Type: "+contentType, "Accept: */*", "Cache-Control:", "Prefer:",
	)}
	if p.ours {
		a.query = url.Values{"topic": {topic}}
	}
	c, err := t.dialTo(ctx, p.url)
	if err != nil {
		return nil, err
	}
	answer, err := c.exchange(t.request(p.url, a), http.MethodPost)
	if err != nil {
		c.close()
		return nil, err
	}
	return answer, nil
}

// about returns the query that subscribes to a topic, where the server has topics.
func (t *Target) about(topic string) url.Values {
	if !t.Pushlab {
		return nil
	}
	return url.Values{"topic": {topic}}
}
