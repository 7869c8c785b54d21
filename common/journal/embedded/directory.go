package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// A directory is what is ours of a journal's directory, beside what the NATS server has there.
type directory struct {
	path   string
	stream string // its name
	lock   *os.File
	state  state
	known  bool // there is a journal file
}

// state is in the file journal. It is forced to the disk before what it says is used.
type state struct {
	Stream string `json:"stream"`
	// Life is the log's life, as in the stream's metadata, which the server may lose when the machine stops.
	Life uint64 `json:"life"`
	// MaxBytes is the limit of the stream, for which the server needs room when it starts.
	MaxBytes int64 `json:"max_bytes"`
}

// running is in the file running.
type running struct {
	Boot string `json:"boot"` // which start of the machine it was; "" if unknown
	Sync string `json:"sync"`
}

const lazy, always = "lazy", "always"

// openDirectory locks the directory, and reads what is ours there.
func openDirectory(path, stream string, mustExist bool) (d directory, err error) {
	if path == "" {
		return d, errors.New("journal: there is no directory; give one, such as file:/var/lib/pushlab")
	}
	if path, err = filepath.Abs(path); err != nil {
		return d, fmt.Errorf("journal: %w", err)
	}
	d = directory{path: path, stream: stream}
	if mustExist {
		if _, err := os.Stat(d.file("journal")); err != nil {
			return d, fmt.Errorf("journal: there is no journal in %s; name another directory, or start a server on it, which creates it", path)
		}
	} else if err := os.MkdirAll(path, 0o700); err != nil {
		return d, fmt.Errorf("journal: the directory cannot be made: %w", err)
	}
	if d.lock, err = lock(d.file("lock")); err != nil {
		return d, err
	}
	known, err := readJSON(d.file("journal"), &d.state)
	if err != nil {
		return d, errors.Join(err, d.close(false))
	}
	d.known = known
	if known && d.state.Stream != stream {
		err := fmt.Errorf("journal: the stream in %s is %q, and %q was asked for; give that name, or another directory", path, d.state.Stream, stream)
		return d, errors.Join(err, d.close(false))
	}
	return d, nil
}

func (d *directory) file(name string) string { return filepath.Join(d.path, name) }

// hasStream reports whether the stream was created here at some time.
func (d *directory) hasStream() bool {
	if d.known {
		return true
	}
	_, err := os.Stat(filepath.Join(d.path, "jetstream", "$G", "streams", d.stream))
	return err == nil
}

// begin notes that a process has the directory open, and reports whether the last one may have lost something: it was
// not closed, and the machine has stopped since, while not everything was on the disk.
func (d *directory) begin(boot string, syncAlways bool) (lost bool, err error) {
	var last running
	unclosed, err := readJSON(d.file("running"), &last)
	if err != nil {
		return false, err
	}
	if unclosed && last.Sync == lazy {
		if last.Boot != boot || boot == "" {
			return true, nil // the note stays until the log has its new epoch
		}
		// What is in the page cache of the system still is forced to the disk, since the next note may say "always".
		if err := d.sync(); err != nil {
			return false, err
		}
	}
	return false, d.opened(boot, syncAlways)
}

// opened notes that a process has the directory open, and what it knows of the stream.
func (d *directory) opened(boot string, syncAlways bool) error {
	r := running{Boot: boot, Sync: lazy}
	if syncAlways {
		r.Sync = always
	}
	return writeJSON(d.file("running"), r)
}

// setLife writes down the life that the log is about to get.
func (d *directory) setLife(life uint64) error {
	d.state.Life = max(d.state.Life, life)
	return d.save()
}

// created writes down that there is a stream, and how many bytes it may take. What the server has written of a new one is
// forced to the disk: without it, nothing could be read.
func (d *directory) created(maxBytes int64) error {
	if !d.known {
		if err := d.sync(); err != nil {
			return err
		}
	} else if d.state.MaxBytes == maxBytes {
		return nil
	}
	d.state.MaxBytes = maxBytes
	d.known = true
	return d.save()
}

func (d *directory) save() error {
	d.state.Stream = d.stream
	return writeJSON(d.file("journal"), d.state)
}

// checkFree tells whether the disk has that many bytes left.
func (d *directory) checkFree(bytes int64) error {
	if free, ok := free(d.path); ok && free < bytes {
		return fmt.Errorf("journal: the disk of %s is full: it has %d KiB left, and %d are needed; make room, or give another directory", d.path, free>>10, bytes>>10)
	}
	return nil
}

// close lets go of the directory.
func (d *directory) close(clean bool) error {
	if d.lock == nil {
		return nil
	}
	var err error
	if clean {
		// The server has closed its files, which does not force them to the disk.
		if err = d.sync(); err == nil {
			err = os.Remove(d.file("running"))
		}
		if err == nil {
			err = syncFile(d.path)
		}
	}
	return errors.Join(err, d.lock.Close())
}

// readJSON reads a file of ours, and reports whether there is one.
func readJSON(name string, into any) (bool, error) {
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return false, fmt.Errorf("journal: %s cannot be read (%w); is the directory that of another program?", name, err)
	}
	return true, nil
}

// writeJSON writes a file of ours and forces it to the disk: after that, or after whatever stops it, there is the old one or the
// new one.
func writeJSON(name string, from any) error {
	data, err := json.Marshal(from)
	if err == nil {
		err = writeFile(name+".new", append(data, '\n'))
	}
	if err == nil {
		err = os.Rename(name+".new", name)
	}
	if err == nil {
		err = syncFile(filepath.Dir(name))
	}
	if err != nil {
		if strings.Contains(err.Error(), "no space left") {
			return fmt.Errorf("journal: the disk is full (%w); make room, or give another directory", err)
		}
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func writeFile(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// sync forces what the server has written to the disk.
func (d *directory) sync() error {
	return filepath.WalkDir(d.file("jetstream"), func(path string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = syncFile(path)
		}
		if err == nil || errors.Is(err, fs.ErrNotExist) { // the server has removed it meanwhile
			return nil
		}
		return fmt.Errorf("journal: %w", err)
	})
}
