package kernel_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"

	"pushlab/common/kernel"
)

// kernels returns those that this machine offers: Write always, and Uring or a loud word.
func kernels(t testing.TB) []kernel.Kernel {
	write, err := kernel.Write()
	if err != nil {
		t.Fatal(err)
	}
	uring, err := kernel.Uring()
	if err != nil {
		t.Logf("ATTENTION: io_uring is not tested, since this machine does not offer it: %v", err)
		return []kernel.Kernel{write}
	}
	return []kernel.Kernel{write, uring}
}

// each runs a test on each of them.
func each(t *testing.T, test func(t *testing.T, k kernel.Kernel)) {
	for _, k := range kernels(t) {
		t.Run("kernel="+k.Name(), func(t *testing.T) { test(t, k) })
	}
}

func newSender(t testing.TB, k kernel.Kernel) kernel.Sender {
	s, err := k.NewSender()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// networks are what connections are made on.
var networks = []string{"tcp", "unix"}

// connect returns n connections, and their peers.
func connect(t testing.TB, network string, n int) (conns, peers []net.Conn) {
	address := "127.0.0.1:0"
	if network == "unix" {
		address = t.TempDir() + "/s"
	}
	l, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for range n {
		peer, err := net.Dial(network, l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { peer.Close() })
		conn, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conns, peers = append(conns, conn), append(peers, peer)
	}
	return conns, peers
}

func descriptor(t testing.TB, k kernel.Kernel, conn net.Conn) int {
	t.Helper()
	fd, ok := k.Descriptor(conn)
	if !ok {
		t.Fatalf("%T has no descriptor", conn)
	}
	return fd
}

// text returns n bytes that are not the same anywhere else.
func text(n int, seed uint64) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16), byte(seed >> 24)}).Read(b)
	return b
}

// wantSent checks that a batch was sent as a whole.
func wantSent(t *testing.T, batch []kernel.Send) {
	t.Helper()
	for i, s := range batch {
		if s.N != len(s.Bytes) || s.Err != nil {
			t.Fatalf("send %d of %d: %d of %d bytes, %v", i, len(batch), s.N, len(s.Bytes), s.Err)
		}
	}
}

func wantRead(t *testing.T, peer io.Reader, want []byte) {
	t.Helper()
	got := make([]byte, len(want))
	if n, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("read %d bytes, %v; they are %.40q, want %d, %.40q", n, err, got, len(want), want)
	}
}

func TestUringOrAdvice(t *testing.T) {
	k, err := kernel.Uring()
	if err == nil {
		if k.Name() != "uring" {
			t.Errorf("it is called %q", k.Name())
		}
		return
	}
	for _, advice := range []string{"sysctl", "seccomp", "Linux 5", "ulimit"} {
		if strings.Contains(err.Error(), advice) {
			return
		}
	}
	t.Errorf("the error gives no advice: %v", err)
}

func TestDescriptor(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		for _, network := range networks {
			conns, _ := connect(t, network, 2)
			a, b := descriptor(t, k, conns[0]), descriptor(t, k, conns[1])
			if a == b || a < 0 || b < 0 {
				t.Errorf("%s: descriptors %d and %d", network, a, b)
			}
			if again := descriptor(t, k, conns[0]); again != a {
				t.Errorf("%s: descriptor %d, and then %d", network, a, again)
			}
			if fd, ok := k.Descriptor(struct{ net.Conn }{conns[0]}); ok {
				t.Errorf("%s: a wrapper has descriptor %d", network, fd)
			}
			conns[0].Close()
			if fd, ok := k.Descriptor(conns[0]); ok {
				t.Errorf("%s: a closed connection has descriptor %d", network, fd)
			}
		}
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		if fd, ok := k.Descriptor(a); ok {
			t.Errorf("a pipe has descriptor %d", fd)
		}
	})
}

