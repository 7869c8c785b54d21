package probe_test

import (
	"context"
	"flag"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pushlab/common/probe"
	"pushlab/common/proxies"
	"pushlab/deploy"
	"pushlab/web"
)

var all = flag.Bool("all", false, "diagnose HAProxy, Apache, Caddy and Varnish as well: `make proxies`")

// A misconfigured is a proxy that does wrong, or none that does.
type misconfigured struct {
	kind   proxies.Kind
	name   string
	config string
	want   []string
	line   string // that repairs it
}

// of puts lines into a configuration, each in the place that has its name.
func of(config string, lines ...string) string {
	for i := 0; i < len(lines); i += 2 {
		config = strings.ReplaceAll(config, lines[i], lines[i+1])
	}
	return strings.NewReplacer("FRONT", "", "BACK", "", "RECV", "", "RESPONSE", "", "DELIVER", "", "PROXY", "", "SITE", "").Replace(config)
}

const (
	haproxy = "SITE\ndefaults\n\tmode http\n\ttimeout connect 5s\n\ttimeout client 60s\n\ttimeout server 60s\n" +
		"frontend f\n\tbind :80\n\tFRONT\n\tdefault_backend b\nbackend b\n\tBACK\n\tserver s 127.0.0.1:8080\n"
	apache  = "FRONT\n<VirtualHost *:80>\nProxyPreserveHost On\nSITE\nProxyPass / http://127.0.0.1:8080/ upgrade=websocket\n</VirtualHost>\n"
	caddy   = "http:// {\n\tSITE\n\treverse_proxy 127.0.0.1:8080 {\n\t\tPROXY\n\t}\n}\n"
	varnish = `vcl 4.1;
backend s { .host = "127.0.0.1:8080"; BACK }
sub vcl_recv { RECV if (req.http.Upgrade) { return (pipe); } if (req.url ~ "^/(longpoll|httpstream|sse|publish)") { return (pass); } }
sub vcl_pipe { if (req.http.Upgrade) { set bereq.http.Upgrade = req.http.Upgrade; set bereq.http.Connection = req.http.Connection; } }
sub vcl_backend_response { RESPONSE }
sub vcl_deliver { DELIVER }
`
)

