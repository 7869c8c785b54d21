package load

// A Protocol is how to talk to a kind of server. Its functions may be called from any goroutine.
type Protocol struct {
	// Path is where to subscribe by a transport, with a query.
	Path func(transport string) string
	// Publish is how to publish what subscribers of a transport are to get.
	Publish func(transport string) Publishing
	// Bare says that events come without an envelope, and so without a cursor.
	Bare bool
	// Accept says that SSE has to be asked for, by Accept.
	Accept bool
	// Echo is how clients get their own events back; nil if that cannot be measured.
	Echo *Echoing
}

// PushlabPath is where a Pushlab server has a transport.
func PushlabPath(transport string) string { return "/" + transport + "?topic=" + Topic }
