package client

import (
	"context"
	"fmt"
	"maps"
	"net/http"
)

// Get asks for a response that stays open, by whatever method: it must have status 200 and that
// media type, else Get fails with a *StatusError. Its context bounds the time until the header has
// come, and not the body. Header is sent beside the options' own fields. Close ends the response.
func Get(ctx context.Context, url string, opts Options, mediaType string, header http.Header) (response *http.Response, close func() error, err error) {
	live, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	request, err := opts.Request(live, url, mediaType)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	maps.Copy(request.Header, header)
	httpClient := opts.HTTPClient()
	response, err = httpClient.Do(request)
	if err != nil {
		cancel()
		httpClient.CloseIdleConnections() // such as one that brought a redirect to nowhere
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, nil, err
	}
	close = func() error {
		cancel()
		err := response.Body.Close()
		httpClient.CloseIdleConnections()
		return err
	}
	switch {
	// WHATWG HTML, section 9.2.2 (SSE-21): nothing else is a stream. Redirects were followed before.
	case response.StatusCode != http.StatusOK:
		err = NewStatusError(response)
	case !HasType(response, mediaType):
		err = &StatusError{Status: response.StatusCode, Detail: fmt.Sprintf("its content is %q, not %s: is this the right URL?", response.Header.Get("Content-Type"), mediaType)}
	case response.Header.Get("Content-Encoding") != "": // RFC 9110, section 12.5.3: see Options.Request
		err = &StatusError{Status: response.StatusCode, Detail: fmt.Sprintf("its content is encoded with %q, which was not asked for", response.Header.Get("Content-Encoding"))}
	case !stop(): // ctx has ended in the meantime, and took the response with it
		err = ctx.Err()
	}
	if err != nil {
		close()
		return nil, nil, err
	}
	return response, close, nil
}
