package web_test

import (
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pushlab/common/hub"
	"pushlab/web"
	"pushlab/web/lab"
)

// TestAttackerInBrowser shows the attacker's page in a frame of ours, under both pages' policies: it gets in by WebSocket
// if the server lets it, and by nothing else.
func TestAttackerInBrowser(t *testing.T) {
	t.Parallel()
	browser := startChromium(t)
	for _, guard := range []bool{true, false} {
		t.Run(fmt.Sprint("guard=", guard), func(t *testing.T) {
			page := serve(t, hub.Config{}, web.Config{Demo: true})
			origin := strings.Replace(page.url, "127.0.0.1", "localhost", 1)
			attacker := httptest.NewServer(lab.Attacker(os.DirFS("static"), origin))
			defer attacker.Close()
			attackerOrigin := strings.Replace(attacker.URL, "127.0.0.1", "attacker.localhost", 1)
			config := web.Config{AllowedOrigins: []string{origin}}
			if !guard {
				config.SocketOrigins = []string{attackerOrigin}
			}
			victim := serve(t, hub.Config{}, config)
			sub := victim.hub.Subscribe(nil, hub.Start{})
			defer sub.Close()

			p := open(t, browser, origin+"/lanes.html", "CORS policy", "net::ERR_FAILED", "WebSocket connection to", "status of 403")
			if !run[bool](p, `crossOriginIsolated`) {
				t.Error("the page is not isolated")
			}
			target := strings.Replace(victim.url, "http://127.0.0.1", "ws://websocket.localhost", 1) + "/websocket"
			src := attackerOrigin + "/attacker.html?" + url.Values{"target": {target}, "page": {origin}}.Encode()
			type result struct {
				Way       string
				In        bool
				Text      string
				Published string
				Read      int
			}
			told := run[struct {
				Type, Origin string
				Results      []result
			}](p, fmt.Sprintf(`new Promise((resolve) => {
				addEventListener("message", ({ data, origin }) => {
					if (origin === %q) resolve(data);
				});
				const frame = document.createElement("iframe");
				frame.src = %q;
				document.body.append(frame);
			})`, attackerOrigin, src))
			if told.Type != "attack" || told.Origin != attackerOrigin {
				t.Errorf("the page was told %+v", told)
			}
			in := map[string]bool{}
			for _, r := range told.Results {
				in[r.Way] = r.In
				if r.Text == "" {
					t.Errorf("%s says nothing", r.Way)
				}
			}
			if diff := cmp.Diff(map[string]bool{"websocket": !guard, "fetch": false, "eventsource": false, "post": false}, in); diff != "" {
				t.Errorf("what got in (-want +got):\n%s", diff)
			}
			events, err := sub.Poll()
			if err != nil {
				t.Fatal(err)
			}
			switch socket := told.Results[0]; {
			case guard && (len(events) > 0 || !strings.Contains(socket.Text, "Refused")):
				t.Errorf("%d events were published; %q", len(events), socket.Text)
			case !guard && (len(events) != 1 || events[0].ID.String() != socket.Published || socket.Read == 0 ||
				!strings.Contains(socket.Text, "read your events and publish in your name")):
				t.Errorf("%d events were published; %+v", len(events), socket)
			}
		})
	}

	t.Run("strangers", func(t *testing.T) {
		attacker := httptest.NewServer(lab.Attacker(os.DirFS("static"), "http://localhost:1"))
		defer attacker.Close()
		for _, target := range []string{"", "ws://example.com/websocket", "http://localhost:1/", "ws://localhost.example.com/", "javascript:alert(1)", "wss://10.0.0.1/"} {
			p := open(t, browser, attacker.URL+"/?"+url.Values{"target": {target}, "page": {"http://localhost:1"}}.Encode())
			p.wait(`document.querySelector("#verdict").textContent.startsWith("There is nobody to attack") && document.querySelector("#again").hidden`)
		}
	})
}
