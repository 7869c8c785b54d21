package bench

// A protocol is how to talk to a kind of server.
type protocol struct {
	// path is where to subscribe by a transport, with a query.
	path func(transport string) string
	// publish is how to publish what subscribers of a transport are to get.
	publish func(transport string) publishing
	// bare says that events come without an envelope, and so without a cursor.
	bare bool
	// accept says that SSE has to be asked for, by Accept.
	accept bool
}

// ourPath is where a Pushlab server has a transport.
func ourPath(transport string) string { return "/" + transport + "?topic=" + topic }
