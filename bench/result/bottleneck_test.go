package result

import (
	"strings"
	"testing"
	"time"
)

func TestBottleneck(t *testing.T) {
	for name, c := range map[string]struct {
		probe Probe
		want  string
	}{
		"the server, with room in the load":  {Probe{ServerBusy: 0.97, LoadBusy: 0.5, ServerCore: 0.99, LoadCore: 0.6}, "server"},
		"the server, with little room":       {Probe{ServerBusy: 0.97, LoadBusy: 0.85, ServerCore: 0.99, LoadCore: 0.9}, "both"},
		"the load":                           {Probe{ServerBusy: 0.5, LoadBusy: 0.93, ServerCore: 0.6, LoadCore: 0.99}, "load"},
		"the load, and nearly the server":    {Probe{ServerBusy: 0.85, LoadBusy: 0.93, ServerCore: 0.9, LoadCore: 0.99}, "both"},
		"both":                               {Probe{ServerBusy: 0.95, LoadBusy: 0.95, ServerCore: 1, LoadCore: 1}, "both"},
		"somebody else on the server's core": {Probe{ServerBusy: 0.5, LoadBusy: 0.4, ServerCore: 1, LoadCore: 0.5}, "others"},
		"somebody else on the load's core":   {Probe{ServerBusy: 0.5, LoadBusy: 0.4, ServerCore: 0.5, LoadCore: 0.95}, "others"},
		"nobody":                             {Probe{ServerBusy: 0.5, LoadBusy: 0.4, ServerCore: 0.6, LoadCore: 0.5}, "neither"},
	} {
		if got := c.probe.Bottleneck(); got != c.want {
			t.Errorf("%s is called %q", name, got)
		}
	}
}

func TestBottleneckOfMeasurement(t *testing.T) {
	const s = time.Second
	for name, c := range map[string]struct {
		m     Measurement
		want  string
		words string
	}{
		"not known":         {Measurement{Window: s}, "", ""},
		"own cores":         {Measurement{Window: s, ServerCPU: s * 95 / 100, LoadCPU: s / 2, ServerCore: s, LoadCore: s / 2}, "server", "it had 95 % of a core, the load 50 %"},
		"the load":          {Measurement{Window: s, ServerCPU: s / 2, LoadCPU: s * 95 / 100, ServerCore: s / 2, LoadCore: s}, "load", "more than this"},
		"shared, and full":  {Measurement{Window: s, ServerCPU: s, LoadCPU: s * 9 / 10}, "both", "more than this"},
		"shared with some":  {Measurement{Window: s, ServerCPU: s / 2, LoadCPU: s / 2, OtherCPU: s}, "others", "other programs"},
		"shared, with room": {Measurement{Window: s, ServerCPU: s, LoadCPU: s / 2}, "neither", ""},
	} {
		c.m.Bottleneck = c.m.FindBottleneck(2)
		if words := c.m.Limits(); c.m.Bottleneck != c.want || !strings.Contains(words, c.words) || (words == "") != (c.words == "") {
			t.Errorf("%s is called %q: %s", name, c.m.Bottleneck, words)
		}
	}
}
