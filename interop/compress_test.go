package interop

import (
	"testing"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestCompressed has the foreign WebSocket clients agree on compression: what they inflate is what
// was published, and what they deflate is understood.
func TestCompressed(t *testing.T) {
	t.Parallel()
	s := serve(t, hub.Config{}, web.Config{Compress: true, MaxMessage: 2 << 20})
	for _, f := range foreigners {
		if f.path != "/websocket" {
			continue
		}
		p := newProxy(t, s.address)
		sub := f.subscribe(t, p, s.head())
		if l := sub.expect("open"); l.Extensions == "" {
			t.Errorf("%s did not agree on compression", f.name)
		}
		for _, data := range content {
			s.publish("count", data)
			if e := sub.topic("count"); string(e.Data) != data {
				t.Errorf("%s got %d bytes, %.100q, of %d bytes, %.100q", f.name, len(e.Data), e.Data, len(data), data)
			}
		}
		for _, data := range content {
			sub.command(command{Send: `{"op":"publish","topic":"said","data":` + data + `}`})
			if e := sub.topic("said"); string(e.Data) != data {
				t.Errorf("%s published %d bytes, %.100q, of %d bytes, %.100q", f.name, len(e.Data), e.Data, len(data), data)
			}
		}
	}
}
