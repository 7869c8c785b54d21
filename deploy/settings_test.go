package deploy

import (
	"strings"

	"pushlab/common/proxies"
)

// A setting is a proxy in one configuration.
type setting struct {
	kind    proxies.Kind
	name    string // beside its kind
	config  string
	shipped bool     // it is one of those in this folder
	unix    bool     // the server is on a Unix socket
	silence string   // how long the server may be silent, in words; "" for ever
	short   []string // what is replaced by what, so that this is two seconds
}

const (
	byDefault   = "default"
	deaf        = "default, `X-Accel-Buffering` ignored"
	recommended = "recommended"
)

// title is what a proxy is called where it is not a command.
var title = map[proxies.Kind]string{
	proxies.Nginx: "nginx", proxies.HAProxy: "HAProxy", proxies.Apache: "Apache", proxies.Caddy: "Caddy", proxies.Varnish: "Varnish",
}

// settings are the proxies of the table, in its order. By default means: the shortest configuration that is a proxy, and
// for the rest what the program or Debian's own file says.
func settings() []setting {
	const nginx = "server {\n\tlisten 80;\n\tlocation / {\n\t\tproxy_pass http://127.0.0.1:8080;\n\t}\n}\n"
	nginxShort := []string{"listen 80;", "listen 80; proxy_read_timeout 2s;"}
	// What waits for a server that restarts must not ask again when the time is over.
	ours := []string{"120s", "2s", "Timeout 120", "Timeout 2", "pipe_timeout=120", "pipe_timeout=2", "lb_try_duration 10s", "lb_try_duration 1s"}
	all := []setting{
		{kind: proxies.Nginx, name: byDefault, silence: "60 s (its default)", short: nginxShort, config: nginx},
		{kind: proxies.Nginx, name: deaf, silence: "60 s (its default)", short: nginxShort,
			config: strings.Replace(nginx, "\tlocation", "\tproxy_ignore_headers X-Accel-Buffering;\n\tlocation", 1)},
		{kind: proxies.Nginx, name: recommended, config: file("nginx/upstream-unix.conf") + file("nginx/pushlab.conf")},
		{kind: proxies.HAProxy, name: byDefault, silence: "50 s (Debian's file)", short: []string{"50s", "2s"},
			config: "defaults\n\tmode http\n\ttimeout connect 5s\n\ttimeout client 50s\n\ttimeout server 50s\n" +
				"frontend f\n\tbind :80\n\tdefault_backend b\nbackend b\n\tserver s 127.0.0.1:8080\n"},
		{kind: proxies.HAProxy, name: recommended, config: file("haproxy/pushlab.cfg")},
		{kind: proxies.Apache, name: byDefault, silence: "300 s (Debian's file)", short: []string{"ProxyPass", "Timeout 2\nProxyPass"},
			config: "<VirtualHost *:80>\nProxyPass / http://127.0.0.1:8080/\n</VirtualHost>\n"},
		{kind: proxies.Apache, name: recommended, config: file("apache/pushlab.conf")},
		{kind: proxies.Caddy, name: byDefault, config: "http:// {\n\treverse_proxy 127.0.0.1:8080\n}\n"},
		{kind: proxies.Caddy, name: recommended, config: file("caddy/Caddyfile")},
		{kind: proxies.Varnish, name: byDefault, silence: "60 s (its default)",
			short:  []string{"vcl 4.1;", "vcl 4.1;\n# varnishd -p pipe_timeout=2", "backend s {", "backend s { .first_byte_timeout = 2s; .between_bytes_timeout = 2s;"},
			config: "vcl 4.1;\nbackend s {\n\t.host = \"127.0.0.1:8080\";\n}\n"},
		{kind: proxies.Varnish, name: recommended, config: file("varnish/pushlab.vcl")},
	}
	for i := range all {
		if s := &all[i]; s.name == recommended {
			s.shipped, s.short, s.silence = true, ours, "120 s (as configured)"
			s.unix = strings.Contains(s.config, proxies.Socket)
		}
	}
	return all
}

// impatient is the configuration with time-outs of two seconds.
func (s setting) impatient() string { return strings.NewReplacer(s.short...).Replace(s.config) }
