package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"pushlab/common/client"
)

// What is certainly not published is told from what may be. A request with a key on a connection that breaks is sent again by
// net/http; that nobody listens then says nothing of the first time.
func TestNotSent(t *testing.T) {
	requests := 0
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests++; requests == 1 {
			w.WriteHeader(http.StatusCreated)
			w.Write([]byte(`{"id":"mfrggzdf-1"}`))
			return
		}
		server.Listener.Close()
		panic(http.ErrAbortHandler) // which breaks the connection
	}))
	defer server.Close()
	p := poster{[]string{server.URL}, client.Options{}.HTTPClient()}
	defer p.close()
	e := client.Publication{Data: []byte("1"), Key: "k"}
	if id, err := p.send(t.Context(), 0, e); err != nil || id != "mfrggzdf-1" {
		t.Fatalf("%q, %v", id, err)
	}
	if _, err := p.send(t.Context(), 0, e); err == nil || errors.Is(err, errNotSent) {
		t.Errorf("a request that was read: %v", err)
	}
	if _, err := p.send(t.Context(), 0, e); !errors.Is(err, errNotSent) {
		t.Errorf("nobody listens: %v", err)
	}
	ws := talker{urls: p.urls}
	if _, err := ws.send(t.Context(), 0, e); !errors.Is(err, errNotSent) {
		t.Errorf("nobody listens, by WebSocket: %v", err)
	}
}
