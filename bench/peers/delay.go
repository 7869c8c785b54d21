package peers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"pushlab/common/fault"
)

// delayed is how many connections may pass the delay at a time.
const delayed = 20_000

// Delay serves a proxy to a server of that URL, on a port of its own, which it tells on out, until ctx ends. Bytes take
// oneWay longer in each direction, so a round trip takes twice that; connecting does not. It is two hops more: what the
// server sends is received here, and sent again. The server is charged for sending to this process as if it were the
// subscriber; what this process does is charged to nobody but itself.
func Delay(ctx context.Context, out io.Writer, url string, oneWay time.Duration) error {
	scheme, address, ok := strings.Cut(url, "://")
	if !ok {
		return fmt.Errorf("bench: %q is no address of a server; it looks like http://localhost:8080", url)
	}
	proxy := fault.New(fault.Config{
		Dial: func(ctx context.Context, _ net.Conn) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", address)
		},
		MaxConnections: delayed,
	})
	line := fault.Line{Delay: oneWay}
	if err := proxy.Set(fault.Fault{Up: line, Down: line}); err != nil {
		return fmt.Errorf("bench: the delay: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("bench: the delay: %w", err)
	}
	fmt.Fprintf(out, "delay: listening on %s://%s\n", scheme, l.Addr())
	if err := proxy.Serve(ctx, l); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("bench: the delay: %w", err)
	}
	return nil
}
