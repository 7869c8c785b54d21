package websocket_test

import (
	"context"
	"net/http"
	"testing"

	"go.uber.org/goleak"

	"pushlab/common/client"
	"pushlab/common/hub"
	"pushlab/common/transporttest"
	"pushlab/websocket"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var transport = transporttest.Transport{
	Path: "/websocket",
	New: func(h *hub.Hub, c transporttest.Config) transporttest.Handler {
		return websocket.New(h, websocket.Config{Heartbeat: c.Heartbeat, Retry: c.Retry, WriteDeadline: c.WriteDeadline})
	},
	Dial: func(ctx context.Context, url string, opts client.Options) (client.Conn, error) {
		return websocket.Dial(ctx, url, opts)
	},
	Header: http.Header{
		"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
		"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"},
	},
	Upgrade: true,
}

func TestContract(t *testing.T) { transporttest.Run(t, transport) }
