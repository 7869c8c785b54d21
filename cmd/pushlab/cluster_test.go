package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"pushlab/deploy/cluster"
)

// clusterTime bounds each wait in the tests of a cluster. What passes never waits so long.
const clusterTime = 60 * time.Second

// startCluster starts deploy/cluster as it is shipped, on an address of its own, and ends it with the test.
func startCluster(t *testing.T, config cluster.Config) (*cluster.Cluster, cluster.Config) {
	t.Helper()
	config.Dir = t.TempDir()
	config.Pushlab, config.NATS = os.Args[0], os.Args[0]
	config.Env = []string{"RUN_AS_PUSHLAB=1", "RUN_AS_CLUSTER=1", "GORACE=atexit_sleep_ms=50"}
	config.Address = fmt.Sprintf("127.%d.%d.%d", 1+rand.N(250), rand.N(250), 1+rand.N(250))
	var said lockedBuffer
	config.Out = &said
	c, err := cluster.Start(t.Context(), config)
	if err != nil {
		t.Fatalf("%v; `make deps` installs nginx", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the cluster said:\n%s", said.String())
		}
		if left, err := os.ReadDir(filepath.Join(config.Dir, "pid")); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return c, config
}

// TestCluster: every node has the same events, on every transport; and who listens through nginx gets each acknowledged event
// once and in order, whether a node dies, another one leaves, or a NATS server dies.
func TestCluster(t *testing.T) {
	c, config := startCluster(t, cluster.Config{RestartAfter: time.Second})
	k := clusterClient{t: t, dir: config.Dir, url: c.URL()}
	k.publish(5)
	subscribers := map[string]*process{}
	for transport := range dialers {
		subscribers[transport] = start(t, nil, "sub", "--transport", transport, "--topic", "t", "--after", "earliest", c.URL())
	}
	k.publish(5)
	k.checkNodes(c)
	if first, again := publishOnce(t, c.NodeURL(1), "a-key"), publishOnce(t, c.NodeURL(2), "a-key"); first != again {
		t.Errorf("what was published once has the IDs %s and %s", first, again)
	}
	k.await(subscribers) // who is connected now, each to some node

	k.signal("node1", syscall.SIGKILL)
	k.publish(5)
	k.await(subscribers)
	k.ready(c.NodeURL(1)) // it was started again
	k.signal("node2", syscall.SIGTERM)
	k.publish(5)
	k.await(subscribers)
	k.ready(c.NodeURL(2))
	k.signal("n1", syscall.SIGKILL)
	k.publish(5)
	k.await(subscribers)

	out, stderr, code := do(t, "", "log", "info", "--journal", c.Journal(), "--journal-login-file", c.LoginFile())
	if code != 0 || !strings.Contains(out, "replicas  3") {
		t.Errorf("log info: %d %s%s", code, out, stderr)
	}
	k.checkSecrets()
}

// A clusterClient publishes, and knows what everybody has to get.
type clusterClient struct {
	t    *testing.T
	dir  string
	url  string
	tick int
	// acknowledged are the data of the events that were, in their order.
	acknowledged []int
	seen         map[string]int // how many of these each subscriber has had
}

// publish publishes that many events through nginx, each again under another number until one is acknowledged.
func (k *clusterClient) publish(n int) {
	k.t.Helper()
	for end := time.Now().Add(clusterTime); n > 0; {
		if time.Now().After(end) {
			k.t.Fatal("nothing is acknowledged any more")
		}
		k.tick++
		response, err := http.Post(k.url+"/publish?topic=t", "application/json", strings.NewReader(strconv.Itoa(k.tick)))
		if err != nil {
			k.t.Fatal(err) // nginx is always there
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
		if response.StatusCode == http.StatusCreated {
			k.acknowledged = append(k.acknowledged, k.tick)
			n--
		}
	}
}

// await waits until each subscriber has what was acknowledged, and checks that it comes once and in order. Between may be what
// was not acknowledged.
func (k *clusterClient) await(subscribers map[string]*process) {
	k.t.Helper()
	if k.seen == nil {
		k.seen = map[string]int{}
	}
	defer func() {
		if k.t.Failed() {
			k.t.Logf("of %d acknowledged events the subscribers have had %v", len(k.acknowledged), k.seen)
		}
	}()
	for transport, p := range subscribers {
		for k.seen[transport] < len(k.acknowledged) {
			var e struct {
				Topic string
				Data  json.RawMessage
			}
			line := p.line()
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				k.t.Fatal(err)
			}
			n, err := strconv.Atoi(string(e.Data))
			switch next := k.acknowledged[k.seen[transport]]; {
			case e.Topic == "$gap", e.Topic == "$reset":
				k.t.Fatalf("%s: %s", transport, line)
			case strings.HasPrefix(e.Topic, "$"):
			case err != nil, n > next, k.seen[transport] > 0 && n <= k.acknowledged[k.seen[transport]-1]:
				k.t.Fatalf("%s: %s came in place of %d", transport, line, next)
			case n == next:
				k.seen[transport]++
			}
		}
	}
}

// checkNodes reads everything from each node by each transport: it is the same, ids included.
func (k *clusterClient) checkNodes(c *cluster.Cluster) {
	k.t.Helper()
	var mu sync.Mutex
	var reading sync.WaitGroup
	got := map[string][]string{}
	for node := 1; node <= 3; node++ {
		for transport := range dialers {
			reading.Go(func() {
				var out, errors lockedBuffer
				ctx, cancel := context.WithTimeout(k.t.Context(), clusterTime)
				defer cancel()
				args := []string{"sub", "--transport", transport, "--topic", "t", "--after", "earliest", "--count", strconv.Itoa(len(k.acknowledged)), c.NodeURL(node)}
				if code := run(ctx, args, streams{strings.NewReader(""), &out, &errors}); code != 0 {
					k.t.Errorf("%q: %s", args, errors.String())
				}
				var events strings.Builder
				for line := range strings.Lines(out.String()) {
					if !strings.Contains(line, `"topic":"$`) {
						events.WriteString(line)
					}
				}
				mu.Lock()
				defer mu.Unlock()
				got[events.String()] = append(got[events.String()], fmt.Sprint(transport, " of node ", node))
			})
		}
	}
	reading.Wait()
	if len(got) != 1 {
		k.t.Errorf("not all have the same: %v", got)
	}
}

// signal sends a signal to a process, by the file that has its number.
func (k *clusterClient) signal(name string, s syscall.Signal) {
	k.t.Helper()
	text, err := os.ReadFile(filepath.Join(k.dir, "pid", name))
	if err != nil {
		k.t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err == nil {
		err = syscall.Kill(pid, s)
	}
	if err != nil {
		k.t.Fatal(err)
	}
}

// ready waits until a node can be used.
func (k *clusterClient) ready(url string) {
	k.t.Helper()
	waitForStatus(k.t, url+"/readyz", http.StatusOK)
}

// waitForStatus waits until a URL answers so, and returns what it says.
func waitForStatus(t *testing.T, url string, want int) string {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	last := ""
	for end := time.Now().Add(clusterTime); time.Now().Before(end); <-tick.C {
		response, err := http.Get(url)
		if err != nil {
			last = err.Error()
			continue
		}
		body, _ := io.ReadAll(response.Body) // what was cut does not matter
		response.Body.Close()
		if last = string(body); response.StatusCode == want {
			return last
		}
	}
	t.Fatalf("%s does not answer %d: %s", url, want, last)
	return ""
}

// checkSecrets checks that no log has a password, and that nobody else may read what has.
func (k *clusterClient) checkSecrets() {
	k.t.Helper()
	login, err := os.ReadFile(filepath.Join(k.dir, "login"))
	if err != nil {
		k.t.Fatal(err)
	}
	_, password, _ := strings.Cut(strings.TrimSpace(string(login)), ":")
	logs, err := os.ReadDir(filepath.Join(k.dir, "log"))
	if err != nil || len(logs) != 7 || len(password) < 16 {
		k.t.Fatalf("%d logs, a password of %d letters: %v", len(logs), len(password), err)
	}
	for _, log := range logs {
		if text, err := os.ReadFile(filepath.Join(k.dir, "log", log.Name())); err != nil || strings.Contains(string(text), password) {
			k.t.Errorf("the log of %s holds the password: %v", log.Name(), err)
		}
	}
	for _, name := range []string{"login", "nats/secrets.conf"} {
		if info, err := os.Stat(filepath.Join(k.dir, name)); err != nil || info.Mode().Perm() != 0o600 {
			k.t.Errorf("%s: %v, %v", name, info.Mode(), err)
		}
	}
}
