package hub

// A deque is a queue that can be indexed. It keeps its records in a ring whose size is a power of
// two, so that neither end ever moves the others.
type deque struct {
	ring  []*Record
	first int // index in ring
	len   int
}

func (d *deque) at(i int) *Record { return d.ring[(d.first+i)&(len(d.ring)-1)] }

func (d *deque) push(r *Record) {
	if d.len == len(d.ring) {
		d.resize(max(8, 2*d.len))
	}
	d.ring[(d.first+d.len)&(len(d.ring)-1)] = r
	d.len++
}

func (d *deque) pop() *Record {
	r := d.ring[d.first]
	d.ring[d.first] = nil // the record is garbage as soon as the last reader lets go of it
	d.first = (d.first + 1) & (len(d.ring) - 1)
	d.len--
	if d.len <= len(d.ring)/4 && len(d.ring) > 8 {
		d.resize(len(d.ring) / 2)
	}
	return r
}

func (d *deque) resize(n int) {
	ring := make([]*Record, n)
	for i := range d.len {
		ring[i] = d.at(i)
	}
	d.ring, d.first = ring, 0
}

// after returns the index of the first record with a sequence number above seq; d.len if none.
func (d *deque) after(seq uint64) int {
	if d.len == 0 || d.at(d.len-1).ID.Seq <= seq {
		return d.len // the common case: a reader that has seen everything
	}
	// Nearly always it is among the last, so look there first, in steps that double.
	lo, hi := 0, d.len-1 // the answer is in [lo, hi]
	for step := 1; step <= hi; step *= 2 {
		if d.at(hi-step).ID.Seq <= seq {
			lo = hi - step + 1
			break
		}
		hi -= step
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if d.at(mid).ID.Seq > seq {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}