// misconfigurations lists the proxies that are diagnosed.
func misconfigurations() []misconfigured {
	file := func(names ...string) (text string) {
		for _, name := range names {
			b, err := deploy.Files.ReadFile(name)
			if err != nil {
				panic(err)
			}
			text += string(b)
		}
		return text
	}
	const (
		cutAll    = "broken idle httpstream+sse+websocket: idle-timeout, hop"
		cutPolls  = "broken idle longpoll: idle-timeout, hop"
		stripped  = "broken resume sse: request-field Last-Event-ID, hop"
		hidden    = "broken fields httpstream+sse: answer-field Pushlab-Cursor, hop"
		noPost    = "broken publish : publish, hop"
		noName    = "broken reach : host, hop"
		otherName = "broken origin websocket: host, hop"
		noSocket  = "broken upgrade websocket: upgrade, hop"
		tooLarge  = "broken size : body-limit, hop"
		noKeep    = "note keep-alive longpoll: keep-alive, hop"
	)
	return []misconfigured{
		{proxies.Nginx, "as recommended, by TCP", file("nginx/upstream-tcp.conf", "nginx/pushlab.conf"), nil, ""},
		{proxies.Nginx, "as recommended", file("nginx/upstream-unix.conf", "nginx/pushlab.conf"), nil, ""},

		{proxies.HAProxy, "as recommended", file("haproxy/pushlab.cfg"), nil, ""},
		{proxies.HAProxy, "cuts after 1 s", of(haproxy, "server 60s", "server 1s"), []string{cutPolls, cutAll}, "timeout server 1h"},
		{proxies.HAProxy, "drops Last-Event-ID", of(haproxy, "FRONT", "http-request del-header Last-Event-ID"), []string{stripped}, "http-request del-header Last-Event-ID"},
		{proxies.HAProxy, "hides the cursor", of(haproxy, "BACK", "http-response del-header Pushlab-Cursor"), []string{hidden}, "http-response del-header Pushlab-Cursor"},
		{proxies.HAProxy, "lets nobody publish", of(haproxy, "FRONT", "http-request deny if METH_POST"), []string{noPost}, "http-request deny if METH_POST"},
		{proxies.HAProxy, "has a name of its own", of(haproxy, "FRONT", "http-request set-header Host backend"), []string{noName}, "http-request set-header Host"},
		{proxies.HAProxy, "drops Upgrade", of(haproxy, "FRONT", "http-request del-header Upgrade"), []string{noSocket}, "http-request del-header Upgrade"},
		{proxies.HAProxy, "ends each connection", of(haproxy, "FRONT", "option httpclose"), []string{noKeep}, "option http-keep-alive"},
		{proxies.HAProxy, "waits for bodies", of(haproxy, "BACK", "http-response wait-for-body time 2s"), []string{"broken opening httpstream+sse: buffering, hop", "broken idle httpstream+sse: idle-timeout, hop"}, "http-response wait-for-body"},
		{proxies.HAProxy, "stores", of(haproxy, "SITE", "cache answers\n\ttotal-max-size 4\n\tmax-age 60", "BACK", "http-request cache-use answers\n\thttp-response set-header Cache-Control max-age=60\n\thttp-response del-header Vary\n\thttp-response cache-store answers"), []string{"broken caching longpoll: caching, hop", "note fields httpstream+sse: answer-field Cache-Control, hop"}, "cache-use"},

		{proxies.Apache, "as recommended", file("apache/pushlab.conf"), nil, ""},
		{proxies.Apache, "cuts after 1 s", of(apache, "SITE", "ProxyTimeout 1\nTimeout 1"), []string{cutPolls, cutAll}, "ProxyTimeout 3600"},
		{proxies.Apache, "drops Last-Event-ID", of(apache, "SITE", "RequestHeader unset Last-Event-ID"), []string{stripped}, "RequestHeader unset Last-Event-ID"},
		{proxies.Apache, "hides the cursor", of(apache, "SITE", "Header unset Pushlab-Cursor"), []string{hidden}, "Header unset Pushlab-Cursor"},
		{proxies.Apache, "lets nobody publish", of(apache, "SITE", "<Location />\n<LimitExcept GET>\nRequire all denied\n</LimitExcept>\n</Location>"), []string{noPost}, "<LimitExcept"},
		{proxies.Apache, "has a name of its own", of(apache, "ProxyPreserveHost On", ""), []string{otherName}, "ProxyPreserveHost On"},
		{proxies.Apache, "passes no Upgrade on", of(apache, " upgrade=websocket", ""), []string{noSocket}, "upgrade=websocket"},
		{proxies.Apache, "ends each connection", of(apache, "SITE", "KeepAlive Off"), []string{noKeep}, "KeepAlive On"},
		{proxies.Apache, "compresses", of(apache, "FRONT", "LoadModule filter_module /usr/lib/apache2/modules/mod_filter.so\nLoadModule deflate_module /usr/lib/apache2/modules/mod_deflate.so", "SITE", "SetOutputFilter DEFLATE"), []string{"note compression httpstream+sse: compression, hop"}, "no-gzip"},

		{proxies.Caddy, "as recommended", file("caddy/Caddyfile"), nil, ""},
		{proxies.Caddy, "drops Last-Event-ID", of(caddy, "PROXY", "header_up -Last-Event-ID"), []string{stripped}, "header_up -Last-Event-ID"},
		{proxies.Caddy, "hides the cursor", of(caddy, "PROXY", "header_down -Pushlab-Cursor"), []string{hidden}, "header_down -Pushlab-Cursor"},
		{proxies.Caddy, "has a name of its own", of(caddy, "PROXY", "header_up Host backend"), []string{noName}, "header_up Host"},
		{proxies.Caddy, "drops Upgrade", of(caddy, "SITE", "request_header -Upgrade"), []string{noSocket}, "header_up -Upgrade"},
		{proxies.Caddy, "lets nobody publish", of(caddy, "SITE", "@post method POST\n\trespond @post 405"), []string{noPost}, "method GET"},
		{proxies.Caddy, "takes small requests only", of(caddy, "SITE", "request_body {\n\t\tmax_size 100KB\n\t}"), []string{tooLarge}, "max_size"},
		{proxies.Caddy, "compresses", of(caddy, "SITE", "encode {\n\t\tgzip\n\t\tminimum_length 1\n\t\tmatch {\n\t\t\theader Content-Type text/event-stream*\n\t\t\theader Content-Type application/x-ndjson*\n\t\t}\n\t}"), []string{"broken compression httpstream+sse: compression, hop"}, "encode"},
		{proxies.Caddy, "cuts after 1 s", of(caddy, "PROXY", "transport http {\n\t\t\tresponse_header_timeout 1s\n\t\t\tread_timeout 1s\n\t\t}"), []string{cutPolls, cutAll, "note end httpstream+sse: proper-end, hop"}, "read_timeout"},

		{proxies.Varnish, "as recommended", file("varnish/pushlab.vcl"), nil, ""},
		{proxies.Varnish, "cuts after 1 s", of(varnish, "vcl 4.1;", "vcl 4.1;\n# varnishd -p pipe_timeout=1", "BACK", ".first_byte_timeout = 1s; .between_bytes_timeout = 1s;"), []string{cutPolls, cutAll}, ".between_bytes_timeout = 1h;"},
		{proxies.Varnish, "drops Last-Event-ID", of(varnish, "RECV", "unset req.http.Last-Event-ID;"), []string{stripped}, "unset req.http.Last-Event-ID;"},
		{proxies.Varnish, "hides the cursor", of(varnish, "DELIVER", "unset resp.http.Pushlab-Cursor;"), []string{hidden}, "unset resp.http.Pushlab-Cursor;"},
		{proxies.Varnish, "has a name of its own", of(varnish, "RECV", `set req.http.host = "backend";`), []string{noName}, "bereq.http.host"},
		{proxies.Varnish, "lets nobody publish", of(varnish, "RECV", `if (req.method == "POST") { return (synth(405)); }`), []string{noPost}, `req.method == "POST"`},
		{proxies.Varnish, "passes no Upgrade on", of(varnish, "if (req.http.Upgrade) { return (pipe); }", ""), []string{noSocket}, "return (pipe)"},
		{proxies.Varnish, "ends each connection", of(varnish, "DELIVER", `set resp.http.Connection = "close";`), []string{noKeep}, "timeout_idle"},
		{proxies.Varnish, "buffers", of(varnish, "RESPONSE", "set beresp.do_stream = false;"), []string{"broken opening httpstream+sse: buffering, hop", "broken delay httpstream+sse: buffering, hop"}, "return (pipe)"},
		{proxies.Varnish, "compresses", of(varnish, "RESPONSE", "set beresp.do_gzip = true;"), []string{"broken opening httpstream+sse: buffering, hop", "broken delay httpstream+sse: buffering, hop", "broken compression httpstream+sse: compression, hop"}, "do_gzip = false"},
		{proxies.Varnish, "stores", of(varnish, `if (req.url ~ "^/(longpoll|httpstream|sse|publish)") { return (pass); }`, `if (req.method != "POST") { return (hash); }`, "RESPONSE", "set beresp.ttl = 60s; set beresp.uncacheable = false; return (deliver);"), []string{"broken caching longpoll: caching, hop", "broken caching httpstream+sse: caching, hop", "broken resume sse: caching, hop"}, "return (pass)"},
	}
}

