package main

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/spf13/pflag"
)

// asking is how a server is asked questions, and how the answers are told: flags that conform and doctor share.
type asking struct {
	header   []string
	token    tokenFlag
	insecure bool
	json     bool
}

func (a *asking) register(f *pflag.FlagSet) {
	f.StringArrayVar(&a.header, "header", nil, "a further header field of all requests, as 'Name: value'; may be repeated")
	a.token.register(f)
	f.BoolVar(&a.insecure, "insecure", false, "take any certificate")
	f.BoolVar(&a.json, "json", false, "print the result as JSON")
}

// prepare returns what the flags say of requests, and of TLS, nil for as usual.
func (a *asking) prepare() (header http.Header, secure *tls.Config, err error) {
	if header, err = parseHeader(a.header); err != nil {
		return nil, nil, err
	}
	token, err := a.token.read()
	if err != nil {
		return nil, nil, &usageError{err}
	}
	if token != "" && header.Get("Authorization") == "" {
		header.Set("Authorization", "Bearer "+token)
	}
	if a.insecure {
		secure = &tls.Config{InsecureSkipVerify: true}
	}
	return header, secure, nil
}

// print prints what was found.
func (a *asking) print(std streams, found interface {
	Write(w io.Writer, color bool) error
}) error {
	if !a.json {
		return found.Write(std.out, color(std.out))
	}
	encoder := json.NewEncoder(std.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(found)
}

// parseHeader reads header fields, as curl takes them.
func parseHeader(lines []string) (http.Header, error) {
	header := make(http.Header)
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(line, "\r\n") {
			return nil, &usageError{fmt.Errorf("--header is %q; give one such as 'Authorization: Bearer abc'", line)}
		}
		header.Add(textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value))
	}
	return header, nil
}
