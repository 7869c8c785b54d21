package web_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"pushlab/web"
)

// nobody is a user without rights.
const nobody = 65534

// unprivileged runs f as somebody to whom permissions apply: tests may run as root. The rights are a thread's; the
// thread goes with the goroutine that keeps it.
func unprivileged(t *testing.T, f func()) {
	t.Helper()
	if os.Geteuid() != 0 {
		f()
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if _, _, errno := syscall.RawSyscall(syscall.SYS_SETRESUID, nobody, nobody, nobody); errno != 0 {
			t.Error(errno)
			return
		}
		f()
	}()
	<-done
}

// TestSocketPermissions: whoever lacks a right is told who he is, what he may not, and what to do.
func TestSocketPermissions(t *testing.T) {
	path := socketPath(t)
	folder := filepath.Dir(path)
	mode := func(m os.FileMode) {
		if err := os.Chmod(folder, m); err != nil {
			t.Fatal(err)
		}
	}
	user := "nobody"
	if os.Geteuid() != 0 {
		user = "the user"
	}
	mode(0o555)
	unprivileged(t, func() {
		refused(t, path, web.Socket{Mode: 0o600}, user, "may not make", "let him write to "+folder, "RuntimeDirectory")
	})
	mode(0o777)
	unprivileged(t, func() {
		refused(t, path, web.Socket{Mode: 0o600, Group: "daemon"}, user, "group daemon", "usermod -aG daemon", "SupplementaryGroups=daemon")
	})
	// What another user left behind.
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), os.Chmod(path, 0)); err != nil {
		t.Fatal(err)
	}
	unprivileged(t, func() {
		refused(t, path, web.Socket{Mode: 0o600}, user, "may not ask", "remove it")
	})
	mode(0o700)
}

// TestSocketOfABusyServer: one whose queue is full is no dead one.
func TestSocketOfABusyServer(t *testing.T) {
	path := socketPath(t)
	fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	if err := errors.Join(syscall.Bind(fd, &syscall.SockaddrUnix{Name: path}), syscall.Listen(fd, 0)); err != nil {
		t.Fatal(err)
	}
	for range 10 { // the queue takes at least one
		client, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer syscall.Close(client)
		if err = syscall.Connect(client, &syscall.SockaddrUnix{Name: path}); err == syscall.EAGAIN {
			refused(t, path, web.Socket{Mode: 0o600}, "too busy to answer")
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
	t.Fatal("the queue does not fill")
}