func TestSend(t *testing.T) {
	for _, network := range networks {
		for _, n := range []int{0, 1, 2, kernel.Few - 1, kernel.Few, kernel.Entries - 1, kernel.Entries, kernel.Entries + 1, kernel.Entries + kernel.Few, 3*kernel.Entries + 5} {
			t.Run(fmt.Sprintf("network=%s/batch=%d", network, n), func(t *testing.T) {
				each(t, func(t *testing.T, k kernel.Kernel) {
					conns, peers := connect(t, network, n)
					sender := newSender(t, k)
					batch := make([]kernel.Send, n)
					for round := range 3 {
						for i, conn := range conns {
							batch[i] = kernel.Send{FD: descriptor(t, k, conn), Bytes: text(1+i*3, uint64(round*n+i))}
							batch[i].N, batch[i].Err = 77, io.EOF // of the last time
						}
						sender.Send(batch)
						wantSent(t, batch)
						for i, peer := range peers {
							wantRead(t, peer, batch[i].Bytes)
						}
					}
				})
			})
		}
	}
}

// As long as nothing would block, several sends to one socket arrive in order, however many they are.
func TestSendOrder(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		conns, peers := connect(t, "tcp", 200)
		sender := newSender(t, k)
		for round := range 5 {
			batch := make([]kernel.Send, 5000)
			want := make([][]byte, len(conns))
			for i := range batch {
				at := (i*i + round) % len(conns)
				batch[i] = kernel.Send{FD: descriptor(t, k, conns[at]), Bytes: text(20, uint64(round*len(batch)+i))}
				want[at] = append(want[at], batch[i].Bytes...)
			}
			sender.Send(batch)
			wantSent(t, batch)
			for i, peer := range peers {
				wantRead(t, peer, want[i])
			}
		}
	})
}

func TestSendWouldBlock(t *testing.T) {
	for _, network := range networks {
		t.Run("network="+network, func(t *testing.T) {
			each(t, func(t *testing.T, k kernel.Kernel) {
				conns, peers := connect(t, network, 2*kernel.Few)
				sender := newSender(t, k)
				long := text(16<<20, 1) // more than the buffers hold
				left, short := long, false
				for len(left) > 0 {
					batch := make([]kernel.Send, len(conns))
					for i, conn := range conns {
						batch[i] = kernel.Send{FD: descriptor(t, k, conn), Bytes: []byte("short")}
					}
					batch[1].Bytes = left
					sender.Send(batch)
					wantSent(t, batch[:1])
					wantSent(t, batch[2:])
					for i, peer := range peers {
						if i != 1 {
							wantRead(t, peer, []byte("short"))
						}
					}
					if batch[1].Err != nil {
						t.Fatal(batch[1].Err)
					}
					n := batch[1].N
					short = short || n > 0 && n < len(left)
					left = left[n:]
					sent := len(long) - len(left)
					wantRead(t, peers[1], long[sent-n:sent])
				}
				if !short {
					t.Error("no send was cut short")
				}
				full := fill(t, sender, descriptor(t, k, conns[1]))
				wantRead(t, peers[1], full)
			})
		})
	}
}

// fill sends until nothing is taken any more, and returns what was.
func fill(t *testing.T, sender kernel.Sender, fd int) (full []byte) {
	t.Helper()
	more := text(1<<20, 2)
	for {
		batch := []kernel.Send{{FD: fd, Bytes: more}}
		sender.Send(batch)
		if batch[0].Err != nil {
			t.Fatal(batch[0].Err)
		}
		if batch[0].N == 0 {
			return full
		}
		full = append(full, more[:batch[0].N]...)
	}
}

// wantErr checks that a send failed for one of the reasons.
func wantErr(t *testing.T, s kernel.Send, reasons ...error) {
	t.Helper()
	for _, reason := range reasons {
		if s.N == 0 && errors.Is(s.Err, reason) {
			return
		}
	}
	t.Errorf("%d of %d bytes, %v; want one of %v", s.N, len(s.Bytes), s.Err, reasons)
}

