// Package access says who may do what: on which topics the bearer of a token may publish, which ones he may
// subscribe to, and until when.
//
// A Control knows the tokens of a server: a static one for each direction, and JSON Web Tokens (RFC 7519),
// which carry the topics in the claim pushlab and must have an end:
//
//	{"exp":1795430400,"pushlab":{"publish":["chat.7"],"subscribe":["chat.*","news"]}}
//
// What a token is good for is a Grant. It travels with the context of the request: whoever serves that asks
// From, and gets nil, which grants everything, where no access is controlled. Tickets stand for a Grant in
// places where a token cannot be sent, or must not be.
//
// A direction needs a token as soon as there is one for it. Nothing here reads files or answers requests, and
// no error repeats any part of a token.
package access
