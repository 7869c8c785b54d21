package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pushlab/common/journal"
)

// journalMetrics are those of a log outside this process's memory.
type journalMetrics struct {
	appends *prometheus.HistogramVec
}

func newJournalMetrics() journalMetrics {
	return journalMetrics{prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "pushlab_journal_append_seconds", Help: "How long it took until an event was acknowledged by the log, or was not.",
		Buckets: prometheus.ExponentialBuckets(25e-6, 4, 10), // to 6.5 s
	}, []string{"outcome"})}
}

// appended is told of each append.
func (m journalMetrics) appended(took time.Duration, err error) {
	outcome := "ok"
	if err != nil {
		outcome = "error"
	}
	m.appends.WithLabelValues(outcome).Observe(took.Seconds())
}

// of returns what to collect of a log.
func (m journalMetrics) of(s *journal.Stats) []prometheus.Collector {
	counter := func(name, help string, value func() uint64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "pushlab_journal_" + name, Help: help}, func() float64 { return float64(value()) })
	}
	return []prometheus.Collector{
		m.appends,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "pushlab_journal_appending", Help: "Events that wait to be acknowledged by the log.",
		}, func() float64 { return float64(s.Appending.Load()) }),
		counter("reconnects_total", "How often the connection to the NATS servers was lost and made again.", s.Reconnects.Load),
		counter("consumer_resets_total", "How often following the log began anew.", s.ConsumerResets.Load),
		counter("resent_total", "How often an event was sent again under its key, because no acknowledgement came.", s.Resent.Load),
		counter("foreign_total", "Messages in the stream that were left out because they are no events.", s.Foreign.Load),
		counter("epochs_total", "How often the log got another epoch while it was open.", s.Renewed.Load),
	}
}