func TestSendBroken(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		sender := newSender(t, k)
		poller := newPoller(t, k)
		tcp, tcpPeers := connect(t, "tcp", 3)
		unixes, unixPeers := connect(t, "unix", 1)
		tcpPeers[0].(*net.TCPConn).SetLinger(0) // closing it resets it
		tcpPeers[0].Close()
		tcp[1].(*net.TCPConn).CloseWrite()
		unixPeers[0].Close()
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		defer writer.Close()

		reset := descriptor(t, k, tcp[0])
		watch(t, poller, reset, 1)
		wantNotices(t, poller, 1) // now it has arrived
		good := kernel.Send{FD: descriptor(t, k, tcp[2]), Bytes: []byte("good")}
		batch := []kernel.Send{
			good,
			{FD: reset, Bytes: []byte("reset")},
			{FD: descriptor(t, k, tcp[1]), Bytes: []byte("half closed")},
			{FD: descriptor(t, k, unixes[0]), Bytes: []byte("closed by the peer")},
			good,
			{FD: 1 << 20, Bytes: []byte("never open")},
			{FD: -1, Bytes: []byte("never open")},
			{FD: int(writer.Fd()), Bytes: []byte("not a socket")},
			good,
		}
		for range kernel.Few { // each kernel shall do it in its own way
			batch = append(batch, good)
		}
		sender.Send(batch)
		wantErr(t, batch[1], unix.ECONNRESET, unix.EPIPE)
		wantErr(t, batch[2], unix.EPIPE)
		wantErr(t, batch[3], unix.EPIPE)
		wantErr(t, batch[5], unix.EBADF)
		wantErr(t, batch[6], unix.EBADF)
		wantErr(t, batch[7], unix.ENOTSOCK)
		wantSent(t, []kernel.Send{batch[0], batch[4]})
		wantSent(t, batch[8:])
		wantRead(t, tcpPeers[2], bytes.Repeat([]byte("good"), 3+kernel.Few))
	})
}

// What is sent must stay where it is until it was sent, though Go does not see who holds it.
func TestSendWhileCollecting(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		const rounds = 200
		conns, peers := connect(t, "unix", 2*kernel.Entries)
		sender := newSender(t, k)
		var collecting, reading sync.WaitGroup
		defer collecting.Wait()
		done := make(chan struct{})
		defer close(done)
		collecting.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
					runtime.GC()
				}
			}
		})
		for i, peer := range peers {
			reading.Go(func() {
				for round := range rounds {
					want := text(100, uint64(round*len(peers)+i))
					got := make([]byte, len(want))
					if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, want) {
						t.Errorf("round %d, connection %d: %v, or other bytes than were sent", round, i, err)
						return
					}
				}
			})
		}
		for round := range rounds {
			batch := make([]kernel.Send, len(conns))
			for i, conn := range conns {
				batch[i] = kernel.Send{FD: descriptor(t, k, conn), Bytes: text(100, uint64(round*len(peers)+i))}
			}
			sender.Send(batch)
			wantSent(t, batch)
		}
		reading.Wait()
	})
}

func TestSendersAreIndependent(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		var sending sync.WaitGroup
		for i := range 4 {
			conns, peers := connect(t, "unix", 50)
			sender := newSender(t, k)
			sending.Go(func() {
				for round := range 100 {
					batch := make([]kernel.Send, len(conns))
					for j, conn := range conns {
						fd, _ := k.Descriptor(conn)
						batch[j] = kernel.Send{FD: fd, Bytes: text(30, uint64(round*1000+i*100+j))}
					}
					sender.Send(batch)
					for j, peer := range peers {
						got := make([]byte, 30)
						if _, err := io.ReadFull(peer, got); err != nil || !bytes.Equal(got, batch[j].Bytes) {
							t.Errorf("read %.40q, %v; want %.40q", got, err, batch[j].Bytes)
						}
					}
				}
			})
		}
		sending.Wait()
	})
}

