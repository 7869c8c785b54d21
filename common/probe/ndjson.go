package probe

import (
	"context"
	"encoding/json"
	"mime"
	"net/url"
	"unicode/utf8"
)

func httpStreamChecks() []Check {
	return []Check{
		should("LP-05", "RFC 6202, sections 2.2 and 5.6", "Cache-Control is no-store (or no-cache): no cache may answer for the server.", askNoStore),
		must("LP-07", "Pushlab", "A client that comes back with a cursor that the server does not know is told that it may have missed something ($gap).", func(ctx context.Context, t *Target) error {
			return askGap(ctx, t, after(foreign))
		}),
		must("LP-10", "Pushlab", "A client that comes back with a cursor gets what it missed, in order and once.", func(ctx context.Context, t *Target) error {
			if !t.Pushlab {
				return skip("how a client resumes is known of Pushlab only: the answer has no Pushlab-Cursor")
			}
			return askResume(ctx, t, envelopeID, after)
		}),
		should("LP-11a", "RFC 9110, section 8.3", "The type says that these are lines of JSON.", askLinesType),
		must("LP-11b", "RFC 6202, section 3.2", "Events are framed within the stream, and not by its chunks: every line is one JSON text in UTF-8.", askLinesOfJSON),
		must("LP-11c", "RFC 6202, section 3.1", "The head is sent at once, and not with the first event.", askHead),
		must("LP-11d", "RFC 6202, section 3.1", "An event is sent when it happens, and not held back for those behind it.", askFlush),
		should("LP-11e", "RFC 6202, section 3.1", "An event is sent in one piece, up to its line feed.", askWhole),
		should("LP-11f", "nginx, X-Accel-Buffering", "X-Accel-Buffering is no, so that nginx passes events on as they come.", askBuffering),
	}
}

// after returns the request of a client of Pushlab that comes back.
func after(cursor string) ask { return ask{query: url.Values{"after": {cursor}}} }

// envelopeID returns the id of an envelope.
func envelopeID(u unit) string {
	var envelope struct{ ID string }
	json.Unmarshal(u.raw, &envelope) // without an id there is none
	return envelope.ID
}

func askLinesType(ctx context.Context, t *Target) error {
	s, err := t.listen(ctx, t.mark(), ask{})
	if err != nil {
		return err
	}
	defer s.close()
	if mediaType, _, err := mime.ParseMediaType(s.header.Get("Content-Type")); err != nil || !ndjson(mediaType) {
		return breach(s.field("Content-Type"), "application/x-ndjson is what such a stream goes by")
	}
	return nil
}

func askLinesOfJSON(ctx context.Context, t *Target) error {
	topic, text := t.mark(), t.mark()
	s, err := t.listen(ctx, topic, ask{})
	if err != nil {
		return err
	}
	defer s.close()
	if err := t.publishBytes(ctx, topic); err != nil {
		return err
	}
	units, err := t.sampleOf(ctx, s, topic, text)
	if err != nil {
		return err
	}
	for _, u := range units {
		if !json.Valid(u.raw) || !utf8.Valid(u.raw) {
			return breach(quoted(u.raw), "this line is not JSON in UTF-8")
		}
	}
	return nil
}
