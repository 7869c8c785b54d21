package wire_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/common/wire"
)

// TestSubscribers: the open streams are listed, the oldest first, with what they read and how far.
func TestSubscribers(t *testing.T) {
	onEngines(t, func(t *testing.T, k *memhttp.Kernel) {
		f := start(t, k, wire.Protocol{}, wire.Config{})
		list := func() (text string) {
			synctest.Wait()
			for _, s := range f.streams.Subscribers() {
				text += fmt.Sprintf("%s %v %d %d %v; ", s.Transport, s.Topics, s.Cursor.Seq, s.Delivered, time.Since(s.Opened))
			}
			return text
		}
		check := func(want string) {
			t.Helper()
			if got := list(); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		check("")
		first, p := f.accept(nil, nil)
		p.want("head $open:0")
		time.Sleep(time.Second)
		_, q := f.accept(nil, nil)
		q.want("head $open:0")
		check("lines [] 0 0 1s; lines [] 0 0 0s; ")
		f.publish("a", 3)
		p.want("a:1 a:2 a:3")
		q.want("a:1 a:2 a:3")
		check("lines [] 3 3 1s; lines [] 3 3 0s; ")
		start := hub.Earliest()
		first.Resubscribe([]string{"b"}, &start)
		p.want("$open:0")
		check("lines [b] 3 3 1s; lines [] 3 3 0s; ")
		q.Close()
		check("lines [b] 3 3 1s; ")
	})
}
