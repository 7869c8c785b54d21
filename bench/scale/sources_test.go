package main

import (
	"math"
	"os"
	"strings"
	"testing"

	"pushlab/bench/result"
	"pushlab/bench/scale/tree"
)

// What a delivery takes of a node is what the study measured of Pushlab, with 1,000 subscribers and 10 events a second.
func TestMeasuredInputs(t *testing.T) {
	r, err := result.Read("../../docs/study/peers.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, o := range r.Outcomes {
		for _, m := range o.Measurements {
			for _, in := range tree.Default().Transports {
				if o.Case.Subscribers != 1000 || m.Target != result.PushlabName || m.Transport != in.Name {
					continue
				}
				found++
				cpu, bytes := float64(m.ServerCPU.Nanoseconds())/1e3/float64(m.Delivered), float64(m.BytesDown)/float64(m.Delivered)
				if math.Abs(cpu-in.NodeCPU) > 0.06 || math.Abs(bytes-in.Bytes) > 0.5 {
					t.Errorf("%s: %v µs and %v bytes, the inputs say %v and %v", in.Name, cpu, bytes, in.NodeCPU, in.Bytes)
				}
			}
		}
	}
	if found != 4 {
		t.Errorf("%d of 4 transports were found", found)
	}
	study, err := os.ReadFile("../../docs/study.md")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.Join(strings.Fields(string(study)), " ")
	if want := "HTTP streaming 3.40, SSE 3.43, WebSocket 3.87, long polling 34.4; and 3.4 of the kernel's"; !strings.Contains(text, want) {
		t.Errorf("the study no longer says %q, which the inputs are taken from", want)
	}
}
