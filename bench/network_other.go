//go:build !linux

package bench

// newNetwork returns the network that there is.
func newNetwork(l *load) (network, error) { return newConns(l), nil }
