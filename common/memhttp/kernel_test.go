package memhttp_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/kernel"
	"pushlab/common/memhttp"
)

// A setup is a kernel with a sender and a poller, and the two ends of a connection.
type setup struct {
	*memhttp.Kernel
	kernel.Sender
	kernel.Poller
	conn, peer net.Conn
	fd         int
}

// newSetup is to be called in a bubble.
func newSetup(t *testing.T, k *memhttp.Kernel) setup {
	s := setup{Kernel: k}
	s.Sender, _ = k.NewSender()
	s.Poller, _ = k.NewPoller()
	t.Cleanup(func() { s.Poller.Close() })
	s.conn, s.peer = pipe(t)
	s.fd = descriptor(t, k, s.conn)
	return s
}

func descriptor(t *testing.T, k kernel.Kernel, conn net.Conn) int {
	t.Helper()
	fd, ok := k.Descriptor(conn)
	if !ok {
		t.Fatal("no descriptor")
	}
	return fd
}

// send sends text, and checks how much was taken, and the error.
func (s setup) send(t *testing.T, fd int, text string, n int, err error) {
	t.Helper()
	batch := []kernel.Send{{FD: fd, Bytes: []byte(text), N: 77, Err: io.EOF}}
	s.Send(batch)
	if batch[0].N != n || !errors.Is(batch[0].Err, err) {
		t.Errorf("send %q: %d, %v; want %d, %v", text, batch[0].N, batch[0].Err, n, err)
	}
}

func (s setup) watch(t *testing.T, fd int, key uint64) {
	t.Helper()
	if err := s.Watch(fd, key); err != nil {
		t.Error(err)
	}
}

func (s setup) wantNotices(t *testing.T, want ...uint64) {
	t.Helper()
	got, err := s.Wait([]uint64{99})
	if err != nil || !slices.Equal(got, append([]uint64{99}, want...)) {
		t.Errorf("notices for %v, %v; want 99 and %v", got, err, want)
	}
}

// wantMisuse checks what Misuse tells: one for each of the texts, which it contains.
func (s setup) wantMisuse(t *testing.T, want ...string) {
	t.Helper()
	got := s.Misuse()
	if !slices.EqualFunc(got, want, strings.Contains) {
		t.Errorf("misuse: %q, want %q", got, want)
	}
}

func TestKernelDescriptors(t *testing.T) {
	for _, fresh := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newSetup(t, &memhttp.Kernel{Fresh: fresh})
			fds := func() (fds []int, conns []net.Conn) {
				for range 3 {
					conn, _ := pipe(t)
					fds, conns = append(fds, descriptor(t, s, conn)), append(conns, conn)
				}
				return fds, conns
			}
			first, conns := fds()
			if want := []int{4, 5, 6}; s.fd != 3 || !slices.Equal(first, want) {
				t.Errorf("descriptors %d and %v, want 3 and %v", s.fd, first, want)
			}
			if again := descriptor(t, s, conns[1]); again != 5 {
				t.Errorf("descriptor %d, and then %d", 5, again)
			}
			conns[1].Close()
			s.conn.Close()
			s.conn.Close()
			want := []int{3, 5, 7} // the lowest that are free
			if fresh {
				want = []int{7, 8, 9}
			}
			if second, _ := fds(); !slices.Equal(second, want) {
				t.Errorf("descriptors %v, want %v", second, want)
			}
			for name, conn := range map[string]net.Conn{"closed": s.conn, "wrapped": struct{ net.Conn }{conns[0]}} {
				if fd, ok := s.Descriptor(conn); ok {
					t.Errorf("a connection that is %s has descriptor %d", name, fd)
				}
			}
			late, _ := pipe(t)
			late.Close()
			if fd, ok := s.Descriptor(late); ok {
				t.Errorf("a connection that was closed before has descriptor %d", fd)
			}
			if _, err := late.Write([]byte("x")); err == nil {
				t.Error("it can be written to")
			}
			s.wantMisuse(t)
		})
	}
}

func TestKernelDescriptorOfClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		conn, _ := pipe(t)
		conn.Close()
		if fd, ok := new(memhttp.Kernel).Descriptor(conn); ok {
			t.Errorf("it has descriptor %d", fd)
		}
		if _, err := conn.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestKernelSend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, new(memhttp.Kernel))
		s.send(t, s.fd, "12345", 5, nil)
		s.send(t, s.fd, "678901", 3, nil) // it holds 8
		s.send(t, s.fd, "9", 0, nil)
		read(t, s.peer, "12345678")
		writing := start(s.conn.Write, []byte("901234567")) // whoever must wait uses Write
		wantWaiting(t, "writing", writing)
		read(t, s.peer, "90123456")
		want(t, "writing", <-writing, 9, nil, 0)
		read(t, s.peer, "7")
		s.peer.Close()
		s.send(t, s.fd, "x", 0, syscall.EPIPE)
		s.wantMisuse(t)
	})
}

