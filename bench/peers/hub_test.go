package peers

import (
	"strings"
	"testing"

	"github.com/gorilla/websocket"
)

func TestHub(t *testing.T) {
	url := start(t, Hub)
	testFanOut(t, url, func() func() string { return messages(t, url) })
}

// A client that sends more than a pong's worth is not one of ours; the others stay.
func TestHubDropsOneClientOnly(t *testing.T) {
	url := start(t, Hub)
	bad, stays := dial(t, url+"/websocket"), messages(t, url)
	if err := bad.WriteMessage(websocket.TextMessage, []byte(strings.Repeat("x", 1000))); err != nil {
		t.Fatal(err)
	}
	if _, _, err := bad.ReadMessage(); err == nil {
		t.Fatal("its connection should end")
	}
	publish(t, dial(t, url+"/publish"), 0, 3)
	expect(t, stays, 0, 3)
}
