// Package interop tests Pushlab against programs that are not ours. Foreign clients (curl, several
// of Node, one of Python) read our server in clients/; our clients read foreign servers (Node,
// Python, nginx) in servers/. The scripts there print what they see as lines of JSON, take commands
// as such, and judge nothing: that is done by the tests in Go, which start and end them.
//
// The other tests know both ends of the wire, so that an error which both ends share would pass
// them. Here only one end is ours. Browsers are tested in package web.
//
// `make deps` installs what the tests need. package-lock.json pins the packages of Node.
package interop
