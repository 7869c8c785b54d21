package event

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
)

// epochLen is the length of an epoch: 8 base32 characters hold 40 random bits.
const epochLen = 8

// maxID is the longest text of an ID: epoch, '-', and the 20 digits of the largest uint64.
const maxID = epochLen + 1 + 20

// An ID is an event's place in a log, and so a cursor: "everything after this". Its text form is
// <epoch>-<seq>, which needs no escaping in a URL, a header field or JSON, and which is short and
// plain enough to travel in Last-Event-ID without a CORS preflight: WHATWG HTML, section 9.2.4
// (SSE-24). To clients it is opaque, and it is no clock (LP-07): those go back.
//
// The zero ID is no place in any log.
type ID struct {
	// Epoch names one life of the log. Sequence numbers of different epochs cannot be compared.
	Epoch string
	// Seq counts up by one over all topics of the log. 0 is the place before the first event.
	Seq uint64
}

// Unknown is the cursor of somebody who was last in another log, nobody can say which. No log has
// its epoch, so that resuming from it always yields a gap.
var Unknown = ID{Epoch: "aaaaaaaa"}

// NewEpoch returns a random epoch for a new log.
func NewEpoch() string {
	for {
		var b [epochLen * 5 / 8]byte
		rand.Read(b[:]) // never fails (crypto/rand)
		epoch := strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
		if epoch != Unknown.Epoch {
			return epoch
		}
	}
}

// EpochOf returns the epoch of a log that is named by that text, in which everything stands that tells its lives apart:
// the same text gives the same epoch, wherever it is asked.
func EpochOf(life string) string {
	for {
		sum := sha256.Sum256([]byte(life))
		epoch := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:epochLen*5/8]))
		if epoch != Unknown.Epoch {
			return epoch
		}
		life += "'"
	}
}

// ParseID reads the text form of an ID. Every ID has exactly one text: no sign, no leading zeros.
func ParseID(s string) (ID, error) {
	epoch, digits, ok := strings.Cut(s, "-")
	if !ok || !validEpoch(epoch) || digits == "" || len(digits) > 1 && digits[0] == '0' {
		return ID{}, badID(s)
	}
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return ID{}, badID(s)
		}
	}
	seq, err := strconv.ParseUint(digits, 10, 64)
	if err != nil {
		return ID{}, badID(s)
	}
	return ID{Epoch: epoch, Seq: seq}, nil
}

func badID(s string) error {
	return fmt.Errorf("event: %.60q is not a cursor; a cursor is an event's id, such as \"mfrggzdf-42\"", s)
}

func validEpoch(s string) bool {
	if len(s) != epochLen {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '2' || c > '7') {
			return false
		}
	}
	return true
}

// LogValue has the ID logged as its text form.
func (id ID) LogValue() slog.Value { return slog.StringValue(id.String()) }

// IsZero reports whether the ID is the zero ID.
func (id ID) IsZero() bool { return id == ID{} }

// String returns the ID's text form; the zero ID has none, and gives "".
func (id ID) String() string { return string(id.append(make([]byte, 0, maxID))) }

func (id ID) append(dst []byte) []byte {
	if id.IsZero() {
		return dst
	}
	dst = append(dst, id.Epoch...)
	dst = append(dst, '-')
	return strconv.AppendUint(dst, id.Seq, 10)
}
