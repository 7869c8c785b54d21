package main

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"pushlab/common/kernel"
	"pushlab/common/wire"
)

type engineKind struct {
	name string
	open func() (kernel.Kernel, error)
}

// engines are the values of --wire, and how each reaches the sockets. Nil is a goroutine for each
// stream, which works everywhere.
var engines = []engineKind{
	{"uring", kernel.Uring},
	{"write", kernel.Write},
	{"goroutine", nil},
}

const autoEngine = "auto"

func engineNames() string {
	names := []string{autoEngine}
	for _, e := range engines {
		names = append(names, e.name)
	}
	return strings.Join(names, ", ")
}

// openEngine returns the engine of that name, which is nil for goroutine. Auto is the first that this
// system offers; what it does not offer is told to the logger.
func openEngine(name string, logger *slog.Logger) (*wire.Engine, error) {
	candidates := engines
	if name != autoEngine {
		i := slices.IndexFunc(engines, func(e engineKind) bool { return e.name == name })
		if i < 0 {
			return nil, &usageError{fmt.Errorf("--wire is %q; use one of %s", name, engineNames())}
		}
		candidates = engines[i : i+1]
	}
	var failure error
	for _, e := range candidates {
		if e.open == nil {
			return nil, nil
		}
		k, err := e.open()
		if err == nil {
			var engine *wire.Engine
			if engine, err = wire.NewEngine(k); err == nil {
				return engine, nil
			}
		}
		failure = fmt.Errorf("--wire %s: %w", e.name, err)
		if name == autoEngine {
			logger.Info("writing to streams in another way, since this system does not offer the best", "without", e.name, "reason", err)
		}
	}
	return nil, failure
}
