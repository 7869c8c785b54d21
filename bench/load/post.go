package load

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Posts publishes by a request for each event, one after the other, on one connection if the server keeps
// it. The server has taken an event when it answers with that status, 0 being any from 200 to 299, and not
// with what begins with refused, if that is not "".
func Posts(at Endpoint, encode Encoding, status int, refused string) Publishing {
	return func(ctx context.Context, p *Publisher, d Dialer) error {
		d = at.dialer(d)
		// Whether somebody is there is to be known before the first event is due.
		conn, err := d.connect(ctx)
		if err != nil {
			return err
		}
		conn.Close()
		live, cancel := context.WithCancel(context.Background())
		transport := &http.Transport{
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return d.connect(ctx) },
			// Nothing that is not asked for.
			DisableCompression: true,
		}
		client := &http.Client{Transport: transport, Timeout: handshakeTime}
		isAck := Answers("", refused)
		p.encode = encode
		p.send = func(message []byte) error {
			request, err := http.NewRequestWithContext(live, http.MethodPost, "http://"+d.address+at.Target(), bytes.NewReader(message))
			if err != nil {
				return err
			}
			for _, f := range at.Headers {
				request.Header.Set(f.Name, f.Value)
			}
			response, err := client.Do(request)
			if err != nil {
				return err
			}
			answer, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
			response.Body.Close()
			if err != nil {
				return err
			}
			if code := response.StatusCode; code != status && (status != 0 || code < 200 || code > 299) {
				return fmt.Errorf("the server answered %s: %s", response.Status, answer[:min(len(answer), 300)])
			}
			if _, err := isAck(answer); err != nil {
				return err
			}
			p.taken.Add(1)
			return nil
		}
		p.goodbye = func() {
			cancel()
			transport.CloseIdleConnections()
		}
		return nil
	}
}
