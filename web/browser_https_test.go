package web_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"net"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"pushlab/common/hub"
	"pushlab/web"
)

// TestBrowserHTTPS has a page that was loaded over HTTPS open ten EventSources, five streams by fetch and two WebSockets, from a
// server with a certificate that the user has accepted. By HTTP/1.1 a browser has six connections, and the other streams would
// wait: they share one by HTTP/2. A WebSocket has a connection of its own, by HTTP/1.1.
func TestBrowserHTTPS(t *testing.T) {
	t.Parallel()
	config, _, err := web.SelfSigned(nil)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := config.GetCertificate(nil)
	if err != nil {
		t.Fatal(err)
	}
	key := sha256.Sum256(cert.Leaf.RawSubjectPublicKeyInfo)
	browser := startChromium(t, chromedp.Flag("ignore-certificate-errors-spki-list", base64.StdEncoding.EncodeToString(key[:])))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := hub.New(hub.Config{})
	server, err := web.NewServer(h, web.Config{})
	if err != nil {
		t.Fatal(err)
	}
	s := serveListener(t, h, server, tls.NewListener(l, config))
	p := open(t, browser, "https://"+strings.Replace(l.Addr().String(), "127.0.0.1", "localhost", 1)+"/lanes.html")
	run[chromedp.Void](p, `(() => {
		window.lanes = [];
		window.ends = [];
		const lane = () => {
			const events = [];
			lanes.push(events);
			return (text) => {
				const { topic, data } = JSON.parse(text);
				if (topic === "$open" || topic === "test") events.push(topic === "test" ? data : "open");
			};
		};
		for (let i = 0; i < 10; i++) {
			const take = lane(), source = new EventSource("/sse?topic=test");
			source.onmessage = ({ data }) => take(data);
			source.addEventListener("$open", ({ data }) => take(data));
			ends.push(() => source.close());
		}
		for (let i = 0; i < 5; i++) {
			const take = lane(), control = new AbortController();
			ends.push(() => control.abort());
			(async () => {
				const { body } = await fetch("/httpstream?topic=test", { signal: control.signal });
				let rest = "";
				for await (const text of body.pipeThrough(new TextDecoderStream())) {
					const lines = (rest + text).split("\n");
					rest = lines.pop();
					lines.forEach(take);
				}
			})().catch((reason) => { if (reason.name !== "AbortError") throw reason; });
		}
		for (let i = 0; i < 2; i++) {
			const take = lane(), socket = new WebSocket("/websocket?topic=test");
			socket.onmessage = ({ data }) => take(data);
			ends.push(() => socket.close());
		}
	})()`)
	p.wait(`lanes.every((events) => String(events) === "open")`)
	for _, data := range []string{"1", "2", "3"} {
		s.publish("test", data)
	}
	p.wait(`lanes.every((events) => String(events) === "open,1,2,3")`)
	if protocol := run[string](p, `performance.getEntriesByType("navigation")[0].nextHopProtocol`); protocol != "h2" {
		t.Errorf("the page came by %s", protocol)
	}
	if !run[bool](p, `isSecureContext`) {
		t.Error("the page is not secure")
	}
	run[chromedp.Void](p, `ends.forEach((end) => end())`)
}
