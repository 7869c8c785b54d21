package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// A Socket says who may connect to a Unix socket.
type Socket struct {
	// Mode are the socket's permissions.
	Mode fs.FileMode
	// Group is the name of the socket's group; "" leaves it the process's.
	Group string
}

// Listen listens on an address: host:port, or unix:PATH. A socket that a dead server left behind is
// replaced; one on which a server answers is not.
func Listen(ctx context.Context, address string, socket Socket) (net.Listener, error) {
	path, ok := strings.CutPrefix(address, "unix:")
	if !ok {
		return listenTCP(ctx, address)
	}
	if err := removeStale(ctx, path); err != nil {
		return nil, err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "unix", path)
	if err != nil {
		return nil, cannotMake(path, err)
	}
	if err := own(path, socket); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// Adopt takes over a socket that somebody else listens on, which stays when it is closed here. It closes the file.
func Adopt(f *os.File) (net.Listener, error) {
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	return limitUnsent(l), nil
}

func listenTCP(ctx context.Context, address string) (net.Listener, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is taken by another program; stop it, or choose a port with --listen localhost:PORT (0 finds a free one)", address)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s; ports below 1024 need privileges, --listen localhost:8080 does not", address)
	case err != nil:
		return nil, fmt.Errorf("cannot listen on %q: %w; give HOST:PORT or unix:PATH", address, err)
	}
	return limitUnsent(l), nil
}

// removeStale removes a socket on which nobody answers.
func removeStale(ctx context.Context, path string) error {
	info, err := os.Lstat(path)
	if err != nil {
		return nil // there is none, or listening will say why not
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s exists and is no socket; remove it, or choose another path", path)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "unix", path)
	switch {
	case err == nil:
		conn.Close()
		return fmt.Errorf("a server answers on %s already; stop it, or choose another path", path)
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("the socket %s is left from a server that is gone, and %s cannot remove it: %w; have its owner or root do it", path, thisUser(), err)
		}
		return nil
	case errors.Is(err, syscall.EAGAIN): // its queue is full
		return fmt.Errorf("a server listens on %s already, though it is too busy to answer; stop it, or choose another path", path)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("there is a socket %s, and %s may not ask whether a server uses it: %w; if none does, have its owner or root remove it, else choose another path", path, thisUser(), err)
	default:
		return fmt.Errorf("there is a socket %s, and whether a server uses it cannot be told: %w", path, err)
	}
}

// cannotMake says why there is no socket, and what to do about that.
func cannotMake(path string, err error) error {
	folder := filepath.Dir(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("cannot make the socket %s: there is no folder %s; make it, in a systemd unit by RuntimeDirectory=, or choose another path", path, folder)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%s may not make the socket %s: %w; choose a path in a folder of his own, which a systemd unit makes by RuntimeDirectory=, or let him write to %s", thisUser(), path, err, folder)
	case len(path) > maxSocketPath:
		return fmt.Errorf("the socket's path %s has %d bytes, and may have %d; choose a shorter one", path, len(path), maxSocketPath)
	}
	return fmt.Errorf("cannot make the socket %s: %w", path, err)
}

// maxSocketPath is how long the path of a socket may be, in bytes: sockaddr_un of Linux, without the final zero.
const maxSocketPath = 107

// thisUser names the user whose rights count.
func thisUser() string {
	id := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(id); err == nil {
		return "the user " + u.Username
	}
	return "the user with the id " + id
}

// own gives the socket to whom it is meant for.
func own(path string, socket Socket) error {
	if socket.Group != "" {
		group, err := user.LookupGroup(socket.Group)
		if err != nil {
			return fmt.Errorf("the group of %s: %w; create it, or leave --socket-group out", path, err)
		}
		gid, err := strconv.Atoi(group.Gid)
		if err != nil {
			return fmt.Errorf("the group %s has the id %q, which is no number", socket.Group, group.Gid)
		}
		if err := os.Chown(path, -1, gid); err != nil {
			return fmt.Errorf("%s may not give the socket %s to the group %s: %w; only a member may: make him one by 'usermod -aG %[3]s NAME', "+
				"in a systemd unit by SupplementaryGroups=%[3]s, or leave --socket-group out", thisUser(), path, socket.Group, err)
		}
	}
	if err := os.Chmod(path, socket.Mode); err != nil {
		return fmt.Errorf("cannot set the permissions of %s: %w", path, err)
	}
	return nil
}
