package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
)

func logRenewCommand(std streams) *cobra.Command {
	var c logCommandOf
	cmd := &cobra.Command{
		Use:   "renew",
		Short: "Give a log another epoch, after a backup was put back",
		Long: `Give a log another epoch. It is for after a backup was put back, and before servers
use it: a backup ends earlier than what subscribers have seen, and their cursors
would miss what comes under the same numbers. With another epoch each cursor of
before is told of a gap. Servers that use the log notice within some seconds.`,
		Example: `  pushlab log renew --journal file:/var/lib/pushlab/log
  pushlab log renew --journal nats://localhost --journal-login-file login`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), std, func(log keptLog) error {
				before, err := log.State(cmd.Context())
				if err != nil {
					return err
				}
				// By the clock: the log that the backup is of may have had lives of which the backup does not know.
				if err := log.Renew(cmd.Context(), uint64(time.Now().Unix())); err != nil {
					return err
				}
				after, err := log.State(cmd.Context())
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(std.out, "the epoch was %s, and is %s\n", before.Epoch, after.Epoch)
				return err
			})
		},
	}
	c.register(cmd)
	return cmd
}
