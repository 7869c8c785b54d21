package cost

import (
	"context"
	"fmt"

	"pushlab/bench/machine"
)

// startNATS starts a server of NATS with JetStream in a folder, on a free port of the loopback address, and returns its URL for a journal.
func startNATS(ctx context.Context, program, dir string) (*machine.Server, string, error) {
	port, err := machine.FreePort()
	if err != nil {
		return nil, "", err
	}
	address := fmt.Sprintf("127.0.0.1:%d", port)
	server, err := machine.StartServer(ctx, machine.ServerConfig{
		Command: []string{program, "--jetstream", "--store_dir", dir, "--addr", "127.0.0.1", "--port", fmt.Sprint(port)},
		URL:     "http://" + address, // by which it is seen to listen
	})
	if err != nil {
		return nil, "", fmt.Errorf("the NATS server: %w", err)
	}
	return server, "nats://" + address, nil
}
