package journal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pushlab/common/journal"
	"pushlab/common/journal/journaltest"
)

// TestTLS connects to a server that wants TLS and a certificate of ours.
func TestTLS(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	selfSigned(t, certFile, keyFile)
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert.Leaf)
	s := journaltest.NewServer(t)
	s.Options.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert}
	s.Options.TLSTimeout = 10
	s.Start(t)
	_, host, _ := strings.Cut(s.URL(), "://")

	for _, c := range []struct {
		servers journal.Servers
		want    string // "": it works
	}{
		{journal.Servers{URLs: "tls://" + host, CA: certFile, Cert: certFile, Key: keyFile}, ""},
		{journal.Servers{URLs: "nats://" + host, CA: certFile, Cert: certFile, Key: keyFile}, ""}, // the server asks for it
		{journal.Servers{URLs: "tls://" + host, Cert: certFile, Key: keyFile}, "see whether it wants tls://, a CA or a certificate"},
		{journal.Servers{URLs: "tls://" + host, CA: certFile}, "see whether it wants tls://, a CA or a certificate"},
		{journal.Servers{URLs: "tls://" + host, CA: keyFile}, "there is no certificate in " + keyFile},
	} {
		nc, err := journal.Connect(t.Context(), c.servers)
		if err == nil {
			_, err = nc.TLSConnectionState()
			nc.Close()
		}
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v; want %q", c.servers, err, c.want)
		}
	}
}

// selfSigned writes a certificate for 127.0.0.1 that vouches for itself, for servers and clients.
func selfSigned(t *testing.T, certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotAfter:              time.Now().Add(time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{certFile: {Type: "CERTIFICATE", Bytes: cert}, keyFile: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
