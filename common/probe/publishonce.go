package probe

import (
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// publishChecks are about publishing, which is the same whatever transport subscribers come by.
func publishChecks() []Check {
	return []Check{
		must("KEY-01a", "Pushlab; draft-ietf-httpapi-idempotency-key-header, section 2.6", "An event that is sent again with its Idempotency-Key is not published again: the answer has the id of the first.", askKeyAgain),
		must("KEY-01b", "Pushlab; draft-ietf-httpapi-idempotency-key-header, section 2.7", "An Idempotency-Key that was used for another event is refused with 422.", askKeyReused),
	}
}

func askKeyAgain(ctx context.Context, t *Target) error {
	topic, key, text := t.mark(), t.mark(), t.mark()
	first, _, err := t.publishKeyed(ctx, topic, key, text)
	if err != nil {
		return err
	}
	again, status, err := t.publishKeyed(ctx, topic, key, text)
	if err != nil {
		return err
	}
	if again == "" || again != first {
		return breach("", "the first time the id was %q, then %q, with status %d", first, again, status)
	}
	return nil
}

func askKeyReused(ctx context.Context, t *Target) error {
	topic, key := t.mark(), t.mark()
	if _, _, err := t.publishKeyed(ctx, topic, key, t.mark()); err != nil {
		return err
	}
	_, status, err := t.publishKeyed(ctx, topic, key, t.mark())
	if err == nil && status != http.StatusUnprocessableEntity {
		err = breach("", "the status is %d", status)
	}
	return err
}

// publishKeyed publishes a text under a key, and returns the id of the event, "" if there is none.
func (t *Target) publishKeyed(ctx context.Context, topic, key, text string) (id string, status int, err error) {
	switch {
	case t.publisher == nil:
		return "", 0, skip("%s", t.mute)
	case !t.Pushlab || !t.publisher.ours:
		return "", 0, skip("that it knows keys is known of Pushlab only")
	}
	contentType := "text/plain; charset=utf-8"
	if t.publisher.json.Load() {
		contentType, text = "application/json", `"`+text+`"`
	}
	a, err := t.postWith(ctx, topic, contentType, text, `Idempotency-Key: "`+key+`"`)
	if err != nil {
		return "", 0, err
	}
	defer a.close()
	if a.status == http.StatusTooManyRequests || a.status >= 500 {
		return "", 0, skip("an event with a key was answered %d %s", a.status, http.StatusText(a.status))
	}
	content, err := a.content(time.Now().Add(t.timeout()))
	if err != nil {
		return "", 0, err
	}
	var created struct{ ID string }
	if a.status == http.StatusCreated && json.Unmarshal(content, &created) != nil {
		return "", 0, breach(quoted(content), "the answer to an event is not JSON")
	}
	return created.ID, a.status, nil
}
