package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pushlab/common/client"
	"pushlab/common/event"
)

// maxWait is how long a poll may be held at most: RFC 6202, section 5.5 saw 120 s pass.
const maxWait = 120

func longPollChecks() []Check {
	return []Check{
		must("LP-01a", "RFC 7240, section 4.3", "A server that says it applies Prefer: wait holds a poll for that time, and no longer.", askPrefer),
		should("LP-01b", "RFC 6202, section 5.5", "A wait that no proxy would survive is lowered, to two minutes at most.", askClamp),
		must("LP-05", "RFC 6202, sections 2.2 and 5.6", "Cache-Control is no-store (or no-cache): no cache may answer for the server.", askNoStore),
		must("LP-06a", "RFC 9110, section 15.4.5", "When there is nothing to say the answer is 200 or 204, and 304 only to those who sent a validator.", askEmptyAnswer),
		must("LP-06b", "Pushlab", "Every answer has the cursor to ask with next, and the content the same as the header.", askCursor),
		must("LP-07a", "Pushlab", "The cursor only ever goes forward.", askForward),
		must("LP-07b", "Pushlab", "A cursor that the server does not know yields a $gap, once, and a cursor to go on from.", askForeign),
		must("LP-08a", "RFC 7240, section 4.3", "A poll with wait=0 is answered at once.", askShortPoll),
		must("LP-08b", "Pushlab", "An answer that has reached its limit says more, and the next has what follows.", askMore),
		unseen("LP-09", "RFC 6202, section 2.2", "A poll whose client is gone is let go.", "that can only be seen in the server"),
		must("LP-10a", "Pushlab", "No event is lost that is published between two polls.", func(ctx context.Context, t *Target) error { return askChain(ctx, t, true) }),
		must("LP-10b", "Pushlab", "No event comes twice to who asks with the cursor of the answer before.", func(ctx context.Context, t *Target) error { return askChain(ctx, t, false) }),
	}
}

// A polled is an answer to a poll of a Pushlab server.
type polled struct {
	*answer
	content []byte
	cursor  string // of the header, or what was asked with if that is missing
	body    struct {
		Events []struct{ Topic string }
		Cursor *string
		More   bool
	}
}

// has reports whether an event has that text in it.
func (p *polled) has(text string) bool { return strings.Contains(string(p.content), text) }

func (p *polled) gap() bool {
	return len(p.body.Events) > 0 && p.body.Events[0].Topic == event.GapTopic
}

// show returns what there is of the answer, to be shown.
func (p *polled) show() string {
	if len(p.content) == 0 {
		return p.statusLine()
	}
	return quoted(p.content)
}

// pollAfter polls a Pushlab server; without a cursor the answer tells where now is.
func (t *Target) pollAfter(ctx context.Context, topic, cursor string, wait int, more url.Values) (*polled, error) {
	if !t.Pushlab {
		return nil, skip("only Pushlab's cursors are known: the answer has no Pushlab-Cursor")
	}
	a := ask{query: t.about(topic), header: []string{fmt.Sprintf("Prefer: wait=%d", wait)}}
	if cursor != "" {
		a.query.Set("after", cursor)
	}
	for name, values := range more {
		a.query[name] = values
	}
	answer, err := t.ask(ctx, a)
	if err != nil {
		return nil, err
	}
	defer answer.close()
	p := &polled{answer: answer, cursor: cursor}
	if next := answer.header.Get(client.CursorHeader); next != "" {
		p.cursor = next
	}
	if p.content, err = answer.content(t.deadline()); err != nil {
		return nil, fmt.Errorf("the content cannot be read: %w", err)
	}
	if p.status == http.StatusOK {
		if err := json.Unmarshal(p.content, &p.body); err != nil {
			return nil, breach(quoted(p.content), "the content is not as it should be: %v", err)
		}
	}
	return p, nil
}

// published polls behind events with those texts.
func (t *Target) published(ctx context.Context, topic string, wait int, more url.Values, texts ...string) (*polled, error) {
	now, err := t.pollAfter(ctx, topic, "", 0, nil)
	if err != nil {
		return nil, err
	}
	for _, text := range texts {
		if err := t.publish(ctx, topic, text); err != nil {
			return nil, err
		}
	}
	return t.pollAfter(ctx, topic, now.cursor, wait, more)
}

const preferenceApplied = "Preference-Applied"

func askPrefer(ctx context.Context, t *Target) error {
	const wait = time.Second
	sent := time.Now()
	answer, err := t.first(ctx, ask{header: []string{"Prefer: wait=1"}})
	if err != nil {
		return err
	}
	answer.close()
	took := time.Since(sent)
	applied := answer.header.Get(preferenceApplied)
	switch {
	case applied == "" && !t.Pushlab:
		return skip("it does not say that it applies a preference")
	case applied != "wait=1":
		return breach(answer.field(preferenceApplied), "Prefer: wait=1 is not answered by Preference-Applied: wait=1")
	case took > wait+t.prompt():
		return breach(answer.statusLine(), "the answer took %v", round(took))
	case took < wait-wait/10 && t.Pushlab: // elsewhere an event may have come
		return breach(answer.statusLine(), "the answer came after %v, though there was nothing to say", round(took))
	}
	return nil
}

func askClamp(ctx context.Context, t *Target) error {
	p, err := t.published(ctx, t.mark(), 86400, nil, t.mark(), t.mark())
	if err != nil {
		return err
	}
	applied := p.header.Get(preferenceApplied)
	if applied == "" {
		return skip("it does not say that it applies a preference")
	}
	value, ok := strings.CutPrefix(applied, "wait=")
	if seconds, err := strconv.Atoi(value); !ok || err != nil || seconds > maxWait {
		return breach(p.field(preferenceApplied), "a wait of a day is not lowered")
	}
	return nil
}

