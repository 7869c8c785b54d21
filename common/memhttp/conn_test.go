package memhttp_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/memhttp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// pipe returns the two ends of a connection that holds 8 bytes each way.
func pipe(t *testing.T) (a, b net.Conn) {
	a, b = memhttp.Pipe(8)
	t.Cleanup(func() {
		a.Close()
		b.Close()
	})
	return a, b
}

// A result is what a Read or Write returned, and when.
type result struct {
	n   int
	err error
	at  time.Duration // since the call
}

// start calls do in the background.
func start(do func([]byte) (int, error), p []byte) <-chan result {
	results, began := make(chan result, 1), time.Now()
	go func() {
		n, err := do(p)
		results <- result{n, err, time.Since(began)}
	}()
	synctest.Wait()
	return results
}

// want checks the outcome of a Read or Write.
func want(t *testing.T, name string, got result, n int, err error, at time.Duration) {
	t.Helper()
	if got.n != n || !errors.Is(got.err, err) || at != got.at {
		t.Errorf("%s: %d, %v after %v; want %d, %v after %v", name, got.n, got.err, got.at, n, err, at)
	}
}

// wantWaiting checks that a Read or Write has not returned yet.
func wantWaiting(t *testing.T, name string, results <-chan result) {
	t.Helper()
	synctest.Wait()
	select {
	case r := <-results:
		t.Fatalf("%s: %d, %v; it ought to wait", name, r.n, r.err)
	default:
	}
}

func read(t *testing.T, c net.Conn, want string) {
	t.Helper()
	p := make([]byte, 100)
	n, err := c.Read(p)
	if err != nil || string(p[:n]) != want {
		t.Errorf("read %q, %v; want %q", p[:n], err, want)
	}
}

func write(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if n, err := io.WriteString(c, text); n != len(text) || err != nil {
		t.Errorf("write %q: %d, %v", text, n, err)
	}
}

func TestPipeBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		write(t, a, "ping")
		write(t, b, "pong")
		read(t, b, "ping")
		read(t, a, "pong")
		write(t, a, "one ")
		write(t, a, "two")
		read(t, b, "one two") // a stream of bytes: writes leave no trace
	})
}

func TestPipeBuffer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		write(t, a, "12345678") // as much as it holds, though nobody reads
		writing := start(a.Write, []byte("9abcdefghijk"))
		wantWaiting(t, "writing more", writing)
		write(t, b, "87654321") // each way has its own
		read(t, b, "12345678")
		wantWaiting(t, "writing more than there is room for again", writing)
		read(t, b, "9abcdefg")
		want(t, "writing", <-writing, 12, nil, 0)
		read(t, b, "hijk")
	})
}

func TestPipeReadWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		reading := start(b.Read, make([]byte, 2))
		wantWaiting(t, "reading", reading)
		time.Sleep(time.Second)
		write(t, a, "abc")
		want(t, "reading", <-reading, 2, nil, time.Second)
		read(t, b, "c")
	})
}

func TestPipeEmptySlices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		want(t, "reading nothing", <-start(b.Read, nil), 0, nil, 0)
		write(t, a, "12345678")
		want(t, "writing nothing into a full buffer", <-start(a.Write, nil), 0, nil, 0)
		want(t, "reading nothing of something", <-start(b.Read, nil), 0, nil, 0)
		read(t, b, "12345678")
	})
}

// What was written must not change when the writer uses its slice again.
func TestPipeCopies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		p := []byte("before")
		a.Write(p)
		copy(p, "after!")
		read(t, b, "before")
	})
}

func TestPipeCloseWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		write(t, a, "last")
		writing := start(a.Write, []byte("too much"))
		if err := a.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			t.Error(err)
		}
		want(t, "a write that waits", <-writing, 4, net.ErrClosed, 0)
		want(t, "a write after it", <-start(a.Write, []byte("x")), 0, net.ErrClosed, 0)
		read(t, b, "lasttoo ")
		for range 2 {
			want(t, "the peer's read", <-start(b.Read, make([]byte, 1)), 0, io.EOF, 0)
		}
		write(t, b, "answer") // the other way is still open
		read(t, a, "answer")
		if err := a.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Error(err) // a socket allows it too
		}
		want(t, "a read with a deadline", <-start(a.Read, make([]byte, 1)), 0, os.ErrDeadlineExceeded, time.Second)
		b.Close()
		a.SetDeadline(time.Time{})
		want(t, "a read when the peer has closed too", <-start(a.Read, make([]byte, 1)), 0, io.EOF, 0)
	})
}

