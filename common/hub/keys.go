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
	oldest []string // the keys in the order of their use
}

// A use is what a key was used for.
type use struct {
	at      time.Time
	seq     uint64
	content uint64 // a hash
}

func newKeys(c Config) keys {
	return keys{window: c.KeyWindow, limit: c.Keys, seed: maphash.MakeSeed(), uses: make(map[string]use)}
}

// find returns what was appended under the key; 0 if nothing was, and it may be.
func (k *keys) find(key string, content uint64) (seq uint64, err error) {
	k.forget()
	switch u, found := k.uses[key]; {
	case !found && len(k.uses) >= k.limit:
		return 0, fmt.Errorf("%w: %d within %v", ErrKeys, k.limit, k.window)
	case found && u.content != content:
		return 0, ErrKeyReused
	default:
		return u.seq, nil
	}
}

func (k *keys) add(key string, content, seq uint64) {
	k.uses[key] = use{time.Now(), seq, content}
	k.oldest = append(k.oldest, key)
}

// forget forgets the keys whose time is over.
func (k *keys) forget() {
	for len(k.oldest) > 0 && time.Since(k.uses[k.oldest[0]].at) > k.window {
		delete(k.uses, k.oldest[0])
		k.oldest[0] = "" // the slice's array lives on
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
