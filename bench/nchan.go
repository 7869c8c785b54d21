package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"pushlab/bench/load"
	"pushlab/bench/machine"
	"pushlab/bench/result"
	"pushlab/sse"
	"pushlab/websocket"
)

// nchanModule is where Debian's libnginx-mod-nchan puts it.
const nchanModule = "/usr/lib/nginx/modules/ngx_nchan_module.so"

// nchanConfig is for an nginx of its own, with one worker. Messages are kept for long enough that
// nobody misses one.
const nchanConfig = `load_module %[1]s;
daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log stderr error;
events { worker_connections 19000; }
http {
	access_log off;
	client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
	nchan_shared_memory_size 128M;
	server {
		listen 127.0.0.1:%[2]d backlog=4096;
		location = /websocket { nchan_subscriber websocket; nchan_channel_id %[3]s; nchan_subscriber_first_message newest; nchan_message_buffer_length 10000; nchan_websocket_ping_interval 0; }
		location = /sse { nchan_subscriber eventsource; nchan_channel_id %[3]s; nchan_subscriber_first_message newest; nchan_message_buffer_length 10000; }
		location = /publish { nchan_publisher websocket; nchan_channel_id %[3]s; nchan_message_buffer_length 10000; nchan_message_timeout 60s; }
	}
}
`

// nchanTarget is Nchan in nginx: a server for the same purpose, in C. It sends an event as it is,
// without an envelope.
func nchanTarget(core *int) Target {
	start := func(ctx context.Context, _ string) (*machine.Server, error) { return startNchan(ctx, core) }
	return Target{Name: result.NchanName, Transports: []string{sse.Name, websocket.Name}, Start: start, protocol: load.Protocol{
		Path: load.PushlabPath, Bare: true, Accept: true,
		Publish: func(string) load.Publishing {
			return load.Messages("/publish", func(m []byte, _ int, data []byte) []byte { return append(m, data...) }, isNchanAck)
		},
	}}
}

// isNchanAck tells what Nchan answers to a message: how many are queued.
func isNchanAck(message []byte) (bool, error) {
	return bytes.HasPrefix(message, []byte("queued messages")), nil
}

func startNchan(ctx context.Context, core *int) (*machine.Server, error) {
	nginx, err := exec.LookPath("nginx")
	if err != nil {
		nginx = "/usr/sbin/nginx" // which Debian leaves out of a user's PATH
	}
	for _, file := range []string{nginx, nchanModule} {
		if _, err := os.Stat(file); err != nil {
			return nil, fmt.Errorf("bench: no Nchan to measure; install nginx and libnginx-mod-nchan: %w", err)
		}
	}
	dir, err := os.MkdirTemp("", "pushlab-nchan-")
	if err != nil {
		return nil, fmt.Errorf("bench: a folder for nginx: %w", err)
	}
	port, err := machine.FreePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, fmt.Appendf(nil, nchanConfig, nchanModule, port, load.Topic), 0o666); err != nil {
		return nil, errors.Join(fmt.Errorf("bench: nginx.conf: %w", err), os.RemoveAll(dir))
	}
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	server, err := machine.StartServer(ctx, machine.ServerConfig{
		Command: []string{nginx, "-e", "stderr", "-p", dir, "-c", file}, Core: core, URL: url,
	})
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	end := server.Stop
	server.Stop = func() error { return errors.Join(end(), os.RemoveAll(dir)) }
	return server, nil
}
