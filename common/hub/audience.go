package hub

import "sync"

// An audience knows whom to wake: the subscriptions of each topic, and those of all topics. Its
// lock is not the log's, so that waking thousands does not hold up those who read.
type audience struct {
	mu         sync.RWMutex
	everything members
	topics     map[string]*members
	nothing    members // subscriptions of no topic; they are woken by Close alone
	size       int
}

// members is a set of subscriptions. Each knows its place, so that one that leaves costs the same
// however many there are.
type members struct {
	list []member
}

// A member is a subscription, and which of its places this is.
type member struct {
	sub   *Subscription
	place int
}

func (a *audience) join(s *Subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.size++
	for i, m := range a.sets(s, true) {
		s.places = append(s.places, len(m.list))
		m.list = append(m.list, member{s, i})
	}
}

func (a *audience) leave(s *Subscription) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.size--
	for i, m := range a.sets(s, false) {
		at, last := s.places[i], len(m.list)-1
		moved := m.list[last]
		m.list[at] = moved
		moved.sub.places[moved.place] = at
		m.list[last] = member{}
		m.list = m.list[:last]
		if last == 0 && m != &a.everything && m != &a.nothing {
			delete(a.topics, s.topics[i])
		}
	}
	s.places = nil
	s.waker.Wake() // who waits for it sees that it was closed
}

// sets returns the sets that the subscription belongs to, in the order of its topics.
func (a *audience) sets(s *Subscription, create bool) []*members {
	switch {
	case s.topics == nil:
		return []*members{&a.everything}
	case len(s.topics) == 0:
		return []*members{&a.nothing}
	}
	sets := make([]*members, len(s.topics))
	for i, topic := range s.topics {
		m := a.topics[topic]
		if m == nil && create {
			m = new(members)
			a.topics[topic] = m
		}
		sets[i] = m
	}
	return sets
}

func (a *audience) wake(topic string) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	a.everything.wake()
	if m := a.topics[topic]; m != nil {
		m.wake()
	}
}

func (a *audience) wakeAll() {
	a.mu.RLock()
	defer a.mu.RUnlock()
	a.everything.wake()
	a.nothing.wake()
	for _, m := range a.topics {
		m.wake()
	}
}

// notify wakes one subscription.
func (a *audience) notify(s *Subscription) {
	a.mu.RLock()
	defer a.mu.RUnlock()
	s.waker.Wake()
}

// list lists the subscriptions.
func (a *audience) list() []*Subscription {
	a.mu.RLock()
	defer a.mu.RUnlock()
	all := make([]*Subscription, 0, a.size)
	add := func(m *members) {
		for _, member := range m.list {
			if member.place == 0 { // one of several topics is in as many sets
				all = append(all, member.sub)
			}
		}
	}
	add(&a.everything)
	add(&a.nothing)
	for _, m := range a.topics {
		add(m)
	}
	return all
}

func (a *audience) count() int {
	a.mu.RLock()
	defer a.mu.RUnlock()
	return a.size
}

func (m *members) wake() {
	for _, member := range m.list {
		member.sub.waker.Wake()
	}
}
