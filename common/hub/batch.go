package hub

import "slices"

// A batch is what one Poll returns: records in order, up to the hub's limits.
type batch struct {
	records []*Record
	events  int // how many more may come
	bytes   int // how many more bytes of envelopes may come
}

func (b *batch) limit(c Config) { b.events, b.bytes = c.Batch, c.BatchBytes }

// fits reports whether the record may be added. The first always may.
func (b *batch) fits(r *Record) bool {
	return len(b.records) == 0 || b.events > 0 && len(r.envelope) <= b.bytes
}

func (b *batch) add(r *Record) {
	b.records = append(b.records, r)
	b.events--
	b.bytes -= len(r.envelope)
}

// takeAll takes what comes after seq in the log, and reports whether that was everything.
func (b *batch) takeAll(records *deque, seq uint64) (complete bool) {
	i := records.after(seq)
	b.records = slices.Grow(b.records, min(records.len-i, b.events))
	for ; i < records.len; i++ {
		if !b.fits(records.at(i)) {
			return false
		}
		b.add(records.at(i))
	}
	return true
}

// takeTopics takes what comes after seq in the topics, merged in order, and reports whether that
// was everything. It keeps count of each topic's events in seen.
func (b *batch) takeTopics(l *ring, topics []string, seen []progress, seq uint64) (complete bool) {
	type reader struct {
		records *deque
		next    int
		seen    *progress
	}
	readers := make([]reader, 0, 4)
	for i, topic := range topics {
		t := l.topics[topic]
		if t == nil {
			continue
		}
		next := t.records.after(seq)
		// Nothing of the topic was lost, so this is where the cursor stands in it.
		seen[i] = progress{t.count + uint64(next), t.counted}
		if next < t.records.len {
			readers = append(readers, reader{&t.records, next, &seen[i]})
		}
	}
	for len(readers) > 0 {
		first := 0
		for i := range readers {
			if readers[i].records.at(readers[i].next).ID.Seq < readers[first].records.at(readers[first].next).ID.Seq {
				first = i
			}
		}
		r := &readers[first]
		if !b.fits(r.records.at(r.next)) {
			return false
		}
		b.add(r.records.at(r.next))
		r.seen.count++
		if r.next++; r.next == r.records.len {
			readers[first] = readers[len(readers)-1]
			readers = readers[:len(readers)-1]
		}
	}
	return true
}
