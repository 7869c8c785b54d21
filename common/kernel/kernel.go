// Package kernel is what package wire asks of the operating system beside net: to be told which of
// many sockets can be read, and to send to many at once.
//
// A goroutine that waits in Read costs a stack for each connection, and a Write costs a system call
// and the way through net for each connection. For streams that mostly wait, and that all get the
// same few bytes when they do not, both can be had for less, but only from the kernel itself: sockets
// are named by their descriptors here, nobody waits for a single one of them, and what net does to
// protect a descriptor from being closed while it is in use is left to the caller.
//
// The two kernels differ in how they send. [Uring] hands a whole batch over in one system call,
// where the system lets it; [Write] makes one call for each socket.
package kernel

import "net"

// A Kernel makes pollers and senders. Its methods may be called from any goroutine.
type Kernel interface {
	// Name says how it sends: "uring" or "write".
	Name() string
	// Descriptor returns the descriptor of a connection, if the kernel can be asked about it
	// directly: a *net.TCPConn or *net.UnixConn that is open, and not what wraps one, such as TLS.
	// It is the connection's own, no duplicate, and means something else, or nothing, once conn is
	// closed, which the garbage collector does as well, to a connection that nobody holds any more.
	// The caller sees to it that neither happens while it is in use.
	Descriptor(conn net.Conn) (fd int, ok bool)
	NewPoller() (Poller, error)
	NewSender() (Sender, error)
}

// A Poller tells which sockets have something to read: bytes, the peer's end, or an error. Watch,
// Forget and Close may be called from any goroutine, Wait from one at a time.
type Poller interface {
	// Watch asks for one notice, as key, when the socket is readable, was closed by the peer or is
	// broken, or if it is so already. After that notice there is none until Watch asks again. To
	// ask again before it replaces the key. After Close it returns net.ErrClosed.
	Watch(fd int, key uint64) error
	// Forget asks for no notice any more, though one that is under way may still come. It must be
	// called before a socket that was watched is closed.
	Forget(fd int)
	// Wait waits until there are notices, and appends their keys to keys. It parks the goroutine and
	// holds no thread. After Close it returns net.ErrClosed.
	Wait(keys []uint64) ([]uint64, error)
	// Close wakes Wait.
	Close() error
}

// A Sender sends batches. It may be used from one goroutine at a time.
type Sender interface {
	// Send tries each of the batch once, in order, and waits for none; N and Err tell what became of
	// it. No two may be for the same socket: if the first were cut short, the second would follow
	// with a hole between them. None of the sockets may be closed meanwhile.
	Send(batch []Send)
	Close() error
}

// A Send is bytes for one socket in a batch, and what became of them.
type Send struct {
	FD    int
	Bytes []byte // not empty, and not modified before Send has returned; may be shared

	N   int   // how many of them the kernel took
	Err error // why the connection is broken; if nil and N < len(Bytes), the socket would block
}