func TestPipeCloseHere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		write(t, b, "unread")
		read(t, a, "unread")
		write(t, a, "12345678")
		reading, writing := start(a.Read, make([]byte, 1)), start(a.Write, []byte("9"))
		for range 2 {
			if err := a.Close(); err != nil {
				t.Error(err)
			}
		}
		want(t, "a read that waits", <-reading, 0, net.ErrClosed, 0)
		want(t, "a write that waits", <-writing, 0, net.ErrClosed, 0)
		want(t, "a read", <-start(a.Read, make([]byte, 1)), 0, net.ErrClosed, 0)
		want(t, "a write", <-start(a.Write, []byte("x")), 0, net.ErrClosed, 0)
		for name, set := range map[string]func(time.Time) error{
			"SetDeadline": a.SetDeadline, "SetReadDeadline": a.SetReadDeadline, "SetWriteDeadline": a.SetWriteDeadline,
		} {
			if err := set(time.Now()); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

func TestPipeCloseThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		write(t, a, "12345678")
		write(t, b, "87654321")
		writing := start(b.Write, []byte("0"))
		a.Close()
		if r := <-writing; r.err == nil || errors.Is(r.err, net.ErrClosed) {
			t.Errorf("a write that waits: %v; want an error that is not about this end", r.err)
		}
		want(t, "a write", <-start(b.Write, []byte("x")), 0, io.ErrClosedPipe, 0)
		read(t, b, "12345678") // what was on its way
		want(t, "a read", <-start(b.Read, make([]byte, 1)), 0, io.EOF, 0)
	})
}

func TestPipeReadDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		b.SetReadDeadline(time.Now().Add(time.Second))
		r := <-start(b.Read, make([]byte, 1))
		want(t, "read", r, 0, os.ErrDeadlineExceeded, time.Second)
		var timeout net.Error
		if !errors.As(r.err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v is no timeout", r.err)
		}
		write(t, a, "data")
		want(t, "read of what is there, too late", <-start(b.Read, make([]byte, 1)), 0, os.ErrDeadlineExceeded, 0)
		write(t, b, "ok") // the other direction has another deadline
		b.SetReadDeadline(time.Now().Add(time.Second))
		read(t, b, "data")
		time.Sleep(time.Hour)
		b.SetReadDeadline(time.Time{})
		reading := start(b.Read, make([]byte, 4))
		time.Sleep(time.Hour)
		write(t, a, "late")
		want(t, "read without a deadline", <-reading, 4, nil, time.Hour)
	})
}

// A deadline counts for a call that waits already.
func TestPipeDeadlineWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, b := pipe(t)
		reading := start(b.Read, make([]byte, 1))
		time.Sleep(time.Second)
		b.SetReadDeadline(time.Now().Add(time.Second))
		want(t, "a deadline set", <-reading, 0, os.ErrDeadlineExceeded, 2*time.Second)

		b.SetReadDeadline(time.Now().Add(time.Second))
		reading = start(b.Read, make([]byte, 1))
		b.SetReadDeadline(time.Now().Add(time.Minute))
		want(t, "a deadline moved back", <-reading, 0, os.ErrDeadlineExceeded, time.Minute)

		b.SetReadDeadline(time.Now().Add(time.Minute))
		reading = start(b.Read, make([]byte, 1))
		b.SetReadDeadline(time.Now().Add(time.Second))
		want(t, "a deadline moved forward", <-reading, 0, os.ErrDeadlineExceeded, time.Second)

		b.SetReadDeadline(time.Time{})
		reading = start(b.Read, make([]byte, 1))
		b.SetReadDeadline(time.Unix(1, 0))
		want(t, "a deadline in the past", <-reading, 0, os.ErrDeadlineExceeded, 0)

		b.SetReadDeadline(time.Now().Add(time.Second))
		reading = start(b.Read, make([]byte, 1))
		b.SetReadDeadline(time.Time{})
		time.Sleep(time.Hour)
		wantWaiting(t, "a deadline taken away", reading)
	})
}

func TestPipeWriteDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		a.SetWriteDeadline(time.Now().Add(time.Second))
		want(t, "a write that fits in part", <-start(a.Write, []byte("0123456789")), 8, os.ErrDeadlineExceeded, time.Second)
		read(t, b, "01234567")
		want(t, "a write, too late, though there is room", <-start(a.Write, []byte("89")), 0, os.ErrDeadlineExceeded, 0)
		reading := start(a.Read, make([]byte, 2))
		write(t, b, "hi")
		want(t, "a read", <-reading, 2, nil, 0)

		a.SetWriteDeadline(time.Now().Add(10 * time.Second))
		writing := start(a.Write, []byte(strings.Repeat("x", 20)))
		time.Sleep(time.Second)
		read(t, b, "xxxxxxxx") // to take some of it does not move the deadline
		want(t, "a write of which some was taken", <-writing, 16, os.ErrDeadlineExceeded, 10*time.Second)

		a.SetWriteDeadline(time.Time{})
		writing = start(a.Write, []byte("y"))
		time.Sleep(time.Hour)
		read(t, b, "xxxxxxxx")
		want(t, "a write without a deadline", <-writing, 1, nil, time.Hour)
	})
}

func TestPipeSetDeadlineIsBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		if err := a.SetDeadline(time.Now().Add(time.Second)); err != nil {
			t.Error(err)
		}
		reading, writing := start(a.Read, make([]byte, 1)), start(a.Write, make([]byte, 9))
		want(t, "read", <-reading, 0, os.ErrDeadlineExceeded, time.Second)
		want(t, "write", <-writing, 8, os.ErrDeadlineExceeded, time.Second)
		b.SetReadDeadline(time.Now().Add(time.Second))
		read(t, b, strings.Repeat("\x00", 8)) // the peer has its own
	})
}

func TestPipeAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pipe(t)
		for _, address := range []net.Addr{a.LocalAddr(), a.RemoteAddr(), b.LocalAddr(), b.RemoteAddr()} {
			if address.Network() == "" || address.String() == "" {
				t.Errorf("%#v says nothing", address)
			}
		}
	})
}

// Writes and reads of any size, both ways at once, with and without deadlines: the bytes arrive as
// they were sent.
func TestPipeManySizes(t *testing.T) {
	for _, size := range []int{1, 2, 7, 64, 4096} {
		a, b := memhttp.Pipe(size)
		var all sync.WaitGroup
		for i, ends := range [][2]net.Conn{{a, b}, {b, a}} {
			from, to := ends[0], ends[1]
			random := rand.New(rand.NewPCG(uint64(size), uint64(i)))
			sent := make([]byte, 20_000)
			for i := range sent {
				sent[i] = byte(random.Uint32())
			}
			all.Go(func() {
				for rest := sent; len(rest) > 0; {
					n, err := from.Write(rest[:min(len(rest), random.IntN(3*size+1))])
					if err != nil {
						t.Error(err)
						break
					}
					rest = rest[n:]
				}
				from.(interface{ CloseWrite() error }).CloseWrite()
			})
			all.Go(func() {
				var got bytes.Buffer
				p := make([]byte, 100)
				for n := 1; ; n = n%len(p) + 1 {
					// A deadline that has passed takes nothing away.
					to.SetReadDeadline(time.Unix(1, 0))
					if n, err := to.Read(p); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Errorf("read %d, %v past the deadline", n, err)
					}
					to.SetReadDeadline(time.Time{})
					n, err := to.Read(p[:n])
					got.Write(p[:n])
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Error(err)
						break
					}
				}
				if !bytes.Equal(got.Bytes(), sent) {
					t.Errorf("size %d: %d bytes arrived, not the %d that were sent", size, got.Len(), len(sent))
				}
			})
		}
		all.Wait()
		a.Close()
		b.Close()
	}
}

// Whatever is called at the same time, nothing races and nothing stays behind.
func TestPipeEverythingAtOnce(t *testing.T) {
	for range 20 {
		a, b := memhttp.Pipe(4)
		var all sync.WaitGroup
		for _, c := range []net.Conn{a, b} {
			all.Go(func() { io.Copy(io.Discard, c) })
			all.Go(func() {
				for {
					if _, err := c.Write([]byte("0123456789")); err != nil {
						return
					}
				}
			})
			all.Go(func() {
				for range 100 {
					c.SetDeadline(time.Now().Add(time.Hour))
					c.SetReadDeadline(time.Time{})
				}
				c.Close()
			})
		}
		all.Wait()
	}
}
