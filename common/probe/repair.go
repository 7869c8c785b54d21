package probe

import (
	"fmt"
	"strings"
)

// A Cause is what has to be repaired. It is stable; that of a header field ends with its name.
type Cause string

// The causes.
const (
	Unanswered  Cause = "unanswered"   // a hop does not reach the server, or the server refuses
	NotThere    Cause = "not-there"    // it is no Pushlab server
	HostName    Cause = "host"         // a hop passes on another Host
	Credentials Cause = "credentials"  // they are missing, or do not suffice
	Buffering   Cause = "buffering"    // events are collected before they are passed on
	Compression Cause = "compression"  // streams are compressed
	Caching     Cause = "caching"      // answers come from a store, or one is given to several
	IdleTimeout Cause = "idle-timeout" // who is quiet is cut off
	NoUpgrade   Cause = "upgrade"      // the handshake of a WebSocket does not come through
	OtherOrigin Cause = "origin"       // pages of the site itself are taken for those of another
	PostBlocked Cause = "publish"      // POST does not come through
	BodyLimit   Cause = "body-limit"   // large requests are refused
	SeveralLogs Cause = "several-logs" // behind the URL are servers that know nothing of each other
	NoKeepAlive Cause = "keep-alive"   // connections are not used again
	OldHTTP     Cause = "http-1.0"     // clients get nothing newer
	ProperEnd   Cause = "proper-end"   // what was cut ends as if it were complete
	NoHTTP2     Cause = "http-2"       // it is not offered
)

// What is taken out of requests, and out of answers.
const (
	stripped = "request-field "
	hidden   = "answer-field "
)

func strips(field string) Cause { return Cause(stripped + field) }
func hides(field string) Cause  { return Cause(hidden + field) }

// fault tells whose it is while there is nothing to compare with. A Pushlab server does none of what
// falls to a hop.
func (c Cause) fault() Fault {
	switch c {
	case "":
		return Nobody
	case Buffering, IdleTimeout, Unanswered, NotThere, HostName, BodyLimit, SeveralLogs:
		return OfWay
	case Credentials, OtherOrigin:
		return OfServer
	}
	return OfHop
}

// A Repair is a line of a hop's configuration.
type Repair struct {
	// Hop is the product, such as "nginx", and Line what to write there, or to take out.
	Hop, Line string
}

// products are those whose directives we know, in the order in which they are listed.
var products = []string{nginxHop, haproxyHop, apacheHop, caddyHop, varnishHop}

