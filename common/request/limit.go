package request

// Why a request, or a client's message, may be refused: limits that it can cross, as metrics name them.
const (
	// LimitMessage is how large an event, or a message, may be.
	LimitMessage = "message_size"
	// LimitArrival is how long content, or a message, may take to arrive.
	LimitArrival = "arrival"
	// LimitTopics is how many topics a subscription may name: MaxTopics.
	LimitTopics = "subscription_topics"
	// LimitLogTopics is how many topics the log knows.
	LimitLogTopics = "log_topics"
	// LimitKeys is how many idempotency keys are in use.
	LimitKeys = "idempotency_keys"
	// NotGranted is that a message asks for what the client's token does not grant.
	NotGranted = "operation"
)
