package proxies

import "regexp"

// A kind is how a program is found and started. In its texts DIR is the proxy's folder, in which it runs; HOST and PORT
// are where it listens, and LISTEN is both.
type kind struct {
	programs    []string // its names; Debian puts some where a user's PATH does not lead
	debian      string   // the package that has it
	versionFlag []string // to have it tell its version

	siteFile   string   // the name of the configuration's file
	outer      string   // what it is included by, in outer.conf
	args       []string // of the program
	env        []string
	parameters *regexp.Regexp    // further arguments, in the configuration; nil for none
	listens    string            // what a configuration says about where to listen; "" for nothing
	listen     map[string]string // what to put there
	says       string            // what it says when it is ready; "" for nothing
}

var kinds = map[Kind]kind{
	Nginx: {
		programs: []string{"nginx", "/usr/sbin/nginx", "/usr/local/sbin/nginx"}, debian: "nginx", versionFlag: []string{"-v"},
		siteFile: "site.conf", args: []string{"-e", "stderr", "-p", "DIR", "-c", "outer.conf"},
		listens: "listen 80;", listen: map[string]string{"listen 80;": "listen LISTEN;", "listen [::]:80;": ""},
		outer: `daemon off;
master_process off;  # one process, which is all there is to end, and needs no other user's rights
error_log stderr warn;
pid nginx.pid;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  # As in Debian's nginx.conf.
  sendfile on;
  tcp_nopush on;
  gzip on;
  include site.conf;
}
`,
	},
	HAProxy: {
		programs: []string{"haproxy", "/usr/sbin/haproxy"}, debian: "haproxy", versionFlag: []string{"-v"},
		siteFile: "site.cfg", args: []string{"-db", "-f", "outer.conf", "-f", "site.cfg"},
		listens: "bind :80", listen: map[string]string{"bind :80": "bind LISTEN"},
		outer: "global\n\tmaxconn 500\n",
	},
	Apache: {
		programs: []string{"apache2", "/usr/sbin/apache2"}, debian: "apache2-bin", versionFlag: []string{"-v"},
		siteFile: "site.conf", args: []string{"-X", "-d", "DIR", "-f", "DIR/outer.conf"},
		listens: "<VirtualHost *:80>", listen: map[string]string{"<VirtualHost *:80>": "<VirtualHost LISTEN>"},
		// The modules and time-outs of Debian's apache2.conf, and what a proxy takes.
		outer: `ServerRoot DIR
DefaultRuntimeDir DIR
PidFile DIR/pid
ErrorLog /dev/stderr
LogLevel warn
ServerName localhost
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
LoadModule proxy_module /usr/lib/apache2/modules/mod_proxy.so
LoadModule proxy_http_module /usr/lib/apache2/modules/mod_proxy_http.so
User www-data
Group www-data
Timeout 300
KeepAlive On
MaxKeepAliveRequests 100
KeepAliveTimeout 5
Listen LISTEN
Include DIR/site.conf
`,
	},
	Caddy: {
		programs: []string{"caddy"}, debian: "caddy", versionFlag: []string{"version"},
		siteFile: "site.caddy", args: []string{"run", "--config", "outer.conf", "--adapter", "caddyfile"},
		env: []string{"PUSHLAB_SITE=http://"},
		outer: `{
	admin off
	auto_https off
	default_bind HOST
	http_port PORT
	storage file_system DIR
	log {
		output stderr
		level WARN
	}
}
import site.caddy
`,
	},
	Varnish: {
		programs: []string{"varnishd", "/usr/sbin/varnishd"}, debian: "varnish", versionFlag: []string{"-V"},
		siteFile: "site.vcl", parameters: regexp.MustCompile(`(?m)^# varnishd((?: -p \w+=\w+)+)$`),
		args: []string{"-F", "-j", "none", "-n", "DIR", "-a", "LISTEN", "-f", "DIR/site.vcl", "-s", "malloc,32m", "-p", "thread_pool_min=10"},
		says: "Child starts",
	},
}
