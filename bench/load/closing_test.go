package load

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"pushlab/common/hub"
	"pushlab/common/memhttp"
	"pushlab/longpoll"
)

// Who polls through a proxy that closes each connection after some requests gets everything once, and loses no connection.
func TestPollsGoOnByAnotherConnection(t *testing.T) {
	const subscribers, events, perConnection = 3, 40, 3
	for name, inMemory := range map[string]bool{"sockets": false, "memory": true} {
		t.Run(name, func(t *testing.T) {
			h := hub.New(hub.Config{})
			defer h.Close()
			polls := longpoll.New(h, longpoll.Config{})
			var closed atomic.Int64
			type counter struct{}
			handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n := r.Context().Value(counter{}).(*atomic.Int64); n.Add(1)%perConnection == 0 {
					w.Header().Set("Connection", "close")
					closed.Add(1)
				}
				polls.ServeHTTP(w, r)
			})
			counting := func(ctx context.Context, _ net.Conn) context.Context {
				return context.WithValue(ctx, counter{}, new(atomic.Int64))
			}
			var d Dialer
			var err error
			if inMemory {
				server := memhttp.NewServer(t, handler)
				server.HTTP.ConnContext = counting
				d, err = NewDialer(memhttp.URL, server.Dial)
			} else {
				server := httptest.NewUnstartedServer(handler)
				server.Config.ConnContext = counting
				server.Start()
				defer server.Close()
				d, err = NewDialer(server.URL, nil)
			}
			if err != nil {
				t.Fatal(err)
			}
			l, err := New(Config{
				Transport: longpoll.Name, Subscribe: Pushlab(longpoll.Name).Subscribe, Dialer: d, Base: time.Now(),
				Subscribers: subscribers, Measured: events,
			})
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			if err := l.Connect(ctx, subscribers); err != nil {
				t.Fatal(err)
			}
			tick := time.NewTicker(time.Millisecond)
			defer tick.Stop()
			for n := 0; !l.Came(true, events); {
				// One after the other, so that each is an answer of its own.
				if n < events && l.Came(true, n) {
					if _, err := h.Publish(ctx, Topic, appendData(nil, n, 0, 128)); err != nil {
						t.Fatal(err)
					}
					n++
				}
				select {
				case <-tick.C:
				case <-ctx.Done():
					lost, why := l.Lost()
					t.Fatalf("%d events were published, %d deliveries came; %d lost their connection: %v", n, l.Measured(), lost, why)
				}
			}
			lost, why := l.Lost()
			a := l.Account()
			if a.Delivered != subscribers*events || a.Duplicated+a.Reordered+a.Gaps > 0 || lost > 0 || l.Present() != subscribers {
				t.Errorf("%+v, %d present, %d lost their connection: %v", a, l.Present(), lost, why)
			}
			if closed.Load() < subscribers*events/perConnection {
				t.Errorf("the server closed %d connections", closed.Load())
			}
		})
	}
}

// However the last answer of a connection looks, what follows it is the poll that would have come on it.
func TestAnswersThatCloseTheConnection(t *testing.T) {
	e := benchEvent(0, 0)
	e.Data = appendData(nil, 0, 0, 128)
	content := `{"events":[` + string(e.Envelope()) + `],"cursor":"` + ReferenceEpoch + `-1","more":false}`
	cursor := "Pushlab-Cursor: " + ReferenceEpoch + "-1\r\n"
	for name, answer := range map[string]string{
		"nothing": "HTTP/1.1 204 No Content\r\nConnection: close\r\n" + cursor + "\r\n",
		"events":  fmt.Sprintf("HTTP/1.1 200 OK\r\nconnection: Close\r\nContent-Length: %d\r\n%s\r\n%s", len(content), cursor, content),
		"chunks":  fmt.Sprintf("HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n%s\r\n%x\r\n%s\r\n0\r\n\r\n", cursor, len(content), content),
	} {
		for _, size := range []int{1, len(answer)} {
			s := newSubscriber(longpoll.Name)
			if _, err := fed(s, []byte(firstPoll), len(firstPoll)); err != nil {
				t.Fatal(err)
			}
			answers, err := fed(s, []byte(answer), size)
			if err != errClosing || len(answers) > 0 {
				t.Errorf("%s in pieces of %d: it answered %q, %v", name, size, answers, err)
			}
			want := "GET /longpoll?topic=bench&after=" + ReferenceEpoch + "-1 HTTP/1.1\r\nHost: localhost:80\r\n\r\n"
			if got := string(s.begin(nil)); got != want {
				t.Errorf("%s in pieces of %d: it goes on with %q", name, size, got)
			}
		}
	}
}
