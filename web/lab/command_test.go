package lab_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestRefusals: a command that makes no sense changes nothing, and the answer names what is to blame.
func TestRefusals(t *testing.T) {
	p := open(t)
	_, before := p.ask("GET", "", "")
	for _, c := range []struct {
		command, body string
		status        int
		parameter     string
	}{
		{"fault", ``, 400, "body"},
		{"fault", `[]`, 400, "body"},
		{"fault", `{"lane":"sse","set":"delay=1s"} {}`, 400, "body"},
		{"fault", `{"lane":"sse","set":"delay=1s","more":1}`, 400, "more"},
		{"fault", `{"lane":1,"set":"delay=1s"}`, 400, "lane"},
		{"fault", `{"lane":"pigeon","set":"delay=1s"}`, 400, "lane"},
		{"fault", `{"set":"delay=1s"}`, 400, "lane"},
		{"fault", `{"lane":"sse"}`, 400, "set"},
		{"fault", `{"lane":"sse","set":"delay=1s","cut":"fin"}`, 400, "set"},
		{"fault", `{"lane":"sse","set":"delay=1h1"}`, 400, "set"},
		{"fault", `{"lane":"sse","set":"latency=1s"}`, 400, "set"},
		{"fault", `{"lane":"sse","set":"buffer=1GiB"}`, 400, "set"},
		{"fault", `{"lane":"sse","once":"connections=1"}`, 400, "once"},
		{"fault", `{"lane":"sse","once":"x"}`, 400, "once"},
		{"fault", `{"lane":"sse","cut":"gently"}`, 400, "cut"},
		{"fault", `{"lane":"sse","reset":false}`, 400, "reset"},
		{"fault", `{"lane":"sse","set":"` + strings.Repeat("x", 5000) + `"}`, 413, "body"},
		{"server", `{}`, 400, "do"},
		{"server", `{"do":"dance"}`, 400, "do"},
		{"server", `{"do":"restart","down":"1h"}`, 400, "down"},
		{"server", `{"do":"restart","down":"-1s"}`, 400, "down"},
		{"server", `{"do":"restart","down":3}`, 400, "down"},
		{"server", `{"do":"restart","log":"burnt"}`, 400, "log"},
		{"server", `{"do":"restart","polite":"no"}`, 400, "polite"},
		{"settings", `{"heartbeat":"1ms"}`, 400, "heartbeat"},
		{"settings", `{"heartbeat":"soon"}`, 400, "heartbeat"},
		{"settings", `{"retry":"2m"}`, 400, "retry"},
		{"settings", `{"history":0}`, 400, "history"},
		{"settings", `{"history":10001}`, 400, "history"},
		{"settings", `{"history":1.5}`, 400, "history"},
		{"settings", `{"wait":-1}`, 400, "wait"},
		{"settings", `{"wait":111}`, 400, "wait"},
		{"settings", `{"compress":1}`, 400, "compress"},
		{"settings", `{"guards":false}`, 400, "guards"},
		{"source", `{"rate":-1}`, 400, "rate"},
		{"source", `{"rate":1001}`, 400, "rate"},
		{"source", `{"rate":1e-9}`, 400, "rate"},
		{"source", `{"rate":1e999}`, 400, "rate"},
		{"source", `{"size":15}`, 400, "size"},
		{"source", `{"size":65537}`, 400, "size"},
		{"source", `{"kind":"opera"}`, 400, "kind"},
		{"source", `{"rate":1000,"size":65536}`, 400, "rate"},
		{"nginx", `{"lane":"pigeon"}`, 400, "lane"},
		{"nginx", `{"lane":"sse","readTimeout":"1ms"}`, 400, "readTimeout"},
		{"nginx", `{"lane":"sse","on":"yes"}`, 400, "on"},
		{"nginx", `{"lane":"sse","unix":"/tmp/socket"}`, 400, "unix"},
		{"raw?status=101", ``, 400, "status"},
		{"raw?status=600", ``, 400, "status"},
		{"raw?type=a%0ab", ``, 400, "type"},
		{"raw?type=", ``, 400, "type"},
		{"raw?pause=1h", ``, 400, "pause"},
		{"raw?hold=1h", ``, 400, "hold"},
		{"raw?split=-1", ``, 400, "split"},
		{"raw?colour=red", ``, 400, "colour"},
		{"raw", strings.Repeat("x", 256<<10+1), 413, "body"},
	} {
		status, b := p.ask("POST", "/"+c.command, c.body)
		var problem struct{ Parameter, Detail string }
		if err := json.Unmarshal(b, &problem); err != nil || status != c.status || problem.Parameter != c.parameter || problem.Detail == "" {
			t.Errorf("%s %.100s: %d %s", c.command, c.body, status, b)
		}
	}
	if _, after := p.ask("GET", "", ""); string(after) != string(before) {
		t.Errorf("it was\n%s and is\n%s", before, after)
	}
}
