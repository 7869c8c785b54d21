package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"pushlab/common/event"
	"pushlab/common/journal"
	"pushlab/common/journal/journaltest"
)

// secret is a password that nothing may print.
const secret = "s3cret-word"

// TestJournalFlags: what makes no sense ends with 2, says what to do, and shows no password.
func TestJournalFlags(t *testing.T) {
	for _, c := range []struct {
		args string
		want string
	}{
		{"serve --journal disk", "use memory, file:DIR, or nats://"},
		{"serve --journal file:", "use memory, file:DIR, or nats://"},
		{"serve --journal redis://user:s3cret-word@host", "use memory, file:DIR, or nats://"},
		{"serve --journal nats://user:s3cret-word@127.0.0.1:1", "give it in a file or in the environment"},
		{"serve --journal nats://", "use nats://host"},
		{"serve --journal nats://127.0.0.1:1 --journal-cert cert.pem", "give both files or neither"},
		{"serve --journal nats://127.0.0.1:1 --journal-ca missing.pem", "missing.pem"},
		{"serve --journal nats://127.0.0.1:1 --journal-login-file missing", "--journal-login-file"},
		{"serve --journal nats://127.0.0.1:1 --journal-credentials missing", "missing"},
		{"serve --journal file:DIR --journal-replicas 3", "--journal-replicas is for --journal nats://"},
		{"serve --journal file:DIR --journal-login-file x", "are for --journal nats://"},
		{"serve --journal file:DIR --journal-sync sometimes", "100ms, or always"},
		{"serve --journal file:DIR --journal-sync 1us", "100ms, or always"},
		{"serve --journal file:DIR --journal-age -1s", "must not be negative"},
		{"serve --journal file:DIR --journal-age 1ms", "100ms"},
		{"serve --journal file:DIR --journal-events -1", "must not be negative"},
		{"serve --journal file:DIR --journal-bytes 0", "64MiB"},
		{"serve --journal file:DIR --journal-name not.a.name", "letters, digits"},
		{"serve --journal-replicas 3", "are for a log outside memory"},
		{"serve --journal nats://127.0.0.1:1 --journal-replicas 2", "1, 3 or 5"},
		{"serve --journal nats://127.0.0.1:1 --journal-sync always", "--journal-sync"},
		{"log info", "give file:DIR, or nats://"},
		{"log info --journal memory", "give file:DIR, or nats://"},
		{"log read --journal file:DIR --topic $x", "--topic"},
		{"log trim --journal file:DIR", "--up-to or --keep"},
		{"log trim --journal file:DIR --keep 1 --up-to a-1", "--up-to or --keep"},
	} {
		args := strings.Fields(strings.ReplaceAll(c.args, "DIR", filepath.Join(t.TempDir(), "log")))
		if args[0] == "serve" {
			args = append(args, "--listen", "localhost:0", "--source", "none")
		}
		_, stderr, code := do(t, "", args...)
		if code != exitUsage || !strings.Contains(stderr, c.want) || strings.Contains(stderr, secret) {
			t.Errorf("%s: exit code %d, %s", c.args, code, stderr)
		}
	}
}

