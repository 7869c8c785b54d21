package access

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
)

// A publisher is who publishes, for whom an idempotency key counts: a hash, so that no token can be read from it. The zero
// publisher is everybody who shows nothing.
type publisher [sha256.Size]byte

// bearerOf is the bearer of that token, and of no other.
func bearerOf(token string) publisher { return publisherOf("token", token) }

// subjectOf is the subject of tokens of that issuer, be they renewed or not (RFC 7519, section 4.1.2: it is unique there).
func subjectOf(issuer, subject string) publisher { return publisherOf("subject", issuer, subject) }

// publisherOf hashes parts; no others have the same hash.
func publisherOf(parts ...string) publisher {
	var b []byte
	for _, part := range parts {
		b = binary.AppendUvarint(b, uint64(len(part)))
		b = append(b, part...)
	}
	return sha256.Sum256(b)
}

// PublishKey returns under which key the log knows an idempotency key of whom the grant was given to. Those of two publishers
// are never the same:
//
//   - the bearers of a static token are one publisher;
//   - so are the bearers of all JSON Web Tokens of one issuer (iss) and subject (sub): a token that is renewed goes on as the
//     same;
//   - one without a subject is a publisher of its own, since nobody can tell whose it is: when it is renewed, it is another;
//   - all who bring no token are one.
//
// The answer is a hash, of 43 letters, digits, - and _. It tells nothing of the token, nor of the key. That of an empty key,
// which is none, is empty.
func (g *Grant) PublishKey(key string) string {
	if key == "" {
		return ""
	}
	var who publisher
	if g != nil {
		who = g.publisher
	}
	sum := sha256.Sum256(append(who[:], key...)) // who has a fixed length
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