// A send wakes a Read as a Write does.
func TestKernelSendWakes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, new(memhttp.Kernel))
		reading := start(s.peer.Read, make([]byte, 8))
		wantWaiting(t, "reading", reading)
		time.Sleep(time.Second)
		s.send(t, s.fd, "abc", 3, nil)
		want(t, "reading", <-reading, 3, nil, time.Second)
	})
}

func TestKernelFaults(t *testing.T) {
	const sends = 10000
	for _, test := range []struct {
		pShort, pAgain      float64
		short, again, whole bool
	}{
		{0, 0, false, false, true},
		{0.5, 0, true, false, true},
		{0, 0.5, false, true, true},
		{0.3, 0.3, true, true, true},
		{1, 0, true, false, false},
		{0, 1, false, true, false},
	} {
		var before []int
		for range 2 { // the same seed makes the same faults
			k := &memhttp.Kernel{Seed: 5, Short: test.pShort, Again: test.pAgain}
			synctest.Test(t, func(t *testing.T) {
				s := newSetup(t, k)
				var taken []int
				seen := map[int]bool{}
				for range sends {
					batch := []kernel.Send{{FD: s.fd, Bytes: []byte("abcd")}}
					s.Send(batch)
					n := batch[0].N
					if batch[0].Err != nil {
						t.Fatal(batch[0].Err)
					}
					if n > 0 {
						read(t, s.peer, "abcd"[:n])
					}
					taken = append(taken, n)
					seen[n] = true
				}
				short := seen[1] && seen[2] && seen[3]
				if short != test.short || (seen[1] || seen[2] || seen[3]) != test.short || seen[0] != test.again || seen[4] != test.whole {
					t.Errorf("short %v, again %v: sends took %v", k.Short, k.Again, seen)
				}
				if before != nil && !slices.Equal(before, taken) {
					t.Error("the same seed made other faults")
				}
				before = taken
				s.wantMisuse(t)
			})
		}
	}
}

func TestKernelPoller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, new(memhttp.Kernel))
		began := time.Now()
		s.watch(t, s.fd, 1)
		time.AfterFunc(time.Hour, func() { write(t, s.peer, "one") })
		s.wantNotices(t, 1)
		if waited := time.Since(began); waited != time.Hour {
			t.Errorf("it waited %v", waited)
		}
		s.watch(t, s.fd, 2) // it is readable still
		s.wantNotices(t, 2)
		read(t, s.conn, "one")
		s.watch(t, s.fd, 3)
		s.watch(t, s.fd, 4) // which takes the place of 3
		write(t, s.conn, "to the peer, and nothing to notice"[:8])
		time.AfterFunc(time.Hour, func() { write(t, s.peer, "two") })
		s.wantNotices(t, 4)
		if waited := time.Since(began); waited != 2*time.Hour {
			t.Errorf("it waited %v", waited)
		}
		read(t, s.conn, "two")

		write(t, s.peer, "three") // unnoticed: nobody has asked again
		other, otherPeer := pipe(t)
		s.watch(t, descriptor(t, s, other), 5)
		otherPeer.Close()
		s.wantNotices(t, 5)
		s.Forget(descriptor(t, s, other))

		read(t, s.conn, "three")
		s.watch(t, s.fd, 6)
		s.peer.(interface{ CloseWrite() error }).CloseWrite()
		s.wantNotices(t, 6)
		s.watch(t, s.fd, 7)
		s.wantNotices(t, 7)

		s.watch(t, s.fd, 8) // a notice that is under way
		s.Forget(s.fd)
		s.wantNotices(t, 8)
		s.wantMisuse(t)
	})
}

func TestKernelPollerForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, new(memhttp.Kernel))
		s.watch(t, s.fd, 1)
		s.Forget(s.fd)
		write(t, s.peer, "unseen")
		other, otherPeer := pipe(t)
		s.watch(t, descriptor(t, s, other), 2)
		write(t, otherPeer, "seen")
		s.wantNotices(t, 2)
		s.wantMisuse(t)
	})
}

func TestKernelPollerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, new(memhttp.Kernel))
		s.watch(t, s.fd, 1)
		done := make(chan error)
		go func() {
			_, err := s.Wait(nil)
			done <- err
		}()
		synctest.Wait()
		s.Poller.Close()
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Errorf("waiting: %v", err)
		}
		if _, err := s.Wait(nil); !errors.Is(err, net.ErrClosed) {
			t.Errorf("waiting again: %v", err)
		}
		if err := s.Watch(s.fd, 1); !errors.Is(err, net.ErrClosed) {
			t.Errorf("watching: %v", err)
		}
		s.Forget(s.fd)
		write(t, s.peer, "unseen")
		s.conn.Close()
		s.wantMisuse(t)
	})
}

