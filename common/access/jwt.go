package access

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// A Key verifies JSON Web Tokens of one algorithm. What a token's header says of its algorithm chooses among
// keys, and never how one is used: a public key is no secret (RFC 8725, section 3.1).
type Key struct {
	algorithm string // RFC 7518, section 3.1
	key       any
}

// Algorithm returns HS256, RS256, ES256 or EdDSA.
func (k Key) Algorithm() string { return k.algorithm }

// The smallest keys: RFC 7518, sections 3.2 and 3.3.
const (
	minSecret  = 32 // bytes
	minRSABits = 2048
)

// ParseKey reads a key file. A public key in PEM is one for RS256, ES256 or EdDSA, as it is of RSA, P-256 or
// Ed25519. Anything else is a secret, for HS256; the line end after it does not count. What looks like a key of
// another form is refused: as a secret it would be known to everybody.
func ParseKey(file []byte) (Key, error) {
	if block, _ := pem.Decode(file); block != nil {
		return parsePublicKey(block)
	}
	secret := bytes.TrimRight(file, "\r\n")
	switch {
	case looksPublic(secret):
		return Key{}, errors.New("access: the key is in a form that is not read; give a public key in PEM, which begins with -----BEGIN PUBLIC KEY-----")
	case len(secret) < minSecret:
		return Key{}, fmt.Errorf("access: a secret of %d bytes is too short for HS256, which needs %d; make one by: openssl rand -base64 48", len(secret), minSecret)
	}
	return Key{jwt.SigningMethodHS256.Alg(), bytes.Clone(secret)}, nil
}

func parsePublicKey(block *pem.Block) (Key, error) {
	var public any
	var err error
	switch {
	case block.Type == "PUBLIC KEY":
		public, err = x509.ParsePKIXPublicKey(block.Bytes)
	case block.Type == "RSA PUBLIC KEY":
		public, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return Key{}, errors.New("access: this is a private key, which should stay with those who make tokens; get the public one by: openssl pkey -pubout -in FILE")
	default:
		return Key{}, fmt.Errorf("access: a %.40q is no public key; get it from a certificate by: openssl x509 -pubkey -noout -in FILE", block.Type)
	}
	if err != nil {
		return Key{}, fmt.Errorf("access: the public key cannot be read: %w", err)
	}
	switch public := public.(type) {
	case *rsa.PublicKey:
		if public.N.BitLen() < minRSABits {
			return Key{}, fmt.Errorf("access: an RSA key of %d bits is too short; it needs %d", public.N.BitLen(), minRSABits)
		}
		return Key{jwt.SigningMethodRS256.Alg(), public}, nil
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return Key{}, fmt.Errorf("access: the key is of the curve %s; ES256 has P-256", public.Curve.Params().Name)
		}
		return Key{jwt.SigningMethodES256.Alg(), public}, nil
	case ed25519.PublicKey:
		return Key{jwt.SigningMethodEdDSA.Alg(), public}, nil
	}
	return Key{}, errors.New("access: the public key is neither of RSA nor P-256 nor Ed25519")
}

// looksPublic reports whether a file is rather a public key than a secret: broken PEM, a JSON Web Key, one of
// SSH, or DER.
func looksPublic(file []byte) bool {
	_, err := x509.ParsePKIXPublicKey(file)
	text := bytes.TrimSpace(file)
	return err == nil || bytes.HasPrefix(text, []byte("{")) && json.Valid(text) ||
		bytes.HasPrefix(text, []byte("ssh-")) || bytes.HasPrefix(text, []byte("ecdsa-")) || bytes.Contains(text, []byte("-----BEGIN"))
}

// A verifier verifies JSON Web Tokens.
type verifier struct {
	keys    map[string]jwt.VerificationKeySet // by algorithm
	options []jwt.ParserOption
}

func newVerifier(config Config) *verifier {
	v := &verifier{keys: make(map[string]jwt.VerificationKeySet)}
	var algorithms []string
	for _, key := range config.Keys {
		set, known := v.keys[key.algorithm]
		if !known {
			algorithms = append(algorithms, key.algorithm)
		}
		set.Keys = append(set.Keys, key.key)
		v.keys[key.algorithm] = set
	}
	v.options = []jwt.ParserOption{jwt.WithValidMethods(algorithms), jwt.WithExpirationRequired(), jwt.WithStrictDecoding()}
	if config.Issuer != "" {
		v.options = append(v.options, jwt.WithIssuer(config.Issuer))
	}
	if config.Audience != "" {
		v.options = append(v.options, jwt.WithAudience(config.Audience))
	}
	return v
}

// claims are those that are looked at.
type claims struct {
	jwt.RegisteredClaims
	Pushlab struct {
		Publish   []string `json:"publish"`
		Subscribe []string `json:"subscribe"`
	} `json:"pushlab"`
}

func (v *verifier) verify(token string, now time.Time) (*Grant, error) {
	options := append(v.options[:len(v.options):len(v.options)], jwt.WithTimeFunc(func() time.Time { return now }))
	var c claims
	_, err := jwt.NewParser(options...).ParseWithClaims(token, &c, v.keysOf)
	// What the library says may quote the token.
	switch {
	case err == nil:
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, errExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return nil, errEarly
	case errors.Is(err, jwt.ErrTokenInvalidIssuer):
		return nil, errIssuer
	case errors.Is(err, jwt.ErrTokenInvalidAudience):
		return nil, errOther
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing) && c.ExpiresAt == nil:
		return nil, errNoEnd
	default:
		return nil, errInvalid
	}
	g := &Grant{Publish: c.Pushlab.Publish, Subscribe: c.Pushlab.Subscribe, Expires: c.ExpiresAt.Time}
	if CheckTopics(g.Publish) != nil || CheckTopics(g.Subscribe) != nil {
		return nil, errClaim
	}
	if c.Subject != "" {
		g.publisher = subjectOf(c.Issuer, c.Subject)
	} else {
		g.publisher = bearerOf(token)
	}
	return g, nil
}

// keysOf returns the keys that may have signed a token.
func (v *verifier) keysOf(token *jwt.Token) (any, error) {
	// RFC 7515, section 4.1.11: what is critical must be understood, and nothing of it is.
	if _, critical := token.Header["crit"]; critical {
		return nil, errInvalid
	}
	return v.keys[token.Method.Alg()], nil
}
