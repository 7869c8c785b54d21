package longpoll_test

import (
	"context"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/common/transporttest"
	"pushlab/longpoll"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestContract(t *testing.T) {
	transporttest.Run(t, transporttest.Transport{
		Path: "/longpoll",
		New: func(h *hub.Hub, c transporttest.Config) transporttest.Handler {
			return longpoll.New(h, longpoll.Config{Retry: c.Retry, WriteDeadline: c.WriteDeadline})
		},
		Dial: func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
			return longpoll.Dial(ctx, url, opts)
		},
		Header: http.Header{"Accept": {"*/*"}},
		Polls:  true,
	})
}
