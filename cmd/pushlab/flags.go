package main

import (
	"fmt"
	"log/slog"
	"math"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// setFromEnvironment sets every flag that the command line did not from its environment variable.
func setFromEnvironment(flags *pflag.FlagSet) error {
	var failed error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "PUSHLAB_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		value, ok := os.LookupEnv(name)
		if f.Changed || !ok || failed != nil {
			return
		}
		values := []string{value}
		if _, several := f.Value.(pflag.SliceValue); several {
			values = strings.Split(value, ";")
		}
		for _, v := range values {
			if err := flags.Set(f.Name, v); err != nil {
				failed = fmt.Errorf("the environment variable %s: %w", name, err)
			}
		}
	})
	return failed
}

// A size is a flag's number of bytes, such as 64MiB.
type size int64

var units = []struct {
	name  string
	bytes int64
}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"GB", 1e9}, {"MB", 1e6}, {"kB", 1e3}, {"B", 1}}

func (s *size) String() string {
	if *s == 0 {
		return "0" // by which pflag knows that there is no default to be shown
	}
	for _, u := range units {
		if int64(*s) >= u.bytes && int64(*s)%u.bytes == 0 {
			return fmt.Sprint(int64(*s)/u.bytes, u.name)
		}
	}
	return fmt.Sprint(int64(*s), "B")
}

func (s *size) Set(text string) error {
	number, unit := text, int64(1)
	for _, u := range units {
		if n, ok := strings.CutSuffix(text, u.name); ok {
			number, unit = n, u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 1 || n > math.MaxInt64/unit {
		return fmt.Errorf("%q is no size; give one such as 65536, 512KiB or 64MiB", text)
	}
	*s = size(n * unit)
	return nil
}

func (s *size) Type() string { return "size" }

// logFlags say what is logged, and how.
type logFlags struct {
	level  slog.LevelVar
	format string
}

func (l *logFlags) register(flags *pflag.FlagSet) {
	flags.TextVar(&l.level, "log-level", &l.level, "log what is at least this important: debug, info, warn or error")
	flags.StringVar(&l.format, "log-format", "text", "text or json")
}

func (l *logFlags) logger(std streams) (*slog.Logger, error) {
	options := &slog.HandlerOptions{Level: &l.level}
	switch l.format {
	case "text":
		return slog.New(slog.NewTextHandler(std.err, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(std.err, options)), nil
	}
	return nil, &usageError{fmt.Errorf("--log-format is %q; use text or json", l.format)}
}
