package access_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"pushlab/common/access"
)

// A signer is a key pair, or a secret.
type signer struct {
	method jwt.SigningMethod
	sign   any
	file   []byte // what a server verifies with
}

// key is the server's half.
func (s signer) key(t *testing.T) access.Key {
	t.Helper()
	key, err := access.ParseKey(s.file)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// token signs claims; header has further fields of the token's.
func (s signer) token(t *testing.T, claims jwt.MapClaims, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(s.method, claims)
	for name, value := range header {
		token.Header[name] = value
	}
	text, err := token.SignedString(s.sign)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func publicPEM(t *testing.T, key crypto.PublicKey) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func newSecret(secret string) signer {
	return signer{jwt.SigningMethodHS256, []byte(secret), []byte(secret + "\n")}
}

// signers returns one for each algorithm.
func signers(t *testing.T) map[string]signer {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	edPublic, edKey, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]signer{
		"HS256": newSecret("0123456789abcdef0123456789abcdef"),
		"RS256": {jwt.SigningMethodRS256, rsaKey, publicPEM(t, rsaKey.Public())},
		"ES256": {jwt.SigningMethodES256, ecKey, publicPEM(t, ecKey.Public())},
		"EdDSA": {jwt.SigningMethodEdDSA, edKey, publicPEM(t, edPublic)},
	}
}

// good are claims that are in order.
func good() jwt.MapClaims {
	return jwt.MapClaims{"exp": now.Add(time.Hour).Unix(), "pushlab": map[string]any{"publish": []string{"a"}, "subscribe": []string{"a", "b.*"}}}
}

func TestAlgorithms(t *testing.T) {
	all := signers(t)
	for name, s := range all {
		if got := s.key(t).Algorithm(); got != name {
			t.Errorf("the key is for %s, not %s", got, name)
		}
		control := control(t, access.Config{Keys: []access.Key{s.key(t)}})
		if got := may(control.Anonymous()); got != "publish ; subscribe " {
			t.Errorf("everybody may %s", got)
		}
		for other, signer := range all {
			g, err := control.Verify(signer.token(t, good(), nil), now)
			if other != name {
				if err == nil {
					t.Errorf("the key for %s takes a token of %s", name, other)
				}
				continue
			}
			if err != nil || may(*g) != "publish a; subscribe a,b.*" || !g.Expires.Equal(now.Add(time.Hour)) {
				t.Errorf("%s: %+v, %v", name, g, err)
			}
		}
	}
}

// A public key is no secret, and none is no algorithm.
func TestAlgorithmConfusion(t *testing.T) {
	all := signers(t)
	var keys []access.Key
	for _, s := range all {
		keys = append(keys, s.key(t))
	}
	control := control(t, access.Config{Keys: keys})
	for name, s := range all {
		if name == "HS256" {
			continue
		}
		block, _ := pem.Decode(s.file)
		for _, secret := range [][]byte{s.file, bytes.TrimSpace(s.file), block.Bytes} {
			forged := signer{jwt.SigningMethodHS256, secret, nil}.token(t, good(), nil)
			if _, err := control.Verify(forged, now); err == nil {
				t.Errorf("the public key for %s was taken as a secret", name)
			}
		}
	}
	none := signer{jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil}.token(t, good(), nil)
	other384 := signer{jwt.SigningMethodHS384, all["HS256"].sign, nil}.token(t, good(), nil)
	pss := signer{jwt.SigningMethodPS256, all["RS256"].sign, nil}.token(t, good(), nil)
	critical := all["HS256"].token(t, good(), map[string]any{"crit": []string{"exp2"}, "exp2": 1})
	right := all["HS256"].token(t, good(), nil)
	parts := strings.Split(right, ".")
	header, err := json.Marshal(map[string]string{"alg": "None", "typ": "JWT"})
	if err != nil {
		t.Fatal(err)
	}
	for what, token := range map[string]string{
		"none": none, "none without its dot": strings.TrimSuffix(none, "."), "HS384": other384, "PS256": pss, "a critical field": critical,
		"None in another case": base64.RawURLEncoding.EncodeToString(header) + "." + parts[1] + ".",
		"no signature":         parts[0] + "." + parts[1] + ".", "two parts": parts[0] + "." + parts[1], "four parts": right + ".x",
		"another's content": parts[0] + "." + strings.Split(none, ".")[1][1:] + "." + parts[2],
		"nothing":           "", "dots": "..", "no JSON": "x.y.z", "too long": right + strings.Repeat("x", 9000),
	} {
		if _, err := control.Verify(token, now); err == nil {
			t.Errorf("%s: it is taken", what)
		}
	}
	if _, err := control.Verify(right, now); err != nil {
		t.Error(err)
	}
}

func TestClaims(t *testing.T) {
	s := newSecret("0123456789abcdef0123456789abcdef")
	control := control(t, access.Config{Keys: []access.Key{s.key(t)}, Issuer: "https://login.example", Audience: "pushlab"})
	for _, c := range []struct {
		name   string
		change jwt.MapClaims // nil takes a claim away
		want   string        // what it lets its bearer do, or in the error
	}{
		{"in order", nil, "publish a; subscribe a,b.*"},
		{"several audiences", jwt.MapClaims{"aud": []string{"other", "pushlab"}}, "publish a; subscribe a,b.*"},
		{"other claims", jwt.MapClaims{"sub": "somebody", "scope": 7}, "publish a; subscribe a,b.*"},
		{"nothing granted", jwt.MapClaims{"pushlab": nil}, "publish ; subscribe "},
		{"one direction", jwt.MapClaims{"pushlab": map[string]any{"subscribe": []string{"*"}}}, "publish ; subscribe *"},
		{"valid from now on", jwt.MapClaims{"nbf": now.Unix()}, "publish a; subscribe a,b.*"},

		{"expired", jwt.MapClaims{"exp": now.Add(-time.Second).Unix()}, "expired"},
		{"expired just now", jwt.MapClaims{"exp": now.Unix()}, "expired"},
		{"without an end", jwt.MapClaims{"exp": nil}, "claim exp"},
		{"an end that is none", jwt.MapClaims{"exp": "tomorrow"}, "not valid here"},
		{"an end long ago", jwt.MapClaims{"exp": 0}, "expired"},
		{"an end before that", jwt.MapClaims{"exp": -1e9}, "expired"},
		{"not valid yet", jwt.MapClaims{"nbf": now.Add(time.Minute).Unix()}, "yet"},
		{"another issuer", jwt.MapClaims{"iss": "https://evil.example"}, "issuer"},
		{"no issuer", jwt.MapClaims{"iss": nil}, "not valid here"},
		{"another audience", jwt.MapClaims{"aud": "other"}, "audience"},
		{"no audience", jwt.MapClaims{"aud": nil}, "not valid here"},
		{"a pattern that is none", jwt.MapClaims{"pushlab": map[string]any{"publish": []string{"a*"}}}, "patterns"},
		{"a topic that is none", jwt.MapClaims{"pushlab": map[string]any{"subscribe": []string{"$open"}}}, "patterns"},
		{"topics that are no list", jwt.MapClaims{"pushlab": map[string]any{"subscribe": "*"}}, "not valid here"},
		{"a claim that is no object", jwt.MapClaims{"pushlab": "*"}, "not valid here"},
	} {
		claims := good()
		claims["iss"], claims["aud"] = "https://login.example", "pushlab"
		for name, value := range c.change {
			if value == nil {
				delete(claims, name)
			} else {
				claims[name] = value
			}
		}
		token := s.token(t, claims, nil)
		g, err := control.Verify(token, now)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v; want a word about %q", c.name, err, c.want)
			}
			for part := range strings.SplitSeq(token, ".") {
				if strings.Contains(err.Error(), part) {
					t.Errorf("%s: the error quotes the token: %v", c.name, err)
				}
			}
			continue
		}
		if may(*g) != c.want {
			t.Errorf("%s: it lets its bearer %s", c.name, may(*g))
		}
	}
	// One that is forged is not told what else would be wrong with it.
	forged := newSecret("fedcba9876543210fedcba9876543210").token(t, jwt.MapClaims{"exp": 1}, nil)
	if _, err := control.Verify(forged, now); err == nil || !strings.Contains(err.Error(), "not valid here") {
		t.Error(err)
	}
}