func TestKernelSpurious(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, &memhttp.Kernel{Spurious: 0.5})
		const rounds = 1000
		none, early := 0, 0
		for range rounds {
			s.watch(t, s.fd, 1)
			time.AfterFunc(time.Second, func() { write(t, s.peer, "x") })
			began := time.Now()
			keys, err := s.Wait(nil)
			if err == nil && len(keys) == 0 {
				none++
				keys, err = s.Wait(nil)
			}
			if err != nil || !slices.Equal(keys, []uint64{1}) {
				t.Fatalf("notices for %v, %v", keys, err)
			}
			if time.Since(began) == 0 {
				early++
			}
			read(t, s.conn, "x") // which waits, if there is none yet
		}
		// Half of the watches bring a notice early, and another half, where they do not, a return without.
		if early < rounds/3 || early > rounds*2/3 || none < rounds/6 || none > rounds/3 {
			t.Errorf("of %d rounds, %d had a notice early, %d a return without", rounds, early, none)
		}
		s.wantMisuse(t)
	})
}

func TestKernelHook(t *testing.T) {
	var hook func(fd int)
	k := &memhttp.Kernel{Hook: func(fd int) { hook(fd) }}
	synctest.Test(t, func(t *testing.T) {
		s := newSetup(t, k)
		other, otherPeer := pipe(t)
		fd := descriptor(t, s, other)
		hook = func(at int) {
			time.Sleep(time.Second)
			if at == fd {
				otherPeer.Close() // the peer vanishes during the batch
			}
		}
		began := time.Now()
		batch := []kernel.Send{{FD: s.fd, Bytes: []byte("a")}, {FD: fd, Bytes: []byte("b")}}
		s.Send(batch)
		if batch[0].N != 1 || batch[0].Err != nil || batch[1].N != 0 || !errors.Is(batch[1].Err, syscall.EPIPE) {
			t.Errorf("%+v", batch)
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("it took %v", took)
		}
		s.wantMisuse(t)
	})
}

