package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"pushlab/common/event"
	"pushlab/common/hub"
	"pushlab/common/journal"
	"pushlab/common/request"
)

const logPlace = "where the log is kept: file:DIR, or nats://HOST[,HOST] (tls:// with TLS)"

func logCommand(std streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "log",
		Short: "Look into a log that is kept outside a server, and delete from it",
		Long: `Look into a log that servers keep by --journal, and delete from it.

A log in a directory (file:DIR) is open to one program at a time: stop its server
first. A log on NATS servers can be looked into, and deleted from, while it is used.`,
	}
	cmd.AddCommand(logInfoCommand(std), logReadCommand(std), logTrimCommand(std), logRenewCommand(std))
	return cmd
}

// A logCommandOf is what the commands on a log share.
type logCommandOf struct {
	journal journalFlags
	log     logFlags
}

func (c *logCommandOf) register(cmd *cobra.Command) {
	c.journal.registerPlace(cmd.Flags(), "", logPlace)
	if err := c.log.level.UnmarshalText([]byte("warn")); err != nil {
		panic(err)
	}
	c.log.register(cmd.Flags())
}

// with opens the log, which must exist, for as long as do takes.
func (c *logCommandOf) with(ctx context.Context, std streams, do func(keptLog) error) (err error) {
	logger, err := c.log.logger(std)
	if err != nil {
		return err
	}
	if c.journal.spec == "" || c.journal.spec == inMemory {
		return &usageError{errors.New("--journal says which log; give file:DIR, or nats://HOST[,HOST]")}
	}
	c.journal.config.Existing = true
	log, err := c.journal.open(ctx, logger)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, closeLog(log)) }()
	return do(log)
}

func logInfoCommand(std streams) *cobra.Command {
	var c logCommandOf
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "info",
		Short: "Say what a log holds, and how it is kept",
		Example: `  pushlab log info --journal file:/var/lib/pushlab/log
  pushlab log info --journal nats://localhost --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.with(cmd.Context(), std, func(log keptLog) error {
				info, err := log.Info(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					e := json.NewEncoder(std.out)
					e.SetIndent("", "  ")
					return e.Encode(info)
				}
				return writeInfo(std.out, info)
			})
		},
	}
	c.register(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

// writeInfo writes what there is to know of a log for people.
func writeInfo(w io.Writer, info journal.Info) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(name, format string, values ...any) {
		fmt.Fprintf(table, "%s\t%s\n", name, fmt.Sprintf(format, values...))
	}
	id := func(seq uint64) event.ID { return event.ID{Epoch: info.State.Epoch, Seq: seq} }
	row("stream", "%s, created %s", info.Name, info.Created.UTC().Format(time.RFC3339))
	row("epoch", "%s", info.State.Epoch)
	if info.Events == 0 {
		row("events", "none; the next one is %s", id(info.State.Last+1))
	} else {
		bytes := size(info.State.Bytes)
		row("events", "%d, %s", info.Events, bytes.String())
		row("oldest", "%s, %s", id(info.State.First), info.Oldest.UTC().Format(time.RFC3339))
		row("newest", "%s, %s", id(info.State.Last), info.Newest.UTC().Format(time.RFC3339))
	}
	row("keeps", "%s", keeps(info))
	row("keys", "are remembered for %v", info.KeyWindow)
	row("replicas", "%d", info.Replicas)
	if info.Leader != "" {
		row("leader", "%s", info.Leader)
	}
	for _, p := range info.Peers {
		state := "has everything"
		switch {
		case p.Offline:
			state = "offline"
		case !p.Current:
			state = fmt.Sprintf("%d behind", p.Lag)
		}
		row("follower", "%s: %s", p.Name, state)
	}
	return table.Flush()
}

// keeps says how much a log keeps.
func keeps(info journal.Info) string {
	var limits []string
	if info.MaxEvents > 0 {
		limits = append(limits, fmt.Sprintf("%d events", info.MaxEvents))
	}
	if bytes := size(info.MaxBytes); bytes > 0 {
		limits = append(limits, bytes.String())
	}
	if info.MaxAge > 0 {
		limits = append(limits, fmt.Sprintf("for %v", info.MaxAge))
	}
	if limits == nil {
		return "everything"
	}
	return "at most " + strings.Join(limits, ", ")
}

func logReadCommand(std streams) *cobra.Command {
	var c logCommandOf
	var o struct {
		topics []string
		after  string
		count  int
	}
	cmd := &cobra.Command{
		Use:   "read",
		Short: "Print the events of a log, one envelope a line",
		Example: `  pushlab log read --journal file:/var/lib/pushlab/log --topic chat
  pushlab log read --journal nats://localhost --after mfrggzdf-42 --count 10`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := request.CheckTopics(o.topics); err != nil {
				return &usageError{fmt.Errorf("--topic: %s", request.Reason(err))}
			}
			return c.with(cmd.Context(), std, func(log keptLog) error {
				state, err := log.State(cmd.Context())
				if err != nil {
					return err
				}
				after, err := placeIn(state, o.after)
				if err != nil {
					return err
				}
				if o.after != "" && after+1 < state.First {
					fmt.Fprintf(std.err, "pushlab: the events from %d to %d are no longer in the log\n", after+1, state.First-1)
				}
				return readLog(cmd.Context(), log, after, state.Last, o.topics, o.count, std.out)
			})
		},
	}
	c.register(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&o.topics, "topic", nil, "a topic; may be repeated; none is all")
	f.StringVar(&o.after, "after", "", "the id to begin behind; else with the oldest")
	f.IntVar(&o.count, "count", 0, "stop after that many events; 0 is at the end")
	return cmd
}