// A sender may go from thread to thread, and each may end.
func TestSendFromManyThreads(t *testing.T) {
	each(t, func(t *testing.T, k kernel.Kernel) {
		conns, peers := connect(t, "unix", 2*kernel.Few)
		sender := newSender(t, k)
		for round := range 100 {
			batch := make([]kernel.Send, len(conns))
			for i, conn := range conns {
				batch[i] = kernel.Send{FD: descriptor(t, k, conn), Bytes: text(30, uint64(round*1000+i))}
			}
			done := make(chan struct{})
			go func() {
				runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
				sender.Send(batch)
				close(done)
			}()
			<-done
			wantSent(t, batch)
			for i, peer := range peers {
				wantRead(t, peer, batch[i].Bytes)
			}
		}
	})
}

// All kernels do the same, to the byte.
func TestSendAlike(t *testing.T) {
	all := kernels(t)
	long := text(500000, 1)
	type world struct {
		sender kernel.Sender
		pairs  [][2]int
	}
	rapid.Check(t, func(t *rapid.T) {
		const sockets = 12
		worlds := make([]world, len(all))
		for i, k := range all {
			sender, err := k.NewSender()
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			worlds[i].sender = sender
			for range sockets {
				pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(pair[0])
				defer unix.Close(pair[1])
				unix.SetsockoptInt(pair[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 1) // as few as it may
				worlds[i].pairs = append(worlds[i].pairs, [2]int(pair))
			}
		}
		// results is what one world made of a step.
		check := func(step string, do func(world) string) {
			want := do(worlds[0])
			for i, w := range worlds[1:] {
				if got := do(w); got != want {
					t.Fatalf("%s: %s: %.200q; %s: %.200q", step, all[0].Name(), want, all[i+1].Name(), got)
				}
			}
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"send", "send", "send", "read", "read", "shut"}).Draw(t, "step") {
			case "send":
				var targets []int
				var texts [][]byte
				for range rapid.SampledFrom([]int{1, 12, 30, 300}).Draw(t, "batch") {
					targets = append(targets, rapid.IntRange(0, sockets-1).Draw(t, "target"))
					size := rapid.SampledFrom([]int{1, 100, 3000, 300000}).Draw(t, "size")
					texts = append(texts, long[100*len(texts):][:size])
				}
				check("send", func(w world) string {
					batch := make([]kernel.Send, len(targets))
					for i, target := range targets {
						batch[i] = kernel.Send{FD: w.pairs[target][0], Bytes: texts[i]}
					}
					w.sender.Send(batch)
					var results strings.Builder
					for _, s := range batch {
						fmt.Fprint(&results, s.N, s.Err, " ")
					}
					return results.String()
				})
			case "read":
				target := rapid.IntRange(0, sockets-1).Draw(t, "target")
				size := rapid.SampledFrom([]int{1, 1000, 100000}).Draw(t, "size")
				check("read", func(w world) string {
					b := make([]byte, size)
					n, err := unix.Read(w.pairs[target][1], b)
					return fmt.Sprint(err, " ", string(b[:max(n, 0)]))
				})
			case "shut":
				target := rapid.IntRange(0, sockets-1).Draw(t, "target")
				how := rapid.SampledFrom([]int{unix.SHUT_RD, unix.SHUT_WR, unix.SHUT_RDWR}).Draw(t, "how")
				end := rapid.IntRange(0, 1).Draw(t, "end")
				check("shut", func(w world) string { return fmt.Sprint(unix.Shutdown(w.pairs[target][end], how)) })
			}
		}
	})
}