// repairLines has for each cause what each product is told. FIELD stands for the name of a header field.
var repairLines = map[Cause]map[string]string{
	HostName: {
		nginxHop:   `proxy_set_header Host $http_host;`,
		haproxyHop: `take out: http-request set-header Host ...`,
		apacheHop:  `ProxyPreserveHost On`,
		caddyHop:   `take out: header_up Host ...   (it passes Host on by itself)`,
		varnishHop: `take out: set bereq.http.host = ...;   and .host_header of the backend`,
	},
	Buffering: {
		nginxHop:   `proxy_buffering off; proxy_http_version 1.1;   (or take out: proxy_ignore_headers X-Accel-Buffering)`,
		haproxyHop: `option http-no-delay   (and take out: http-response wait-for-body)`,
		apacheHop:  `ProxyPass "/" "http://127.0.0.1:8080/" flushpackets=on`,
		caddyHop:   `flush_interval -1   (in reverse_proxy)`,
		varnishHop: `sub vcl_recv { if (req.url ~ "^/(sse|httpstream)") { return (pipe); } }   (or in vcl_backend_response: set beresp.do_stream = true;)`,
	},
	Compression: {
		nginxHop:   `gzip off;   (in the location of the streams)`,
		haproxyHop: `compression type text/html text/css application/javascript   (without the streams' types)`,
		apacheHop:  `SetEnvIf Request_URI "^/(sse|httpstream)" no-gzip`,
		caddyHop:   `@pages not path /sse /httpstream   and: encode @pages gzip zstd`,
		varnishHop: `sub vcl_backend_response { set beresp.do_gzip = false; }`,
	},
	Caching: {
		nginxHop:   `proxy_cache off;   (or take out: proxy_ignore_headers Cache-Control)`,
		haproxyHop: `http-request cache-use NAME unless { path_beg /longpoll /sse /httpstream }`,
		apacheHop:  `CacheDisable "/longpoll"   (likewise /sse and /httpstream; take out: CacheStoreNoStore On)`,
		caddyHop:   `take out: cache   (from this route; Caddy itself has none, a module has)`,
		varnishHop: `sub vcl_recv { if (req.url ~ "^/(longpoll|sse|httpstream)") { return (pass); } }`,
	},
	IdleTimeout: {
		nginxHop:   `proxy_read_timeout 1h;`,
		haproxyHop: `timeout server 1h   and: timeout client 1h   and, for WebSockets: timeout tunnel 1h`,
		apacheHop:  `ProxyTimeout 3600   and, for WebSockets: Timeout 3600`,
		caddyHop:   `transport http { read_timeout 1h }   (in reverse_proxy; by lines of their own)`,
		varnishHop: `.first_byte_timeout = 1h; .between_bytes_timeout = 1h;   (in the backend; when piped: -p pipe_timeout=3600)`,
	},
	NoUpgrade: {
		nginxHop:   `proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";`,
		haproxyHop: `take out: http-request del-header Upgrade   (it passes Upgrade on by itself)`,
		apacheHop:  `ProxyPass "/websocket" "http://127.0.0.1:8080/websocket" upgrade=websocket`,
		caddyHop:   `take out: header_up -Upgrade   (reverse_proxy passes it on by itself)`,
		varnishHop: `in vcl_recv: if (req.http.Upgrade) { return (pipe); }   in vcl_pipe: set bereq.http.Upgrade = req.http.Upgrade; set bereq.http.Connection = req.http.Connection;`,
	},
	PostBlocked: {
		nginxHop:   `take out: limit_except GET { deny all; }`,
		haproxyHop: `take out: http-request deny if METH_POST`,
		apacheHop:  `<LimitExcept GET HEAD POST>`,
		caddyHop:   `take out: method GET   (from the matcher of reverse_proxy)`,
		varnishHop: `sub vcl_recv { if (req.method == "POST") { return (pass); } }`,
	},
	BodyLimit: {
		nginxHop:   `client_max_body_size 2m;`,
		haproxyHop: `http-request deny if { req.body_size gt 2097152 }   (it has no limit by itself)`,
		apacheHop:  `SecRequestBodyLimit 2097152   (of mod_security; by itself it has no limit for what it passes on)`,
		caddyHop:   `request_body { max_size 2MB }   (by lines of their own; it has no limit by itself)`,
		varnishHop: `take out what compares req.http.Content-Length   (it has no limit by itself)`,
	},
	SeveralLogs: {
		nginxHop:   `ip_hash;   (in upstream)`,
		haproxyHop: `balance source`,
		apacheHop:  `ProxySet stickysession=ROUTEID   (in the balancer, with route= for each member)`,
		caddyHop:   `lb_policy ip_hash   (in reverse_proxy)`,
		varnishHop: `set req.backend_hint = hash.backend(client.identity);   (hash: a directors.hash())`,
	},
	NoKeepAlive: {
		nginxHop:   `keepalive_timeout 75s;`,
		haproxyHop: `option http-keep-alive   (and take out: option httpclose)`,
		apacheHop:  `KeepAlive On`,
		caddyHop:   `take out: keepalive off`,
		varnishHop: `-p timeout_idle=75   (and take out: set resp.http.Connection = "close";)`,
	},
	OldHTTP: {
		apacheHop: `take out: SetEnv downgrade-1.0 1   and: SetEnv force-response-1.0 1`,
	},
	ProperEnd: {
		nginxHop:  `proxy_http_version 1.1;`,
		apacheHop: `take out: SetEnv force-proxy-request-1.0 1`,
		caddyHop:  `take out: read_timeout   (what it cuts by that, it ends)`,
	},
	NoHTTP2: {
		nginxHop:   `listen 443 ssl; http2 on;   (before nginx 1.25.1: listen 443 ssl http2;)`,
		haproxyHop: `bind :443 ssl crt FILE alpn h2,http/1.1`,
		apacheHop:  `Protocols h2 http/1.1`,
		caddyHop:   `protocols h1 h2   (in the global option servers; it is the default)`,
		varnishHop: `-p feature=+http2   (and h2 in the ALPN of what ends TLS before it)`,
	},
	stripped: {
		nginxHop:   `take out: proxy_set_header FIELD "";`,
		haproxyHop: `take out: http-request del-header FIELD`,
		apacheHop:  `take out: RequestHeader unset FIELD`,
		caddyHop:   `take out: header_up -FIELD`,
		varnishHop: `take out: unset req.http.FIELD;   or: unset bereq.http.FIELD;`,
	},
	hidden: {
		nginxHop:   `take out: proxy_hide_header FIELD;`,
		haproxyHop: `take out: http-response del-header FIELD   and: http-response set-header FIELD`,
		apacheHop:  `take out: Header unset FIELD   and: Header set FIELD`,
		caddyHop:   `take out: header_down -FIELD`,
		varnishHop: `take out: unset beresp.http.FIELD;   or: unset resp.http.FIELD;`,
	},
}

