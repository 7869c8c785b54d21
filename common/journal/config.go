package journal

import (
	"cmp"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// DefaultName is the stream of those who name none.
const DefaultName = "pushlab"

// Config says which stream to open, what it keeps, and how long to wait for it. A zero field means its default.
//
// What it keeps is said when the stream is created. Of a stream that exists, that is changed which is not zero here, so
// that whoever says nothing leaves it as it is. Of several nodes all should say the same.
type Config struct {
	// Name is that of the stream, at most 32 letters, digits, '-' and '_'. Its subjects are <name>.ev.<topic>. Default "pushlab".
	Name string
	// Existing has Open fail if there is no such stream, where it would create one.
	Existing bool

	// Replicas is on how many servers of the cluster the stream is kept: 1, 3 or 5. Default 1.
	Replicas int
	// MaxEvents is how many events it keeps at most; negative is any number. Default: any number.
	MaxEvents int64
	// MaxBytes is how many bytes they take at most, as the server stores them; negative is any number. Default 1 GiB.
	MaxBytes int64
	// MaxAge is how long it keeps an event, at least 100 ms; negative is for ever. Default: for ever.
	MaxAge time.Duration
	// KeyWindow is for how long a key is remembered, but never longer than MaxAge. The server holds all keys of that time
	// in memory, some 120 bytes each. Default 2 minutes.
	KeyWindow time.Duration

	// Pending is how many appends may wait for their answer at once. A further one waits for a place. Default 1,024.
	Pending int
	// AppendTimeout is how long Append waits, for its place and for its answer together; then it fails with
	// hub.ErrUnavailable. Default 5 seconds.
	AppendTimeout time.Duration
	// ReadTimeout is how long all else waits for the servers. Default 5 seconds.
	ReadTimeout time.Duration
	// CheckEvery is how often Tail asks whether the log is still the same, which the events do not tell. Default 5 seconds.
	CheckEvery time.Duration
	// Patience is for how long a cluster may say that it has less than was acknowledged, as a server may that has just
	// become leader, before it is believed. Default 3 seconds.
	Patience time.Duration

	// Appended is told how long each append took, and how it ended. It must return at once. Default: nobody is.
	Appended func(took time.Duration, err error)
	// Renewing is told the number of the log's next life before that begins, and can refuse it. The embedded server
	// writes it down there. Default: nobody is.
	Renewing func(life uint64) error
	// Logger is told when the connection is lost, when it is back, and of all that a person should look at. Default
	// slog.Default().
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	c.Name = cmp.Or(c.Name, DefaultName)
	c.Pending = cmp.Or(c.Pending, 1_024)
	c.AppendTimeout = cmp.Or(c.AppendTimeout, 5*time.Second)
	c.ReadTimeout = cmp.Or(c.ReadTimeout, 5*time.Second)
	c.CheckEvery = cmp.Or(c.CheckEvery, 5*time.Second)
	c.Patience = cmp.Or(c.Patience, 3*time.Second)
	c.Logger = cmp.Or(c.Logger, slog.Default())
	return c
}

var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

// Check tells what makes no sense whatever the servers say. Open does so, too.
func (c Config) Check() error {
	switch {
	case !validName.MatchString(c.Name):
		return fmt.Errorf("journal: %.40q cannot be the name of a stream; take up to 32 letters, digits, '-' and '_'", c.Name)
	case !slices.Contains([]int{0, 1, 3, 5}, c.Replicas):
		return fmt.Errorf("journal: there cannot be %d replicas; take 1, 3 or 5", c.Replicas)
	case c.MaxAge > 0 && c.MaxAge < 100*time.Millisecond:
		return fmt.Errorf("journal: events cannot be kept for %v only; take at least 100ms", c.MaxAge)
	case c.KeyWindow < 0 || c.KeyWindow > 0 && c.KeyWindow < 100*time.Millisecond:
		return fmt.Errorf("journal: keys cannot be remembered for %v only; take at least 100ms", c.KeyWindow)
	case c.Pending < 0, c.AppendTimeout < 0, c.ReadTimeout < 0, c.CheckEvery < 0, c.Patience < 0:
		return fmt.Errorf("journal: a limit is negative; take a positive one, or 0 for the default")
	}
	return nil
}

// Keys of the stream's metadata, by which it is known to be ours.
const (
	metaFormat = "pushlab.journal" // the format of what is in it
	metaLife   = "pushlab.life"    // see life.go
	format     = "1"
)

// stream returns how to create the stream.
func (c Config) stream() jetstream.StreamConfig {
	s := jetstream.StreamConfig{
		Name:        c.Name,
		Description: "events of pushlab; its nodes alone append to it",
		Subjects:    []string{c.Name + ".ev.>"},
		Storage:     jetstream.FileStorage,
		Discard:     jetstream.DiscardOld,
		AllowDirect: true,
		Replicas:    1,
		MaxMsgs:     -1,
		MaxBytes:    1 << 30,
		Duplicates:  2 * time.Minute,
		Metadata:    map[string]string{metaFormat: format, metaLife: "0"},
	}
	c.change(&s)
	return s
}

// change changes in a stream what the configuration asks for, and reports whether anything was different.
func (c Config) change(s *jetstream.StreamConfig) (changed bool) {
	was := *s
	if c.Replicas != 0 {
		s.Replicas = c.Replicas
	}
	if c.MaxEvents != 0 {
		s.MaxMsgs = max(c.MaxEvents, -1)
	}
	if c.MaxBytes != 0 {
		s.MaxBytes = max(c.MaxBytes, -1)
	}
	if c.MaxAge != 0 {
		s.MaxAge = max(c.MaxAge, 0)
	}
	if c.KeyWindow != 0 {
		s.Duplicates = c.KeyWindow
	}
	if s.MaxAge > 0 {
		s.Duplicates = min(s.Duplicates, s.MaxAge) // the server refuses a longer one
	}
	return s.Replicas != was.Replicas || s.MaxMsgs != was.MaxMsgs || s.MaxBytes != was.MaxBytes ||
		s.MaxAge != was.MaxAge || s.Duplicates != was.Duplicates
}
