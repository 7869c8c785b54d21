package main

import (
	"net/http"
	"testing"
)

// TestDemo: the demo is there if the server can be reached from this machine alone, unless one says otherwise.
func TestDemo(t *testing.T) {
	for addresses, want := range map[string]bool{
		"localhost:8080": true, "127.0.0.1:0": true, "[::1]:80": true, "127.8.8.8:80": true,
		":8080": false, "0.0.0.0:8080": false, "192.0.2.1:80": false, "example.com:80": false, "unix:/run/pushlab.sock": false, "nonsense": false,
	} {
		if got := onlyHere([]string{addresses}); got != want {
			t.Errorf("%s: %v", addresses, got)
		}
		if onlyHere([]string{"localhost:1", addresses}) != want {
			t.Errorf("localhost and %s: %v", addresses, !want)
		}
	}
	for _, c := range []struct {
		env, flag string
		want      int
	}{
		{"", "", 201}, {"", "--demo=false", 404}, {"PUSHLAB_DEMO=false", "", 404}, {"PUSHLAB_DEMO=false", "--demo", 201},
	} {
		args := []string{"serve", "--listen", "localhost:0", "--source", "none"}
		if c.flag != "" {
			args = append(args, c.flag)
		}
		p := start(t, []string{c.env}, args...)
		url := p.line()[len("pushlab: listening on "):]
		response, err := http.Post(url+"/lab", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != c.want {
			t.Errorf("%s %s: %s", c.env, c.flag, response.Status)
		}
	}
}
