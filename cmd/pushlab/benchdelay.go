package main

import (
	"time"

	"github.com/spf13/cobra"

	"pushlab/bench/peers"
)

// benchDelayCommand is the proxy that bench run puts in between where a case has a round trip.
func benchDelayCommand(std streams) *cobra.Command {
	var delay time.Duration
	cmd := &cobra.Command{
		Use: "delay URL", Short: "Pass connections on to a server, with a delay in each direction", Hidden: true, Args: cobra.ExactArgs(1),
		Example: "  pushlab bench delay --delay 10ms http://127.0.0.1:8080",
		RunE: func(cmd *cobra.Command, args []string) error {
			return peers.Delay(cmd.Context(), std.out, args[0], delay)
		},
	}
	cmd.Flags().DurationVar(&delay, "delay", 0, "by how much, half of the round trip")
	return cmd
}
