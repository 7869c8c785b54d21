package journal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"pushlab/common/hub"
)

// Servers says where NATS is, and who we are there. A zero field is not used.
type Servers struct {
	// URLs are those of one or more servers, with commas between them: nats://host[:4222][,host...], or tls:// for
	// TLS. They hold no password, since URLs are seen in process lists and logs.
	URLs string
	// InProcess is a server in this process, instead of URLs.
	InProcess nats.InProcessConnProvider

	// Credentials is the name of a file of credentials (.creds), as NATS issues them.
	Credentials string
	// Login is a token, or a user's name and password with a colon between them. It belongs into a file or the
	// environment, from where the caller has read it.
	Login string

	// CA is the name of a file with the certificates of those who vouch for the servers' (PEM). Default: the system's.
	CA string
	// Cert and Key are the names of files with our own certificate and its key (PEM), for servers that ask for one.
	Cert, Key string

	// Client is what the servers show as our name. Default "pushlab".
	Client string
}

const (
	// dialTimeout bounds connecting to one server.
	dialTimeout = 2 * time.Second
	// reconnectWait and reconnectJitter are between two attempts to connect to a server again.
	reconnectWait   = 100 * time.Millisecond
	reconnectJitter = 200 * time.Millisecond
	// Servers that are silent for pingEvery are asked whether they are there; after two questions without an answer
	// the connection counts as lost.
	pingEvery = 5 * time.Second
)

// Connect connects to a NATS server. It tries each once, and fails with an error that says what to do. A connection that
// was made once is made again whenever it is lost, by itself, until it is closed.
func Connect(ctx context.Context, s Servers) (*nats.Conn, error) {
	urls, err := parseURLs(s.URLs)
	if err != nil && s.InProcess == nil {
		return nil, err
	}
	timeout := dialTimeout
	if end, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(end))
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name := s.Client
	if name == "" {
		name = "pushlab"
	}
	options := []nats.Option{
		nats.Name(name),
		nats.Timeout(timeout),
		nats.MaxReconnects(-1),
		nats.RetryOnFailedConnect(false),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectJitter, reconnectJitter),
		// What cannot be sent fails at once: sent later, it would be appended after its publisher was told that it was not.
		nats.ReconnectBufSize(-1),
		nats.PingInterval(pingEvery),
		nats.MaxPingsOutstanding(2),
	}
	secret, err := s.identity()
	if err != nil {
		return nil, err
	}
	options = append(options, secret...)
	if s.InProcess != nil {
		options = append(options, nats.InProcessServer(s.InProcess))
	}
	nc, err := nats.Connect(strings.Join(urls, ","), options...)
	if err != nil {
		return nil, connectError(urls, err)
	}
	return nc, nil
}

// identity returns the options that say who we are, and whom we believe.
func (s Servers) identity() (options []nats.Option, err error) {
	if s.Credentials != "" {
		if _, err := os.Stat(s.Credentials); err != nil {
			return nil, fmt.Errorf("journal: the credentials cannot be read: %w", err)
		}
		options = append(options, nats.UserCredentials(s.Credentials))
	}
	switch user, password, found := strings.Cut(strings.TrimSpace(s.Login), ":"); {
	case found:
		options = append(options, nats.UserInfo(user, password))
	case user != "":
		options = append(options, nats.Token(user))
	}
	if s.CA != "" {
		pem, err := os.ReadFile(s.CA)
		if err != nil {
			return nil, fmt.Errorf("journal: the certificates of the CA cannot be read: %w", err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("journal: there is no certificate in %s; it has to be in PEM", s.CA)
		}
		options = append(options, nats.Secure(&tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}))
	}
	switch {
	case (s.Cert == "") != (s.Key == ""):
		return nil, errors.New("journal: a certificate needs its key, and a key its certificate; give both files or neither")
	case s.Cert != "":
		if _, err := tls.LoadX509KeyPair(s.Cert, s.Key); err != nil {
			return nil, fmt.Errorf("journal: the certificate cannot be used: %w", err)
		}
		options = append(options, nats.ClientCert(s.Cert, s.Key))
	}
	return options, nil
}

// parseURLs returns the URLs of a list, each with its scheme, which stands at the first.
func parseURLs(list string) (urls []string, err error) {
	const use = "use nats://host[:4222][,host...], or tls://"
	scheme, hosts, found := strings.Cut(list, "://")
	if !found || scheme != "nats" && scheme != "tls" || hosts == "" {
		return nil, fmt.Errorf("journal: this is no address of NATS servers; %s", use) // it may hold a password
	}
	for host := range strings.SplitSeq(hosts, ",") {
		host = strings.TrimPrefix(strings.TrimSpace(host), scheme+"://")
		u, err := url.Parse(scheme + "://" + host)
		switch {
		case strings.Contains(host, "@"):
			return nil, errors.New("journal: a password or a token in a URL is seen in process lists and logs; give it in a file or in the environment")
		case err != nil || u.Hostname() == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
			return nil, fmt.Errorf("journal: %q is no address of a NATS server; %s", host, use)
		}
		urls = append(urls, u.String())
	}
	return urls, nil
}

// connectError says why a connection could not be made, and what to do.
func connectError(urls []string, err error) error {
	where := strings.Join(urls, ",")
	text := strings.ToLower(err.Error())
	switch {
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrAuthExpired), errors.Is(err, nats.ErrAuthRevoked),
		strings.Contains(text, "authorization"), strings.Contains(text, "nkey"):
		return fmt.Errorf("journal: the NATS server at %s refuses our credentials (%w); give others", where, err)
	case errors.Is(err, nats.ErrSecureConnRequired), errors.Is(err, nats.ErrSecureConnWanted), strings.Contains(text, "tls"), strings.Contains(text, "x509:"):
		return fmt.Errorf("journal: no TLS with the NATS server at %s: %w; see whether it wants tls://, a CA or a certificate", where, err)
	default:
		return fmt.Errorf("%w: no NATS server answers at %s (%w); start it, or give another address", hub.ErrUnavailable, where, err)
	}
}
