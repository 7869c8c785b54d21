package lab_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/common/tap"
	"pushlab/web/lab"
)

// TestNginx: a real nginx can be put between, and taken away again.
func TestNginx(t *testing.T) {
	p := open(t)
	if p.lab.Nginx == nil {
		t.Fatal("nginx is not installed; see make deps")
	}
	direct := p.dial("sse", "/sse")
	direct.to(t, `"$open"`)
	s := p.command("nginx", `{"lane":"sse","on":true,"readTimeout":"90s"}`)
	want := lab.Nginx{Buffering: true, ObeyAccel: true, ReadTimeout: lab.Duration(90 * time.Second)}
	if len(s.Nginx) != 1 || s.Nginx["sse"] != want {
		t.Errorf("the state is %+v", s.Nginx)
	}
	if _, err := io.ReadAll(direct.r); err != nil { // who was connected comes back through it
		t.Error(err)
	}
	through := p.dial("sse", "/sse")
	if head := through.to(t, `"$open"`); !strings.Contains(head, "Server: nginx/"+*p.lab.Nginx) {
		t.Errorf("the answer has no trace of nginx: %q", head)
	}
	p.wait("the stream is on its lane", func(seen []lab.Batch) bool {
		streams := last(seen, streamsOf)
		return len(streams) == 1 && streams[0].Lane == "sse" && streams[0].Conn == 0
	})
	id := p.step()
	through.to(t, id)
	_, m := p.message("the event", func(r lab.Record, m lab.Message) bool { return m.ID == id && r.Lane == "sse" })
	if m.Sent != 0 {
		t.Errorf("it says that the server has sent this at %v", m.Sent)
	}

	p.command("nginx", `{"lane":"sse","buffering":true,"obeyAccel":false}`)
	if _, err := io.ReadAll(through.r); err == io.EOF {
		t.Error(err)
	}
	buffered := p.dial("sse", "/sse?topic=none")
	p.wait("the server has answered", func(seen []lab.Batch) bool {
		streams := last(seen, streamsOf)
		return len(streams) == 1 && len(streams[0].Topics) == 1
	})
	if s := p.command("nginx", `{"lane":"all","on":false}`); len(s.Nginx) != 0 {
		t.Errorf("the state is %+v", s.Nginx)
	}
	if got, _ := io.ReadAll(buffered.r); strings.Contains(string(got), "$open") {
		t.Errorf("nginx has not held back %q", got)
	}
	if head := p.dial("sse", "/sse").to(t, `"$open"`); strings.Contains(head, "Server: nginx") {
		t.Errorf("nginx is still there: %q", head)
	}
}

// TestNginxWithoutServer: nginx can be taken away while the server is, and faults be reset.
func TestNginxWithoutServer(t *testing.T) {
	p := open(t)
	p.command("nginx", `{"lane":"sse","on":true}`)
	p.command("server", `{"do":"restart","down":"1m","log":"lost"}`)
	p.eventually("the log is lost", func() bool { status, _ := p.ask("POST", "/step", ""); return status == 503 })
	p.eventually("the ports are closed", func() bool {
		c, err := net.Dial("tcp", strings.TrimPrefix(p.lane("sse", ""), "http://"))
		if err == nil {
			c.Close()
		}
		return err != nil
	})
	if s := p.command("fault", `{"lane":"all","reset":true}`); s.Down == 0 { // which does not bring the server back
		t.Error("the server is there")
	}
	if c, err := net.Dial("tcp", strings.TrimPrefix(p.lane("sse", ""), "http://")); err == nil {
		c.Close() // a moment is between the two
	}
	if s := p.command("nginx", `{"lane":"all","on":false}`); len(s.Nginx) != 0 {
		t.Errorf("the state is %+v", s.Nginx)
	}
}

