package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"sync"
	"time"
)

// selfSignedFor is how long a certificate is valid. A new one is made when less than a tenth of that is left.
const selfSignedFor = 30 * 24 * time.Hour

// localTLS is how all listeners of this process for TLS are set up: a browser that was told to trust the certificate
// trusts all of them, for as long as the process lives.
var localTLS = sync.OnceValue(selfSigned)

// selfSigned returns a set-up for TLS on this machine's own names. Its certificate is nowhere but in memory, and nobody
// vouches for it: a browser asks its user. On a tls.NewListener with it, an http.Server speaks HTTP/2 as well.
func selfSigned() *tls.Config {
	var mu sync.Mutex
	var current *tls.Certificate
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"}, // RFC 9113, section 3.2
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			mu.Lock()
			defer mu.Unlock()
			if now := time.Now(); current == nil || current.Leaf.NotAfter.Sub(now) < selfSignedFor/10 {
				made, err := newCertificate(now)
				if err != nil {
					return nil, err
				}
				current = made
			}
			return current, nil
		},
	}
}

// newCertificate makes a certificate of the names that mean this machine, signed by itself.
func newCertificate(now time.Time) (*tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("web: a key for a certificate: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 128))
	if err != nil {
		return nil, fmt.Errorf("web: a certificate's number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: "Pushlab on this machine"},
		NotBefore:             now.Add(-time.Hour), // clocks differ
		NotAfter:              now.Add(selfSignedFor),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, // it may not sign others
		DNSNames:              []string{"localhost", "*.localhost"},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("web: a certificate: %w", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("web: a certificate: %w", err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, nil
}