// repairs returns what to write into the configurations of the hops that have shown themselves and whose
// directives we know; if there are none, of all those.
func (d *Diagnosis) repairs(o Observation) (all []Repair) {
	if o.Fault == OfServer {
		return nil
	}
	cause, field := o.Cause, ""
	for _, kind := range []Cause{stripped, hidden} {
		if name, ok := strings.CutPrefix(string(cause), string(kind)); ok {
			cause, field = kind, name
		}
	}
	known := make(map[string]bool)
	for _, h := range d.Hops {
		known[h.Name] = repairLines[cause][h.Name] != ""
	}
	for _, product := range products {
		line := repairLines[cause][product]
		if line != "" && (known[product] || len(d.Hops) == 0) {
			all = append(all, Repair{product, strings.ReplaceAll(line, "FIELD", field)})
		}
	}
	return all
}

// advice says what to do, as far as it does not depend on the product.
func (o Observation) advice(compared bool) string {
	switch {
	case o.Fault == OfServer && compared:
		return "look at the server, or at what else stands before it there"
	case o.Fault == OfWay && !compared:
		if text := causeAdvice[o.Cause]; text != "" {
			return text + "; --direct with the server's own URL tells whether it is the fault of a hop"
		}
		return "--direct with the server's own URL tells whether it is the fault of a hop"
	}
	if text := causeAdvice[o.Cause]; text != "" {
		return text
	}
	switch {
	case strings.HasPrefix(string(o.Cause), stripped):
		return fmt.Sprintf("let the hop pass %s on in requests", strings.TrimPrefix(string(o.Cause), stripped))
	case strings.HasPrefix(string(o.Cause), hidden):
		return fmt.Sprintf("let the hop leave %s in answers as it is", strings.TrimPrefix(string(o.Cause), hidden))
	}
	return ""
}

// causeAdvice is what to do about a cause.
var causeAdvice = map[Cause]string{
	Unanswered:  "look whether the server runs, where the hop looks for it",
	NotThere:    "give the base URL of a Pushlab server",
	HostName:    "let the hop pass on the client's Host, or start the server with --host NAME",
	Credentials: "give --token-file, or --header 'Authorization: Bearer ...'",
	Buffering:   "let the hop pass streams on as they come",
	Compression: "let the hop leave streams uncompressed: they say no-transform",
	Caching:     "let the hop ask the server each time: the answers say no-store",
	IdleTimeout: "let the hop wait longer, or have the server beat sooner: serve --heartbeat",
	NoUpgrade:   "let the hop pass Upgrade and Connection on",
	OtherOrigin: "start the server with --allow-origin and the origin that is shown",
	PostBlocked: "let the hop pass POST on",
	BodyLimit:   "raise the limit to that of the server's --max-message",
	SeveralLogs: "send each client to the same server again, or run one server",
	NoKeepAlive: "let the hop keep connections of clients open",
	OldHTTP:     "let the hop speak HTTP/1.1 to clients",
	ProperEnd:   "let the hop ask the server by HTTP/1.1, and break off what it cuts",
	NoHTTP2:     "let the hop offer h2 by ALPN",
}
