// Package embedded is a journal in a directory of this machine: a NATS server inside this process, to which nobody else can
// connect, and its one stream. It links the NATS server, some 10 MiB, so only the program imports it.
//
// # What is in the directory
//
//	lock       is locked while a process has the directory open; two would destroy each other's files
//	journal    says that the stream was created, and counts its lives; the server must find it from then on
//	running    is there while a process has the directory open; one that finds it was not closed before
//	jetstream  belongs to the NATS server
//
// # What an acknowledged event survives
//
// The end of this process, in whatever way: the event is in the page cache of the system. If the machine stops, as in a
// power failure, everything that was acknowledged until Config.Sync before that survives, and all of it with SyncAlways.
// Where something may be lost, the next Open finds a running file of another start of the machine, and gives the log a
// new epoch; everybody who resumes is then told of a gap. Nothing protects against the loss of the disk, against damaged
// files (what of them can be read is kept, and Open fails if that is nothing), or against a backup that is put back:
// whoever puts one back has to give the log another epoch (Renew), since it has lost its end.
package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"pushlab/common/hub"
	"pushlab/common/journal"
)

// Config is how to keep a journal in a directory. A zero field means its default.
type Config struct {
	journal.Config
	// Sync is how often what was written is forced to the disk. Default 100 ms.
	Sync time.Duration
	// SyncAlways forces each event to the disk before it is acknowledged.
	SyncAlways bool
	// MaxPayload is how large an event may be, in bytes. Default 8 MiB.
	MaxPayload int
	// MinFree is how many bytes the disk must have left for Open, and to go on after it was full. Default 4 MiB.
	MinFree int64
	// BootID tells the starts of the machine apart; "" is unknown. Default: that of Linux.
	BootID func() string
}

const (
	healEvery    = 500 * time.Millisecond
	readyTimeout = 30 * time.Second // for the server to read its files
	maxMemory    = 64 << 20         // of JetStream's own memory storage, which nothing here uses
	storeSlack   = 64 << 20         // what the server's files take beside the events
)

// A Journal is a journal.Stream whose server is in this process.
type Journal struct {
	*journal.Stream
	config Config
	dir    directory
	server *server.Server
	limit  int64 // how many bytes the stream may take

	// The disk is watched by one goroutine, for which Close waits.
	trouble chan error
	stop    context.CancelFunc
	watcher sync.WaitGroup
}

var _ hub.Log = (*Journal)(nil)

// Open opens the journal in that directory, and creates it unless the configuration says that it must exist. It
// fails with an error that says what to do: if another process has it open, if the disk is full, or if the
// server cannot read what was there.
func Open(ctx context.Context, path string, config Config) (_ *Journal, err error) {
	config.Sync = cmp.Or(config.Sync, 100*time.Millisecond)
	config.MaxPayload = cmp.Or(config.MaxPayload, 8<<20)
	config.MinFree = cmp.Or(config.MinFree, 4<<20)
	if config.BootID == nil {
		config.BootID = bootID
	}
	if config.Name == "" {
		config.Name = journal.DefaultName
	}
	if config.Replicas > 1 {
		return nil, fmt.Errorf("journal: one directory cannot hold %d replicas; use a cluster of NATS servers for that", config.Replicas)
	}
	j := &Journal{config: config, trouble: make(chan error, 1)}
	if j.dir, err = openDirectory(path, config.Name, config.Existing); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, j.shut(false))
		}
	}()
	if err := j.dir.checkFree(j.config.MinFree); err != nil {
		return nil, err
	}
	unclean, err := j.dir.begin(config.BootID(), config.SyncAlways)
	if err != nil {
		return nil, err
	}
	if err := j.start(); err != nil {
		return nil, err
	}
	if err := j.open(ctx); err != nil {
		return nil, err
	}
	if err := j.restoreLife(ctx, unclean); err != nil {
		return nil, errors.Join(err, j.Stream.Close(ctx))
	}
	if err := errors.Join(j.dir.created(j.limit), j.dir.opened(config.BootID(), config.SyncAlways)); err != nil {
		return nil, errors.Join(err, j.Stream.Close(ctx))
	}
	watching, stop := context.WithCancel(context.Background())
	j.stop = stop
	j.watcher.Go(func() { j.watchDisk(watching) })
	return j, nil
}

// start starts the server.
func (j *Journal) start() (err error) {
	c := j.config
	j.server, err = server.NewServer(&server.Options{
		ServerName:         "pushlab",
		DontListen:         true,
		NoSigs:             true,
		JetStream:          true,
		StoreDir:           j.dir.path,
		JetStreamMaxMemory: maxMemory,
		JetStreamMaxStore:  j.maxStore(),
		SyncInterval:       c.Sync,
		SyncAlways:         c.SyncAlways,
		MaxPayload:         int32(c.MaxPayload),
		MaxPending:         int64(max(64<<20, 2*c.MaxPayload)),
	})
	if err != nil {
		return fmt.Errorf("journal: the NATS server in this process: %w", err)
	}
	j.server.SetLoggerV2(&logger{to: cmp.Or(c.Logger, defaultLogger()), trouble: j.report}, false, false, false)
	j.server.Start()
	if !j.server.ReadyForConnections(readyTimeout) || !j.server.JetStreamEnabled() {
		return fmt.Errorf("journal: the NATS server in this process did not start on %s; the log says why", j.dir.path)
	}
	return nil
}

