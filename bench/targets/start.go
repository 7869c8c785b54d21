package targets

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"pushlab/bench/machine"
)

// Start starts the server, on a core if one is given, or finds the one that runs. Closing it ends it, if
// it was started, and removes its folder. It fails with what is to be installed if the program is not
// there, or ends at once.
func (f File) Start(ctx context.Context, core *int) (*machine.Server, error) {
	if len(f.Command) == 0 {
		return f.running(), nil
	}
	dir, err := folder()
	if err != nil {
		return nil, err
	}
	server, err := f.start(ctx, core, dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	end := server.Stop
	server.Stop = func() error { return errors.Join(end(), os.RemoveAll(dir)) }
	return server, nil
}

func (f File) start(ctx context.Context, core *int, dir string) (*machine.Server, error) {
	w, err := newWords(dir)
	if err != nil {
		return nil, err
	}
	command, err := f.command(w)
	if err != nil {
		return nil, err
	}
	for name, text := range f.Files {
		file := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o777), os.WriteFile(file, []byte(w.in(text)), 0o666)); err != nil {
			return nil, fmt.Errorf("bench: a file for %s: %w", f.Name, err)
		}
	}
	config := machine.ServerConfig{Command: command, Core: core, URL: strings.TrimSuffix(w.in(f.URL), "/")}
	if f.URL != "" && f.Publish.URL != "" {
		config.Also = []string{address(w.in(f.Publish.URL))}
	}
	server, err := machine.StartServer(ctx, config)
	if err != nil {
		return nil, f.hint(err)
	}
	server.Words = w.pairs()
	if err := ready(ctx, server.URL, f.Ready); err != nil {
		return nil, errors.Join(fmt.Errorf("bench: %s is not ready: %w", f.Name, err), server.Close())
	}
	return server, nil
}

// ready waits until a server answers a request for that path with a status below 500; "" is not at all.
func ready(ctx context.Context, url, path string) error {
	if path == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Second}
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+path, nil)
		if err != nil {
			return err
		}
		response, err := client.Do(request)
		if err == nil {
			response.Body.Close()
			if response.StatusCode < http.StatusInternalServerError {
				return nil
			}
			err = errors.New(response.Status)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return err
		}
	}
}

// address returns the host and port of an http URL, or "".
func address(url string) string { return strings.TrimSuffix(strings.TrimPrefix(url, "http://"), "/") }

// hint adds what to install to what is wrong.
func (f File) hint(err error) error {
	if f.Install == "" {
		return err
	}
	return fmt.Errorf("%w; %s needs: %s", err, f.Name, f.Install)
}

// running finds the server that runs already.
func (f File) running() *machine.Server {
	w := words{}
	server := &machine.Server{URL: strings.TrimSuffix(w.in(f.URL), "/"), PID: f.PID, Words: w.pairs()}
	if u, err := url.Parse(server.URL); err == nil && f.PID == 0 {
		switch host := u.Hostname(); host {
		case "localhost", "127.0.0.1", "::1": // on this machine
			if port, err := strconv.Atoi(u.Port()); err == nil {
				server.PID = machine.Listener(port)
			}
		}
	}
	return server
}

// folder makes a fresh folder, whose name is short enough for a Unix socket in it (unix(7): 108 bytes).
func folder() (string, error) {
	const longest = 60
	parent := os.TempDir()
	if len(parent) > longest {
		parent = "/tmp"
	}
	dir, err := os.MkdirTemp(parent, "pushlab-")
	if err != nil {
		return "", fmt.Errorf("bench: a folder for the server: %w", err)
	}
	return dir, nil
}

func newWords(dir string) (words, error) {
	self, err := os.Executable()
	if err != nil {
		return words{}, fmt.Errorf("bench: which program to start as the server: %w", err)
	}
	ports := make([]string, 2)
	for i := range ports {
		port, err := machine.FreePort()
		if err != nil {
			return words{}, err
		}
		ports[i] = strconv.Itoa(port)
	}
	if ports[0] == ports[1] {
		return newWords(dir)
	}
	return words{dir: dir, port: ports[0], port2: ports[1], pushlab: self}, nil
}

// program finds a program: beside this one, in PATH, and in /usr/sbin, which Debian leaves out of a
// user's PATH. A name with a slash is a path, also of another file.
func program(name string) (string, error) {
	if strings.ContainsRune(name, filepath.Separator) {
		if _, err := os.Stat(name); err != nil {
			return "", fmt.Errorf("bench: there is no %s", name)
		}
		return name, nil
	}
	var places []string
	if self, err := os.Executable(); err == nil {
		places = append(places, filepath.Join(filepath.Dir(self), name))
	}
	for _, place := range append(places, name, filepath.Join("/usr/sbin", name)) {
		if path, err := exec.LookPath(place); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("bench: there is no program %s beside this one, in PATH or in /usr/sbin", name)
}

// Missing tells what keeps the target from being started, if it is known before: that its program or
// something that it needs is not there. It says what to install.
func (f File) Missing() error {
	if len(f.Command) == 0 {
		return nil
	}
	w, err := newWords("")
	if err != nil {
		return err
	}
	_, err = f.command(w)
	return err
}

// command returns the command with its program found. It fails if that or something else is missing.
func (f File) command(w words) ([]string, error) {
	command := w.inAll(f.Command)
	for _, needed := range f.Needs {
		if _, err := program(w.in(needed)); err != nil {
			return nil, f.hint(err)
		}
	}
	var err error
	if command[0], err = program(command[0]); err != nil {
		return nil, f.hint(err)
	}
	return command, nil
}

// patience is how long a server may take to be ready, or to tell its version.
const patience = 10 * time.Second

// AskVersion returns what the version command prints, in one line; "" if the file has none.
func (f File) AskVersion(ctx context.Context) (string, error) {
	if len(f.Version) == 0 {
		return "", nil
	}
	w, err := newWords("")
	if err != nil {
		return "", err
	}
	command := w.inAll(f.Version)
	if command[0], err = program(command[0]); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	said, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("bench: the version of %s: %w", f.Name, err)
	}
	var lines []string
	for line := range strings.Lines(string(said)) {
		if words := strings.Fields(line); len(words) > 0 {
			lines = append(lines, strings.Join(words, " "))
		}
	}
	return strings.Join(lines, "; "), nil
}
