package kernel_test

import (
	"runtime"
	"strings"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"pushlab/common/kernel"
)

// refuse has the system refuse a system call, from now on, to this thread.
func refuse(call, errno uint32) error {
	const load, equal, answer = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	filter := []unix.SockFilter{
		{Code: load, K: 0}, // the number of the system call
		{Code: equal, K: call, Jt: 0, Jf: 1},
		{Code: answer, K: unix.SECCOMP_RET_ERRNO | errno},
		{Code: answer, K: unix.SECCOMP_RET_ALLOW},
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	return unix.Prctl(unix.PR_SET_SECCOMP, unix.SECCOMP_MODE_FILTER, uintptr(unsafe.Pointer(&program)), 0, 0)
}

// Where io_uring is switched off, the error says so, and how to switch it on.
func TestUringRefused(t *testing.T) {
	for _, test := range []struct {
		call, errno uint32
		advice      string
	}{
		{unix.SYS_IO_URING_SETUP, uint32(unix.ENOSYS), "seccomp"},
		{unix.SYS_IO_URING_SETUP, uint32(unix.EPERM), "io_uring_disabled"},
		{unix.SYS_IO_URING_SETUP, uint32(unix.EINVAL), "Linux 5.6"},
		{unix.SYS_IO_URING_SETUP, uint32(unix.ENOMEM), "ulimit -l"},
		{unix.SYS_IO_URING_SETUP, uint32(unix.EMFILE), "ulimit -n"},
		{unix.SYS_IO_URING_SETUP, uint32(unix.EIO), "input/output error"},
	} {
		done := make(chan error)
		go func() {
			runtime.LockOSThread() // and never unlock: the thread ends with the goroutine
			if err := refuse(test.call, test.errno); err != nil {
				t.Errorf("ATTENTION: this machine does not let a test switch io_uring off: %v", err)
			}
			_, err := kernel.Uring()
			done <- err
		}()
		err := <-done
		if err == nil || !strings.Contains(err.Error(), test.advice) || !strings.Contains(err.Error(), "io_uring") {
			t.Errorf("errno %d: %v; want it to speak of %q", test.errno, err, test.advice)
		}
	}
}
