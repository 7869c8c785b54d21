package websocket_test

import (
	"testing"

	"pushlab/common/transporttest"
)

func TestClient(t *testing.T) { transporttest.RunClient(t, transport) }
