package bench

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/bench/result"
)

// Who follows a run is told of everything in order, and the readings add up to what was measured.
func TestProgressInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var events []result.Event
		options := inMemory(t, nil)
		options.Every, options.noise = 250*time.Millisecond, time.Second
		options.Progress = func(e result.Event) { events = append(events, e) }
		c := small("sse", "longpoll")
		c.Rounds = 2
		found, err := Run(t.Context(), []result.Case{c}, options)
		if err != nil || found.Failed() {
			t.Fatalf("%v; %+v", err, found)
		}
		plan := events[0]
		if plan.Kind != result.PlanKnown || len(plan.Plan.Lanes) != 1 || len(plan.Plan.Lanes[0]) != 2 || plan.Plan.Estimate != 4*plan.Plan.Each[0]+2*options.noise || plan.Plan.Each[0] < 2*time.Second {
			t.Errorf("the first event is %+v", plan)
		}
		if noise := events[1]; noise.Kind != result.NoiseFound || noise.Noise.Count != 1000 || noise.Noise.Max != 0 || found.Conditions.NoiseAfter.Count != 1000 {
			t.Errorf("the noise is %+v", noise)
		}
		if last := events[len(events)-1]; last.Kind != result.RunEnds || last.At != found.Elapsed {
			t.Errorf("the last event is %+v", last)
		}
		var lanes int
		var phases []result.PhaseName
		var measured, delivered int64
		for i, e := range events {
			if i > 0 && e.At < events[i-1].At {
				t.Errorf("event %d is earlier than the one before", i)
			}
			switch e.Kind {
			case result.LaneBegins:
				lanes++
				phases, measured, delivered = nil, 0, 0
				if e.Round != (lanes+1)/2 || e.Lane.Target != "pushlab" {
					t.Errorf("lane %d is %+v", lanes, e)
				}
			case result.PhaseBegins:
				phases = append(phases, e.Phase.Name)
			case result.ReadingMade:
				r := e.Reading
				if r.Took > options.Every || r.Phase != result.Connecting && r.Connected != 4 || r.Max != 0 || r.Missing != 0 || r.Published*4 != r.Delivered {
					t.Errorf("a reading is %+v", r)
				}
				if r.Phase == result.Measuring {
					measured += r.Published
					delivered += r.Delivered
				}
			case result.LaneEnds:
				want := []result.PhaseName{result.Starting, result.Connecting, result.WarmingUp, result.Measuring, result.Draining}
				if !slices.Equal(phases, want) || measured != 30 || delivered != 120 || e.Measurement.Delivered != 120 || e.Measurement.Delivery.HDR != "" {
					t.Errorf("phases %q, %d measured, %d delivered, %+v", phases, measured, delivered, e.Measurement)
				}
			case result.PlanKnown, result.NoiseFound, result.NoteMade, result.RunEnds:
			}
		}
		if lanes != 4 || found.Outcomes[0].Measurements[0].Delivery.HDR == "" {
			t.Errorf("%d lanes", lanes)
		}
	})
}

// A measurement has its course, whether somebody follows or not, and knows what did not come and who was away.
func TestIntervalsInVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		options := inMemory(t, func(f *fixture) {
			f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(seq uint64, frame []byte, send func([]byte)) {
				if seq != 15 {
					send(frame)
				}
			})}
		})
		options.Every = 200 * time.Millisecond
		_, m := measured(t, t.Context(), small("sse"), options)
		var delivered, missing int64
		end := time.Duration(0)
		for i, at := range m.Intervals {
			if at.At != end || at.Took < 40*time.Millisecond || at.Away != 0 {
				t.Errorf("interval %d begins at %v, takes %v, and %d are away; the one before ended at %v", i, at.At, at.Took, at.Away, end)
			}
			end = at.At + at.Took
			delivered, missing = delivered+at.Delivered, max(missing, at.Missing)
		}
		if n := len(m.Intervals); n < 10 || n > 2*parts || delivered != m.Delivered || missing != 4 {
			t.Errorf("%d intervals with %d of %d deliveries, %d missing", n, delivered, m.Delivered, missing)
		}
	})
}

// What is lost is seen while it is.
func TestReadingsTellWhatIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var most int64
		options := inMemory(t, func(f *fixture) {
			f.transports["sse"] = &tampering{hub: f.hub, tamper: always(func(seq uint64, frame []byte, send func([]byte)) {
				if seq != 15 {
					send(frame)
				}
			})}
		})
		options.Every = 250 * time.Millisecond
		options.Progress = func(e result.Event) {
			if e.Kind == result.ReadingMade {
				most = max(most, e.Reading.Missing)
			}
		}
		found, m := measured(t, t.Context(), small("sse"), options)
		if !found.Failed() || m.Lost != 4 || most != 4 {
			t.Errorf("%d lost, %d missing", m.Lost, most)
		}
	})
}

// Each event is one line of JSON, and can be read again.
func TestEventsAreLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b bytes.Buffer
		options := inMemory(t, nil)
		n := 0
		options.Progress = func(e result.Event) {
			n++
			if err := e.Write(&b); err != nil {
				t.Error(err)
			}
		}
		measured(t, t.Context(), small("sse"), options)
		lines := bytes.Split(bytes.TrimSuffix(b.Bytes(), []byte("\n")), []byte("\n"))
		if len(lines) != n {
			t.Errorf("%d events are %d lines", n, len(lines))
		}
		for _, line := range lines {
			var e result.Event
			if err := json.Unmarshal(line, &e); err != nil || e.Kind == "" {
				t.Errorf("%v: %s", err, line)
			}
		}
	})
}