// TestNginxDies: an nginx that ends by itself is not in between any more, the learner is told, and the lane serves
// without it.
func TestNginxDies(t *testing.T) {
	url, all := labs(t, lab.Config{})
	p := enter(t, url)
	if p.lab.Nginx == nil {
		t.Fatal("nginx is not installed; see make deps")
	}
	p.observe("")
	for _, words := range []string{"", "[warn] the first\n[emerg] the last\n"} {
		if s := p.command("nginx", `{"lane":"all"}`); len(s.Nginx) != 4 {
			t.Errorf("the state is %+v", s.Nginx)
		}
		through := p.dial("sse", "/sse")
		if head := through.to(t, `"$open"`); !strings.Contains(head, "Server: nginx/") {
			t.Errorf("the answer has no trace of nginx: %q", head)
		}
		all.KillNginx(t, p.lab.ID, "sse", words)
		p.wait("it is told of the state", func(seen []lab.Batch) bool {
			nginx := last(seen, stateOf).Nginx
			_, there := nginx["sse"]
			return !there && len(nginx) == 3
		})
		p.wait("and what has happened", func(seen []lab.Batch) bool {
			for _, b := range seen {
				for _, r := range b.Records {
					if r.Kind == tap.Noted && r.Lane == "sse" && strings.Contains(r.Text, "nginx has ended (signal: killed)") &&
						strings.Contains(r.Text, "; its last words: [emerg] the last") == (words != "") {
						return true
					}
				}
			}
			return false
		})
		if rest, err := io.ReadAll(through.r); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the stream through it goes on: %q", rest)
		}
		if head := p.dial("sse", "/sse").to(t, `"$open"`); strings.Contains(head, "Server: nginx") {
			t.Errorf("nginx is still there: %q", head)
		}
		if head := p.dial("httpstream", "/httpstream").to(t, `"$open"`); !strings.Contains(head, "Server: nginx") {
			t.Errorf("that of another lane is gone as well: %q", head)
		}
	}
}

// TestNginxByUnixSocket: by a unix socket nginx reaches the server as well; the client gets the same answer, and whose a
// stream is, is known all the same.
func TestNginxByUnixSocket(t *testing.T) {
	url, all := labs(t, lab.Config{})
	p := enter(t, url)
	if p.lab.Nginx == nil {
		t.Fatal("nginx is not installed; see make deps")
	}
	p.command("source", `{"rate":0}`)
	p.observe("")
	p.command("raw?type=text/event-stream&split=3", "data: hello\n\n")
	var answers []string
	for _, unix := range []bool{false, true} {
		s := p.command("nginx", fmt.Sprintf(`{"lane":"all","unix":%t}`, unix))
		if len(s.Nginx) != 4 || s.Nginx["sse"].Unix != unix {
			t.Errorf("the state is %+v", s.Nginx)
		}
		c := p.dial("sse", "/raw", "Connection: close\r\n")
		head := dateField.ReplaceAllString(c.to(t, "\r\n\r\n"), "")
		body, err := io.ReadAll(httputil.NewChunkedReader(c.r)) // where nginx ends its chunks is a matter of time
		if err != nil {
			t.Fatal(err)
		}
		answers = append(answers, head+string(body))
	}
	if answers[0] != answers[1] || !strings.Contains(answers[0], "Server: nginx/") || !strings.HasSuffix(answers[0], "\r\n\r\ndata: hello\n\n") {
		t.Errorf("by TCP came %q, and by a unix socket %q", answers[0], answers[1])
	}

	var open []*peer
	for _, lane := range []string{"httpstream", "sse", "websocket"} {
		stream := p.dial(lane, "/"+lane)
		stream.to(t, `"$open"`)
		open = append(open, stream)
	}
	other := p.dial("httpstream", "/sse") // any path works on any lane
	other.to(t, `"$open"`)
	p.dial("longpoll", "/longpoll?wait=0").to(t, "204 No Content")
	p.wait("each stream is on its lane", func(seen []lab.Batch) bool {
		var lanes []string
		for _, s := range last(seen, streamsOf) {
			lanes = append(lanes, s.Lane+" "+s.Transport)
		}
		slices.Sort(lanes)
		return slices.Equal(lanes, []string{"httpstream httpstream", "httpstream sse", "sse sse", "websocket websocket"})
	})
	id := p.step()
	for _, stream := range append(open, other) {
		stream.to(t, id)
	}
	p.command("nginx", `{"lane":"all","on":false}`)
	for _, stream := range append(open, other) {
		io.Copy(io.Discard, stream.r)
		stream.Close()
	}
	p.eventually("their connections are forgotten", func() bool { peers, wires := all.Wires(t, p.lab.ID); return peers == 0 && wires == 0 })
}

