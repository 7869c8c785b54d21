package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// askSecurely asks a server for its version, and returns what the connection was.
func askSecurely(t *testing.T, url string, config *tls.Config) *tls.ConnectionState {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport, Timeout: 10 * time.Second}).Get(url + "/version")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != 200 || response.ProtoMajor != 2 {
		t.Errorf("%s %s", response.Proto, response.Status)
	}
	return response.TLS
}

// TestServeSelfSigned: who knows the fingerprint can know the server, under each of its names; a Unix socket is plain.
func TestServeSelfSigned(t *testing.T) {
	t.Parallel() // it mostly waits
	socket := filepath.Join(t.TempDir(), "socket")
	p := start(t, nil, "serve", "--listen", "localhost:0", "--listen", "unix:"+socket, "--host", "push.example", "--host", "10.0.0.2", "--open", "--tls-self-signed")
	fingerprint, ok := strings.CutPrefix(p.line(), "pushlab: the certificate's SHA-256 fingerprint is ")
	url, listens := strings.CutPrefix(p.line(), "pushlab: listening on ")
	if !ok || !listens || !strings.HasPrefix(url, "https://localhost:") {
		t.Fatalf("fingerprint %q, address %q", fingerprint, url)
	}
	state := askSecurely(t, url, &tls.Config{InsecureSkipVerify: true})
	leaf := state.PeerCertificates[0]
	if sum := fmt.Sprintf("%X", sha256.Sum256(leaf.Raw)); sum != strings.ReplaceAll(fingerprint, ":", "") || state.Version != tls.VersionTLS13 {
		t.Errorf("the certificate has the fingerprint %s, not %s; the version is %x", sum, fingerprint, state.Version)
	}
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "push.example", "10.0.0.2"} {
		if err := leaf.VerifyHostname(name); err != nil {
			t.Error(err)
		}
	}
	if line := p.line(); line != "pushlab: listening on unix:"+socket {
		t.Errorf("it says %q", line)
	}
	conn, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET /version HTTP/1.0\r\nHost: localhost\r\n\r\n")
	if answer, err := io.ReadAll(conn); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.0 200 OK\r\n") {
		t.Errorf("%q, %v", answer, err)
	}
}

func TestServeCertificateFiles(t *testing.T) {
	t.Parallel() // it mostly waits
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, private := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for file, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der}, private: {Type: "PRIVATE KEY", Bytes: secret}} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	_, url := startServer(t, "--tls-cert", cert, "--tls-key", private)
	askSecurely(t, url, &tls.Config{RootCAs: roots})
	p := start(t, nil, "serve", "--listen", "localhost:0", "--tls-cert", private, "--tls-key", cert)
	if code := p.exit(); code != exitFailed || !strings.Contains(p.stderr.String(), "no TLS with") {
		t.Errorf("exit code %d: %s", code, p.stderr.String())
	}
	for _, args := range [][]string{{"--tls-cert", cert}, {"--tls-key", private}, {"--tls-cert", cert, "--tls-key", private, "--tls-self-signed"},
		{"--tls-self-signed", "--listen", "unix:" + filepath.Join(t.TempDir(), "s")}} {
		p := start(t, nil, append([]string{"serve"}, args...)...)
		if code := p.exit(); code != exitUsage {
			t.Errorf("%q: exit code %d", args, code)
		}
	}
}
