package kernel_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"pushlab/common/kernel"
)

// BenchmarkSend sends to TCP connections on loopback whose peers take all in between. The metric is the
// time in Send alone, per send: it includes what the system does to deliver, on this thread.
func BenchmarkSend(b *testing.B) {
	const most = 1024
	conns, peers := connect(b, "tcp", most)
	event := text(186, 1)
	for _, k := range kernels(b) {
		for _, n := range []int{1, 16, 128, most} {
			b.Run(fmt.Sprintf("kernel=%s/batch=%d", k.Name(), n), func(b *testing.B) {
				sender := newSender(b, k)
				batch, drains := make([]kernel.Send, n), make([]int, n)
				for i := range batch {
					batch[i] = kernel.Send{FD: descriptor(b, k, conns[i]), Bytes: event}
					drains[i] = descriptor(b, k, peers[i])
				}
				var spent time.Duration
				var discard [512]byte
				for b.Loop() {
					began := time.Now()
					sender.Send(batch)
					spent += time.Since(began)
					for i, s := range batch {
						if s.N != len(event) {
							b.Fatal(s.N, s.Err)
						}
						for left := s.N; left > 0; {
							got, err := unix.Read(drains[i], discard[:])
							if err != nil && err != unix.EAGAIN { // it is on its way
								b.Fatal(err)
							}
							left -= max(got, 0)
						}
					}
				}
				b.ReportMetric(float64(spent.Nanoseconds())/float64(b.N*n), "ns/send")
			})
		}
	}
}

// BenchmarkWatch is what it costs to ask for a notice again.
func BenchmarkWatch(b *testing.B) {
	k, err := kernel.Write()
	if err != nil {
		b.Fatal(err)
	}
	p := newPoller(b, k)
	conns, _ := connect(b, "tcp", 1)
	fd := descriptor(b, k, conns[0])
	for b.Loop() {
		watch(b, p, fd, 1)
	}
}
