package probe

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// askUpgrade opens a WebSocket, as a program does and as a page of the same site.
func (w *way) askUpgrade(ctx context.Context) {
	plain, content, key, err := w.shake(ctx)
	if err != nil {
		w.broken(upgradeCheck, WebSocket, NoUpgrade, "The handshake of a WebSocket is not answered.", "%v", err)
		return
	}
	if !upgraded(plain) {
		text, cause := w.explainUpgrade(plain, content)
		w.broken(upgradeCheck, WebSocket, cause, text, "%s", said(plain, content))
		return
	}
	if accept := plain.header.Get("Sec-WebSocket-Accept"); accept != acceptOf(key) {
		w.broken(upgradeCheck, WebSocket, hides("Sec-WebSocket-Accept"), "The handshake is answered wrongly: browsers refuse the connection.", "Sec-WebSocket-Accept: %q", accept)
		return
	}
	w.fine(upgradeCheck, WebSocket, "WebSockets open.", "%s", plain.statusLine())

	origin := w.base.Scheme + "://" + w.base.Host
	page, content, _, err := w.shake(ctx, "Origin: "+origin)
	switch {
	case err != nil:
		w.broken(originCheck, WebSocket, OtherOrigin, "The handshake of a page of this site is not answered.", "Origin: %s: %v", origin, err)
	case upgraded(page):
		w.fine(originCheck, WebSocket, "Pages of this site may open WebSockets.", "")
	default:
		cause := OtherOrigin
		if w.base.Scheme == "http" { // no TLS ended on the way, so it is the name that differs
			cause = HostName
		}
		w.broken(originCheck, WebSocket, cause, "Pages of this site may not open WebSockets: the server knows itself by another scheme, name or port.", "Origin: %s: %s", origin, said(page, content))
	}
}

// shake tries a handshake, and returns the answer with its content.
func (w *way) shake(ctx context.Context, header ...string) (a *answer, content []byte, key string, err error) {
	key = newKey()
	a, err = w.open(ctx, WebSocket, ask{query: url.Values{"topic": {w.quietTopic()}}, header: append(handshake(key), header...)}, doctorPatience)
	if err != nil {
		return nil, nil, "", err
	}
	defer a.close()
	if !upgraded(a) {
		content, _ = a.content(time.Now().Add(opening)) // what has come of it will do
	}
	return a, content, key, nil
}

// explainUpgrade says what an answer to a handshake means that is not 101.
func (w *way) explainUpgrade(a *answer, content []byte) (string, Cause) {
	_, server := ours(a, content)
	switch {
	case server && (a.status == http.StatusUpgradeRequired || a.status == http.StatusBadRequest):
		return "The handshake comes to the server as a plain request: a hop drops Upgrade and Connection, or asks by HTTP/1.0 or HTTP/2.", NoUpgrade
	case a.status == http.StatusUnauthorized || a.status == http.StatusForbidden:
		return "The handshake is refused: give credentials that may subscribe.", Credentials
	case server:
		return "The server refuses the handshake.", Unanswered
	case a.status == http.StatusOK || a.status == http.StatusNoContent:
		return "The handshake is answered as a plain request: a hop, or what it asks, knows no WebSocket.", NoUpgrade
	case a.status == http.StatusBadGateway || a.status == http.StatusGatewayTimeout:
		return "A hop understood the handshake, and got no answer from the server that it understood.", NoUpgrade
	}
	return "A hop refuses the handshake of a WebSocket.", NoUpgrade
}

// negotiate opens a TLS connection as a browser does, and returns the protocol that was chosen.
func (w *way) negotiate(ctx context.Context) (string, error) {
	t := w.target("")
	c, err := t.connect(ctx, t.URL)
	if err != nil {
		return "", err
	}
	defer c.Close()
	config := new(tls.Config)
	if w.options.TLS != nil {
		config = w.options.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = t.URL.Hostname()
	}
	config.NextProtos = []string{"h2", "http/1.1"}
	secure := tls.Client(c, config)
	ctx, cancel := context.WithTimeout(ctx, doctorPatience)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		return "", fmt.Errorf("the TLS handshake failed: %w", err)
	}
	return secure.ConnectionState().NegotiatedProtocol, nil
}