// TestJournalCannotBeOpened: what is wrong with the place ends with 1, and the error says what to do.
func TestJournalCannotBeOpened(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	login := write("login", "pushlab:"+secret+"\n")
	locked := startServerOn(t, "file:"+filepath.Join(dir, "locked"))
	guarded := journaltest.NewServer(t)
	guarded.Options.Username, guarded.Options.Password = "pushlab", "another"
	guarded.Start(t)
	others := journaltest.NewServer(t)
	others.Start(t)
	others.JetStream(t, func(ctx context.Context, js jetstream.JetStream) error {
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "pushlab", Subjects: []string{"orders"}})
		return err
	})
	without := journaltest.NewServer(t)
	without.Options.JetStream = false
	without.Start(t)
	for _, c := range []struct {
		journal string
		args    []string
		want    string
	}{
		{"nats://127.0.0.1:1", nil, "no NATS server answers at nats://127.0.0.1:1"},
		{guarded.URL(), []string{"--journal-login-file", login}, "refuses our credentials"},
		{guarded.URL(), nil, "refuses our credentials"},
		{others.URL(), nil, "belongs to another program"},
		{others.URL(), []string{"--journal-name", "mine", "--journal-replicas", "3"}, "not enough NATS servers"},
		{without.URL(), nil, "has no JetStream"},
		{"file:" + filepath.Join(dir, "locked"), nil, fmt.Sprintf("in use by another process (pid %d)", locked.cmd.Process.Pid)},
		{"file:" + filepath.Join(login, "log"), nil, "the directory cannot be made"},
		{"file:/proc/log", nil, "the directory cannot be made"},
	} {
		stdout, stderr, code := do(t, "", append([]string{"serve", "--listen", "localhost:0", "--source", "none", "--journal", c.journal}, c.args...)...)
		if code != exitFailed || !strings.Contains(stderr, c.want) || strings.Contains(stderr, secret) || strings.Count(stderr, "\n") != 1 || stdout != "" {
			t.Errorf("%s %q: exit code %d, %s%s", c.journal, c.args, code, stdout, stderr)
		}
	}
	for _, place := range []string{"file:" + filepath.Join(dir, "nothing"), others.URL() + " --journal-name mine"} {
		_, stderr, code := do(t, "", append([]string{"log", "info", "--journal"}, strings.Fields(place)...)...)
		if code != exitFailed || !strings.Contains(stderr, "start a server on it, which creates it") {
			t.Errorf("log info of %s: exit code %d, %s", place, code, stderr)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "nothing")); err == nil {
		t.Error("log info made a directory")
	}
}

// startServerOn starts a server with a journal, which the test may do again.
func startServerOn(t *testing.T, place string, args ...string) *process {
	t.Helper()
	p, url := startServer(t, append([]string{"--source", "none", "--journal", place, "--log-format", "json"}, args...)...)
	p.url = url
	return p
}

// pubNumbers publishes numbers, and returns their IDs.
func pubNumbers(t *testing.T, url string, from, to int) []string {
	t.Helper()
	var lines strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintln(&lines, i)
	}
	out, stderr, code := do(t, lines.String(), "pub", "--topic", "t", url, "-")
	ids := strings.Fields(out)
	if code != 0 || len(ids) != to-from+1 {
		t.Fatalf("pub: %d %s", code, stderr)
	}
	return ids
}

// publishOnce publishes an event under an idempotency key, and returns its ID.
func publishOnce(t *testing.T, url, key string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/publish?topic=once", strings.NewReader(`"once"`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = http.Header{"Content-Type": {"application/json"}, "Idempotency-Key": {key}}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var created struct{ ID string }
	if err := json.NewDecoder(response.Body).Decode(&created); err != nil || created.ID == "" {
		t.Fatalf("%s: %v", response.Status, err)
	}
	return created.ID
}

