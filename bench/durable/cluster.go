package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pushlab/common/journal"
)

// A cluster is the servers of a scenario.
type cluster struct {
	nodes []*process // pushlab
	urls  []string   // of the nodes
	nats  []*process // none, if the log is in a directory
	at    string     // the URL of the NATS servers
}

// A startup says how to start a cluster.
type startup struct {
	pushlab, nats []string // commands, without their arguments
	dir           string   // for all files
	nodes         int
	servers       int // NATS servers; 0: the log is in a directory
}

// start starts a cluster, and waits until all is ready. Whoever calls it calls close, also when it failed.
func (s startup) start(ctx context.Context) (c *cluster, err error) {
	c = new(cluster)
	taken := map[int]bool{}
	place := "file:" + filepath.Join(s.dir, "journal")
	if s.servers > 0 {
		if err := c.startNATS(ctx, s, taken); err != nil {
			return c, err
		}
		place = c.at
	}
	for n := range s.nodes {
		port, err := freePort(taken)
		if err != nil {
			return c, err
		}
		address := fmt.Sprintf("127.0.0.1:%d", port)
		url := "http://" + address
		command := append(append([]string{}, s.pushlab...), "serve", "--listen", address, "--source", "none",
			// A short ring has those who were away read from the log, and clients are to come back soon.
			"--history", "200", "--retry", "200ms", "--heartbeat", "2s", "--log-level", "debug",
			"--journal", place, "--journal-replicas", fmt.Sprint(max(1, s.servers)), "--journal-bytes", "256MiB")
		p := newProcess(s.dir, fmt.Sprintf("node%d", n+1), command, func(ctx context.Context) error { return answers(ctx, url+"/readyz") })
		c.nodes, c.urls = append(c.nodes, p), append(c.urls, url)
		// One after the other: the first creates the stream.
		if err := p.start(); err != nil {
			return c, err
		}
		if err := p.await(ctx); err != nil {
			return c, err
		}
	}
	return c, nil
}

// startNATS starts the NATS servers.
func (c *cluster) startNATS(ctx context.Context, s startup, taken map[int]bool) error {
	var clients, routes []string
	for range s.servers {
		for _, to := range []*[]string{&clients, &routes} {
			port, err := freePort(taken)
			if err != nil {
				return err
			}
			*to = append(*to, fmt.Sprintf("127.0.0.1:%d", port))
		}
	}
	c.at = "nats://" + strings.Join(clients, ",")
	for n := range s.servers {
		name := fmt.Sprintf("n%d", n+1)
		config := filepath.Join(s.dir, name+".conf")
		text := fmt.Sprintf(`server_name: %s
listen: "%s"
jetstream { store_dir: "%s", max_memory_store: 64MB, max_file_store: 2GB }
cluster { name: durable, listen: "%s", routes: ["nats://%s"] }
`, name, clients[n], filepath.Join(s.dir, name), routes[n], strings.Join(routes, `", "nats://`))
		if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
			return err
		}
		p := newProcess(s.dir, name, append(append([]string{}, s.nats...), "-c", config), func(ctx context.Context) error { return listens(ctx, clients[n]) })
		c.nats = append(c.nats, p)
		if err := p.start(); err != nil {
			return err
		}
	}
	for _, p := range c.nats {
		if err := p.await(ctx); err != nil {
			return err
		}
	}
	return c.awaitJetStream(ctx)
}

// awaitJetStream waits until the servers have found each other: then they know that there is no stream.
func (c *cluster) awaitJetStream(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		_, err := c.info(ctx)
		if err != nil && strings.Contains(err.Error(), "there is no stream") {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("the NATS servers did not find each other: %w", err)
		}
	}
}

// info asks the NATS servers about the stream, each time anew: it has no memory of its own, so it disturbs nothing.
func (c *cluster) info(ctx context.Context) (info journal.Info, err error) {
	conn, err := journal.Connect(ctx, journal.Servers{URLs: c.at})
	if err != nil {
		return info, err
	}
	log, err := journal.Open(ctx, conn, journal.Config{Existing: true, ReadTimeout: time.Second, Logger: silent})
	if err != nil {
		return info, err
	}
	info, err = log.Info(ctx)
	return info, errors.Join(err, log.Close(ctx))
}

// awaitReplicas waits until the stream has a leader, whom all others have caught up with, and returns it and them.
func (c *cluster) awaitReplicas(ctx context.Context) (leader *process, followers []*process, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*startTimeout)
	defer cancel()
	for {
		info, err := c.info(ctx)
		if err == nil {
			leader, followers = nil, nil
			for _, p := range c.nats {
				if p.name == info.Leader {
					leader = p
				}
				for _, peer := range info.Peers {
					if peer.Name == p.name && peer.Current && !peer.Offline {
						followers = append(followers, p)
					}
				}
			}
			if leader != nil && len(followers) == len(c.nats)-1 {
				return leader, followers, nil
			}
			err = fmt.Errorf("the leader is %q, and its replicas are %+v", info.Leader, info.Peers)
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return nil, nil, fmt.Errorf("the NATS servers do not come together: %w", err)
		}
	}
}

// close kills all that runs.
func (c *cluster) close() (err error) {
	for _, p := range append(append([]*process{}, c.nodes...), c.nats...) {
		err = errors.Join(err, p.kill())
	}
	return err
}

// answers tells whether there is a 200 at a URL.
func answers(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	r.Close = true // the next one is for another process
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s says %s", url, response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

// listens tells whether somebody listens at an address.
func listens(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// pause waits for that long.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
