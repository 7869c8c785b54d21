package report

import (
	"pushlab/bench/result"
)

// bytesSection shows what an event's bytes are there for.
func bytesSection(r result.Result, _ map[string]chart) section {
	s := section{ID: "bytes", Title: "Bytes per event", How: "What the subscribers' connections carried for each delivered event, both ways, counted at the client above TCP. " +
		"Request heads are what subscribers asked with: for long polling, the next poll. Framing tells where events begin and end; payload is envelopes with their data. " +
		"The more events go out in one write, the fewer bytes each takes. By HTTP/2 and in echoes the parts cannot be told apart."}
	for _, o := range r.Outcomes {
		if o.Case.Kind == result.Idle {
			continue
		}
		f := bars(o, "Bytes for each delivered event", []string{"request heads", "response heads", "framing", "payload", "TLS", "not told apart"}, roles)
		if len(f.Bars) == 0 {
			continue
		}
		f.Caption, f.Kind, f.Unit = "Bytes per delivered event", "bytes", "B"
		if o.Case.Kind == result.Echo {
			f.Caption = "Bytes per round trip, with the posts and their answers"
		}
		s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Figures: []drawing{f}})
	}
	return s
}

// roles returns the bytes of an event by what they are there for; none if nothing is known.
func roles(m result.Measurement) []float64 {
	if m.Delivered == 0 || m.BytesDown == 0 {
		return nil
	}
	b, tls := m.Bytes, m.TLSBytesDown+m.TLSBytesUp
	parts := []float64{m.PerEvent(b.RequestHeads), m.PerEvent(b.ResponseHeads), m.PerEvent(b.Framing), m.PerEvent(b.Payload), m.PerEvent(tls), 0}
	if rest := m.BytesDown + m.BytesUp - tls - b.Total(); b.Total() == 0 {
		parts[5] = m.PerEvent(rest)
	}
	return parts
}