// TestJournalRestart: what was acknowledged outlives the process, killed or not, under the same IDs; and a cursor of before resumes without a
// gap on every transport, though the server has less in its memory. pushlab log shows it, and deletes from it.
func TestJournalRestart(t *testing.T) {
	place := "file:" + filepath.Join(t.TempDir(), "log")
	var ids, once []string
	for i, end := range []syscall.Signal{syscall.SIGKILL, syscall.SIGTERM} {
		p := startServerOn(t, place, "--history", "3")
		ids = append(ids, pubNumbers(t, p.url, 10*i+1, 10*i+10)...)
		once = append(once, publishOnce(t, p.url, "a-key"))
		p.signal(end)
		if code := p.exit(); code != 0 && end == syscall.SIGTERM {
			t.Errorf("serve exits with %d", code)
		}
	}
	p := startServerOn(t, place, "--history", "3")
	if once[0] != once[1] || publishOnce(t, p.url, "a-key") != once[0] {
		t.Errorf("what was published once has the IDs %q", once)
	}
	for transport := range dialers {
		for _, after := range []int{2, 12, 18} { // far before the ring, and in it
			out, stderr, code := do(t, "", "sub", "--transport", transport, "--topic", "t", "--after", ids[after-1], "--count", strconv.Itoa(20-after), p.url)
			var want strings.Builder
			for i := after; i < 20; i++ {
				fmt.Fprintf(&want, `{"id":"%s","topic":"t","data":%d}`+"\n", ids[i], i+1)
			}
			if code != 0 || out != want.String() {
				t.Errorf("%s after %s: %d %s%s", transport, ids[after-1], code, stderr, out)
			}
		}
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != 0 || strings.Contains(p.stderr.String(), `"level":"ERROR"`) {
		t.Errorf("serve exits with %d, and says\n%s", code, p.stderr.String())
	}
	checkLogCommands(t, place, ids)

	p = startServerOn(t, place, "--history", "3")
	out, _, code := do(t, "", "sub", "--topic", "t", "--after", ids[1], "--count", "1", p.url)
	if code != 0 || !strings.Contains(out, `"topic":"$gap"`) || strings.Contains(out, ids[14]) {
		t.Errorf("after a trim: %d %s", code, out)
	}
}

// checkLogCommands runs all of pushlab log on a log of twenty events on t and one on another topic, of which it leaves five, and another epoch.
func checkLogCommands(t *testing.T, place string, ids []string) {
	t.Helper()
	id, err := event.ParseID(ids[0])
	if err != nil {
		t.Fatal(err)
	}
	changing := regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|\d+B\b`)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"info"}, `
stream    pushlab, created ?
epoch     EPOCH
events    21, ?
oldest    EPOCH-1, ?
newest    EPOCH-21, ?
keeps     at most 1GiB
keys      are remembered for 2m0s
replicas  1
leader    pushlab
`},
		{[]string{"read", "--after", ids[16], "--count", "2"}, `
{"id":"EPOCH-19","topic":"t","data":18}
{"id":"EPOCH-20","topic":"t","data":19}
`},
		{[]string{"read", "--topic", "other"}, "\n"},
		{[]string{"read", "--after", "aaaaaaaa-1"}, "\npushlab: aaaaaaaa-1 is of another epoch; that of this log is EPOCH\n"},
		{[]string{"read", "--after", id.Epoch + "-22"}, "\npushlab: EPOCH-22 is not in the log yet, whose newest event is 21\n"},
		{[]string{"trim", "--up-to", ids[9]}, "\ndeleted the events from 1 to 10\n"},
		{[]string{"trim", "--keep", "5"}, "\ndeleted the events from 11 to 16\n"},
		{[]string{"trim", "--keep", "100"}, "\nthere is nothing to be deleted\n"},
		{[]string{"read", "--after", ids[13], "--count", "1"}, "\npushlab: the events from 16 to 16 are no longer in the log\n" + `{"id":"EPOCH-17","topic":"t","data":16}` + "\n"},
		{[]string{"renew"}, "\nthe epoch was EPOCH, and is NEXT\n"},
	} {
		out, stderr, _ := do(t, "", append(append([]string{"log"}, c.args...), "--journal", place)...)
		stderr, _, _ = strings.Cut(stderr, "Run 'pushlab --help'")
		got := strings.ReplaceAll(changing.ReplaceAllString("\n"+stderr+out, "?"), id.Epoch, "EPOCH")
		if got = regexp.MustCompile(`and is \w{8,}`).ReplaceAllString(got, "and is NEXT"); got != c.want {
			t.Errorf("log %q:%s", c.args, got)
		}
	}
	out, _, code := do(t, "", "log", "info", "--json", "--journal", place)
	if code != 0 || !strings.Contains(out, `"`) || strings.Contains(out, id.Epoch) {
		t.Errorf("log info --json after renew: %d %s", code, out)
	}
}

