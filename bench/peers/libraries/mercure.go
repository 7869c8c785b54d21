package main

import (
	"context"
	"io"
	"log/slog"
	"net/http"

	"github.com/dunglas/mercure"
)

// serveMercure serves Server-Sent Events by the hub of Mercure, without a history or with one in a
// database file. Everybody may subscribe and publish.
func serveMercure(ctx context.Context, out io.Writer, args []string) error {
	logger := slog.New(slog.DiscardHandler)
	list := mercure.NewSubscriberList(mercure.DefaultSubscriberListCacheSize)
	var transport mercure.Transport = mercure.NewLocalTransport(list)
	if len(args) > 0 {
		var err error
		if transport, err = mercure.NewBoltTransport(list, logger, args[0], "", history, mercure.BoltDefaultCleanupFrequency); err != nil {
			return err
		}
	}
	// No WithPublisherJWT: then the hub has no handler to publish by, and ours asks for no token.
	hub, err := mercure.NewHub(ctx, mercure.WithTransport(transport), mercure.WithAnonymous(), mercure.WithLogger(logger))
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.Handle("/.well-known/mercure", hub)
	mux.HandleFunc("/publish", publishing(func(data []byte) {
		// It fails only when the hub ends.
		hub.Publish(ctx, &mercure.Update{Topics: []string{topic}, Event: mercure.Event{Data: string(data)}})
	}))
	err = serve(ctx, out, "mercure", mux)
	if stopped := hub.Stop(context.Background()); err == nil {
		err = stopped
	}
	return err
}
