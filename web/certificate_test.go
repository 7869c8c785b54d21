package web

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/hub"
	"pushlab/common/memhttp"
)

// A renewal writes certificates into files, as who renews them does.
type renewal struct {
	t         *testing.T
	cert, key string
	times     int
}

// write puts content into a file, which is then newer than what was there.
func (r *renewal) write(name, kind string, content []byte) {
	r.t.Helper()
	if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.times++
	at := time.Unix(int64(r.times), 0) // a file system's clock may stand still between two
	if err := os.Chtimes(name, at, at); err != nil {
		r.t.Fatal(err)
	}
}

func (r *renewal) writeCert(c *tls.Certificate) { r.write(r.cert, "CERTIFICATE", c.Certificate[0]) }

func (r *renewal) writeKey(c *tls.Certificate) {
	r.t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		r.t.Fatal(err)
	}
	r.write(r.key, "PRIVATE KEY", key)
}

// made returns a certificate that is in no file yet.
func (r *renewal) made() *tls.Certificate {
	r.t.Helper()
	c, err := newCertificate(time.Now(), nil)
	if err != nil {
		r.t.Fatal(err)
	}
	return c
}

// TestCertificateFilesAreReadAgain: who connects after a renewal gets the new certificate, and a stream from before goes on.
// Between the two files, or when one is missing, the old certificate stays.
func TestCertificateFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		r := &renewal{t: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
		first, second, third := r.made(), r.made(), r.made()
		r.writeCert(first)
		r.writeKey(first)
		var log strings.Builder // written to while a handshake waits for it
		config, err := CertificateFiles(r.cert, r.key, slog.New(slog.NewTextHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		h := hub.New(hub.Config{})
		server, err := NewServer(h, Config{})
		if err != nil {
			t.Fatal(err)
		}
		l := memhttp.Listen()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- server.Run(ctx, tls.NewListener(l, config)) }()
		defer func() {
			cancel()
			if err := <-ended; err != nil {
				t.Error(err)
			}
		}()
		connect := func(want *tls.Certificate) *tls.Conn {
			t.Helper()
			conn, err := l.Dial(ctx, "", "")
			if err != nil {
				t.Fatal(err)
			}
			secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
			if err := secure.Handshake(); err != nil {
				t.Fatal(err)
			}
			if got := secure.ConnectionState().PeerCertificates[0]; !got.Equal(want.Leaf) {
				t.Errorf("the certificate has the number %d, want %d", got.SerialNumber, want.Leaf.SerialNumber)
			}
			return secure
		}
		stream := connect(first)
		io.WriteString(stream, "GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n")
		lines := bufio.NewReader(stream)

		time.Sleep(lookInterval)
		r.writeCert(second)
		for range 3 { // the key is still another's, of which the log is told once
			connect(first).Close()
			time.Sleep(lookInterval)
		}
		if n := strings.Count(log.String(), "level=ERROR"); n != 1 {
			t.Errorf("the log has\n%s", &log)
		}
		r.writeKey(second)
		connect(second).Close()
		time.Sleep(lookInterval)
		if err := os.Remove(r.cert); err != nil {
			t.Fatal(err)
		}
		connect(second).Close()
		time.Sleep(lookInterval)
		r.writeKey(third)
		r.writeCert(third)
		connect(third).Close()

		if _, err := h.Publish(ctx, "a", []byte(`"over the old one"`)); err != nil {
			t.Fatal(err)
		}
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				t.Fatalf("the stream from before has ended: %v", err)
			}
			if strings.Contains(line, "over the old one") {
				break
			}
		}
		stream.Close()
	})
}

func TestCertificateFilesMustBeThere(t *testing.T) {
	if _, err := CertificateFiles("nowhere.pem", "nowhere.key", nil); err == nil || !strings.Contains(err.Error(), "nowhere.pem") {
		t.Errorf("%v", err)
	}
}
