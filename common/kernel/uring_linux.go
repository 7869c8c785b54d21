package kernel

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// This file is all of io_uring that sending takes. Two rings lie in memory that the program and the
// kernel share. Into the one, the submission queue, the program puts what it wants done, an sqe each,
// and moves its tail; into the other, the completion queue, the kernel puts what became of it, a cqe
// each, and moves that one's tail. Whoever takes something out moves the head. One system call,
// io_uring_enter, tells the kernel to look, for as many sends as there are entries.
//
//	     tail ▼ program              tail ▼ kernel
//	sqe sqe sqe · · · ·         cqe cqe cqe · · · ·
//	▲ head    kernel            ▲ head    program
//
// What is special to sends that do not wait (MSG_DONTWAIT): each is done, or has failed, by the time
// io_uring_enter returns, in order and by the thread that called it. So nothing is ever under way
// between two batches, and the bytes need to stay where they are for that one call.

// entries is the size of the ring, and so how many sends go into one system call. A few dozen save most
// of what there is to save. For as long as one takes, some 3 us for each send, the garbage collector
// waits for this thread if it wants to stop the world. And of many more the system leaves some to a
// helper of its own (ksoftirqd) to deliver, so that they only look cheaper.
const entries = 64

// An sqe is a struct io_uring_sqe, with the names that a send gives to its fields.
type sqe struct {
	opcode    uint8
	flags     uint8
	ioprio    uint16
	fd        int32
	_         uint64
	addr      uint64
	len       uint32
	sendFlags uint32
	userData  uint64
	_         [3]uint64
}

// A cqe is a struct io_uring_cqe.
type cqe struct {
	userData uint64 // of the sqe
	res      int32  // what the system call would have returned; an error is negative
	flags    uint32
}

// params is struct io_uring_params: what the program asks for, and what it got.
type params struct {
	sqEntries, cqEntries, flags, sqThreadCPU, sqThreadIdle, features, wqFD uint32
	_                                                                      [3]uint32
	sq                                                                     struct {
		head, tail, mask, entries, flags, dropped, array, _ uint32 // offsets in the shared memory
		_                                                   uint64
	}
	cq struct {
		head, tail, mask, entries, overflow, cqes, flags, _ uint32
		_                                                   uint64
	}
}

// From linux/io_uring.h.
const (
	offSQRing = 0          // where both rings are, to mmap
	offSQEs   = 0x10000000 // where the sqes are

	featSingleMmap = 1 << 0 // both rings are in one mapping: Linux 5.4
	featNoDrop     = 1 << 1 // no completion is ever dropped: Linux 5.5

	enterGetEvents = 1 << 0 // wait for completions
	opSend         = 26     // Linux 5.6
)

// Uring returns the kernel that sends a batch in one system call, by io_uring. Many systems do not
// offer that: it needs Linux 5.6, and is often switched off, in containers above all. Then the error
// says what can be done about it. It is tried with a real send.
func Uring() (Kernel, error) {
	if err := tryUring(); err != nil {
		return nil, fmt.Errorf("kernel: io_uring: %w", explain(err))
	}
	return &linux{name: "uring", sender: newRing}, nil
}

// explain adds to an error what whoever runs the program could do.
func explain(err error) error {
	var advice string
	switch {
	case errors.Is(err, unix.ENOSYS):
		advice = "the kernel does not have it, or the container's seccomp profile hides it: " +
			"it takes Linux 5.6, and a profile that allows io_uring_setup and io_uring_enter"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		advice = "not permitted: set the sysctl kernel.io_uring_disabled to 0, and in a container " +
			"use a seccomp profile that allows io_uring_setup and io_uring_enter"
	case errors.Is(err, unix.ENOMEM):
		advice = "not enough memory that may be locked: raise the limit (ulimit -l)"
	case errors.Is(err, unix.EMFILE), errors.Is(err, unix.ENFILE):
		advice = "too many open files: raise the limit (ulimit -n)"
	case errors.Is(err, unix.EINVAL), errors.Is(err, errors.ErrUnsupported):
		advice = "the kernel's is too old: it takes Linux 5.6"
	default:
		return err
	}
	return fmt.Errorf("%w (%s)", err, advice)
}

// tryUring sends something through a ring, and checks that it arrives.
func tryUring() error {
	sender, err := newRing()
	if err != nil {
		return err
	}
	defer sender.Close()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return os.NewSyscallError("socketpair", err)
	}
	defer unix.Close(pair[0])
	defer unix.Close(pair[1])
	want := []byte("a send")
	batch := []Send{{FD: pair[0], Bytes: want}}
	sender.(*ring).send(batch)
	if batch[0].Err != nil {
		return batch[0].Err
	}
	got := make([]byte, len(want)+1)
	if n, err := unix.Read(pair[1], got); err != nil || batch[0].N != len(want) || string(got[:n]) != string(want) {
		return fmt.Errorf("sent %q, and %q arrived: %w", want, got[:max(n, 0)], errors.ErrUnsupported)
	}
	return nil
}

// A ring is a sender.
type ring struct {
	fd                     int
	memory, sqeMemory      []byte // that the kernel shares
	sqHead, sqTail, sqMask *uint32
	cqHead, cqTail, cqMask *uint32
	sqes                   []sqe
	cqes                   []cqe

	// batch is what is being sent. The addresses in the ring are mere numbers to Go; what is
	// reachable from here is neither collected, nor on a stack, which could move.
	batch []Send
	dead  bool // it has failed, and what is left in it is not known
	enter func(submit, wait int) syscall.Errno
}

