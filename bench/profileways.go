package bench

import (
	"time"

	"pushlab/bench/result"
	"pushlab/httpstream"
	"pushlab/longpoll"
	"pushlab/sse"
)

// wayProfiles are the profiles of what stands between, and of how to talk.
func wayProfiles() []Profile {
	return []Profile{
		{Name: "nginx", About: "nginx between: what it adds, holds back and cuts", Pinned: true, Scenarios: throughNginx()},
		{Name: "http2", About: "HTTP/1.1 beside HTTP/2 with 1 to 50 streams on a connection", Pinned: true, Scenarios: byHTTP2()},
		{Name: "compression", About: "what compression saves, and what it takes", Pinned: true, Scenarios: compressed()},
		{Name: "tls", About: "what TLS adds to events, connections and storms", Pinned: true, Scenarios: byTLS()},
	}
}

// throughNginx is S8. The variants with timeouts are watched for long enough that a heartbeat of 12 s comes too late.
func throughNginx() []Scenario {
	return []Scenario{{
		ID: "S8", Name: "nginx", About: "what nginx adds, and what it holds back",
		Kind: result.FanOut, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 5,
		Variants:    []string{"", "nginx", "nginx-unix", "nginx-buffered", "nginx-gzip"},
		Subscribers: []int{500}, Rates: []float64{10}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 10 * time.Second, Drain: 2 * time.Second,
	}, {
		ID: "S8", Name: "nginx-idle", About: "which quiet connections nginx closes, and what it takes for each",
		Kind: result.Idle, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 1,
		Variants:    []string{"nginx-timeout-4s", "nginx-timeout-12s"},
		Subscribers: []int{500}, Rates: []float64{1}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 15 * time.Second, Drain: 2 * time.Second,
	}}
}

// byHTTP2 is S9. By HTTP/1.1 each subscriber has a connection; that browsers open no more than six is theirs, and not
// imitated.
func byHTTP2() []Scenario {
	transports := []string{longpoll.Name, httpstream.Name, sse.Name}
	return []Scenario{{
		ID: "S9", Name: "http2", About: "HTTP/1.1 beside HTTP/2, both by TLS",
		Kind: result.FanOut, Targets: []string{result.PushlabName}, Transports: transports, Rounds: 5,
		Variants:    []string{"tls", "h2", "h2-6", "h2-7", "h2-50"},
		Subscribers: []int{350}, Rates: []float64{10}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 10 * time.Second, Drain: 2 * time.Second,
	}, {
		ID: "S9", Name: "http2-slow", About: "one stream of a connection is not read: what that does to the others",
		Kind: result.FanOut, Targets: []string{result.PushlabName}, Transports: transports, Rounds: 3,
		Variants:    []string{"h2-7", "h2-7-slow", "h2-7-stuck"},
		Subscribers: []int{70}, Rates: []float64{10}, Sizes: []int{4096},
		WarmUp: time.Second, Measure: 8 * time.Second, Drain: 2 * time.Second,
	}, {
		ID: "S9", Name: "http2-idle", About: "what a connection or stream takes",
		Kind: result.Idle, Targets: []string{result.PushlabName}, Transports: transports, Rounds: 3,
		Variants:    []string{"tls", "h2", "h2-6", "h2-50"},
		Subscribers: []int{1500}, Rates: []float64{1}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 5 * time.Second, Drain: 2 * time.Second,
	}}
}

// compressed is S10. What nginx compresses is compared with nginx that does not.
func compressed() []Scenario {
	variants := []string{"", "deflate", "nginx", "nginx-gzip", "nginx-gzip-6"}
	return []Scenario{{
		ID: "S10", Name: "compression", About: "what repeats, and what is chance",
		Kind: result.FanOut, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 3, Variants: variants,
		Subscribers: []int{200}, Rates: []float64{10}, Sizes: []int{256}, Data: []result.Data{result.JSONData, result.RandomData},
		WarmUp: time.Second, Measure: 10 * time.Second, Drain: 2 * time.Second,
	}, {
		ID: "S10", Name: "compression-idle", About: "what a connection takes that is compressed",
		Kind: result.Idle, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 3, Variants: variants,
		Subscribers: []int{500}, Rates: []float64{2}, Sizes: []int{256}, Data: []result.Data{result.JSONData},
		WarmUp: 2 * time.Second, Measure: 5 * time.Second, Drain: 2 * time.Second,
	}}
}

// byTLS is S12.
func byTLS() []Scenario {
	variants := []string{"", "tls", "tls-resumed"}
	return []Scenario{{
		ID: "S12", Name: "tls", About: "what TLS adds to events and to connecting",
		Kind: result.FanOut, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 5, Variants: variants,
		Subscribers: []int{1000}, Rates: []float64{10}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 10 * time.Second, Drain: 2 * time.Second,
	}, {
		ID: "S12", Name: "tls-idle", About: "what a connection by TLS takes",
		Kind: result.Idle, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 3, Variants: variants,
		Subscribers: []int{2000}, Rates: []float64{1}, Sizes: []int{128},
		WarmUp: time.Second, Measure: 5 * time.Second, Drain: 2 * time.Second,
	}, {
		ID: "S12", Name: "tls-storm", About: "all come back at once, with a handshake each",
		Kind: result.Storm, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 5, Variants: variants,
		Subscribers: []int{1000}, Rates: []float64{200}, Sizes: []int{128},
		WarmUp: 10 * time.Millisecond, Measure: time.Second, Drain: 20 * time.Second,
	}}
}
