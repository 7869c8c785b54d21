package report

import (
	"pushlab/bench/result"
)

// memorySection shows what a connection takes.
func memorySection(r result.Result, _ map[string]chart) section {
	s := section{ID: "memory", Title: "Memory per connection", How: "What each connection adds: the slope over their number, of the server's processes and of the kernel. " +
		"Heap and stacks are what Go uses, runtime is what it takes for its own accounts. Other is the rest of the resident memory: of Go, what it holds and does not use; of other servers, all. " +
		"What the kernel takes for a socket is in no process: it is half of what sockets take on this machine, which has both ends."}
	for _, o := range r.Outcomes {
		f := bars(o, "KiB for each connection", []string{"heap", "stack", "runtime", "other", "kernel"}, func(m result.Measurement) []float64 {
			if m.Memory == nil {
				return nil
			}
			per := func(s result.Slope) float64 { return max(0, s.PerConnection/1024) }
			each := m.Memory.PerConnection()
			heap, stack, runtime := per(each.Heap), per(each.Stack), per(each.Runtime)
			return []float64{heap, stack, runtime, max(0, per(each.Resident)-heap-stack-runtime), per(each.Kernel)}
		})
		if len(f.Bars) > 0 {
			f.Caption, f.Kind, f.Unit = "KiB per connection", "memory", "KiB"
			s.Cases = append(s.Cases, caseView{Title: shortTitle(o.Case), Figures: []drawing{f}})
		}
	}
	return s
}
