// Package hub is the log that every transport reads: bounded, ordered, shared.
//
// # The log is the queue
//
// A [Hub] keeps the newest events in one ordered log, bounded by count and by bytes. A
// [Subscription] is a cursor in that log and a choice of topics; there is no queue per subscriber.
// [Hub.Publish] appends, evicts what is over the bounds, and wakes those whose topics match; it
// never waits for a subscriber. A subscriber that reads slowly costs nothing but its place: the
// log laps it, and it is told so.
//
//	publish ─▶ [ 7 | 8 | 9 | 10 | 11 ]        the log: events 1 to 6 were evicted
//	                  ▲           ▲
//	                  slow        quick       two cursors
//
// # Loss is never silent
//
// [Subscription.Next] returns a [GapError] when events that the subscription asked for are gone:
// its cursor is older than what the log still holds of its topics, ahead of the log's head, or of
// another epoch, which is another life of the log. Then it goes on from the oldest retained event.
// Evicted events of other topics are no loss, and there is no gap for them.
//
// One log serves all topics, so a loud topic can evict the history of a quiet one.
//
// # A log beneath
//
// With [Config.Log] the events are ordered and kept by somebody else, who outlives this process, and whom other
// processes share; what the hub holds is the newest part of it, in its ring.
//
//	Publish ─▶ Log.Append            the publisher has its ID; nobody else has seen the event
//	           Log.Tail ─▶ ring ─▶ Next         every hub adds the same events in the same order
//	           Log.Read ─────────▶ Next         for a cursor that is behind the ring
//
// Nothing is delivered that has not come back from the log, so that all hubs agree. [Hub.Follow] does the tailing. Parts that
// are behind the ring are read aside, a page at a time and 32 at once: who is at the head does not wait for that. A cursor
// that is ahead of the ring is asked of the log, since another hub may have been quicker. While the log is away, Publish
// fails with [ErrUnavailable], subscriptions stay, and those behind the ring wait.
//
// Of what a log has deleted it is not known which topics it was of. So who resumes from before is given a gap, though
// nothing of his topics may have been lost.
//
// # The end
//
// [Hub.Close] ends all subscriptions at once, when each has what is pending; [Hub.Drain] ends them one by one, so that
// those who are sent away do not come back together. From the start of either on nothing is published.
//
// # Encode once
//
// An event is framed at most once per transport: an [Encoding] remembers the bytes in the
// [Record], and every subscriber of the transport writes the same slice. The bytes are charged to
// the log's bound when the event is published, for every encoding that the hub knows then, whether
// they are ever made or not; so reading history never evicts it.
//
// # Concurrency
//
// All methods of a Hub and of an Encoding may be called from any goroutine. A Subscription belongs
// to one reader: Poll and Next must not overlap; Close may be called from anywhere.
package hub
