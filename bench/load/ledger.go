package load

// A ledger keeps account of what one subscriber was given of count events, numbered from first.
type ledger struct {
	first, count int
	seen         []uint64 // a bit for each event that has come
	newest       int      // the largest number that has come

	came       int   // events, each counted once
	duplicated int64 // came again
	reordered  int64 // came after one that was published later
	told       int   // are missing, and the subscriber knows
}

func newLedger(first, count int) ledger {
	return ledger{first: first, count: count, seen: make([]uint64, (count+63)/64), newest: first - 1}
}

// has reports whether the event is one of the ledger's.
func (l *ledger) has(n int) bool { return n >= l.first && n < l.first+l.count }

// observe enters that event n, one of the ledger's, has come. It reports whether for the first time.
func (l *ledger) observe(n int) bool {
	word, bit := (n-l.first)/64, uint64(1)<<((n-l.first)%64)
	if l.seen[word]&bit != 0 {
		l.duplicated++
		return false
	}
	l.seen[word] |= bit
	if n < l.newest {
		l.reordered++
	}
	l.newest = max(l.newest, n)
	l.came++
	return true
}

// tell enters that the subscriber knows: what lies behind the newest event and before n will not come.
func (l *ledger) tell(n int) { l.told += max(0, min(n, l.first+l.count)-l.newest-1) }

// silent is how many of the first events are missing without a word.
func (l *ledger) silent(events int) int64 { return int64(max(0, events-l.came-l.told)) }

// faults is how many of the events were lost, came again or late.
func (l *ledger) faults() int64 { return int64(l.count-l.came) + l.duplicated + l.reordered }
