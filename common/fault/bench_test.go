package fault_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"

	"pushlab/common/fault"
)

// What a proxy costs that does nothing wrong: a message there and back, and bytes in one direction.
// Compare with via=direct; a kernel's own path is most of it.
func BenchmarkPass(b *testing.B) {
	for _, via := range []string{"direct", "proxy"} {
		for _, size := range []int{128, 16 << 10} {
			b.Run(fmt.Sprintf("do=echo/via=%s/size=%d", via, size), func(b *testing.B) {
				c := dialEcho(b, via, func(c net.Conn) { io.Copy(c, onlyReader{c}) })
				p := make([]byte, size)
				b.SetBytes(int64(size))
				b.ReportAllocs()
				for b.Loop() {
					if _, err := c.Write(p); err != nil {
						b.Fatal(err)
					}
					if _, err := io.ReadFull(c, p); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(fmt.Sprintf("do=stream/via=%s/size=%d", via, 16<<10), func(b *testing.B) {
			c := dialEcho(b, via, func(c net.Conn) {
				p := make([]byte, 16<<10)
				for {
					if _, err := c.Write(p); err != nil {
						return
					}
				}
			})
			p := make([]byte, 16<<10)
			b.SetBytes(16 << 10)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := io.ReadFull(c, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type onlyReader struct{ io.Reader } // so that the kernel does not copy by itself

// dialEcho connects to a server, directly or through a proxy; all ends with the benchmark.
func dialEcho(b *testing.B, via string, serve func(net.Conn)) net.Conn {
	b.Helper()
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		return l
	}
	server := listen()
	var running sync.WaitGroup
	running.Go(func() {
		c, err := server.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		serve(c)
	})
	address, end := server.Addr().String(), func() error { return nil }
	if via == "proxy" {
		to := address
		proxy := fault.New(fault.Config{Dial: func(ctx context.Context, _ net.Conn) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", to)
		}})
		l := listen()
		address = l.Addr().String()
		running.Go(func() { proxy.Serve(context.Background(), l) })
		end = proxy.Close
	}
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		c.Close()
		server.Close()
		end()
		running.Wait()
	})
	return c
}