// TestJournalOutage: without its NATS server, a server keeps its subscribers, refuses what is published, and says so; with it
// back, it goes on by itself. It logs one line for each, and no password.
func TestJournalOutage(t *testing.T) {
	nats := journaltest.NewServer(t)
	nats.Options.Username, nats.Options.Password = "pushlab", secret
	nats.Start(t)
	login := filepath.Join(t.TempDir(), "login")
	if err := os.WriteFile(login, []byte("pushlab:"+secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startServerOn(t, nats.URL(), "--journal-login-file", login)
	if !strings.Contains(waitForStatus(t, p.url+"/readyz", http.StatusOK), "ready") {
		t.Error("it is not ready")
	}
	sub := start(t, nil, "sub", "--topic", "t", "--after", "earliest", p.url)
	pubNumbers(t, p.url, 1, 1)
	if line := sub.line(); !strings.Contains(line, `"data":1}`) {
		t.Error(line)
	}

	nats.Stop()
	why := waitForStatus(t, p.url+"/readyz", http.StatusServiceUnavailable)
	if !strings.HasPrefix(why, "nothing can be published: ") || strings.Contains(why, secret) {
		t.Errorf("readyz: %s", why)
	}
	response, err := http.Post(p.url+"/publish?topic=t", "application/json", strings.NewReader("0"))
	if err != nil {
		t.Fatal(err)
	}
	problem, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || response.StatusCode != 503 || response.Header.Get("Retry-After") == "" || !strings.Contains(response.Header.Get("Content-Type"), "problem+json") {
		t.Errorf("publish: %s %v %s", response.Status, response.Header, problem)
	}
	metrics := waitForStatus(t, p.url+"/metrics", http.StatusOK)
	for _, want := range []string{"pushlab_ready 0", `pushlab_streams_open{transport="sse"} 1`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics have no %s", want)
		}
	}
	if code := waitForStatus(t, p.url+"/healthz", http.StatusOK); code == "" {
		t.Error("healthz says nothing")
	}

	nats.Start(t)
	waitForStatus(t, p.url+"/readyz", http.StatusOK)
	pubNumbers(t, p.url, 2, 2)
	if line := sub.line(); !strings.Contains(line, `"data":2}`) {
		t.Error(line)
	}
	metrics = waitForStatus(t, p.url+"/metrics", http.StatusOK)
	for _, want := range []string{"pushlab_ready 1", "pushlab_journal_reconnects_total 1", `pushlab_journal_append_seconds_count{outcome="ok"} 2`} {
		if !strings.Contains(metrics, want+"\n") {
			t.Errorf("the metrics have no %s", want)
		}
	}
	checkJournalPanels(t, metrics)
	p.signal(syscall.SIGTERM)
	p.exit()
	said := p.stderr.String()
	if strings.Count(said, "is lost, and being made again") != 1 || strings.Count(said, "is back") != 1 || strings.Contains(said, secret) || strings.Contains(said, `"level":"ERROR"`) {
		t.Errorf("the server says\n%s", said)
	}
	sub.signal(syscall.SIGKILL)
}

// checkJournalPanels checks that the dashboard shows all metrics of a log, and none that does not exist; and so does the operators' page.
func checkJournalPanels(t *testing.T, metrics string) {
	t.Helper()
	for _, file := range []string{"../../deploy/grafana/pushlab.json", "../../deploy/cluster/README.md"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		shown := map[string]bool{}
		for _, name := range regexp.MustCompile(`pushlab_journal_[a-z_]+`).FindAllString(string(text), -1) {
			shown[strings.TrimSuffix(name, "_bucket")] = true
		}
		delete(shown, "pushlab_journal_")
		for _, m := range regexp.MustCompile(`(?m)^# TYPE (pushlab_journal_\w+) `).FindAllStringSubmatch(metrics, -1) {
			if !shown[m[1]] && m[1] != "pushlab_journal_resent_total" { // of which nobody has to know
				t.Errorf("%s does not show %s", file, m[1])
			}
			delete(shown, m[1])
		}
		for name := range shown {
			t.Errorf("%s shows %s, which does not exist", file, name)
		}
	}
}

// TestJournalInterrupted: a server that is told to leave while its log is away leaves as quickly.
func TestJournalInterrupted(t *testing.T) {
	nats := journaltest.NewServer(t)
	nats.Start(t)
	log := nats.Open(t, journal.Config{})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := log.Close(ctx); err != nil {
		t.Fatal(err)
	}
	p := startServerOn(t, nats.URL())
	nats.Stop()
	p.signal(syscall.SIGTERM) // without its log it leaves as quickly
	begun := time.Now()
	if code := p.exit(); code != 0 || time.Since(begun) > 15*time.Second {
		t.Errorf("serve exits with %d after %v: %s", code, time.Since(begun), p.stderr.String())
	}
}