// A ring whose io_uring_enter does what the real one does once in a blue moon.
func TestRingTrouble(t *testing.T) {
	if k := kernels(t); len(k) < 2 {
		return // kernels has said so
	}
	type enter = func(submit, wait int) syscall.Errno
	tests := []struct {
		name    string
		trouble func(calls int, original enter, submit, wait int) syscall.Errno
	}{
		{"takes fewer than it is given", func(calls int, original enter, submit, wait int) syscall.Errno {
			return original((submit+1)/2, 0) // and does not wait then
		}},
		{"is interrupted before it begins", func(calls int, original enter, submit, wait int) syscall.Errno {
			if calls%2 == 1 {
				return unix.EINTR
			}
			return original(submit, wait)
		}},
		{"is interrupted behind its work", func(calls int, original enter, submit, wait int) syscall.Errno {
			if errno := original(submit, wait); errno != 0 {
				return errno
			}
			return unix.EINTR
		}},
		{"has no memory", func(calls int, original enter, submit, wait int) syscall.Errno { return unix.EAGAIN }},
		{"has memory for three", func(calls int, original enter, submit, wait int) syscall.Errno {
			if calls%2 == 1 && submit > 3 {
				return original(3, 0)
			}
			return unix.EAGAIN
		}},
		{"fails", func(calls int, original enter, submit, wait int) syscall.Errno { return unix.EBADFD }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			write, _ := kernel.Write()
			conns, peers := connect(t, "unix", 10)
			calls := 0
			sender, err := kernel.MakeRing(func(original enter, block func()) enter {
				return func(submit, wait int) syscall.Errno {
					if calls++; calls > 10000 {
						t.Fatal("it is called for ever")
					}
					return test.trouble(calls, original, submit, wait)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			for round := range 50 {
				batch := make([]kernel.Send, 0, 4*kernel.Entries)
				want := make([][]byte, len(conns))
				for i := range 1 + round*7 {
					at := i % len(conns)
					batch = append(batch, kernel.Send{FD: descriptor(t, write, conns[at]), Bytes: text(10, uint64(round*1000+i))})
					want[at] = append(want[at], batch[i].Bytes...)
				}
				sender.Send(batch)
				wantSent(t, batch)
				for i, peer := range peers {
					wantRead(t, peer, want[i])
				}
			}
		})
	}
}

// If a kernel should come that does not complete a send before it returns, Send waits for it.
func TestRingWaits(t *testing.T) {
	if k := kernels(t); len(k) < 2 {
		return
	}
	for _, fails := range []bool{false, true} {
		t.Run(fmt.Sprintf("fails=%v", fails), func(t *testing.T) {
			// The descriptors must be ones that may block, which those of net are not.
			pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
			if err != nil {
				t.Fatal(err)
			}
			peer := os.NewFile(uintptr(pair[1]), "peer")
			defer peer.Close()
			defer unix.Close(pair[0])

			entered := make(chan struct{}, 100)
			calls := 0
			sender, err := kernel.MakeRing(func(original func(submit, wait int) syscall.Errno, block func()) func(submit, wait int) syscall.Errno {
				return func(submit, wait int) syscall.Errno {
					calls++
					if calls == 1 {
						block()
						original(submit, 0) // as if a signal had ended the wait
						entered <- struct{}{}
						return unix.EINTR
					}
					if fails {
						return unix.EBADFD
					}
					return original(submit, wait)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			defer sender.Close()
			write, _ := kernel.Write()
			full := fill(t, newSender(t, write), pair[0])
			batch := []kernel.Send{{FD: pair[0], Bytes: []byte("waits")}}
			conns, _ := connect(t, "unix", kernel.Few) // fewer would not go through the ring
			for _, conn := range conns {
				batch = append(batch, kernel.Send{FD: descriptor(t, write, conn), Bytes: []byte("does not")})
			}
			done := make(chan struct{})
			go func() {
				defer close(done)
				sender.Send(batch)
			}()
			<-entered
			if fails { // then what became of it is not known
				<-done
				if batch[0].N != 0 || batch[0].Err == nil {
					t.Errorf("%d bytes, %v", batch[0].N, batch[0].Err)
				}
				// From now on it sends without its ring.
				fresh, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
				if err != nil {
					t.Fatal(err)
				}
				defer unix.Close(fresh[0])
				other := os.NewFile(uintptr(fresh[1]), "other")
				defer other.Close()
				wantSent(t, batch[1:])
				batch[0] = kernel.Send{FD: fresh[0], Bytes: []byte("and yet")}
				sender.Send(batch)
				wantSent(t, batch)
				wantRead(t, other, []byte("and yet"))
				return
			}
			select {
			case <-done:
				t.Fatal("it did not wait")
			default:
			}
			wantRead(t, peer, full)
			<-done
			wantSent(t, batch)
			wantRead(t, peer, []byte("waits"))
		})
	}
}