// Whoever changes keys has both for a while; static tokens go on beside them.
func TestSeveralKeys(t *testing.T) {
	old, young, ed := newSecret("0123456789abcdef0123456789abcdef"), newSecret("fedcba9876543210fedcba9876543210"), signers(t)["EdDSA"]
	control := control(t, access.Config{Keys: []access.Key{old.key(t), young.key(t), ed.key(t)}, PublishToken: publishToken})
	for _, s := range []signer{old, young, ed} {
		if _, err := control.Verify(s.token(t, good(), nil), now); err != nil {
			t.Error(err)
		}
	}
	if g, err := control.Verify(publishToken, now); err != nil || may(*g) != "publish *; subscribe " {
		t.Error(g, err)
	}
	if _, err := control.Verify(newSecret("another secret, which nobody knows").token(t, good(), nil), now); err == nil {
		t.Error("a foreign key will do")
	}
}

func TestParseKey(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	curve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(curve)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(curve.Public())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, file, want string
	}{
		{"nothing", "", "openssl rand"},
		{"31 bytes", strings.Repeat("x", 31) + "\n", "openssl rand"},
		{"a small RSA key", string(publicPEM(t, small.Public())), "1024 bits"},
		{"another curve", string(publicPEM(t, curve.Public())), "P-256"},
		{"a private key", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), "private"},
		{"a certificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("x")})), "openssl x509"},
		{"broken PEM", "-----BEGIN PUBLIC KEY-----\nMFkwEwYHKoZIzj0CAQ", "PEM"},
		{"PEM of something else", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})), "cannot be read"},
		{"a JSON Web Key", `{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4"}`, "PEM"},
		{"a key of SSH", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL0000000000000000000000000000000000000000 me", "PEM"},
		{"DER", string(der), "PEM"},
	} {
		if key, err := access.ParseKey([]byte(c.file)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %q, %v; want a word about %q", c.name, key.Algorithm(), err, c.want)
		}
	}
	pkcs1 := pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: x509.MarshalPKCS1PublicKey(signers(t)["RS256"].sign.(*rsa.PrivateKey).Public().(*rsa.PublicKey))})
	if key, err := access.ParseKey(pkcs1); err != nil || key.Algorithm() != "RS256" {
		t.Error(key.Algorithm(), err)
	}
}

// FuzzVerify: nothing but what was signed, to the letter, is good for anything.
func FuzzVerify(f *testing.F) {
	s := newSecret("0123456789abcdef0123456789abcdef")
	key, err := access.ParseKey(s.file)
	if err != nil {
		f.Fatal(err)
	}
	control, err := access.New(access.Config{Keys: []access.Key{key}, PublishToken: publishToken})
	if err != nil {
		f.Fatal(err)
	}
	right, err := jwt.NewWithClaims(s.method, good()).SignedString(s.sign)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{right, publishToken, "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJIUzI1NiJ9.bnVsbA.x", "a.b.c", "...", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		g, err := control.Verify(token, now)
		if known := token == right || token == publishToken; known != (err == nil) || known != (g != nil) {
			t.Errorf("%q: %+v, %v", token, g, err)
		}
	})
}
