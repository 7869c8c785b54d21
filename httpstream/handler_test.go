package httpstream_test

import (
	"context"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/common/transporttest"
	"pushlab/httpstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	transporttest.Run(t, transporttest.Transport{
		Path: "/httpstream",
		New: func(h *hub.Hub, c transporttest.Config) transporttest.Handler {
			return httpstream.New(h, httpstream.Config{Heartbeat: c.Heartbeat, Retry: c.Retry, WriteDeadline: c.WriteDeadline})
		},
		Dial: func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
			return httpstream.Dial(ctx, url, opts)
		},
		Header: http.Header{"Accept": {"*/*"}},
	})
}
