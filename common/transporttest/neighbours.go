package transporttest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"pushlab/common/event"
	"pushlab/common/hub"
)

// neighbours has one subscriber read among several that have stopped, at a rate of 8 MB a second.
func neighbours(t *testing.T, tr Transport) {
	const events = 1000
	attempts := 1
	if !tr.route.virtual() {
		attempts = 3 // what else the machine does is late at times; those who wait for a reader always are
	}
	for attempt := range attempts {
		inTime, slowest := neighboursInTime(t, tr, events)
		if inTime*100 >= events*99 {
			break
		}
		failed := fmt.Sprintf("%d of %d events came within a second; the slowest took %v", inTime, events, slowest)
		if attempt < attempts-1 {
			t.Log(failed)
		} else {
			t.Error(failed)
		}
	}
}

// neighboursInTime returns how many of the events came within a second, and how long the slowest took.
// An event says in its data when it was published.
func neighboursInTime(t *testing.T, tr Transport, events int) (inTime int, slowest time.Duration) {
	const stalled, interval, size = 3, 2 * time.Millisecond, 16 << 10
	f := start(t, tr, hub.Config{}, Config{WriteDeadline: time.Hour})
	f.publishLarge() // those that have stopped get no further than this
	for range stalled {
		f.ask(http.MethodGet, "after="+f.id(0).String(), f.Header)
	}
	healthy := bufio.NewReaderSize(f.bytes(f.id(1).String()), 2*size)

	begin, pad := time.Now(), strings.Repeat("x", size)
	f.publishPaced(events, interval, func(i int) {
		data := fmt.Appendf(nil, `{"at":%d,"pad":"%s"}`, time.Since(begin), pad)
		if _, err := f.hub.Publish(context.Background(), "a", data); err != nil {
			t.Error(err)
		}
		if i == events-1 {
			f.hub.Close() // for the goodbye
		}
	})
	for {
		piece, err := healthy.ReadSlice('{') // of which the padding has none
		if err == io.EOF || bytes.Contains(piece, []byte(event.ByeTopic)) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var at time.Duration
		if n, _ := fmt.Fscanf(bytes.NewReader(piece), `"at":%d,`, &at); n == 0 {
			continue // no event's data
		}
		took := time.Since(begin) - at
		slowest = max(slowest, took)
		if took <= time.Second {
			inTime++
		}
	}
	if n := f.handler.Counters().Delivered.Load(); n > int64(events) {
		t.Errorf("%d events were delivered; those who have stopped should have got none", n)
	}
	return inTime, slowest
}

// bytes subscribes by raw requests, and returns all that comes up to the goodbye. Bytes are cheaper
// than the client's events, so that what is measured is the server.
func (f *fixture) bytes(after string) io.Reader {
	f.t.Helper()
	if f.Polls {
		return &polls{f: f, cursor: after, body: http.NoBody}
	}
	return f.ask(http.MethodGet, "after="+after, f.Header).Body
}

// polls are the answers of one poll after another.
type polls struct {
	f      *fixture
	cursor string
	body   io.Reader
	ended  bool
}

func (p *polls) Read(b []byte) (int, error) {
	for {
		n, err := p.body.Read(b)
		if err != io.EOF || p.ended {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
		response := p.f.ask(http.MethodGet, url.Values{"after": {p.cursor}}.Encode(), p.f.Header)
		p.body, p.cursor = response.Body, response.Header.Get("Pushlab-Cursor")
		p.ended = response.Header.Get("Retry-After") != ""
	}
}