func newRing() (Sender, error) {
	var p params
	fd, _, errno := unix.Syscall(unix.SYS_IO_URING_SETUP, entries, uintptr(unsafe.Pointer(&p)), 0)
	if errno != 0 {
		return nil, os.NewSyscallError("io_uring_setup", errno)
	}
	r := &ring{fd: int(fd)} // which is closed on exec
	r.enter = r.enterUring
	if err := r.mmap(&p); err != nil {
		r.Close()
		return nil, err
	}
	return r, nil
}

func (r *ring) mmap(p *params) (err error) {
	if need := uint32(featSingleMmap | featNoDrop); p.features&need != need {
		return fmt.Errorf("features %#x: %w", p.features, errors.ErrUnsupported)
	}
	const access, flags = unix.PROT_READ | unix.PROT_WRITE, unix.MAP_SHARED | unix.MAP_POPULATE
	size := max(p.sq.array+p.sqEntries*uint32(unsafe.Sizeof(uint32(0))), p.cq.cqes+p.cqEntries*uint32(unsafe.Sizeof(cqe{})))
	if r.memory, err = unix.Mmap(r.fd, offSQRing, int(size), access, flags); err != nil {
		return os.NewSyscallError("mmap", err)
	}
	if r.sqeMemory, err = unix.Mmap(r.fd, offSQEs, int(p.sqEntries)*int(unsafe.Sizeof(sqe{})), access, flags); err != nil {
		return os.NewSyscallError("mmap", err)
	}
	at := func(offset uint32) *uint32 { return (*uint32)(unsafe.Pointer(&r.memory[offset])) }
	r.sqHead, r.sqTail, r.sqMask = at(p.sq.head), at(p.sq.tail), at(p.sq.mask)
	r.cqHead, r.cqTail, r.cqMask = at(p.cq.head), at(p.cq.tail), at(p.cq.mask)
	r.sqes = unsafe.Slice((*sqe)(unsafe.Pointer(&r.sqeMemory[0])), p.sqEntries)
	r.cqes = unsafe.Slice((*cqe)(unsafe.Pointer(at(p.cq.cqes))), p.cqEntries)
	// The queue is in truth one of numbers of sqes, which need not be in order. Ours are.
	for i, numbers := 0, unsafe.Slice(at(p.sq.array), p.sqEntries); i < len(numbers); i++ {
		numbers[i] = uint32(i)
	}
	return nil
}

func (r *ring) Close() error {
	if r.fd < 0 {
		return os.ErrClosed
	}
	for _, memory := range [][]byte{r.memory, r.sqeMemory} {
		if memory != nil {
			unix.Munmap(memory)
		}
	}
	err := unix.Close(r.fd)
	r.fd, r.dead = -1, true
	return os.NewSyscallError("close", err)
}

// few is from how many sends on a system call for all of them costs less than one for each.
const few = 16

func (r *ring) Send(batch []Send) {
	for len(batch) >= few {
		n := min(len(batch), len(r.sqes))
		r.send(batch[:n])
		batch = batch[n:]
	}
	writer{}.Send(batch)
}

// errUnknown is no reason that a connection breaks, but one to break it: what it got is not known.
var errUnknown = errors.New("kernel: io_uring failed during a send")

// send sends as much as fits into the ring, which is empty.
func (r *ring) send(batch []Send) {
	if r.dead {
		writer{}.Send(batch)
		return
	}
	r.batch = batch
	defer func() { r.batch = nil }()

	tail := *r.sqTail // nobody but us moves it
	for i := range batch {
		s := &batch[i]
		s.N, s.Err = 0, errUnknown
		r.sqes[tail&*r.sqMask] = sqe{
			opcode:    opSend,
			fd:        int32(s.FD),
			addr:      uint64(uintptr(unsafe.Pointer(&s.Bytes[0]))),
			len:       uint32(min(len(s.Bytes), 1<<30)),
			sendFlags: sendFlags,
			userData:  uint64(i),
		}
		tail++
	}
	atomic.StoreUint32(r.sqTail, tail) // now the kernel may read them

	for done := 0; done < len(batch); {
		submit := tail - atomic.LoadUint32(r.sqHead) // all, the first time; it may take fewer
		errno := r.enter(int(submit), len(batch)-done)
		done += r.complete()
		switch {
		case errno == 0, errno == unix.EINTR:
		case submit > 0:
			// Out of memory, most likely. What the kernel has not taken yet we take back, and send
			// ourselves.
			taken := len(batch) - int(tail-atomic.LoadUint32(r.sqHead))
			tail = atomic.LoadUint32(r.sqHead)
			atomic.StoreUint32(r.sqTail, tail)
			writer{}.Send(batch[taken:])
			batch = batch[:taken]
		case errno != unix.EAGAIN && errno != unix.EBUSY:
			r.dead = true
			return
		}
	}
}

// enterUring has the kernel submit that many. Only if there are none to submit, it waits for that many
// to be completed.
func (r *ring) enterUring(submit, wait int) (errno syscall.Errno) {
	if submit > 0 {
		// Raw, since it does not block: see writer.Send.
		_, _, errno = unix.RawSyscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), uintptr(submit), 0, 0, 0, 0)
	} else {
		_, _, errno = unix.Syscall6(unix.SYS_IO_URING_ENTER, uintptr(r.fd), 0, uintptr(wait), enterGetEvents, 0, 0)
	}
	return errno
}

// complete takes over what the kernel has completed.
func (r *ring) complete() (n int) {
	head, tail := *r.cqHead, atomic.LoadUint32(r.cqTail)
	for ; head != tail; head++ {
		c := &r.cqes[head&*r.cqMask]
		s := &r.batch[c.userData]
		s.N, s.Err = int(max(c.res, 0)), broken(syscall.Errno(max(-c.res, 0)))
		n++
	}
	atomic.StoreUint32(r.cqHead, head) // now the kernel may write there again
	return n
}
