package main

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/request"
	"pushlab/common/source"
)

func pubCommand(std streams) *cobra.Command {
	var topic, key string
	var retryFor time.Duration
	var token tokenFlag
	cmd := &cobra.Command{
		Use:   "pub URL [DATA | -]",
		Short: "Publish an event, or one for each line of the standard input",
		Long: `Publish an event, or one for each line of the standard input. What is JSON is
published as that value, all else as a string. The id of each event is printed.

When the connection breaks, or the server cannot take an event now, it is sent
again. Each has an idempotency key, so it is published once all the same.`,
		Example: `  pushlab pub http://localhost:8080 'hello'
  pushlab pub --topic chat http://localhost:8080 '{"text":"hello"}'
  seq 10 | pushlab pub http://localhost:8080 -`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := event.CheckTopic(topic); err != nil {
				return &usageError{fmt.Errorf("--topic: %s", request.Reason(err))}
			}
			if cmd.Flags().Changed("key") {
				if err := request.CheckKey(key); err != nil {
					return &usageError{fmt.Errorf("--key: %s", request.Reason(err))}
				}
			}
			if retryFor < 0 {
				return &usageError{errors.New("--retry-for must not be negative; 0 is to try once")}
			}
			target, err := parseTarget(args[0], "publish")
			if err != nil {
				return err
			}
			if err := token.check(); err != nil {
				return err
			}
			one := len(args) == 2 && args[1] != "-"
			if key != "" && !one {
				return &usageError{errors.New("--key is for one event, and each line is one; without it each gets a key of its own")}
			}
			p := newPublisher(target, topic, token)
			p.retryFor = retryFor
			defer p.http.CloseIdleConnections()
			if one {
				return p.publish(cmd.Context(), cmp.Or(key, p.keys.Next()), args[1], std)
			}
			return p.publishLines(cmd.Context(), std)
		},
	}
	cmd.Flags().StringVar(&topic, "topic", event.DefaultTopic, "the topic to publish on")
	cmd.Flags().StringVar(&key, "key", "", "the event's idempotency key: run again with the same one, within two minutes, it is not published again (default: a random one)")
	cmd.Flags().DurationVar(&retryFor, "retry-for", time.Minute, "how long to try to publish an event while the server cannot take it; 0 is to try once. A server remembers keys for two minutes, so what is tried for longer may be published twice")
	token.register(cmd.Flags())
	return cmd
}

// A publisher publishes to a server over one connection at a time.
type publisher struct {
	http     *http.Client
	url      string
	topic    string
	token    tokenFlag
	keys     *client.Keys
	retryFor time.Duration
	reached  bool // the server, at least once
}

func newPublisher(t target, topic string, token tokenFlag) *publisher {
	return &publisher{http: client.Options{DialContext: t.dial}.HTTPClient(), url: t.url, topic: topic, token: token, keys: client.NewKeys()}
}

// publishLines publishes each line until the input ends.
func (p *publisher) publishLines(ctx context.Context, std streams) error {
	lines := bufio.NewScanner(std.in)
	lines.Buffer(nil, source.MaxLine)
	for lines.Scan() {
		if err := p.publish(ctx, p.keys.Next(), lines.Text(), std); err != nil {
			return err
		}
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return fmt.Errorf("a line has more than %d bytes; split it", source.MaxLine)
	} else if err != nil {
		return fmt.Errorf("the standard input cannot be read: %w", err)
	}
	return nil
}

// publishTimeout is how long a server may take to take an event.
const publishTimeout = 30 * time.Second

// publish publishes a line, if it takes several attempts, and prints the id.
func (p *publisher) publish(ctx context.Context, key, line string, std streams) error {
	e := client.Publication{Topic: p.topic, Data: event.Line(line), Key: key}
	var id string
	told := false
	attempt := func(ctx context.Context) (err error) {
		id, err = p.try(ctx, e)
		if err != nil && !told && p.retryFor > 0 && !isPermanent(err) {
			told = true
			fmt.Fprintf(std.err, "pushlab: %v; trying again for up to %v\n", err, p.retryFor)
		}
		return err
	}
	err := attemptFor(ctx, p.retryFor, attempt)
	if err != nil {
		return err
	}
	fmt.Fprintln(std.out, id)
	return nil
}

// attemptFor attempts it for that long; once, if that is 0.
func attemptFor(ctx context.Context, d time.Duration, attempt func(context.Context) error) error {
	if d == 0 {
		return attempt(ctx)
	}
	return client.Retry(ctx, d, client.Policy{MaxBackoff: 5 * time.Second}, attempt)
}

// try publishes an event, in one attempt.
func (p *publisher) try(ctx context.Context, e client.Publication) (id string, err error) {
	token, err := p.token.read()
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	id, err = client.Publish(ctx, p.http, p.url, client.Options{Token: token}, e)
	if err != nil && !p.reached && mistyped(err) {
		return "", unreachable{err}
	}
	p.reached = true
	return id, err
}

// mistyped reports whether an error may come from an address at which there is no server, or another one: nothing was sent.
func mistyped(err error) bool {
	var op *net.OpError
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	return errors.As(err, &op) && op.Op == "dial" || errors.As(err, &certificate) || errors.As(err, &record)
}

func isPermanent(err error) bool {
	var permanent interface{ Permanent() bool }
	return errors.As(err, &permanent) && permanent.Permanent()
}
