package probe

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// What SSE and lines of JSON have in common.

// askHead: the head does not wait for the first event.
func askHead(ctx context.Context, t *Target) error {
	c, err := t.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	sent := time.Now()
	answer, err := c.exchange(t.request(t.URL, ask{query: t.about(t.mark())}), "GET")
	if err != nil {
		return err
	}
	if took := time.Since(sent); took > t.prompt() {
		return breach(answer.statusLine(), "the head took %v", round(took))
	}
	return nil
}

// askFlush: an event comes when it is published, and not with those behind it.
func askFlush(ctx context.Context, t *Target) error {
	topic, text := t.mark(), t.mark()
	s, err := t.listen(ctx, topic, ask{})
	if err != nil {
		return err
	}
	defer s.close()
	sent := time.Now()
	if t.publisher == nil {
		_, err := t.sampleOf(ctx, s, topic, text) // what comes by itself comes while the response is open
		return err
	}
	if err := t.publish(ctx, topic, text); err != nil {
		return err
	}
	if _, err := s.until(text); err != nil {
		return err
	}
	if took := time.Since(sent); took > t.prompt() {
		return breach("", "the event took %v", round(took))
	}
	return nil
}

// askWhole: an event comes in one piece.
func askWhole(ctx context.Context, t *Target) error {
	s, units, err := t.sample(ctx, ask{})
	if err != nil {
		return err
	}
	defer s.close()
	for _, u := range units {
		if took := u.done.Sub(u.begun); took > t.timeout()/10 {
			return breach(quoted(u.raw), "an event took %v from its first byte to its last", round(took))
		}
	}
	return nil
}

// askBuffering: what nginx obeys.
func askBuffering(ctx context.Context, t *Target) error {
	s, err := t.listen(ctx, t.mark(), ask{})
	if err != nil {
		return err
	}
	defer s.close()
	if !listed(s.header, "X-Accel-Buffering", "no") {
		return breach(s.field("X-Accel-Buffering"), "there is no X-Accel-Buffering: no; or an nginx in between obeyed it, and took it out")
	}
	return nil
}

// askResume: who comes back with the id of an event gets what was published since, once, and then
// what comes. Lost and repeated events are told apart by their texts.
func askResume(ctx context.Context, t *Target, id func(unit) string, with func(id string) ask) error {
	topic, seen, missed, next := t.mark(), t.mark(), t.mark(), t.mark()
	s, err := t.listen(ctx, topic, ask{})
	if err != nil {
		return err
	}
	err = t.publish(ctx, topic, seen)
	var units []unit
	if err == nil {
		units, err = s.until(seen)
	}
	s.close()
	if err != nil {
		return err
	}
	last := units[len(units)-1]
	cursor := id(last)
	if cursor == "" {
		return skip("its events have no id to resume from")
	}
	if err := t.publish(ctx, topic, missed); err != nil {
		return err
	}
	s, err = t.listen(ctx, topic, with(cursor))
	if err != nil {
		return err
	}
	defer s.close()
	if err := t.publish(ctx, topic, next); err != nil {
		return err
	}
	if units, err = s.until(next); err != nil {
		return err
	}
	again, count := countOf(units, seen), countOf(units, missed)
	switch {
	case again > 0:
		return breach(quoted(last.raw), "the event that was resumed from came again")
	case count == 0:
		return breach(quoted(units[0].raw), "the event that was published meanwhile never came")
	case count > 1:
		return breach("", "the event that was published meanwhile came %d times", count)
	}
	return nil
}

// countOf counts the units with the text in them.
func countOf(units []unit, text string) (n int) {
	for _, u := range units {
		if bytes.Contains(u.raw, []byte(text)) {
			n++
		}
	}
	return n
}

// foreign is a cursor of no log, in the form that Pushlab's have.
const foreign = "aaaaaaab-7"

// askGap: a Pushlab server tells a client that it lost events, before it goes on.
func askGap(ctx context.Context, t *Target, with ask) error {
	if !t.Pushlab {
		return skip("only Pushlab says how: the answer has no Pushlab-Cursor")
	}
	topic, text := t.mark(), t.mark()
	s, err := t.listen(ctx, topic, with)
	if err != nil {
		return err
	}
	defer s.close()
	if err := t.publish(ctx, topic, text); err != nil {
		return err
	}
	units, err := s.until(text)
	if err != nil {
		return err
	}
	if countOf(units, `"topic":"$gap"`) == 0 {
		return breach(quoted(units[0].raw), "events come after an unknown cursor, and no $gap before them")
	}
	return nil
}

// staysOpen waits a little for a stream to end.
func (s *stream) staysOpen(t *Target) error {
	deadline := time.Now().Add(t.settle())
	for {
		_, err := s.next(deadline)
		switch {
		case errors.Is(err, errQuiet):
			return nil
		case err != nil:
			return fmt.Errorf("the stream ended at once: %w", err)
		}
	}
}

func round(d time.Duration) time.Duration { return d.Round(time.Millisecond) }
