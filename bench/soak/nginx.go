package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"pushlab/bench/machine"
	"pushlab/deploy"
)

// main.conf is what Debian's nginx.conf is, but for what ten thousand subscribers take, as the shipped site says: two connections for each,
// and as many open files as there may be. It stays in the foreground, and logs to standard error.
const mainConf = `user root; # whose folder this is
daemon off;
worker_processes 2;
worker_rlimit_nofile 20000;
error_log stderr warn;
pid nginx.pid;
events { worker_connections 19000; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  sendfile on;
  tcp_nopush on;
  gzip on;
  include upstream.conf;
  include site.conf;
}
`

// startNginx starts nginx with the shipped site before the server on that Unix socket.
func startNginx(ctx context.Context, dir, socket string) (*machine.Server, error) {
	port, err := machine.FreePort()
	if err != nil {
		return nil, err
	}
	files := map[string]string{"nginx.conf": mainConf}
	for name, from := range map[string]string{"upstream.conf": "nginx/upstream-unix.conf", "site.conf": "nginx/pushlab.conf"} {
		text, err := deploy.Files.ReadFile(from)
		if err != nil {
			return nil, err
		}
		files[name] = strings.NewReplacer(
			"/run/pushlab/pushlab.sock", socket,
			"listen 80;", fmt.Sprintf("listen 127.0.0.1:%d backlog=4096;", port), "listen [::]:80;", "",
		).Replace(string(text))
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			return nil, err
		}
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		return nil, fmt.Errorf("%w; on Debian: apt-get install nginx", err)
	}
	return machine.StartServer(ctx, machine.ServerConfig{
		Command: []string{program, "-e", "stderr", "-p", dir, "-c", "nginx.conf"}, URL: fmt.Sprintf("http://127.0.0.1:%d", port),
	})
}
