package load

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"iter"
)

// deflateTail ends the data of a message, whose sender has cut its like off (RFC 7692, section 7.2.2), and after it a last
// block, so that the reader ends.
var deflateTail = []byte{0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff}

// An inflater decompresses what is complete: the messages of WebSockets, which stand for themselves, and the bodies of
// answers. What it returns is good until it is asked again.
type inflater struct {
	flate io.ReadCloser
	gzip  *gzip.Reader
	text  bytes.Buffer
}

// message decompresses a message (RFC 7692, section 7.2.2).
func (f *inflater) message(payload []byte) ([]byte, error) {
	in := io.MultiReader(bytes.NewReader(payload), bytes.NewReader(deflateTail))
	if f.flate == nil {
		f.flate = flate.NewReader(in)
	} else if err := f.flate.(flate.Resetter).Reset(in, nil); err != nil {
		return nil, err
	}
	return f.all(f.flate)
}

// body decompresses the body of an answer (RFC 1952).
func (f *inflater) body(zipped []byte) (text []byte, err error) {
	if in := bytes.NewReader(zipped); f.gzip == nil {
		f.gzip, err = gzip.NewReader(in)
	} else {
		err = f.gzip.Reset(in)
	}
	if err != nil {
		return nil, unexpected(err)
	}
	return f.all(f.gzip)
}

func (f *inflater) all(r io.Reader) ([]byte, error) {
	f.text.Reset()
	n, err := f.text.ReadFrom(io.LimitReader(r, maxBody+1))
	if n > maxBody {
		return nil, fmt.Errorf("a message of more than %d bytes, decompressed", maxBody)
	}
	return f.text.Bytes(), unexpected(err)
}

// An unzipper decompresses a gzip stream of which more and more comes. The reader of package gzip waits for what it
// reads; here it is put aside instead until there is some.
type unzipper struct {
	in   []byte // what came and was not read yet
	next func() ([]byte, bool)
	stop func() // must be called
	err  error
}

func newUnzipper() *unzipper {
	u := &unzipper{}
	u.next, u.stop = iter.Pull(func(yield func([]byte) bool) {
		r, err := gzip.NewReader(waiting{u, yield})
		if err == nil {
			r.Multistream(false) // or it would wait for another one at the end
		}
		buffer := make([]byte, readBuffer)
		for err == nil {
			var n int
			if n, err = r.Read(buffer); n > 0 && !yield(buffer[:n]) {
				return
			}
		}
		u.err = unexpected(err)
	})
	return u
}

// take hands over what is in p, decompressed, in pieces that are good until it returns. That the stream ends is an error.
func (u *unzipper) take(p []byte, use func([]byte) error) error {
	for u.in = p; ; {
		text, more := u.next()
		switch {
		case !more:
			return u.err
		case len(text) == 0:
			return nil // all is read
		}
		if err := use(text); err != nil {
			return err
		}
	}
}

// A waiting reads what came, byte by byte if need be, and waits for more by handing over nothing.
type waiting struct {
	*unzipper
	yield func([]byte) bool
}

var errStopped = errors.New("nobody reads any more")

func (w waiting) Read(p []byte) (int, error) {
	for len(w.in) == 0 {
		if !w.yield(nil) {
			return 0, errStopped
		}
	}
	n := copy(p, w.in)
	w.in = w.in[n:]
	return n, nil
}

// ReadByte has package gzip read no further than it needs to.
func (w waiting) ReadByte() (byte, error) {
	var one [1]byte
	_, err := w.Read(one[:])
	return one[0], err
}
