package embedded

import "syscall"

// free returns how many bytes the disk of that directory has left for us.
func free(path string) (int64, bool) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return 0, false
	}
	return int64(min(s.Bavail, 1<<40)) * s.Bsize, true
}