func TestKernelMisuse(t *testing.T) {
	var hook func(fd int)
	hello := []byte("hello")
	tests := []struct {
		name string
		do   func(t *testing.T, s setup)
		want []string
	}{
		{"send to a closed connection", func(t *testing.T, s setup) {
			s.conn.Close()
			s.send(t, s.fd, "x", 0, syscall.EBADF)
		}, []string{"3 was sent to, and is closed"}},
		{"send to what never was", func(t *testing.T, s setup) { s.send(t, 77, "x", 0, syscall.EBADF) },
			[]string{"77 was sent to, and is closed"}},
		{"send nothing", func(t *testing.T, s setup) { s.send(t, s.fd, "", 0, nil) },
			[]string{"3 was sent nothing"}},
		{"watch a closed connection", func(t *testing.T, s setup) {
			s.conn.Close()
			if err := s.Watch(s.fd, 1); !errors.Is(err, syscall.EBADF) {
				t.Error(err)
			}
		}, []string{"3 was watched, and is closed"}},
		{"close what is watched", func(t *testing.T, s setup) {
			s.watch(t, s.fd, 1)
			s.conn.Close()
		}, []string{"3 was closed while it was watched"}},
		{"close what was watched and noticed", func(t *testing.T, s setup) {
			write(t, s.peer, "x")
			s.watch(t, s.fd, 1)
			s.wantNotices(t, 1)
			s.conn.Close()
		}, []string{"3 was closed while it was watched"}},
		{"forget what is closed", func(t *testing.T, s setup) {
			s.conn.Close()
			s.Forget(s.fd)
		}, []string{"3 was to be forgotten after it was closed"}},
		{"close during a batch, before it is its turn", func(t *testing.T, s setup) {
			hook = func(int) { s.conn.Close() }
			s.send(t, s.fd, "x", 0, syscall.EBADF)
		}, []string{"3 was closed while a batch held it", "3 was sent to, and is closed"}},
		{"close during a batch, after it was its turn", func(t *testing.T, s setup) {
			other, _ := pipe(t)
			fd := descriptor(t, s, other)
			hook = func(at int) {
				if at == fd {
					s.conn.Close()
				}
			}
			s.Send([]kernel.Send{{FD: s.fd, Bytes: hello}, {FD: fd, Bytes: hello}})
		}, []string{"3 was closed while a batch held it"}},
		{"two in one batch", func(t *testing.T, s setup) {
			s.Send([]kernel.Send{{FD: s.fd, Bytes: hello}, {FD: s.fd, Bytes: hello}})
		}, []string{"3 was in a batch while"}},
		{"two batches", func(t *testing.T, s setup) {
			second, _ := s.NewSender()
			hook = func(int) {
				hook = func(int) {}
				second.Send([]kernel.Send{{FD: s.fd, Bytes: hello}})
			}
			s.Send([]kernel.Send{{FD: s.fd, Bytes: hello}})
		}, []string{"3 was in a batch while"}},
		{"write during a batch", func(t *testing.T, s setup) {
			hook = func(int) { write(t, s.conn, "x") }
			s.send(t, s.fd, "x", 1, nil)
		}, []string{"3 was written to while"}},
		{"send during a write", func(t *testing.T, s setup) {
			writing := start(s.conn.Write, make([]byte, 10))
			s.send(t, s.fd, "x", 0, nil)
			read(t, s.peer, string(make([]byte, 8)))
			<-writing
		}, []string{"3 was in a batch while"}},
		{"two writes", func(t *testing.T, s setup) {
			writing := start(s.conn.Write, make([]byte, 10))
			other := start(s.conn.Write, nil)
			s.peer.Close()
			<-writing
			<-other
		}, []string{"3 was written to while"}},
		{"one sender for two", func(t *testing.T, s setup) {
			other, _ := pipe(t)
			fd := descriptor(t, s, other)
			hook = func(int) {
				hook = func(int) {}
				s.send(t, fd, "x", 1, nil)
			}
			s.send(t, s.fd, "x", 1, nil)
		}, []string{"a sender was used by two"}},
		{"a closed sender", func(t *testing.T, s setup) {
			s.Sender.Close()
			s.send(t, s.fd, "x", 1, nil)
		}, []string{"a sender was used"}},
		{"close a sender during a batch", func(t *testing.T, s setup) {
			hook = func(int) { s.Sender.Close() }
			s.send(t, s.fd, "x", 1, nil)
		}, []string{"a sender was closed during a batch"}},
		{"two wait", func(t *testing.T, s setup) {
			var waiting sync.WaitGroup
			waiting.Go(func() { s.Wait(nil) })
			synctest.Wait()
			waiting.Go(func() { s.Wait(nil) })
			synctest.Wait()
			s.Poller.Close()
			waiting.Wait()
		}, []string{"a poller was waited for by two"}},
		{"all that is allowed", func(t *testing.T, s setup) {
			s.watch(t, s.fd, 1)
			s.send(t, s.fd, "x", 1, nil)
			s.send(t, s.fd, "x", 1, nil)
			write(t, s.conn, "x")
			hook = func(int) { s.peer.Close() }
			s.send(t, s.fd, "x", 0, syscall.EPIPE)
			s.wantNotices(t, 1)
			s.Forget(s.fd)
			s.conn.Close()
		}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			hook = func(int) {}
			synctest.Test(t, func(t *testing.T) {
				s := newSetup(t, &memhttp.Kernel{Hook: func(fd int) { hook(fd) }})
				test.do(t, s)
				s.wantMisuse(t, test.want...)
			})
		})
	}
}

// A pump that sends to many connections in batches, and falls back to Write where a send would block:
// whatever the faults, every byte arrives once and in order, and nothing is misused.
func TestKernelPump(t *testing.T) {
	for seed := range uint64(20) {
		k := &memhttp.Kernel{Seed: seed, Short: 0.2, Again: 0.2, Spurious: 0.2, Fresh: seed%2 == 0}
		synctest.Test(t, func(t *testing.T) {
			s := newSetup(t, k)
			const conns, rounds = 20, 50
			random := rand.New(rand.NewPCG(seed, 1))
			type stream struct {
				conn net.Conn
				fd   int
				sent []byte
			}
			streams := make([]*stream, conns)
			var reading sync.WaitGroup
			for i := range streams {
				conn, peer := pipe(t)
				st := &stream{conn: conn, fd: descriptor(t, k, conn)}
				streams[i] = st
				reading.Go(func() {
					got, err := io.ReadAll(peer)
					if err != nil || !bytes.Equal(got, st.sent) {
						t.Errorf("read %q, %v; sent %q", got, err, st.sent)
					}
				})
			}
			for round := range rounds {
				var batch []kernel.Send
				var in []*stream
				for i, st := range streams {
					if random.IntN(2) == 0 {
						b := bytes.Repeat([]byte{byte('a' + (round+i)%26)}, 1+random.IntN(12))
						batch, in = append(batch, kernel.Send{FD: st.fd, Bytes: b}), append(in, st)
						st.sent = append(st.sent, b...)
					}
				}
				s.Send(batch)
				for i, sent := range batch {
					if sent.Err != nil {
						t.Error(sent.Err)
					}
					if sent.N < len(sent.Bytes) {
						write(t, in[i].conn, string(sent.Bytes[sent.N:]))
					}
				}
			}
			for _, st := range streams {
				st.conn.Close()
			}
			reading.Wait()
			s.wantMisuse(t)
		})
	}
}
