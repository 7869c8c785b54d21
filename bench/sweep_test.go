package bench

import (
	"testing"
	"testing/synctest"
	"time"

	"pushlab/bench/result"
)

// sweeping is a sweep to 10 subscribers: 0.01 events per second are computed.
func sweeping() Scenario {
	return Scenario{
		Name: "sweep", Kind: result.FanOut, Targets: []string{"pushlab"}, Transports: []string{"sse"}, Rounds: 1,
		Subscribers: []int{10}, Rates: []float64{0.01, 1, 10}, Sizes: []int{128}, Measure: 5 * time.Second, Drain: time.Second,
		ComputeBelow: 1, Verify: 0.1, Watch: 10 * time.Second,
	}
}

// What waiting costs and what events cost is added up.
func TestCompute(t *testing.T) {
	cases := sweeping().Cases()
	lane := result.Lane{Target: "pushlab", Transport: "sse"}
	waiting := result.Measurement{Lane: lane, Round: 1, Window: 10 * time.Second, ServerCPU: 10 * time.Millisecond, BytesDown: 1000, BytesUp: 500,
		Segments: &result.Segments{In: 20, Out: 10}}
	waiting.Bytes = result.Roles{RequestHeads: 500, Framing: 1000}
	busy := result.Measurement{Lane: lane, Round: 1, Window: 2 * time.Second, Delivered: 20, ServerCPU: 22 * time.Millisecond, BytesDown: 200 + 20*100, BytesUp: 100,
		Segments: &result.Segments{In: 4 + 20, Out: 2 + 20, DataIn: 20}}
	busy.Bytes = result.Roles{RequestHeads: 100, Framing: 200 + 20*30, Payload: 20 * 70}
	faster := busy
	faster.ServerCPU = time.Hour
	outcomes := []result.Outcome{
		{Case: cases[0], Measurements: []result.Measurement{waiting}},
		{Case: cases[2], Measurements: []result.Measurement{faster}},
		{Case: cases[1], Measurements: []result.Measurement{busy}},
	}
	computed := cases[len(cases)-1]
	if !computed.Computed || computed.Rate != 0.01 {
		t.Fatalf("%+v is not computed", computed)
	}
	found := compute(computed, outcomes)
	if len(found) != 1 {
		t.Fatalf("%+v", found)
	}
	m := found[0]
	if !m.Computed || m.Lane != lane || m.Window != time.Hour || m.Published != 36 || m.Delivered != 360 || m.DataBytes != 360*128 || !m.Verdict.Comparable() {
		t.Errorf("%+v", m)
	}
	// In an hour, waiting takes 360 times what it took in 10 s. An event takes 1 ms, 100 bytes and a segment.
	if m.ServerCPU != 3600*time.Millisecond+360*time.Millisecond || m.BytesDown != 360*1000+360*100 || m.BytesUp != 360*500 {
		t.Errorf("CPU %v, %d bytes down and %d up", m.ServerCPU, m.BytesDown, m.BytesUp)
	}
	if m.Bytes != (result.Roles{RequestHeads: 360 * 500, Framing: 360*1000 + 360*30, Payload: 360 * 70}) {
		t.Errorf("%+v", m.Bytes)
	}
	if *m.Segments != (result.Segments{In: 360*20 + 360, Out: 360*10 + 360, DataIn: 360}) {
		t.Errorf("%+v", m.Segments)
	}
	// What rests on a doubtful measurement is doubtful.
	outcomes[0].Measurements[0].Verdict.Invalid = []string{"late"}
	if m := compute(computed, outcomes)[0]; m.Verdict.Comparable() {
		t.Errorf("%+v", m.Verdict)
	}
	if found := compute(computed, outcomes[:1]); len(found) != 0 {
		t.Errorf("without a measured rate: %+v", found)
	}
}

// In virtual time an event costs the same bytes at any rate, and so that is what is computed.
func TestSweepInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		found, err := Run(t.Context(), sweeping().Cases(), inMemory(t, nil))
		if err != nil || found.Failed() || len(found.Outcomes) != 5 {
			t.Fatalf("%v: %+v", err, found)
		}
		per := map[bool]float64{}
		for _, o := range found.Outcomes {
			m := o.Measurements[0]
			switch {
			case o.Case.Kind == result.Idle:
				continue
			case o.Case.Verifies && (m.Predicted == nil || m.Delivered != 10 || m.Predicted.Bytes < 190 || m.Predicted.Bytes > 210):
				t.Errorf("%+v", m)
			case o.Case.Rate == 1:
				per[false] = m.BytesDownPerEvent()
			case o.Case.Computed:
				per[true] = m.BytesDownPerEvent()
			}
			if m.Computed != o.Case.Computed || m.Bytes.Total() != m.BytesDown+m.BytesUp {
				t.Errorf("%+v", m)
			}
		}
		if per[true] != per[false] || per[true] == 0 {
			t.Errorf("an event is %v bytes by computation, %v measured", per[true], per[false])
		}
	})
}
