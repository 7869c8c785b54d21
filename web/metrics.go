package web

import (
	"bytes"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"pushlab/common/wire"
)

// newMetrics serves the server's counters to Prometheus. They are read when they are asked for, so
// that counting costs the streams nothing but an atomic addition. Few may ask at a time; so each listener has one of its
// own, and who asks the public one keeps nobody from the other.
func (s *Server) newMetrics() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newCollector(s),
		s.refusals,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "pushlab_ready", Help: "Whether new subscribers should be sent here, as /readyz tells: 1, or 0 while the server drains, or nothing can be published.",
		}, func() float64 {
			if s.draining.Load() || s.hub.State().LogError != nil {
				return 0
			}
			return 1
		}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "pushlab_wire_info", Help: "How streams are written to; always 1.",
			ConstLabels: prometheus.Labels{"engine": s.config.Engine.Name()},
		}, func() float64 { return 1 }),
	)
	registry.MustRegister(s.config.Collectors...)
	if s.labs != nil {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "pushlab_labs_open", Help: "Labs of the teaching page that are open.",
		}, func() float64 { return float64(s.labs.Len()) }))
	}
	handler := promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(s.config.Logger.Handler(), slog.LevelError),
		MaxRequestsInFlight: 4,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store") // a cache before the server would tell of the past: RFC 9111, section 4.2.2
		page := metricsPage{header: w.Header(), status: http.StatusOK}
		handler.ServeHTTP(&page, r)
		w.WriteHeader(page.status)
		w.Write(page.body.Bytes()) // whether it arrives is up to who asks
	})
}

// A metricsPage takes the metrics as a whole, before any of it is sent: who reads it slowly, or not at all, would otherwise
// be one of the few that may ask at a time.
type metricsPage struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header implements http.ResponseWriter.
func (p *metricsPage) Header() http.Header { return p.header }

// WriteHeader implements http.ResponseWriter.
func (p *metricsPage) WriteHeader(status int) { p.status = status }

// Write implements http.ResponseWriter.
func (p *metricsPage) Write(b []byte) (int, error) { return p.body.Write(b) }

// A collector turns the counters of the hub and the transports into metrics.
type collector struct {
	server *Server

	published, logEvents, logBytes, logTopics, subscriptions *prometheus.Desc
	journalLag, journalReads, journalFailedReads             *prometheus.Desc
	ended                                                    *prometheus.Desc
	transports                                               []transportMetric
}

// A transportMetric is a metric that each transport has.
type transportMetric struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(*wire.Counters) int64
}

func newCollector(s *Server) *collector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("pushlab_"+name, help, labels, nil)
	}
	perTransport := func(name, help string, kind prometheus.ValueType, value func(*wire.Counters) int64) transportMetric {
		return transportMetric{desc(name, help, "transport"), kind, value}
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	return &collector{
		server:             s,
		published:          desc("events_published_total", "Events put into the log: the number of the newest. Of a journal that several servers share it is the same on each."),
		logEvents:          desc("log_events", "Events that the log retains."),
		logBytes:           desc("log_bytes", "Bytes that they take in all encodings."),
		logTopics:          desc("log_topics", "Topics that the log knows."),
		subscriptions:      desc("subscriptions", "Open subscriptions."),
		journalLag:         desc("journal_lag_events", "Events in the log outside this process that have not come from there yet."),
		journalFailedReads: desc("journal_reads_failed_total", "How often one of these could not be read, and was tried again."),
		journalReads:       desc("journal_reads", "Parts of it that are to be read for those who are behind what this process holds."),
		ended:              desc("streams_ended_total", "Streams that ended and polls that were answered, by reason.", "transport", "reason"),
		transports: []transportMetric{
			perTransport("streams_open", "Open streams, or polls that wait.", gauge, func(c *wire.Counters) int64 { return c.Open.Load() }),
			perTransport("streams_opened_total", "Streams that were opened, or polls that were asked.", counter, func(c *wire.Counters) int64 { return c.Opened.Load() }),
			perTransport("events_delivered_total", "Events written to subscribers.", counter, func(c *wire.Counters) int64 { return c.Delivered.Load() }),
			perTransport("writes_total", "Writes that carried events; delivered events per write is the batching.", counter, func(c *wire.Counters) int64 { return c.Writes.Load() }),
			perTransport("bytes_total", "Bytes written to subscribers, with framing; of long polls, the content.", counter, func(c *wire.Counters) int64 { return c.Bytes.Load() }),
			perTransport("gaps_total", "Times that a subscriber was told of lost events.", counter, func(c *wire.Counters) int64 { return c.Gaps.Load() }),
		},
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descs chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, descs) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value int64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, kind, float64(value), labels...)
	}
	state := c.server.hub.State()
	send(c.published, prometheus.CounterValue, int64(state.Head.Seq))
	send(c.logEvents, prometheus.GaugeValue, int64(state.Events))
	send(c.logBytes, prometheus.GaugeValue, state.Bytes)
	send(c.logTopics, prometheus.GaugeValue, int64(state.Topics))
	send(c.subscriptions, prometheus.GaugeValue, int64(state.Subscriptions))
	if state.Log.Epoch != "" {
		send(c.journalLag, prometheus.GaugeValue, int64(state.Log.Last-min(state.Log.Last, state.Head.Seq)))
		send(c.journalReads, prometheus.GaugeValue, int64(state.Reads))
		send(c.journalFailedReads, prometheus.CounterValue, int64(state.FailedReads))
	}
	for _, name := range c.server.names {
		counters := c.server.transports[name].Counters()
		for _, m := range c.transports {
			send(m.desc, m.kind, m.value(counters), name)
		}
		for _, reason := range wire.Reasons() {
			send(c.ended, prometheus.CounterValue, counters.Ended[reason].Load(), name, reason.String())
		}
	}
}
