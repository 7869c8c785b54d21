package wire

// Streams counts those that have a place in the engine. Each stands in two lists.
func (e *Engine) Streams() (watched, members int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, s := range e.byFD {
		if s != nil {
			watched++
		}
	}
	for _, p := range e.pumps {
		p.members.mu.Lock()
		members += len(p.members.list)
		p.members.mu.Unlock()
	}
	return watched, members
}
