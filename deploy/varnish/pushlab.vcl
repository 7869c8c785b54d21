# Pushlab behind Varnish. Goes into /etc/varnish/default.vcl. Varnish caches; events are not for that, so that all it does
# here is to stand before pages that are. If you have the choice, let nginx or HAProxy pass these paths by it.
#
# Parameters cannot be set here, but where Varnish is started (systemctl edit varnish): a WebSocket that is silent for
# longer than pipe_timeout is closed, and each stream keeps a thread, of which there are thread_pools times
# thread_pool_max.
#
# varnishd -p pipe_timeout=120 -p thread_pools=2 -p thread_pool_max=5000

vcl 4.1;

backend pushlab {
	.path = "/run/pushlab/pushlab.sock";

	# For how long the server may be silent. Its streams have a heartbeat after 15 s (--heartbeat), and a poll waits for
	# 110 s at most; so who is silent for longer is dead. The default is 60 s, which would cut polls.
	.first_byte_timeout = 120s;
	.between_bytes_timeout = 120s;
}

sub vcl_recv {
	# The address replaces whatever the client says that it is. Host goes on as it is; the server has to be told it:
	# pushlab serve --host push.example.com --allow-origin https://push.example.com
	set req.http.X-Forwarded-For = client.ip;

	# What the server tells of itself is for who runs it. For Prometheus add `&& client.ip != "ADDRESS"`, or have the server
	# listen for it: pushlab serve --admin
	if (req.url ~ "^/metrics(\?|$)") {
		return (synth(403));
	}

	# An upgrade is for the two ends alone: from here on Varnish copies bytes, and looks at no further request. The server
	# takes none, either: who asks for an upgrade and does not get it has his connection closed.
	if (req.http.Upgrade ~ "(?i)websocket" && req.url ~ "^/websocket") {
		return (pipe);
	}

	# Two who ask for the same must not wait for each other: one who looks into the cache would, until it is known that the
	# answer is not for it.
	if (req.url ~ "^/(longpoll|httpstream|sse|publish|ticket)") {
		return (pass);
	}
}

sub vcl_pipe {
	# Both fields are of one hop only, and Varnish passes them on only if it is told to.
	if (req.http.Upgrade) {
		set bereq.http.Upgrade = req.http.Upgrade;
		set bereq.http.Connection = req.http.Connection;
	}
}

sub vcl_backend_response {
	# The answer goes on while it comes. It is the default; whoever changes it changes it here.
	set beresp.do_stream = true;
}
