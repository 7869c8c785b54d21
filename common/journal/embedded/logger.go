package embedded

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

func defaultLogger() *slog.Logger { return slog.Default() }

// A logger hands on what the NATS server has to say from warnings up, and tells when it cannot write.
type logger struct {
	to      *slog.Logger
	trouble func(error)
}

func (l *logger) Warnf(format string, args ...any) {
	l.to.Warn("nats: " + fmt.Sprintf(format, args...))
}

func (l *logger) Errorf(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	l.to.Error("nats: " + text)
	// The words of the NATS server: there is no other way to be told.
	for _, sign := range []string{"no space left", "critical write error", "will be DISABLED", "failed to store a msg"} {
		if strings.Contains(text, sign) {
			l.trouble(errors.New(text))
			return
		}
	}
}

func (l *logger) Fatalf(format string, args ...any) {
	l.to.Error("nats: " + fmt.Sprintf(format, args...))
}

func (l *logger) Noticef(string, ...any) {}
func (l *logger) Debugf(string, ...any)  {}
func (l *logger) Tracef(string, ...any)  {}
