package kernel_test

import (
	"errors"
	"net"
	"runtime/pprof"
	"slices"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"pushlab/common/kernel"
)

func newPoller(t testing.TB, k kernel.Kernel) kernel.Poller {
	p, err := k.NewPoller()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

func watch(t testing.TB, p kernel.Poller, fd int, key uint64) {
	t.Helper()
	if err := p.Watch(fd, key); err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	if _, err := conn.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// wantNotices waits for that many notices, and checks whose they are.
func wantNotices(t testing.TB, p kernel.Poller, want ...uint64) {
	t.Helper()
	var got []uint64
	for len(got) < len(want) {
		var err error
		if got, err = p.Wait(got); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Fatalf("notices for %x, want %x", got, want)
	}
}

// wantNone checks that there are no notices: what is readable is noticed in the order in which it
// became so, and this is a last one.
func wantNone(t testing.TB, k kernel.Kernel, p kernel.Poller) {
	t.Helper()
	conns, peers := connect(t, "unix", 1)
	const last = 0xffff_ffff_ffff_fff0
	fd := descriptor(t, k, conns[0])
	watch(t, p, fd, last)
	write(t, peers[0], "last")
	wantNotices(t, p, last)
	p.Forget(fd)
}

// eachNetwork runs a test on a kernel with a poller, a connection that it may watch, and its peer.
func eachNetwork(t *testing.T, test func(t *testing.T, k kernel.Kernel, p kernel.Poller, conn, peer net.Conn)) {
	for _, network := range networks {
		t.Run("network="+network, func(t *testing.T) {
			each(t, func(t *testing.T, k kernel.Kernel) {
				conns, peers := connect(t, network, 1)
				test(t, k, newPoller(t, k), conns[0], peers[0])
			})
		})
	}
}

const key = 0x8123_4567_89ab_cdef // all 64 bits count

func TestPollerReadable(t *testing.T) {
	eachNetwork(t, func(t *testing.T, k kernel.Kernel, p kernel.Poller, conn, peer net.Conn) {
		fd := descriptor(t, k, conn)
		watch(t, p, fd, key)
		wantNone(t, k, p)
		write(t, peer, "one")
		wantNotices(t, p, key)

		write(t, peer, "two")
		wantNone(t, k, p) // the notice was the only one
		watch(t, p, fd, 2)
		wantNotices(t, p, 2) // it is readable still
		wantRead(t, conn, []byte("onetwo"))
		watch(t, p, fd, 3)
		wantNone(t, k, p)
		watch(t, p, fd, 4) // which takes the place of 3
		write(t, peer, "three")
		wantNotices(t, p, 4)

		// A connection can be written to, and that is nothing to notice.
		wantRead(t, conn, []byte("three"))
		watch(t, p, fd, 5)
		write(t, conn, "four")
		wantRead(t, peer, []byte("four"))
		wantNone(t, k, p)
	})
}

func TestPollerEnds(t *testing.T) {
	eachNetwork(t, func(t *testing.T, k kernel.Kernel, p kernel.Poller, conn, peer net.Conn) {
		fd := descriptor(t, k, conn)
		watch(t, p, fd, key)
		wantNone(t, k, p)
		peer.(interface{ CloseWrite() error }).CloseWrite()
		wantNotices(t, p, key)
		wantNone(t, k, p)
		watch(t, p, fd, key)
		wantNotices(t, p, key)
		peer.Close()
		wantNone(t, k, p)
		watch(t, p, fd, key)
		wantNotices(t, p, key)
	})
}

func TestPollerReset(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		p := newPoller(t, k)
		conns, peers := connect(t, "tcp", 1)
		watch(t, p, descriptor(t, k, conns[0]), key)
		peers[0].(*net.TCPConn).SetLinger(0)
		peers[0].Close()
		wantNotices(t, p, key)
		wantNone(t, k, p)
		if _, err := conns[0].Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
			t.Errorf("reading: %v", err)
		}
	})
}

func TestPollerForget(t *testing.T) {
	eachNetwork(t, func(t *testing.T, k kernel.Kernel, p kernel.Poller, conn, peer net.Conn) {
		fd := descriptor(t, k, conn)
		p.Forget(fd) // which was never watched
		watch(t, p, fd, key)
		p.Forget(fd)
		p.Forget(fd)
		write(t, peer, "unseen")
		wantNone(t, k, p)
		watch(t, p, fd, key)
		wantNotices(t, p, key)
		p.Forget(fd) // after its notice
		wantNone(t, k, p)
	})
}

