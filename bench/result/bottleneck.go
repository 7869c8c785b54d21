package result

import "fmt"

// What may be the bottleneck. The server's own limit is proven if its core is busy and the load's has room to
// spare; in all other cases a rate that was reached is a lower bound of what the server can do.
const (
	byServer  = "server"
	byLoad    = "load"
	byBoth    = "both"
	byOthers  = "others"
	byNeither = "neither"
)

// From these shares of a core it counts as busy, as having room to spare, and as taken by whoever had most of it.
const (
	fullyBusy = 0.9
	spare     = 0.8
	mostly    = 0.8
)

// Bottleneck says what was busy at that rate: "server", "load", "both", other programs on their cores ("others")
// or "neither".
func (p Probe) Bottleneck() string {
	switch {
	case p.ServerBusy >= fullyBusy && p.LoadBusy <= spare:
		return byServer
	case p.LoadBusy >= fullyBusy && p.ServerBusy <= spare:
		return byLoad
	case p.ServerBusy >= fullyBusy || p.LoadBusy >= fullyBusy:
		return byBoth
	case p.ServerCore >= fullyBusy && p.ServerBusy < mostly*p.ServerCore, p.LoadCore >= fullyBusy && p.LoadBusy < mostly*p.LoadCore:
		return byOthers
	default:
		return byNeither
	}
}

// FindBottleneck says what was busy in the measurement, on a machine of that many cores; "" if that is not known.
// Where server and load have no cores of their own, they share all.
func (m Measurement) FindBottleneck(cores int) string {
	switch {
	case m.ServerCPU == 0 || m.Window == 0:
		return ""
	case m.ServerCore > 0:
		return Probe{ServerBusy: m.ServerCores(), LoadBusy: m.LoadCores(), ServerCore: m.ServerCoreBusy(), LoadCore: m.LoadCoreBusy()}.Bottleneck()
	case m.ServerCores()+m.LoadCores() >= fullyBusy*float64(cores):
		return byBoth
	case m.ServerCores()+m.LoadCores()+m.OtherCores() >= fullyBusy*float64(cores):
		return byOthers
	default:
		return byNeither
	}
}

// Limits says in words what the measurement's Bottleneck means; "" if there was none.
func (m Measurement) Limits() string {
	var who string
	switch m.Bottleneck {
	case byServer:
		return fmt.Sprintf("the server was the bottleneck: it had %.0f %% of a core, the load %.0f %%", 100*m.ServerCores(), 100*m.LoadCores())
	case byLoad:
		who = "the load was the bottleneck"
	case byBoth:
		who = "server and load were both the bottleneck"
	case byOthers:
		who = "other programs had the cores"
	default:
		return ""
	}
	return fmt.Sprintf("%s (the server had %.0f %% of a core, the load %.0f %%): what the server can do is more than this", who, 100*m.ServerCores(), 100*m.LoadCores())
}
