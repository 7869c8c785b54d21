package fault_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"time"

	"pushlab/common/fault"
)

// A stream that is cut in the middle of its third line. The body has no length, so that a FIN looks
// like its end: the client cannot tell.
func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, _ := w.(http.Hijacker).Hijack()
		defer c.Close()
		io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\none\ntwo\nthree\nfour\n")
	}))
	defer server.Close()

	proxy := fault.New(fault.Config{Dial: func(ctx context.Context, _ net.Conn) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}})
	l, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		log.Fatal(err)
	}
	go proxy.Serve(context.Background(), l)
	defer proxy.Close() // waits for Serve

	if err := proxy.Set(fault.Fault{Cut: fault.Cut{Kind: fault.FIN, Bytes: 30}}); err != nil {
		log.Fatal(err)
	}
	response, err := http.Get("http://" + l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	fmt.Printf("%q, %v\n", body, err)
	fmt.Println(proxy.State().Down.Passed, "bytes have passed")
	// Output:
	// "one\ntwo\nthr", <nil>
	// 30 bytes have passed
}

func ExampleParse() {
	f, err := fault.Parse("delay=100ms±20ms,cut=rst@5s,down:buffer=4KiB/30s")
	if err != nil {
		log.Fatal(err)
	}
	text, _ := json.Marshal(f)
	fmt.Println(f)
	fmt.Printf("%s\n", text)

	_, err = fault.Parse("latency=100ms")
	fmt.Println(err)
	// Output:
	// delay=100ms±20ms,cut=rst@5s,down:buffer=4KiB/30s
	// {"delay":"100ms±20ms","cut":"rst@5s","down":{"buffer":"4KiB/30s"}}
	// fault: "latency" is called delay here
}

// A server that restarts: the connections that are open end, and for three seconds there are no
// new ones. What is set stays.
func ExampleProxy_Once() {
	proxy := fault.New(fault.Config{
		Dial:    func(context.Context, net.Conn) (net.Conn, error) { return nil, net.ErrClosed },
		Observe: func(e fault.Event) { fmt.Println(e.Kind, e.Why) },
	})
	defer proxy.Close()
	slow, err := fault.Parse("delay=150ms±50ms,rate=750kbit")
	if err != nil {
		log.Fatal(err)
	}
	proxy.Set(slow)
	proxy.Once(fault.Fault{Refuse: 3 * time.Second})
	fmt.Println(proxy.State().Refusing.Round(time.Second))
	// Output:
	// changed delay=150ms±50ms,rate=93750B/s
	// changed once: refuse=3s
	// 3s
}