// A descriptor that was closed and is another connection now is watched for that one alone.
func TestPollerReusedDescriptor(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		p := newPoller(t, k)
		conns, peers := connect(t, "unix", 1)
		fd := descriptor(t, k, conns[0])
		watch(t, p, fd, 1)
		write(t, peers[0], "unseen")
		p.Forget(fd)
		conns[0].Close()
		again, peers := connect(t, "unix", 10)
		for i, conn := range again {
			watch(t, p, descriptor(t, k, conn), uint64(10+i))
			write(t, peers[i], "seen")
		}
		wantNotices(t, p, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19)
	})
}

func TestPollerBadDescriptor(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		p := newPoller(t, k)
		if err := p.Watch(1<<20, 1); !errors.Is(err, unix.EBADF) {
			t.Errorf("watching what is not open: %v", err)
		}
		p.Forget(1 << 20)
		wantNone(t, k, p)
	})
}

func TestPollerClose(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		for range 50 { // before, while and after Wait begins to wait
			p := newPoller(t, k)
			conns, _ := connect(t, "unix", 1)
			fd := descriptor(t, k, conns[0])
			watch(t, p, fd, 1)
			done := make(chan error)
			go func() {
				_, err := p.Wait(nil)
				done <- err
			}()
			if err := p.Close(); err != nil {
				t.Error(err)
			}
			if err := <-done; !errors.Is(err, net.ErrClosed) {
				t.Errorf("waiting: %v", err)
			}
			if err := p.Close(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("closing again: %v", err)
			}
			if keys, err := p.Wait([]uint64{7}); !errors.Is(err, net.ErrClosed) || !slices.Equal(keys, []uint64{7}) {
				t.Errorf("waiting again: %v, %v", keys, err)
			}
			if err := p.Watch(fd, 1); !errors.Is(err, net.ErrClosed) {
				t.Errorf("watching: %v", err)
			}
			p.Forget(fd)
		}
	})
}

func TestPollerAppends(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		p := newPoller(t, k)
		conns, peers := connect(t, "unix", 1)
		watch(t, p, descriptor(t, k, conns[0]), 2)
		write(t, peers[0], "x")
		if keys, err := p.Wait([]uint64{1}); err != nil || !slices.Equal(keys, []uint64{1, 2}) {
			t.Errorf("%v, %v", keys, err)
		}
	})
}

// Many sockets, that many goroutines watch and write to, each noticed once for each time that it was
// watched.
func TestPollerMany(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		const sockets, rounds = 2000, 5
		p := newPoller(t, k)
		a, b := connect(t, "unix", sockets/2)
		conns := append(slices.Clone(a), b...)
		peers := append(slices.Clone(b), a...)
		for range rounds {
			var working sync.WaitGroup
			for i, conn := range conns {
				working.Go(func() {
					fd, _ := k.Descriptor(conn)
					if err := p.Watch(fd, uint64(i)); err != nil {
						t.Error(err)
					}
				})
				working.Go(func() {
					if _, err := peers[i].Write([]byte("x")); err != nil {
						t.Error(err)
					}
				})
			}
			times := make([]int, sockets)
			var keys []uint64
			for n := 0; n < sockets; n += len(keys) {
				var err error
				if keys, err = p.Wait(keys[:0]); err != nil {
					t.Fatal(err)
				}
				for _, key := range keys {
					times[key]++
				}
			}
			working.Wait()
			for i, n := range times {
				if n != 1 {
					t.Errorf("socket %d was noticed %d times", i, n)
				}
			}
			wantNone(t, k, p)
			for _, conn := range conns {
				wantRead(t, conn, []byte("x"))
			}
		}
	})
}

// To wait costs a goroutine and no thread.
func TestPollerHoldsNoThread(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		const pollers, rounds = 100, 20
		conns, peers := connect(t, "unix", pollers)
		notices := make(chan error)
		var waiting sync.WaitGroup
		threads := pprof.Lookup("threadcreate")
		before := threads.Count()
		for _, conn := range conns {
			p := newPoller(t, k)
			fd := descriptor(t, k, conn)
			waiting.Go(func() {
				for range rounds {
					err := p.Watch(fd, 1)
					if err == nil {
						_, err = p.Wait(nil)
					}
					conn.Read(make([]byte, 1))
					notices <- err
				}
			})
		}
		for range rounds {
			for _, peer := range peers {
				write(t, peer, "x")
			}
			for range peers {
				if err := <-notices; err != nil {
					t.Error(err)
				}
			}
		}
		waiting.Wait()
		if n := threads.Count() - before; n > pollers/4 {
			t.Errorf("%d pollers took %d more threads", pollers, n)
		}
	})
}
