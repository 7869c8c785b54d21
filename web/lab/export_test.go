package lab

import (
	"os"
	"testing"
)

// lab returns a lab.
func (s *Labs) lab(t testing.TB, id string) *Lab {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.labs[id] == nil {
		t.Fatalf("there is no lab %s", id)
	}
	return s.labs[id]
}

// KillNginx has the nginx of a lane die, having said something.
func (s *Labs) KillNginx(t testing.TB, id, lane, words string) {
	t.Helper()
	for _, n := range s.lab(t, id).lanes {
		if n.name != lane {
			continue
		}
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.between == nil {
			t.Fatal("there is no nginx")
		}
		n.between.nginx.Log.Write([]byte(words))
		process, err := os.FindProcess(n.between.nginx.PID())
		if err != nil {
			t.Fatal(err)
		}
		process.Kill()
	}
}

// Wires returns how many connections the link of a lab knows: by their addresses, and by their numbers.
func (s *Labs) Wires(t testing.TB, id string) (peers, wires int) {
	t.Helper()
	k := s.lab(t, id).link
	k.peersMu.Lock()
	defer k.peersMu.Unlock()
	return len(k.peers), len(k.wires)
}
