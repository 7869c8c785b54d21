//go:build !linux

package load

// newNetwork returns the network that there is.
func newNetwork(l *Load) (network, error) { return newConns(l), nil }
