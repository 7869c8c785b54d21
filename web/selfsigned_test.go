package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"pushlab/common/hub"
)

func TestSelfSignedNames(t *testing.T) {
	cert, err := newCertificate(time.Now(), []string{"Push.Example:8443", "10.0.0.2:8443", "[fd00::1]"})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	for name, ok := range map[string]bool{
		"localhost": true, "sse.localhost": true, "127.0.0.1": true, "::1": true, "push.example": true, "10.0.0.2": true, "fd00::1": true,
		"example.com": false, "10.0.0.1": false,
	} {
		if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots}); (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if cert.Leaf.IsCA {
		t.Error("whoever trusts it would trust what it signs")
	}
	var unknown x509.UnknownAuthorityError
	if _, err := cert.Leaf.Verify(x509.VerifyOptions{DNSName: "localhost", Roots: x509.NewCertPool()}); !errors.As(err, &unknown) {
		t.Errorf("nobody vouches for it: %v", err)
	}
}

func TestSelfSignedIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config := selfSigned(nil)
		get := func() *tls.Certificate {
			c, err := config.GetCertificate(nil)
			if err != nil {
				t.Fatal(err)
			}
			if now := time.Now(); now.Before(c.Leaf.NotBefore) || now.After(c.Leaf.NotAfter) {
				t.Errorf("on %v it is not valid: from %v to %v", now, c.Leaf.NotBefore, c.Leaf.NotAfter)
			}
			return c
		}
		first := get()
		time.Sleep(selfSignedFor / 2)
		if get() != first {
			t.Error("after half of its time there is another one")
		}
		time.Sleep(selfSignedFor / 2)
		if get() == first {
			t.Error("at the end of its time it is the same")
		}
	})
}

// TestSelfSignedHTTP2 has 20 event streams, as many as a browser would never open by HTTP/1.1, share a connection.
func TestSelfSignedHTTP2(t *testing.T) {
	leaks := goleak.IgnoreCurrent()
	h := hub.New(hub.Config{})
	server, err := NewServer(h, Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	config := selfSigned(nil)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx, tls.NewListener(l, config)) }()
	cert, err := config.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.Leaf)
	connections := 0
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: "sse.localhost"},
		ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			connections++ // streams are opened one after the other
			return new(net.Dialer).DialContext(ctx, network, l.Addr().String())
		},
	}
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		transport.CloseIdleConnections()
		goleak.VerifyNone(t, leaks)
	}()
	patience, done := context.WithTimeout(context.Background(), 20*time.Second)
	defer done()

	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	address := "https://sse.localhost:" + port
	const streams = 20
	var bodies []*bufio.Scanner
	for range streams {
		var reused bool
		trace := httptrace.WithClientTrace(patience, &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }})
		r, err := http.NewRequestWithContext(trace, "GET", address+"/sse", nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		if response.ProtoMajor != 2 || response.StatusCode != 200 || reused != (len(bodies) > 0) {
			t.Fatalf("stream %d: %s %s, on a connection that was there: %t", len(bodies), response.Proto, response.Status, reused)
		}
		bodies = append(bodies, bufio.NewScanner(response.Body))
	}
	id, err := h.Publish(patience, "a", []byte(`1`))
	if err != nil {
		t.Fatal(err)
	}
	for i, lines := range bodies {
		for want := "id: " + id.String(); lines.Text() != want; {
			if !lines.Scan() {
				t.Fatalf("stream %d ends before the event: %v", i, lines.Err())
			}
		}
	}
	if connections != 1 {
		t.Errorf("%d connections", connections)
	}
}
