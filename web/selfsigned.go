package web

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

// selfSignedFor is how long a certificate is valid. A new one is made when less than a tenth of that is left.
const selfSignedFor = 30 * 24 * time.Hour

// localTLS is how all listeners of this process for TLS on this machine's own names are set up: a browser that was told to trust the certificate
// trusts all of them, for as long as the process lives.
var localTLS = sync.OnceValue(func() *tls.Config { return selfSigned(nil) })

// SelfSigned returns a set-up for TLS on this machine's own names and on further ones, with a certificate that nobody
// vouches for, and the certificate's fingerprint, by which its user can know it: SHA-256 in hexadecimal, with colons. After
// 27 days the certificate is another one.
func SelfSigned(hosts []string) (config *tls.Config, fingerprint string, err error) {
	config = localTLS()
	if len(hosts) > 0 {
		config = selfSigned(hosts)
	}
	cert, err := config.GetCertificate(nil)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(cert.Leaf.Raw)
	return config, strings.ReplaceAll(fmt.Sprintf("% X", sum), " ", ":"), nil
}

// baseTLS is what all set-ups have. On a tls.NewListener with it, an http.Server speaks HTTP/2 as well.
func baseTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"}, // RFC 9113, section 3.2
	}
}

// selfSigned returns a set-up for TLS on this machine's own names and on hosts. Its certificate is nowhere but in memory, and nobody
// vouches for it: a browser asks its user.
func selfSigned(hosts []string) *tls.Config {
	var mu sync.Mutex
	var current *tls.Certificate
	config := baseTLS()
	config.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
		mu.Lock()
		defer mu.Unlock()
		if now := time.Now(); current == nil || current.Leaf.NotAfter.Sub(now) < selfSignedFor/10 {
			made, err := newCertificate(now, hosts)
			if err != nil {
				return nil, err
			}
			current = made
		}
		return current, nil
	}
	return config
}

// newCertificate makes a certificate of the names that mean this machine, and of hosts, signed by itself.
func newCertificate(now time.Time, hosts []string) (*tls.Certificate, error) {
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
	for _, host := range hosts {
		host = hostname(host)
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
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
