package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// A tokenFlag says where a client command has its token from. It cannot be given on the command line, which
// others on the machine can read.
type tokenFlag struct{ file string }

// tokenVariable is the environment variable that may hold the token itself.
const tokenVariable = "PUSHLAB_TOKEN"

func (t *tokenFlag) register(f *pflag.FlagSet) {
	f.StringVar(&t.file, "token-file", "", "a file with the token to show to the server, whichever it is; read again for each connection; the environment variable "+tokenVariable+" may hold the token instead")
}

// read returns the token, "" if there is none. A file may have got another one since the last time.
func (t *tokenFlag) read() (string, error) {
	if t.file == "" {
		return os.Getenv(tokenVariable), nil
	}
	token, err := readToken(t.file)
	if err != nil {
		return "", fmt.Errorf("--token-file: %w", err)
	}
	return token, nil
}

// check finds out at the beginning whether there is a file to read.
func (t *tokenFlag) check() error {
	if _, err := t.read(); err != nil {
		return &usageError{err}
	}
	return nil
}