// placeIn returns the sequence number of an id in a log; 0 for none.
func placeIn(state hub.LogState, text string) (uint64, error) {
	if text == "" {
		return 0, nil
	}
	id, err := event.ParseID(text)
	switch {
	case err != nil:
		return 0, &usageError{errors.New(request.Reason(err))}
	case id.Epoch != state.Epoch:
		return 0, &usageError{fmt.Errorf("%s is of another epoch; that of this log is %s", id, state.Epoch)}
	case id.Seq > state.Last:
		return 0, &usageError{fmt.Errorf("%s is not in the log yet, whose newest event is %d", id, state.Last)}
	}
	return id.Seq, nil
}

// What is read at a time, and how often without getting any further.
const (
	pageEvents = 1_000
	pageBytes  = 1 << 20
	maxTries   = 100 // each takes some time
)

// readLog prints the events after a place, up to another.
func readLog(ctx context.Context, log hub.Log, after, last uint64, topics []string, count int, w io.Writer) error {
	out := bufio.NewWriter(w)
	for printed, tries := 0, 0; after < last; {
		page, err := log.Read(ctx, after, hub.Range{Topics: topics, Events: pageEvents, Bytes: pageBytes})
		if err != nil {
			return errors.Join(err, out.Flush())
		}
		for _, e := range page.Events {
			if e.ID.Seq > last || count > 0 && printed == count {
				return out.Flush()
			}
			out.Write(e.Envelope())
			out.WriteByte('\n') // Flush tells of errors
			printed++
		}
		if page.UpTo <= after { // of several servers, the one that was asked has not got that far yet
			if tries++; tries == maxTries {
				return errors.Join(fmt.Errorf("a NATS server is behind, at %d of %d; try again, and look at 'pushlab log info'", after, last), out.Flush())
			}
			continue
		}
		after, tries = page.UpTo, 0
	}
	return out.Flush()
}

func logTrimCommand(std streams) *cobra.Command {
	var c logCommandOf
	var upTo string
	var keep int64
	cmd := &cobra.Command{
		Use:   "trim {--up-to ID | --keep N}",
		Short: "Delete the oldest events of a log",
		Long: `Delete the oldest events of a log, for good. Servers that use it let go of them
within some seconds, too. Who resumes from before is told of a gap.`,
		Example: `  pushlab log trim --journal nats://localhost --up-to mfrggzdf-42
  pushlab log trim --journal file:/var/lib/pushlab/log --keep 1000`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (upTo == "") == (keep < 0) {
				return &usageError{errors.New("give either --up-to or --keep")}
			}
			return c.with(cmd.Context(), std, func(log keptLog) error { return trimLog(cmd.Context(), log, upTo, keep, std.out) })
		},
	}
	c.register(cmd)
	cmd.Flags().StringVar(&upTo, "up-to", "", "the id of the last event to be deleted")
	cmd.Flags().Int64Var(&keep, "keep", -1, "how many of the newest events to keep; 0 is none")
	return cmd
}

func trimLog(ctx context.Context, log keptLog, upTo string, keep int64, w io.Writer) error {
	state, err := log.State(ctx)
	if err != nil {
		return err
	}
	last := state.Last - min(state.Last, uint64(max(keep, 0)))
	if upTo != "" {
		if last, err = placeIn(state, upTo); err != nil {
			return err
		}
	}
	if last < state.First {
		_, err := fmt.Fprintln(w, "there is nothing to be deleted")
		return err
	}
	if err := log.Trim(ctx, last); err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "deleted the events from %d to %d\n", state.First, last)
	return err
}
