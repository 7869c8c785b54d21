package kernel

import "syscall"

const (
	Entries = entries // the size of a ring
	Few     = few     // from how many sends on it is used
)

// MakeRing returns a sender of Uring's whose io_uring_enter is replaced. The replacement is given the
// original, and a way to have the sends that it submits next wait until they are done.
func MakeRing(enter func(original func(submit, wait int) syscall.Errno, block func()) func(submit, wait int) syscall.Errno) (Sender, error) {
	s, err := newRing()
	if err != nil {
		return nil, err
	}
	r := s.(*ring)
	r.enter = enter(r.enter, func() {
		for i := range r.sqes {
			r.sqes[i].sendFlags = syscall.MSG_NOSIGNAL
		}
	})
	return r, nil
}
