// Package client is what the clients of the four transports share: options, reading ahead,
// reconnecting, resuming, and keeping account of what was delivered.
//
// A transport's Dial makes one connection, a [Conn]. [Follow] keeps a subscription alive over many
// of them: it redials with a jittered, growing delay, or after the time that the server asked for,
// and resumes at the cursor where the last connection broke, so that nothing is lost or repeated
// as long as the server's log reaches back that far; if it does not, the server says so with a
// gap, which Follow passes on. Since a cursor is good on every transport, the dial function may
// choose another one each time.
package client