func askEmptyAnswer(ctx context.Context, t *Target) error {
	answer, err := t.first(ctx, ask{})
	if err != nil {
		return err
	}
	answer.close()
	if t.Pushlab && answer.status == http.StatusNoContent {
		topic := t.mark()
		p, err := t.pollAfter(ctx, topic, answer.header.Get(client.CursorHeader), 0, nil)
		if err != nil {
			return err
		}
		answer = p.answer
	}
	if answer.status != http.StatusOK && answer.status != http.StatusNoContent {
		return breach(answer.statusLine(), "the answer is %d", answer.status)
	}
	return nil
}

func askCursor(ctx context.Context, t *Target) error {
	topic := t.mark()
	now, err := t.pollAfter(ctx, topic, "", 0, nil)
	if err != nil {
		return err
	}
	empty, err := t.pollAfter(ctx, topic, now.cursor, 0, nil)
	if err != nil {
		return err
	}
	full, err := t.published(ctx, topic, 1, nil, t.mark(), t.mark())
	if err != nil {
		return err
	}
	for _, p := range []*polled{now, empty, full} {
		if _, err := event.ParseID(p.header.Get(client.CursorHeader)); err != nil {
			return breach(p.field(client.CursorHeader), "there is no %s that is a cursor", client.CursorHeader)
		}
		if p.status == http.StatusOK && (p.body.Cursor == nil || *p.body.Cursor != p.cursor) {
			return breach(quoted(p.content), "the cursor is not that of the header, %s", p.cursor)
		}
	}
	return nil
}

func askForward(ctx context.Context, t *Target) error {
	topic := t.mark()
	now, err := t.pollAfter(ctx, topic, "", 0, nil)
	if err != nil {
		return err
	}
	empty, err := t.pollAfter(ctx, topic, now.cursor, 0, nil)
	if err != nil {
		return err
	}
	for range 2 {
		if err := t.publish(ctx, topic, t.mark()); err != nil {
			return err
		}
	}
	full, err := t.pollAfter(ctx, topic, empty.cursor, 1, nil)
	if err != nil {
		return err
	}
	chain := []*polled{now, empty, full}
	for i := range chain[1:] {
		before, err := event.ParseID(chain[i].cursor)
		if err != nil {
			return breach(quoted(chain[i].cursor), "this is no cursor")
		}
		behind, err := event.ParseID(chain[i+1].cursor)
		if err != nil || behind.Epoch != before.Epoch || behind.Seq < before.Seq || i == 1 && behind.Seq == before.Seq {
			return breach(chain[i+1].field(client.CursorHeader), "the cursor before was %s", chain[i].cursor)
		}
	}
	return nil
}

func askForeign(ctx context.Context, t *Target) error {
	topic := t.mark()
	p, err := t.pollAfter(ctx, topic, foreign, 1, nil)
	if err != nil {
		return err
	}
	if !p.gap() {
		return breach(p.show(), "the answer to an unknown cursor does not begin with a $gap")
	}
	if p, err = t.pollAfter(ctx, topic, p.cursor, 0, nil); err != nil {
		return err
	}
	if p.gap() {
		return breach(p.show(), "the next poll, with the cursor of that answer, yields a $gap again")
	}
	return nil
}

func askShortPoll(ctx context.Context, t *Target) error {
	if !t.Pushlab {
		return skip("that it knows wait is known of Pushlab only: the answer has no Pushlab-Cursor")
	}
	for _, a := range []ask{{}, {header: []string{"Prefer:"}, query: url.Values{"wait": {"0"}}}} {
		if a.query == nil {
			a.query = make(url.Values)
		}
		a.query.Set("topic", t.mark())
		sent := time.Now()
		answer, err := t.ask(ctx, a)
		if err != nil {
			return err
		}
		answer.close()
		if took := time.Since(sent); took > t.prompt() {
			return breach(answer.statusLine(), "the answer took %v", round(took))
		}
	}
	return nil
}

func askMore(ctx context.Context, t *Target) error {
	topic, first, second := t.mark(), t.mark(), t.mark()
	limit := url.Values{"limit": {"1"}}
	p, err := t.published(ctx, topic, 1, limit, first, second)
	if err != nil {
		return err
	}
	if len(p.body.Events) != 1 || !p.has(first) || !p.body.More {
		return breach(p.show(), "of two events, a poll with limit=1 did not get the first, and more")
	}
	if p, err = t.pollAfter(ctx, topic, p.cursor, 1, limit); err != nil {
		return err
	}
	if len(p.body.Events) != 1 || !p.has(second) || p.body.More {
		return breach(p.show(), "the next poll did not get the second, and no more")
	}
	return nil
}

// askChain polls twice, with an event published before each poll.
func askChain(ctx context.Context, t *Target, lost bool) error {
	topic, first, second := t.mark(), t.mark(), t.mark()
	p, err := t.published(ctx, topic, 1, nil, first)
	if err != nil {
		return err
	}
	if lost && !p.has(first) {
		return breach(p.show(), "the event that was published before this poll is not in its answer")
	}
	if err := t.publish(ctx, topic, second); err != nil {
		return err
	}
	if p, err = t.pollAfter(ctx, topic, p.cursor, 1, nil); err != nil {
		return err
	}
	switch {
	case lost && !p.has(second):
		return breach(p.show(), "the event that was published between two polls is not in the answer to the second")
	case !lost && p.has(first):
		return breach(p.show(), "the event of the answer before came again")
	}
	return nil
}
