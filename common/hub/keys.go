package hub

import (
	"errors"
	"fmt"
	"hash/maphash"
	"time"
)

// ErrKeys is returned by PublishOnce for a new key when the hub remembers as many as it may.
var ErrKeys = errors.New("hub: too many idempotency keys are in use")

// HasLog reports whether the hub has Config.Log. Without it an event is published, or not, and never in doubt.
func (h *Hub) HasLog() bool { return h.config.Log != nil }

// keys remembers which event was appended under which key, each for as long as the window. The hub's mutex guards it.
type keys struct {
	window time.Duration
	limit  int
	seed   maphash.Seed
	uses   map[string]use
	oldest []aged // in the order of their use; some may be forgotten already
}

// A use is what a key was used for.
type use struct {
	at      time.Time
	seq     uint64
	content uint64 // a hash
}

// An aged key is one that was used then.
type aged struct {
	key string
	at  time.Time
}

func newKeys(c Config) keys {
	return keys{window: c.KeyWindow, limit: c.Keys, seed: maphash.MakeSeed(), uses: make(map[string]use)}
}

// find returns what was appended under the key; 0 if nothing was, and it may be.
func (k *keys) find(key string, content uint64) (seq uint64, err error) {
	now := time.Now()
	k.forget(now)
	u, found := k.uses[key]
	switch found = found && !k.over(u.at, now); {
	case !found && len(k.uses) >= k.limit:
		return 0, fmt.Errorf("%w: %d within %v", ErrKeys, k.limit, k.window)
	case !found:
		return 0, nil
	case u.content != content:
		return 0, ErrKeyReused
	default:
		return u.seq, nil
	}
}

func (k *keys) add(key string, content, seq uint64) {
	now := time.Now()
	k.uses[key] = use{now, seq, content}
	k.oldest = append(k.oldest, aged{key, now})
}

// over reports whether the window of a key has passed.
func (k *keys) over(at, now time.Time) bool { return now.Sub(at) > k.window }

// maxForgotten is how many keys are forgotten at once: all of a crowd would hold up those who wait for the hub.
const maxForgotten = 8

// forget forgets keys whose time is over.
func (k *keys) forget(now time.Time) {
	for range maxForgotten {
		if len(k.oldest) == 0 || !k.over(k.oldest[0].at, now) {
			return
		}
		if first := k.oldest[0]; k.uses[first.key].at.Equal(first.at) { // else it was used again
			delete(k.uses, first.key)
		}
		k.oldest[0] = aged{} // the slice's array lives on
		k.oldest = k.oldest[1:]
	}
}

// content returns a hash of what is to be appended, by which to tell whether it was appended before.
func (k *keys) content(topic string, data []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(k.seed)
	h.WriteString(topic)
	h.WriteByte(0) // which no topic holds
	h.Write(data)
	return h.Sum64()
}
