package main

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"pushlab/common/access"
	"pushlab/common/request"
	"pushlab/web"
)

// accessFlags say who may do what on a server.
type accessFlags struct {
	publishToken, publishFile     string
	subscribeToken, subscribeFile string
	keys                          []string
	issuer, audience              string
	cookie                        string
}

func (a *accessFlags) register(f *pflag.FlagSet) {
	f.StringVar(&a.publishToken, "publish-token", "", "publishing needs a token, and this one is good for all topics; others on this machine can read command lines, so better use the file")
	f.StringVar(&a.publishFile, "publish-token-file", "", "a file with the token that publishing needs")
	f.StringVar(&a.subscribeToken, "subscribe-token", "", "subscribing needs a token, and this one is good for all topics")
	f.StringVar(&a.subscribeFile, "subscribe-token-file", "", "a file with the token that subscribing needs")
	f.StringArrayVar(&a.keys, "jwt-key", nil, "publishing and subscribing need a token, and JSON Web Tokens signed with the key in this file are good for the topics in them; a public key in PEM, else a secret; may be repeated")
	f.StringVar(&a.issuer, "jwt-issuer", "", "the issuer that JSON Web Tokens must be of")
	f.StringVar(&a.audience, "jwt-audience", "", "the audience that JSON Web Tokens must be for")
	f.StringVar(&a.cookie, "auth-cookie", "", "a cookie that may hold a token, for pages of this server and of each --allow-origin")
}

// control returns the control that the flags ask for, nil if they ask for none.
func (a *accessFlags) control() (*access.Control, error) {
	config := access.Config{Issuer: a.issuer, Audience: a.audience}
	var err error
	if config.PublishToken, err = oneToken("publish-token", a.publishToken, a.publishFile); err != nil {
		return nil, err
	}
	if config.SubscribeToken, err = oneToken("subscribe-token", a.subscribeToken, a.subscribeFile); err != nil {
		return nil, err
	}
	for _, name := range a.keys {
		file, err := os.ReadFile(name)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--jwt-key: %w", err)}
		}
		key, err := access.ParseKey(file)
		if err != nil {
			return nil, &usageError{fmt.Errorf("--jwt-key %s: %s", name, request.Reason(err))}
		}
		config.Keys = append(config.Keys, key)
	}
	control, err := access.New(config)
	switch {
	case err != nil:
		return nil, &usageError{fmt.Errorf("%s: see --publish-token-file, --subscribe-token-file and --jwt-key", request.Reason(err))}
	case a.cookie != "" && control == nil:
		return nil, &usageError{fmt.Errorf("--auth-cookie names a cookie that may hold a token, and there are none; see --jwt-key")}
	case a.cookie != "" && (&http.Cookie{Name: a.cookie}).Valid() != nil:
		return nil, &usageError{fmt.Errorf("--auth-cookie is %q, which cannot be the name of a cookie", a.cookie)}
	}
	return control, nil
}

// oneToken returns the token of a flag, or of the file that its other half names.
func oneToken(flag, token, file string) (string, error) {
	switch {
	case file == "":
		return token, nil
	case token != "":
		return "", &usageError{fmt.Errorf("--%s and --%s-file both name a token; give one", flag, flag)}
	}
	token, err := readToken(file)
	if err != nil {
		return "", &usageError{fmt.Errorf("--%s-file: %w", flag, err)}
	}
	return token, nil
}

// readToken reads a file that holds a token, and white space perhaps.
func readToken(name string) (string, error) {
	file, err := os.ReadFile(name)
	if err != nil {
		return "", err
	}
	token := string(bytes.TrimSpace(file))
	if token == "" {
		return "", fmt.Errorf("%s is empty; it should hold a token", name)
	}
	return token, nil
}

// checkPublic refuses to serve strangers by mistake: who can be reached from elsewhere must ask for tokens, or
// say that everybody may come.
func (o *serveOptions) checkPublic(control *access.Control) error {
	anonymous := control.Anonymous()
	var may []string
	if len(anonymous.Publish) > 0 {
		may = append(may, "publish")
	}
	if len(anonymous.Subscribe) > 0 {
		may = append(may, "subscribe")
	}
	public := o.public()
	if o.web.Open || public == "" || len(may) == 0 {
		return nil
	}
	return &usageError{fmt.Errorf("with %s this server can be reached from elsewhere, and everybody there could %s; "+
		"ask for tokens with --publish-token-file and --subscribe-token-file, or with --jwt-key; or give --open if everybody may", public, strings.Join(may, " and "))}
}

// public returns a flag that lets others than this machine in, if there is one. A Unix socket does not by itself:
// who passes requests on to it does so under some name.
func (o *serveOptions) public() string {
	for _, address := range o.listen {
		if host, _, err := net.SplitHostPort(address); err == nil && !strings.HasPrefix(address, "unix:") && !web.LocalHost(host) {
			return "--listen " + address
		}
	}
	for _, host := range o.web.Hosts {
		if !web.LocalHost(host) {
			return "--host " + host
		}
	}
	return ""
}