var dateField = regexp.MustCompile("(?m)^Date: .*\r\n")

// TestNginxOnAllLanes: each lane has its own, and a lab that ends leaves none.
func TestNginxOnAllLanes(t *testing.T) {
	p := open(t)
	if s := p.command("nginx", `{"lane":"all","on":true,"buffering":false}`); len(s.Nginx) != 4 {
		t.Errorf("the state is %+v", s.Nginx)
	}
	for _, name := range []string{"httpstream", "sse", "websocket"} {
		p.dial(name, "/"+name).to(t, `"$open"`)
	}
	p.dial("longpoll", "/longpoll?wait=0").to(t, "204 No Content")
}

// TestH2: all lanes are to be had by HTTP/2, before and after a restart.
func TestH2(t *testing.T) {
	p := open(t)
	if p.lab.H2 == nil {
		t.Fatal("there is no port for HTTP/2")
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	get := func() error {
		r, err := http.NewRequestWithContext(t.Context(), "GET", fmt.Sprintf("https://localhost:%d/longpoll?wait=0", p.lab.H2.Port), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", p.url)
		response, err := (&http.Client{Transport: transport}).Do(r)
		if err != nil {
			return err
		}
		response.Body.Close()
		if response.ProtoMajor != 2 || response.StatusCode != 204 || response.Header.Get("Access-Control-Allow-Origin") != p.url {
			return errors.New(response.Proto + " " + response.Status)
		}
		return nil
	}
	if err := get(); err != nil {
		t.Error(err)
	}
	p.command("server", `{"do":"restart"}`)
	p.eventually("it is back", func() bool { return p.describe().State.Down == 0 && get() == nil })
}

// TestAttacker: the attacker's page has a port, and so an origin, of its own.
func TestAttacker(t *testing.T) {
	p := open(t)
	if p.lab.Attacker == nil {
		t.Fatal("there is no attacker")
	}
	response, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/", p.lab.Attacker.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if policy := response.Header.Get("Content-Security-Policy"); response.StatusCode != 200 || !strings.HasSuffix(policy, "frame-ancestors "+p.url) {
		t.Errorf("%s, %s", response.Status, policy)
	}
}

// TestRaw: the learner can say himself what a lane answers.
func TestRaw(t *testing.T) {
	p := open(t)
	status := func(method string) int {
		t.Helper()
		r, err := http.NewRequest(method, p.lane("sse", "/raw"), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	if got := status("GET"); got != 404 {
		t.Errorf("before: %d", got)
	}
	body := "id: 1\ndata: hällo\n\ndata: no end"
	p.command("raw?type=text/event-stream&split=7&pause=1ms", body)
	for _, name := range []string{"longpoll", "httpstream", "sse", "websocket"} {
		response, err := http.Get(p.lane(name, "/raw"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(got) != body || response.Header.Get("Content-Type") != "text/event-stream" {
			t.Errorf("%s: %q, %v, %v", name, got, err, response.Header)
		}
	}
	_, m := p.message("the observer sees it", func(r lab.Record, m lab.Message) bool { return r.Lane == "sse" && m.Kind == tap.EventMessage })
	if m.ID != "1" || m.Label != "hällo" {
		t.Errorf("%+v", m)
	}
	p.command("raw?status=204", "")
	if got := status("GET"); got != 204 {
		t.Errorf("no content: %d", got)
	}
	if got := status("POST"); got != 405 {
		t.Errorf("POST: %d", got)
	}
	p.command("raw?hold=10m", "held")
	conn := p.dial("sse", "/raw")
	conn.to(t, "held")
	begin := time.Now()
	p.command("server", `{"do":"restart"}`) // an answer that is held does not hold up the server
	conn.to(t, "\r\n0\r\n\r\n")
	conn.Close()
	p.eventually("it is back", func() bool { return p.describe().State.Down == 0 })
	if took := time.Since(begin); took > 2*time.Second {
		t.Errorf("the restart took %v", took)
	}
}
