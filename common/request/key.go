package request

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// KeyHeader is the field with the key under which an event is published once, however often it is sent:
// draft-ietf-httpapi-idempotency-key-header.
const KeyHeader = "Idempotency-Key"

// MaxKey is how long such a key may be, in bytes. A UUID has 36.
const MaxKey = 256

// PublishWait is how long a publisher waits for the log, until it is told that nobody knows whether the event was stored.
const PublishWait = 10 * time.Second

// ParseKey reads the field; "" if the request has none. The draft has it as a string of structured fields (RFC 9651, section
// 3.3.3): "abc", in quotes. Most clients send it without, so that is the same key. With parameters it is refused: none are
// known, and a part of the key may have been meant.
func ParseKey(h http.Header) (string, *Problem) {
	fields := h.Values(KeyHeader)
	switch len(fields) {
	case 0:
		return "", nil
	case 1:
	default:
		return "", Invalid(KeyHeader, "an event has one key, not %d", len(fields))
	}
	key, err := strings.Trim(fields[0], " \t"), error(nil)
	if strings.HasPrefix(key, `"`) {
		key, err = parseString(key)
	}
	if err == nil {
		err = CheckKey(key)
	}
	if err != nil {
		return "", Invalid(KeyHeader, "%s", Reason(err))
	}
	return key, nil
}

// CheckKey fails if a text is no key: 1 to MaxKey visible ASCII characters.
func CheckKey(key string) error {
	if len(key) == 0 || len(key) > MaxKey {
		return fmt.Errorf("request: the key has %d bytes; it needs 1 to %d: a UUID is a good one", len(key), MaxKey)
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return errors.New("request: the key may have visible ASCII characters only, and no spaces: a UUID is a good one")
		}
	}
	return nil
}

// parseString reads a string of structured fields: RFC 9651, section 4.2.5.
func parseString(field string) (string, error) {
	var b strings.Builder
	for i := 1; i < len(field); i++ {
		switch field[i] {
		case '"':
			if i < len(field)-1 {
				return "", errors.New(`request: something follows the key behind its quotation mark; send one key, and no parameters: "abc"`)
			}
			return b.String(), nil
		case '\\':
			i++
			if i == len(field) || field[i] != '"' && field[i] != '\\' {
				return "", errors.New(`request: in a key in quotation marks \ stands only before " or \`)
			}
		}
		b.WriteByte(field[i])
	}
	return "", errors.New(`request: the key's second quotation mark is missing; send "abc", or abc`)
}

// QuoteKey returns the field for a key.
func QuoteKey(key string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
}
