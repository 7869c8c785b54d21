package load

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"
)

// The time for which bytes lie in a socket is found by TCP and by TLS.
func TestStamps(t *testing.T) {
	const lies = 20 * time.Millisecond
	certificate := httptest.NewTLSServer(nil)
	certificate.Close()
	for name, secure := range map[string]bool{"tcp": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			if secure {
				listener = tls.NewListener(listener, &tls.Config{Certificates: certificate.TLS.Certificates})
			}
			sent := make(chan time.Time, 2)
			failed := make(chan error, 1)
			go func() {
				conn, err := listener.Accept()
				if err != nil {
					failed <- err
					return
				}
				defer conn.Close()
				for range 2 {
					conn.Write([]byte("x"))
					sent <- time.Now()
					conn.Read(make([]byte, 1))
				}
				failed <- nil
			}()
			l := &Load{base: time.Now(), dialer: Dialer{address: listener.Addr().String()}}
			if secure {
				l.way.TLS = &tls.Config{InsecureSkipVerify: true} // it is this test's
			}
			var stamp atomic.Int64
			conn, err := l.dial(context.Background(), &stamp)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			for i := range 2 {
				came := <-sent
				time.Sleep(lies)
				if _, err := conn.Read(make([]byte, 8)); err != nil {
					t.Fatal(err)
				}
				l.arrive(stamp.Load())
				first := i == 0 // it may have no stamp: the kernel begins to stamp a moment after it was asked
				if late := l.now - came.Sub(l.base); !first && (l.waited < lies*9/10 || late > lies/4) {
					t.Errorf("read %v after it was sent: it came %v after, and waited %v", time.Since(came), late, l.waited)
				}
				conn.Write([]byte("y"))
			}
			if err := <-failed; err != nil {
				t.Error(err)
			}
		})
	}
}
