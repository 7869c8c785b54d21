package machine

import (
	"strings"
	"testing"
)

func TestParseNetstat(t *testing.T) {
	const text = "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 26 27\nIpExt: InNoRoutes\nIpExt: 5\n"
	got, err := parseNetstat(text, "TcpExt:")
	if err != nil || got["ListenOverflows"] != 26 || got["ListenDrops"] != 27 {
		t.Errorf("%v, %v", got, err)
	}
	for _, bad := range []string{"", "TcpExt: A\n", "TcpExt: A B\nTcpExt: 1\n", "TcpExt: A\nTcpExt: x\n"} {
		if got, err := parseNetstat(bad, "TcpExt:"); err == nil {
			t.Errorf("%q is read as %v", bad, got)
		}
	}
}

func TestParsePeak(t *testing.T) {
	if got, err := parsePeak("Name:\tpushlab\nVmPeak:\t 9 kB\nVmHWM:\t   21504 kB\n"); err != nil || got != 21504<<10 {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := parsePeak("Name:\tkthreadd\n"); err == nil || !strings.Contains(err.Error(), "VmHWM") {
		t.Errorf("%v", err)
	}
}
