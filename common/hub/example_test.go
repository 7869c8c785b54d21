package hub_test

import (
	"context"
	"errors"
	"fmt"

	"pushlab/common/hub"
)

func Example() {
	h := hub.New(hub.Config{History: 2})
	sub := h.Subscribe([]string{"chat"}, hub.Start{})
	defer sub.Close()

	ctx := context.Background()
	h.Publish(ctx, "chat", []byte(`"one"`))
	h.Publish(ctx, "news", []byte(`"of another topic"`))

	records, _ := sub.Next(ctx)
	for _, r := range records {
		fmt.Printf("%s %s\n", r.Topic, r.Data)
	}

	// Three more, but the log holds two: the subscriber is told what it missed.
	for _, data := range []string{`"two"`, `"three"`, `"four"`} {
		h.Publish(ctx, "chat", []byte(data))
	}
	_, err := sub.Next(ctx)
	var gap *hub.GapError
	if errors.As(err, &gap) {
		fmt.Println("missed", gap.Missed)
	}
	records, _ = sub.Next(ctx)
	for _, r := range records {
		fmt.Printf("%s %s\n", r.Topic, r.Data)
	}
	// Output:
	// chat "one"
	// missed 1
	// chat "three"
	// chat "four"
}
