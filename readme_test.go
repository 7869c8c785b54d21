package pushlab_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// maxMinimal is how many lines the smallest example of a transport may have, on either side.
const maxMinimal = 20

// TestReadmeProgram runs the program in the README as it stands there, on another port, and asks it
// by every transport.
func TestReadmeProgram(t *testing.T) {
	program := readmeBlock(t, "go")
	body := program[strings.Index(program, "func main()"):]
	if n := strings.Count(body, "\n"); n > maxMinimal {
		t.Errorf("main has %d lines; the smallest program must have at most %d", n, maxMinimal)
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := free.Addr().String()
	free.Close()
	program = strings.Replace(program, "localhost:8080", address, 1)
	dir := t.TempDir()
	source, binary := filepath.Join(dir, "main.go"), filepath.Join(dir, "program")
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		t.Fatalf("the README's program does not build: %v\n%s", err, out)
	}
	cmd := exec.Command(binary)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()

	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	url := "http://" + address
	waitFor(t, ctx, url)
	for _, transport := range transports {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/"+transport, nil)
		if err != nil {
			t.Fatal(err)
		}
		if transport == "websocket" {
			r.Header = http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"},
				"Sec-Websocket-Key": {"dGhlIHNhbXBsZSBub25jZQ=="}, "Sec-Websocket-Version": {"13"}}
		}
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		// A long poll's answer has no line end, so read up to what every event has.
		if _, err := bufio.NewReader(response.Body).ReadString('}'); err != nil {
			t.Errorf("%s: %v", transport, err)
		}
		response.Body.Close()
		page, err := http.Get(url + "/" + transport + ".html")
		if err != nil {
			t.Fatal(err)
		}
		page.Body.Close()
		if page.StatusCode != 200 {
			t.Errorf("%s.html: %s", transport, page.Status)
		}
	}
}

// TestReadmePages checks that the scripts in the README are those that are served.
func TestReadmePages(t *testing.T) {
	readme := readFile(t, "README.md")
	for _, block := range blocks(readme, "js") {
		found := false
		for _, transport := range transports {
			script := readFile(t, filepath.Join("web/static/minimal", transport+".js"))
			found = found || strings.HasSuffix(script, block)
		}
		if !found {
			t.Errorf("this script in the README is on none of the minimal pages:\n%s", block)
		}
	}
}

// TestReadmeLinks checks that the files which the documents name exist.
func TestReadmeLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, document := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		for _, m := range link.FindAllStringSubmatch(readFile(t, document), -1) {
			if _, err := os.Stat(m[1]); err != nil {
				t.Errorf("%s: %v", document, err)
			}
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// blocks returns the document's code blocks of a language.
func blocks(document, language string) []string {
	var found []string
	for _, part := range strings.Split(document, "```"+language+"\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		found = append(found, block)
	}
	return found
}

func readmeBlock(t *testing.T, language string) string {
	t.Helper()
	found := blocks(readFile(t, "README.md"), language)
	if len(found) != 1 {
		t.Fatalf("the README has %d blocks of %s, want one", len(found), language)
	}
	return found[0]
}

// waitFor waits until a server answers.
func waitFor(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		response, err := http.Get(url)
		if err == nil {
			response.Body.Close()
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("no server at %s: %v", url, err)
		}
	}
}
