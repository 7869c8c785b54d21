package access

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"pushlab/common/event"
)

// MaxTopics is how many patterns a token may have for a direction. A subscription that names no topic has at
// most so many, too.
const MaxTopics = 100

// Topics are the topics that somebody may use, as patterns. A pattern is a topic, or a prefix that ends in
// ".*", for all topics below it (room.* has room.1 and room.1.door, and not room), or "*" for all topics. No
// pattern is no topic.
type Topics []string

const (
	everything = "*"
	below      = ".*"
)

// allTopics grants every topic.
var allTopics = Topics{everything}

// CheckTopics tells whether the patterns are patterns.
func CheckTopics(patterns []string) error {
	if len(patterns) > MaxTopics {
		return fmt.Errorf("access: %d patterns of topics; the limit is %d: use a prefix, such as room.*", len(patterns), MaxTopics)
	}
	for _, pattern := range patterns {
		if pattern == everything {
			continue
		}
		if event.CheckTopic(strings.TrimSuffix(pattern, below)) != nil {
			return fmt.Errorf("access: %.100q is no pattern of topics; use a topic, a prefix such as room.*, or *", pattern)
		}
	}
	return nil
}

// Has reports whether a topic is among them.
func (t Topics) Has(topic string) bool {
	return slices.ContainsFunc(t, func(pattern string) bool {
		if prefix, ok := strings.CutSuffix(pattern, everything); ok {
			return strings.HasPrefix(topic, prefix) // which ends in a dot, or is empty
		}
		return pattern == topic
	})
}

// HasAll reports whether every topic is.
func (t Topics) HasAll() bool { return slices.Contains(t, everything) }

// list returns the topics one by one, which fails if there are patterns that stand for more than one.
func (t Topics) list() ([]string, error) {
	for _, pattern := range t {
		if strings.HasSuffix(pattern, everything) {
			return nil, fmt.Errorf("access: name the topics; all that there are below %s cannot be had by naming none", strings.TrimSuffix(pattern, below))
		}
	}
	if len(t) == 0 {
		return nil, errNothing
	}
	return slices.Clone(t), nil
}

var errNothing = errors.New("access: the token does not let its bearer subscribe to anything")