// TestDoctorProxies has real proxies do wrong, in each way in which they can; and wants what deploy/ recommends
// to be right.
func TestDoctorProxies(t *testing.T) {
	names := map[proxies.Kind]string{proxies.Nginx: "nginx", proxies.HAProxy: "HAProxy", proxies.Apache: "Apache", proxies.Caddy: "Caddy", proxies.Varnish: "Varnish"}
	for _, c := range misconfigurations() {
		if c.kind != proxies.Nginx && !*all {
			continue
		}
		t.Run(string(c.kind)+"/"+c.name, func(t *testing.T) {
			t.Parallel()
			const site = "push.example.com"
			at := "127.0.0.1:0"
			if strings.Contains(c.config, proxies.Socket) {
				// Not t.TempDir, which is open to this user only: as root, Apache comes as www-data.
				dir, err := os.MkdirTemp("", "pushlab-")
				if err != nil {
					t.Fatal(err)
				}
				defer os.RemoveAll(dir)
				if err := os.Chmod(dir, 0o755); err != nil {
					t.Fatal(err)
				}
				at = "unix:" + filepath.Join(dir, "pushlab.sock")
			}
			address := serveAt(t, at, web.Config{Hosts: []string{site}})
			p, err := proxies.Start(t.Context(), c.kind, c.config, address)
			if err != nil {
				t.Fatalf("%v; `make deps` installs nginx, `make proxies` the others", err)
			}
			defer p.Close()
			d, err := probe.Diagnose(t.Context(), "http://"+site, probe.DoctorOptions{
				Idle: 3 * time.Second, DialContext: p.Dial, Direct: "http://localhost",
				DialDirect: func(ctx context.Context, _, _ string) (net.Conn, error) {
					network, name := "tcp", address
					if path, ok := strings.CutPrefix(address, "unix:"); ok {
						network, name = "unix", path
					}
					return new(net.Dialer).DialContext(ctx, network, name)
				},
			})
			if err != nil {
				t.Fatal(err)
			}
			out := shown(t, d)
			if got := causes(d); !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q\n%s\n%s says: %s", got, c.want, out, c.kind, p.Log.String())
			}
			if len(d.Hops) != 1 || d.Hops[0].Name != names[c.kind] || !strings.Contains(out, c.line) {
				t.Errorf("want %s, and %q, in\n%s", c.kind, c.line, out)
			}
		})
	}
}
