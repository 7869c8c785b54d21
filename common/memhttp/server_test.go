package memhttp_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/memhttp"
)

func TestServerExchange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			w.Header().Set("X-Method", r.Method)
			w.WriteHeader(http.StatusTeapot)
			fmt.Fprintf(w, "%s %s", r.Host+r.RequestURI, body)
		}))
		// Larger than the buffers, so that both sides have to wait for each other.
		sent := strings.Repeat("x", 10*memhttp.BufferSize)
		response, err := s.Client().Post(memhttp.URL+"/path?query", "text/plain", strings.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != "localhost/path?query "+sent {
			t.Errorf("%d bytes, %v", len(body), err)
		}
		if response.StatusCode != http.StatusTeapot || response.Header.Get("X-Method") != "POST" {
			t.Errorf("%s, %v", response.Status, response.Header)
		}
	})
}

// A stream takes virtual time: hours of heartbeats are over at once.
func TestServerStreams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for i := 0; ; i++ {
				fmt.Fprintln(w, i)
				if err := http.NewResponseController(w).Flush(); err != nil {
					return
				}
				select {
				case <-time.After(time.Minute):
				case <-r.Context().Done():
					return
				}
			}
		}))
		response, err := s.Client().Get(memhttp.URL)
		if err != nil {
			t.Fatal(err)
		}
		start, lines := time.Now(), bufio.NewScanner(response.Body)
		for i := range 120 {
			if !lines.Scan() || lines.Text() != fmt.Sprint(i) {
				t.Fatalf("line %d: %q, %v", i, lines.Text(), lines.Err())
			}
			if got := time.Since(start); got != time.Duration(i)*time.Minute {
				t.Fatalf("line %d came after %v", i, got)
			}
		}
		response.Body.Close()
	})
}

// A client that leaves ends the request's context, and one that does not read is noticed by a
// write deadline.
func TestServerNoticesItsClient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		s := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				<-r.Context().Done()
				ended <- nil
				return
			}
			control := http.NewResponseController(w)
			control.SetWriteDeadline(time.Now().Add(time.Second))
			var err error
			for err == nil {
				if _, err = w.Write(make([]byte, 1<<10)); err == nil {
					err = control.Flush()
				}
			}
			ended <- err
		}))
		for _, path := range []string{"/wait", "/stall"} {
			c, err := s.Dial(t.Context(), "tcp", "localhost:80")
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path)
			synctest.Wait()
			if path == "/wait" {
				c.Close()
			}
			start := time.Now()
			err = <-ended
			var timeout net.Error
			if path == "/stall" && (!errors.As(err, &timeout) || !timeout.Timeout() || time.Since(start) != time.Second) {
				t.Errorf("a client that does not read: %v after %v", err, time.Since(start))
			}
			c.Close()
		}
	})
}

func TestServerKeepsConnectionsAlive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memhttp.NewServer(t, http.NotFoundHandler())
		var dials int
		transport := &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			dials++
			return s.Dial(ctx, network, address)
		}}
		defer transport.CloseIdleConnections()
		for range 3 {
			response, err := (&http.Client{Transport: transport}).Get(memhttp.URL)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
			synctest.Wait()
		}
		if dials != 1 {
			t.Errorf("%d connections for three requests", dials)
		}
	})
}

func TestServerClientKeepsNoConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memhttp.NewServer(t, http.NotFoundHandler())
		var mu sync.Mutex
		states := map[http.ConnState]int{}
		s.HTTP.ConnState = func(_ net.Conn, state http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			states[state]++
		}
		client := s.Client()
		for range 3 {
			response, err := client.Get(memhttp.URL)
			if err != nil {
				t.Fatal(err)
			}
			io.Copy(io.Discard, response.Body)
			response.Body.Close()
		}
		time.Sleep(time.Second) // net/http gives a client some time to read the rest
		mu.Lock()
		defer mu.Unlock()
		if states[http.StateNew] != 3 || states[http.StateClosed] != 3 {
			t.Errorf("connections: %v, want three new and three closed", states)
		}
	})
}

// A handler may take the connection over, as streams do.
func TestServerHijack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			line, err := buffered.ReadString('\n')
			if err != nil {
				t.Error(err)
			}
			fmt.Fprintf(c, "you said %s", line)
			c.(interface{ CloseWrite() error }).CloseWrite()
			if rest, err := io.ReadAll(c); err != nil || string(rest) != "bye" {
				t.Errorf("rest %q, %v", rest, err)
			}
		}))
		c, err := s.Dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\nhello\n")
		if answer, err := io.ReadAll(c); err != nil || string(answer) != "you said hello\n" {
			t.Errorf("%q, %v", answer, err)
		}
		io.WriteString(c, "bye")
	})
}

func TestServerDialWithoutTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memhttp.NewServer(t, http.NotFoundHandler())
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		synctest.Wait() // until it accepts
		for range 50 {  // so that a choice left to chance would show
			if c, err := s.Dial(ctx, "tcp", "localhost:80"); !errors.Is(err, context.Canceled) || c != nil {
				t.Fatalf("%v", err)
			}
		}
	})
}

func TestServerClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		waiting := make(chan struct{})
		s := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(waiting)
			<-r.Context().Done()
		}))
		var requests sync.WaitGroup
		requests.Go(func() {
			if response, err := s.Client().Get(memhttp.URL); err == nil {
				response.Body.Close()
				t.Error("an answer from a server that was closed")
			}
		})
		<-waiting
		if err := s.HTTP.Close(); err != nil {
			t.Error(err)
		}
		requests.Wait()
		if c, err := s.Dial(t.Context(), "tcp", "localhost:80"); !errors.Is(err, net.ErrClosed) || c != nil {
			t.Errorf("dialing a closed server: %v", err)
		}
	})
}

// It is closed with its test, and nothing of it is left: neither of one that served, nor of one that
// was never asked.
func TestServerEndsWithItsTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *memhttp.Server
		ended := make(chan struct{})
		cleanups := &cleanupTB{TB: t}
		s = memhttp.NewServer(cleanups, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-r.Context().Done()
			close(ended)
		}))
		memhttp.NewServer(cleanups, http.NotFoundHandler())
		c, err := s.Dial(t.Context(), "tcp", "localhost:80")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(c, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
		synctest.Wait()
		cleanups.run()
		<-ended
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("the client reads %v", err)
		}
		c.Close()
	})
}

// A cleanupTB keeps the cleanups of a test, to run them within it.
type cleanupTB struct {
	testing.TB
	cleanups []func()
}

func (c *cleanupTB) Cleanup(f func()) { c.cleanups = append(c.cleanups, f) }

func (c *cleanupTB) run() {
	for _, f := range c.cleanups {
		f()
	}
}
