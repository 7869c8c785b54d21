package machine

import (
	"os"
	"testing"
)

func TestParseSlabinfo(t *testing.T) {
	const text = `slabinfo - version: 2.1
# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables
TCPv6                  0      0   2496   13    8 : tunables    0    0    0 : slabdata      2      2      0
TCP                   10     26   2368   13    8 : tunables    0    0    0 : slabdata     15     15      0
filp                 100    101    192   21    1 : tunables    0    0    0 : slabdata    127    127      0
dentry            362591 364749    192   21    1 : tunables    0    0    0 : slabdata  17369  17369      0
`
	if got, err := parseSlabinfo(text); err != nil || got != 10*2368+100*192 {
		t.Errorf("%d, %v", got, err)
	}
	for _, bad := range []string{"", "filp 1 1 192 21\n", "TCP x 1 192 21\n"} {
		if got, err := parseSlabinfo(bad); err == nil {
			t.Errorf("%q is read as %d", bad, got)
		}
	}
}

func TestParseSockstat(t *testing.T) {
	if got, err := parseSockstat("sockets: used 169\nTCP: inuse 55 orphan 0 tw 1294 alloc 55 mem 77\nUDP: inuse 0 mem 0\n"); err != nil || got != 77*int64(os.Getpagesize()) {
		t.Errorf("%d, %v", got, err)
	}
	if got, err := parseSockstat("UDP: inuse 0 mem 0\n"); err == nil {
		t.Errorf("it is read as %d", got)
	}
}
