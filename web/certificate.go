package web

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// CertificateFiles returns a set-up for TLS with a certificate and its key, in PEM. They are read now, and again when they have
// changed: connections from then on get the new certificate, those that are open go on. If what is there then is of no use,
// the old certificate stays, and the logger is told (default: nobody is).
func CertificateFiles(cert, key string, logger *slog.Logger) (*tls.Config, error) {
	f := &certificateFiles{cert: cert, key: key, logger: cmp.Or(logger, slog.New(slog.DiscardHandler))}
	if err := f.read(); err != nil {
		return nil, err
	}
	config := baseTLS()
	config.GetCertificate = f.get
	return config, nil
}

// lookInterval is how often the files are looked at, at most. It is done when somebody connects, so that there is nothing to
// start and to end, and no signal to be told of.
const lookInterval = time.Second

// certificateFiles are the files of a certificate, and what was in them.
type certificateFiles struct {
	cert, key string
	logger    *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	looked  time.Time    // when the files were looked at
	states  [2]fileState // what they were when they were read
}

// A fileState tells a file from what it was before. It is zero if there is none.
type fileState struct {
	size     int64
	modified int64 // in nanoseconds
}

func stateOf(name string) fileState {
	info, err := os.Stat(name)
	if err != nil {
		return fileState{}
	}
	return fileState{info.Size(), info.ModTime().UnixNano()}
}

// get returns the certificate for a new connection.
func (f *certificateFiles) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := time.Now(); now.Sub(f.looked) >= lookInterval {
		f.looked = now
		if [2]fileState{stateOf(f.cert), stateOf(f.key)} != f.states {
			if err := f.read(); err != nil {
				f.logger.Error("the certificate has changed, and cannot be used; the old one stays", "error", err)
			} else {
				f.logger.Info("the certificate has changed, and was read again", "expires", f.current.Leaf.NotAfter)
			}
		}
	}
	return f.current, nil
}

// read reads the files. One that is being written changes once more, and is read again then.
func (f *certificateFiles) read() error {
	f.states = [2]fileState{stateOf(f.cert), stateOf(f.key)} // before: what changes behind this is seen the next time
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("no TLS with %s and %s: %w; give a certificate, with those that vouch for it behind, and its key, both in PEM", f.cert, f.key, err)
	}
	f.current = &pair
	return nil
}
