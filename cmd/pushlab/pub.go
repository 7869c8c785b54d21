package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"pushlab/common/client"
	"pushlab/common/event"
	"pushlab/common/request"
	"pushlab/common/source"
)

func pubCommand(std streams) *cobra.Command {
	var topic string
	var token tokenFlag
	cmd := &cobra.Command{
		Use:   "pub URL [DATA | -]",
		Short: "Publish an event, or one for each line of the standard input",
		Long: `Publish an event, or one for each line of the standard input. What is JSON is
published as that value, all else as a string. The id of each event is printed.`,
		Example: `  pushlab pub http://localhost:8080 'hello'
  pushlab pub --topic chat http://localhost:8080 '{"text":"hello"}'
  seq 10 | pushlab pub http://localhost:8080 -`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := event.CheckTopic(topic); err != nil {
				return &usageError{fmt.Errorf("--topic: %s", request.Reason(err))}
			}
			target, err := parseTarget(args[0], "publish")
			if err != nil {
				return err
			}
			if err := token.check(); err != nil {
				return err
			}
			p := newPublisher(target, topic, token)
			defer p.http.CloseIdleConnections()
			if len(args) == 2 && args[1] != "-" {
				return p.publish(cmd.Context(), args[1], std)
			}
			return p.publishLines(cmd.Context(), std)
		},
	}
	cmd.Flags().StringVar(&topic, "topic", event.DefaultTopic, "the topic to publish on")
	token.register(cmd.Flags())
	return cmd
}

// A publisher publishes to a server over one connection.
type publisher struct {
	http  *http.Client
	url   string
	token tokenFlag
}

func newPublisher(t target, topic string, token tokenFlag) *publisher {
	return &publisher{client.Options{DialContext: t.dial}.HTTPClient(), t.url + "?" + url.Values{"topic": {topic}}.Encode(), token}
}

// publishLines publishes each line until the input ends.
func (p *publisher) publishLines(ctx context.Context, std streams) error {
	lines := bufio.NewScanner(std.in)
	lines.Buffer(nil, source.MaxLine)
	for lines.Scan() {
		if err := p.publish(ctx, lines.Text(), std); err != nil {
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

// publish publishes a line and prints the id.
func (p *publisher) publish(ctx context.Context, line string, std streams) error {
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.url, bytes.NewReader(event.Line(line)))
	if err != nil {
		return err
	}
	token, err := p.token.read()
	if err != nil {
		return err
	}
	maps.Copy(r.Header, client.Options{Token: token}.Fields())
	r.Header.Set("Content-Type", "application/json")
	response, err := p.http.Do(r)
	if err != nil {
		return unreachable{err}
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return client.NewStatusError(response)
	}
	var created struct{ ID string }
	if err := json.NewDecoder(io.LimitReader(response.Body, 4<<10)).Decode(&created); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w; is %s a Pushlab server?", err, p.url)
	}
	fmt.Fprintln(std.out, created.ID)
	return nil
}
