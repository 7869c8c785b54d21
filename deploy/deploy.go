// Package deploy carries what an operator needs to put Pushlab into production: configurations for the proxies before
// it, and a unit for systemd. README.md says what to do with them. The tests run them: real proxies, from common/proxies,
// with these very files, of which only the addresses are others.
package deploy

import "embed"

// Files are the configurations.
//
//go:embed nginx haproxy apache caddy varnish systemd
var Files embed.FS
