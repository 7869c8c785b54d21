# On a Debian machine with Go and make, `make test` installs what else it needs and checks everything.

SHELL       := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.ONESHELL:
.NOTPARALLEL:
.PHONY: help deps fmt lint test test-libraries proxies soak soak-nginx soak-page hostile durable cover fuzz build run cluster smoke bench bench-peers bench-journals bench-verify scale scale-nodes

FUZZTIME ?= 60s
SOAK     ?= 10m
DURATION ?= 10s
ROUNDS   ?= 50
BENCH    ?= .
COUNT    ?= 1
ARGS     ?=

# nginx lives in /usr/sbin, which Debian leaves out of a user's PATH; Go's own place likewise.
export PATH := $(PATH):/usr/sbin:/usr/local/go/bin

help: ## Print this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s  %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# Packages that installs with apt, as root.
define apt_install
	apt_install() {
		command -v apt-get >/dev/null || { echo "make $@: there is no apt-get here; install by hand: $$*" >&2; return 1; }
		local sudo=
		if [ "$$(id -u)" != 0 ]; then
			command -v sudo >/dev/null || { echo "make $@: neither root nor sudo; ask an administrator for: apt-get install $$*" >&2; return 1; }
			sudo=sudo
		fi
		apt() { $$sudo env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$$@"; }
		echo "make $@: installing $$*"
		apt update && apt install --yes --no-install-recommends "$$@"
	}
	missing=()
endef

# What bench compares with, as far as Debian has it.
define peers
	command -v nginx >/dev/null || missing+=(nginx)
	[ -e /usr/lib/nginx/modules/ngx_nchan_module.so ] || missing+=(libnginx-mod-nchan)
	command -v pushpin >/dev/null || missing+=(pushpin)
endef

deps: ## Install what the tests need: gcc (for -race), chromium, axe-core, nginx, Nchan, Pushpin, systemd-analyze, and what interop/ talks to
	@$(apt_install)
	$(peers)
	echo '#include <stdlib.h>' | gcc -E - >/dev/null 2>&1 || missing+=(gcc libc6-dev)
	command -v chromium >/dev/null || missing+=(chromium)
	command -v curl >/dev/null || missing+=(curl)
	command -v node >/dev/null || missing+=(nodejs npm)
	command -v systemd-analyze >/dev/null || missing+=(systemd) # to check the unit in deploy/
	# The Python of the system, since that is where apt puts the package; PATH may have another one.
	/usr/bin/python3 -c 'import websockets' 2>/dev/null || missing+=(python3-websockets)
	[ $${#missing[@]} = 0 ] || apt_install "$${missing[@]}"
	# npm writes the second file when it has installed what the first one says.
	for dir in interop web/testdata; do
		if ! [ $$dir/node_modules/.package-lock.json -nt $$dir/package-lock.json ]; then
			command -v npm >/dev/null || { echo "make deps: there is Node here, but no npm; install npm" >&2; exit 1; }
			echo "make deps: installing the packages in $$dir/package-lock.json"
			(cd $$dir && npm ci)
		fi
	done

fmt: ## Format all Go files
	gofmt -w .

# -buildvcs=false: vet and tests need no version stamp, hence neither git nor a checkout that git trusts.
lint test test-libraries proxies soak soak-page hostile cover fuzz bench: export GOFLAGS += -buildvcs=false

lint: ## Check gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .)
	[ -z "$$unformatted" ] || { printf 'not formatted (make fmt does it):\n%s\n' "$$unformatted" >&2; exit 1; }
	set -x
	go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...

# A program with -race waits at its end for a second, in case that somebody is about to be found out: too long for some
# two hundred programs that have ended everything before.
test soak: export GORACE ?= atexit_sleep_ms=50

# -parallel 4: those of the browser mostly wait for time to pass. They come last, and have the machine for themselves.
test: deps lint ## Check everything: lint, then all tests with -race, browser and nginx included
	CGO_ENABLED=1 go test -race -p 2 -parallel 4 -timeout 15m ./...

# Without -race, which nbio misleads.
test-libraries: ## Test the servers that bench compares with (bench/peers/libraries, a module of its own)
	go vet -C bench/peers/libraries ./...
	go test -C bench/peers/libraries ./...

# Debian starts HAProxy, Caddy and Varnish as services, as it does nginx; the tests use none of these, and they may be stopped.
# Of Apache it takes the program alone. Varnish needs a C compiler.
proxies: ## Measure the transports through nginx, HAProxy, Apache, Caddy and Varnish, for docs/proxies.md; diagnose them misconfigured
	@$(apt_install)
	command -v nginx >/dev/null || missing+=(nginx)
	command -v haproxy >/dev/null || missing+=(haproxy)
	command -v apache2 >/dev/null || missing+=(apache2-bin)
	command -v caddy >/dev/null || missing+=(caddy)
	command -v varnishd >/dev/null || missing+=(varnish gcc libc6-dev)
	[ $${#missing[@]} = 0 ] || apt_install "$${missing[@]}"
	go test -count 1 -timeout 10m -run '^(TestMatrix|TestShipped)$$' ./deploy -all -update
	go test -count 1 -timeout 10m -run '^TestDoctorProxies$$' ./common/probe -all

soak-nginx: build ## Hold 10,000 subscribers of all transports behind nginx for SOAK (10m), at 50,000 deliveries a second (ARGS: more flags)
	@$(apt_install)
	command -v nginx >/dev/null || apt_install nginx
	go run ./bench/soak -program bin/pushlab -duration $(SOAK) $(ARGS)

soak: ## Stress the streams on all engines for SOAK (10m)
	CGO_ENABLED=1 go test -race -timeout 0 -run TestStress ./common/wire -soak $(SOAK)

# Without -race: it measures frames and memory, on a machine that should have nothing else to do.
soak-page: deps ## Keep the page at 1,000 events a second for SOAK (10m), and in a storm for a fifth of that
	go test -timeout 0 -v -run '^TestSoak$$' ./web -soak $(SOAK)

# Without -race: it measures delays, on a machine that should have nothing else to do.
hostile: ## Attack a server in thirteen ways, each for DURATION (10s), and measure what its healthy clients notice
	go test -timeout 0 -count 1 -v -run '^TestHostile$$' ./cmd/pushlab -hostile $(DURATION)

# Debian has no NATS server of the version that is tested; the module is there anyway.
durable: build ## Kill nodes and NATS servers under load, ROUNDS (50) times each, and check that no event is lost or repeated (ARGS: more flags)
	go build -o bin/nats-server github.com/nats-io/nats-server/v2
	go run ./bench/durable -rounds $(ROUNDS) $(ARGS)

cover: deps ## Write cover.html, which statements the tests reach
	go test -p 2 -timeout 10m -coverpkg=./... -coverprofile=cover.out ./...
	go tool cover -html=cover.out -o cover.html
	go tool cover -func=cover.out | tail -n 1

fuzz: ## Run each fuzz target for FUZZTIME (60s)
	@for pkg in $$(go list ./...); do
		listed=$$(go test -list '^Fuzz' "$$pkg")
		for target in $$(grep '^Fuzz' <<<"$$listed"); do
			(set -x; go test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) "$$pkg")
		done
	done

build: ## Build bin/pushlab
	go build -o bin/pushlab ./cmd/pushlab

run: build ## Serve the page on localhost:8080 (ARGS: more flags)
	bin/pushlab serve $(ARGS)

# The programs of a cluster on one machine, which is the same whoever starts it.
define cluster_programs
	go build -o bin/nats-server github.com/nats-io/nats-server/v2
	go build -o bin/pushlab-cluster ./deploy/cluster/start
endef

cluster: build ## Start three NATS servers, three nodes and nginx on this machine, until Ctrl-C (ARGS: more flags; deploy/cluster)
	@$(apt_install)
	command -v nginx >/dev/null || apt_install nginx
	$(cluster_programs)
	exec bin/pushlab-cluster $(ARGS)

smoke: build ## Compare the transports in half a minute, on this machine
	bin/pushlab bench run --profile smoke $(ARGS)

bench: ## Run the Go benchmarks (BENCH: which, COUNT: how often, for benchstat)
	@set -x
	go test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) \
		$$(grep -rl --include='*_test.go' '^func Benchmark' . | xargs -r dirname | sort -u)

# What cannot be had is left out of the run, which says so.
bench-peers: build ## Compare with other servers, those that can be had, in some minutes (ARGS: more flags)
	@$(apt_install)
	$(peers)
	[ $${#missing[@]} = 0 ] || apt_install "$${missing[@]}" || echo "make $@: going on without: $${missing[*]}" >&2
	go build -C bench/peers/libraries -o "$$PWD/bin/pushlab-libraries" . || echo "make $@: going on without the libraries, which could not be built" >&2
	cat >&2 <<'END'
	make bench-peers: not compared, since they can not be had here as programs:
	  Centrifugo   neither Debian nor the module proxy has it; its engine, the library centrifuge, is compared
	  Mercure      Debian does not have it; its hub, as a library, is compared
	What the file of a target has to say is in bench/targets/example.toml.
	END
	bin/pushlab bench run --profile peers --installed $(ARGS)

bench-journals: build ## Compare the places of a log in five minutes: memory, a directory, one NATS server, three (ARGS: more flags)
	@$(cluster_programs)
	rm -rf journal/bench
	trap 'rm -rf journal/bench' EXIT
	bin/pushlab-cluster -dir journal/bench/nats -servers n1,n2,n3,alone -nodes -1 -- \
		bin/pushlab bench run --scenario journals --scenario journals-limit --target pushlab \
		--target "pushlab --journal file:journal/bench/lazy" \
		--target "pushlab --journal file:journal/bench/always --journal-sync always" \
		--target "pushlab --journal nats://127.0.0.1:4225 --journal-login-file journal/bench/nats/login" \
		--target "pushlab --journal nats://127.0.0.1:4222,127.0.0.1:4223,127.0.0.1:4224 --journal-login-file journal/bench/nats/login --journal-replicas 3" $(ARGS)

bench-verify: build ## Check the benchmark itself in forty minutes, and write what came of it into docs/verify.md
	go run ./bench/verify -program bin/pushlab -write docs/verify.md

scale: ## Compute the tree of docs/scale.md, and write it there (ARGS: other inputs, to print what comes of them)
	@go run ./bench/scale $(or $(ARGS),-write docs/scale.md)

scale-nodes: build ## Measure what a node takes as nodes are added to one NATS server, in some ten minutes, for docs/scale.md (ARGS: more flags)
	go build -o bin/nats-server github.com/nats-io/nats-server/v2
	go run ./bench/scale measure -program bin/pushlab -nats bin/nats-server -write docs/scale.md $(ARGS)
