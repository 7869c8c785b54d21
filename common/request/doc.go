// Package request reads what a subscriber asked for (where to start, which topics, how long to
// wait), and answers what cannot be served with a problem document.
//
// The cursor comes from the query (after, or its alias last_event_id) or from the header field
// Last-Event-ID, which wins: a browser's EventSource repeats the query of its first request on
// every reconnect, and adds the header. A malformed query value is a mistake of whoever wrote the
// URL, and is refused. A malformed header is sent by a browser that repeats the last id it saw,
// perhaps from another server: it counts as a cursor of another epoch, so that the stream begins
// with a gap, since an EventSource that is refused never comes back.
package request
