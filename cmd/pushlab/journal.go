package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"pushlab/common/hub"
	"pushlab/common/journal"
	"pushlab/common/journal/embedded"
)

// inMemory is the --journal of a server that has none.
const inMemory = "memory"

// defaultSync is how often a directory is forced to the disk, unless a flag says otherwise.
const defaultSync = "100ms"

// journalFlags say where a log is kept.
type journalFlags struct {
	spec    string
	servers journal.Servers
	login   string
	config  journal.Config
	bytes   size
	sync    string
}

// A keptLog is a log outside this process's memory.
type keptLog interface {
	hub.Log
	Info(context.Context) (journal.Info, error)
	Trim(ctx context.Context, upTo uint64) error
	Renew(ctx context.Context, atLeast uint64) error
}

// statsOf returns the counts that a log keeps.
func statsOf(log keptLog) *journal.Stats {
	if j, ok := log.(*embedded.Journal); ok {
		return &j.Stats
	}
	return &log.(*journal.Stream).Stats
}

// registerPlace registers the flags that say where the log is, and who we are there.
func (j *journalFlags) registerPlace(f *pflag.FlagSet, spec, usage string) {
	f.StringVar(&j.spec, "journal", spec, usage)
	f.StringVar(&j.config.Name, "journal-name", journal.DefaultName, "the name of the JetStream stream")
	f.StringVar(&j.servers.Credentials, "journal-credentials", "", "a file with NATS credentials (.creds)")
	f.StringVar(&j.login, "journal-login-file", "", "a file with a NATS token, or with USER:PASSWORD")
	f.StringVar(&j.servers.CA, "journal-ca", "", "a file with the certificates (PEM) of who vouches for the NATS servers; default: the system's")
	f.StringVar(&j.servers.Cert, "journal-cert", "", "a file with our certificate (PEM), for NATS servers that ask for one")
	f.StringVar(&j.servers.Key, "journal-key", "", "the file with its key")
}

func (j *journalFlags) register(f *pflag.FlagSet) {
	j.registerPlace(f, inMemory, "where the log is kept: memory, file:DIR, or nats://HOST[,HOST] (tls:// with TLS)")
	f.IntVar(&j.config.Replicas, "journal-replicas", 0, "on how many NATS servers each event is before it is acknowledged: 1, 3 or 5 (default: as it is; 1 for a new one)")
	f.Int64Var(&j.config.MaxEvents, "journal-events", 0, "how many events the journal keeps at most (default: as it is; any number for a new one)")
	f.Var(&j.bytes, "journal-bytes", "how many bytes they may take there (default: as it is; 1GiB for a new one)")
	f.DurationVar(&j.config.MaxAge, "journal-age", 0, "how long it keeps an event (default: as it is; for ever for a new one)")
	f.StringVar(&j.sync, "journal-sync", defaultSync, "how often file:DIR is forced to the disk, or always: before each acknowledgement")
}

// isFile returns the directory that the specification names.
func (j *journalFlags) isFile() (dir string, ok bool) { return strings.CutPrefix(j.spec, "file:") }

// check finds what makes no sense.
func (j *journalFlags) check() error {
	dir, file := j.isFile()
	nats := strings.HasPrefix(j.spec, "nats://") || strings.HasPrefix(j.spec, "tls://")
	switch {
	case j.spec != inMemory && !file && !nats, file && dir == "":
		return &usageError{fmt.Errorf("--journal is %.60q; use memory, file:DIR, or nats://HOST[,HOST]", withoutLogin(j.spec))}
	case !nats && (j.servers != journal.Servers{} || j.login != ""):
		return &usageError{errors.New("--journal-credentials, -login-file, -ca, -cert and -key are for --journal nats://HOST")}
	case file && j.config.Replicas > 1:
		return &usageError{errors.New("--journal-replicas is for --journal nats://HOST; one directory cannot hold several")}
	case j.spec == inMemory && j.saysWhatToKeep():
		return &usageError{errors.New("--journal-name, -replicas, -events, -bytes, -age and -sync are for a log outside memory; say where by --journal, or leave them away")}
	case nats && j.sync != "" && j.sync != defaultSync:
		return &usageError{errors.New("--journal-sync is for --journal file:DIR; NATS servers have a sync_interval in their configuration")}
	case j.config.Replicas < 0 || j.config.MaxEvents < 0 || j.config.MaxAge < 0:
		return &usageError{errors.New("--journal-replicas, -events and -age must not be negative")}
	}
	if _, err := j.syncEvery(); err != nil {
		return err
	}
	if err := j.config.Check(); err != nil {
		return &usageError{err}
	}
	return nil
}

// saysWhatToKeep reports whether a flag says how to keep a log.
func (j *journalFlags) saysWhatToKeep() bool {
	c := j.config
	return c.Name != journal.DefaultName || c.Replicas != 0 || c.MaxEvents != 0 || c.MaxAge != 0 || j.bytes != 0 || j.sync != defaultSync
}

// withoutLogin leaves out what may be a password in a URL.
func withoutLogin(spec string) string {
	if i := strings.LastIndex(spec, "@"); i >= 0 {
		return "…" + spec[i:]
	}
	return spec
}

// syncEvery returns how often to force events to the disk; 0 is always.
func (j *journalFlags) syncEvery() (time.Duration, error) {
	if j.sync == "" || j.sync == "always" {
		return 0, nil
	}
	every, err := time.ParseDuration(j.sync)
	if err != nil || every < time.Millisecond {
		return 0, &usageError{fmt.Errorf("--journal-sync is %q; use a duration such as 100ms, or always", j.sync)}
	}
	return every, nil
}

// open opens the log that the flags describe; nil if it is this process's memory.
func (j *journalFlags) open(ctx context.Context, logger *slog.Logger) (keptLog, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	config := j.config
	config.Logger, config.MaxBytes = logger, int64(j.bytes)
	if dir, ok := j.isFile(); ok {
		every, err := j.syncEvery()
		if err != nil {
			return nil, err
		}
		log, err := embedded.Open(ctx, dir, embedded.Config{Config: config, Sync: every, SyncAlways: j.sync == "always"})
		if err != nil {
			return nil, err
		}
		return log, nil
	}
	if j.spec == inMemory {
		return nil, nil
	}
	servers := j.servers
	servers.URLs, servers.Login = j.spec, os.Getenv("PUSHLAB_JOURNAL_LOGIN")
	if j.login != "" {
		login, err := os.ReadFile(j.login)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--journal-login-file: %w", err)}
		}
		servers.Login = string(login)
	}
	if err := servers.Check(); err != nil {
		return nil, &usageError{err}
	}
	conn, err := journal.Connect(ctx, servers)
	if err != nil {
		return nil, err
	}
	log, err := journal.Open(ctx, conn, config)
	if err != nil {
		return nil, err
	}
	return log, nil
}

// kind is how /version names the place.
func (j *journalFlags) kind() string {
	kind, _, _ := strings.Cut(j.spec, ":")
	return cmp.Or(kind, inMemory)
}

// closeTimeout is how long a log may take to be closed.
const closeTimeout = 10 * time.Second

// closeLog closes a log when nobody uses it any more.
func closeLog(log hub.Log) error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	return log.Close(ctx)
}
