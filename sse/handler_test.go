package sse_test

import (
	"context"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/common/transporttest"
	"pushlab/sse"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	transporttest.Run(t, transporttest.Transport{
		Path: "/sse",
		New: func(h *hub.Hub, c transporttest.Config) transporttest.Handler {
			return sse.New(h, sse.Config{Heartbeat: c.Heartbeat, Retry: c.Retry, WriteDeadline: c.WriteDeadline})
		},
		Dial: func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
			return sse.Dial(ctx, url, opts)
		},
		Header: http.Header{"Accept": {"*/*"}},
	})
}