// maxStore is what the server may store. It must never be what is full, not even when it is asked a second time to create the
// stream, while it still does.
func (j *Journal) maxStore() int64 {
	if j.config.MaxBytes < 0 || j.config.MaxBytes == 0 && j.dir.state.MaxBytes < 0 {
		return 1 << 60
	}
	return 2*max(j.config.MaxBytes, j.dir.state.MaxBytes, 1<<30) + storeSlack
}

// open opens the stream. It is created only when it never was: if the server could not read it, an empty one would be
// put over it.
func (j *Journal) open(ctx context.Context) error {
	nc, err := journal.Connect(ctx, journal.Servers{InProcess: j.server})
	if err != nil {
		return err
	}
	config := j.config.Config
	exists := j.dir.hasStream()
	config.Existing = exists || config.Existing
	config.Renewing = func(life uint64) error { return j.dir.setLife(life) }
	j.Stream, err = journal.Open(ctx, nc, config)
	if err != nil && exists {
		return fmt.Errorf("%w; there is a journal in %s, and the NATS server could not read it: look at its warnings, put a backup back, or move the directory away to begin anew",
			err, j.dir.path)
	}
	return err
}

// restoreLife gives the log a new epoch if it may have lost its end.
func (j *Journal) restoreLife(ctx context.Context, lost bool) error {
	info, err := j.Stream.Info(ctx)
	if err != nil {
		return err
	}
	j.limit = info.MaxBytes
	if left, ok := free(j.dir.path); ok && (j.limit < 0 || j.limit-info.State.Bytes > left) {
		cmp.Or(j.config.Logger, defaultLogger()).Warn("journal: the log may become larger than its disk has room for; then nothing can be appended until there is",
			"dir", j.dir.path, "max_bytes", j.limit, "bytes", info.State.Bytes, "disk_left", left)
	}
	switch {
	case lost:
		cmp.Or(j.config.Logger, defaultLogger()).Warn("journal: the machine stopped while the log was open, and the last events that were acknowledged may be lost; the log gets a new epoch",
			"dir", j.dir.path, "last", info.State.Last, "sync", j.config.Sync)
		return j.Stream.Renew(ctx, j.dir.state.Life+1)
	case info.Life < j.dir.state.Life: // the server's own note of it was lost
		return j.Stream.Renew(ctx, j.dir.state.Life)
	}
	return nil
}

// Close closes the log, and waits until the server is done with its files.
func (j *Journal) Close(ctx context.Context) error {
	j.stop()
	j.watcher.Wait()
	return errors.Join(j.Stream.Close(ctx), j.shut(true))
}

// shut stops the server and lets go of the directory.
func (j *Journal) shut(clean bool) error {
	if j.server != nil {
		j.server.Shutdown()
		j.server.WaitForShutdown()
	}
	return j.dir.close(clean)
}

// report notes that the server cannot write.
func (j *Journal) report(err error) {
	select {
	case j.trouble <- err:
	default: // it is known
	}
}

// watchDisk suspends the log when the server cannot write, since it would let every append wait in vain, and has the
// server begin anew when there is room again.
func (j *Journal) watchDisk(ctx context.Context) {
	log := cmp.Or(j.config.Logger, defaultLogger())
	for {
		var why error
		select {
		case <-ctx.Done():
			return
		case why = <-j.trouble:
		}
		why = fmt.Errorf("the disk of %s cannot be written: %w; make room, and it goes on by itself", j.dir.path, why)
		j.Stream.Suspend(why)
		log.Error("journal: nothing can be appended", "err", why)
		for begun := time.Now(); ; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(healEvery):
			}
			if j.dir.checkFree(j.config.MinFree) != nil {
				continue
			}
			if err := j.heal(); err != nil {
				log.Error("journal: the NATS server in this process cannot begin anew; restart the program", "err", err)
				continue
			}
			select {
			case <-j.trouble: // of before
			default:
			}
			j.Stream.Resume()
			log.Info("journal: the disk can be written again", "dir", j.dir.path, "after", time.Since(begun).Round(time.Millisecond))
			break
		}
	}
}

// heal has the server read its files anew: after an error in writing it writes no more.
func (j *Journal) heal() error {
	if err := j.server.ShutdownJetStream(); err != nil {
		return err
	}
	err := j.server.EnableJetStream(&server.JetStreamConfig{
		MaxMemory: maxMemory, MaxStore: j.maxStore(), StoreDir: j.dir.path,
		SyncInterval: j.config.Sync, SyncAlways: j.config.SyncAlways,
	})
	if err != nil {
		return err
	}
	if !j.dir.hasStream() {
		return errors.New("its stream is gone")
	}
	return nil
}

func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "" // another system: after an unclean end the log always gets a new epoch
	}
	return string(id[:min(len(id), 36)])
}
