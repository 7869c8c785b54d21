package hub

import (
	"context"

	"pushlab/common/event"
)

// appendToLog appends an entry to the hub's log, from where it comes back to the ring.
func (h *Hub) appendToLog(ctx context.Context, e Entry) (event.ID, error) {
	return h.config.Log.Append(ctx, e)
}
