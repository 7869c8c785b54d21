package client_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pushlab/common/client"
	"pushlab/common/memhttp"
	"pushlab/common/request"
)

var errFlaky = errors.New("flaky")

func TestRetry(t *testing.T) {
	busy := &client.StatusError{Status: 503}
	later := &client.StatusError{Status: 503, RetryAfter: 10 * time.Second}
	muchLater := &client.StatusError{Status: 429, RetryAfter: time.Hour}
	for _, c := range []struct {
		name     string
		errs     []error // of the attempts; the last one for all further ones
		err      error   // nil: it succeeds
		attempts int     // 0: several
		min, max time.Duration
	}{
		{"at once", []error{nil}, nil, 1, 0, 0},
		{"after failures", []error{errFlaky, busy, nil}, nil, 3, 0, 1500 * time.Millisecond},
		{"when the server wants it", []error{later, later, nil}, nil, 3, 20 * time.Second, 22 * time.Second},
		{"for good", []error{errFlaky, &client.StatusError{Status: 422}}, nil, 2, 0, 500 * time.Millisecond},
		{"never", []error{errFlaky}, errFlaky, 0, 20 * time.Second, time.Minute},
		{"the server asks for too much", []error{muchLater}, muchLater, 1, 0, 0},
		{"not before it is too late", []error{later}, later, 0, 40 * time.Second, time.Minute},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin, attempts := time.Now(), 0
				err := client.Retry(t.Context(), time.Minute, client.Policy{}, func(ctx context.Context) error {
					if end, ok := ctx.Deadline(); !ok || end.Sub(begin) != time.Minute {
						t.Errorf("an attempt may take until %v", end.Sub(begin))
					}
					attempts++
					return c.errs[min(attempts, len(c.errs))-1]
				})
				want := c.errs[len(c.errs)-1]
				if !errors.Is(err, want) {
					t.Errorf("%v, want %v", err, want)
				}
				if c.attempts > 0 && attempts != c.attempts || c.attempts == 0 && attempts < 4 {
					t.Errorf("%d attempts", attempts)
				}
				if took := time.Since(begin); took < c.min || took > c.max {
					t.Errorf("it took %v, want %v to %v", took, c.min, c.max)
				}
			})
		})
	}
}

func TestRetryEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		err := client.Retry(ctx, time.Minute, client.Policy{MinBackoff: time.Hour, MaxBackoff: time.Hour}, func(context.Context) error { return errFlaky })
		if took := time.Since(begin); took > time.Second || took == time.Second && err != context.DeadlineExceeded {
			t.Errorf("%v after %v", err, took)
		}
	})
}

// TestPublish: what a server gets, and what its answers mean.
func TestPublish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type post struct{ path, key, token, contentType, body string }
		var got post
		status, answer := 201, `{"id":"mfrggzdf-1"}`
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			got = post{r.URL.String(), r.Header.Get("Idempotency-Key"), r.Header.Get("Authorization"), r.Header.Get("Content-Type"), string(body)}
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			io.WriteString(w, answer)
		}))
		publish := func(p client.Publication) (string, error) {
			return client.Publish(t.Context(), server.Client(), memhttp.URL+"/publish?a=b", client.Options{Token: "secret"}, p)
		}
		id, err := publish(client.Publication{Topic: "chat", Data: json.RawMessage(`{"a":1}`), Key: `a"b\c`})
		want := post{"/publish?a=b&topic=chat", `"a\"b\\c"`, "Bearer secret", "application/json", `{"a":1}`}
		if id != "mfrggzdf-1" || err != nil || got != want {
			t.Errorf("%q, %v; %+v", id, err, got)
		}
		if key, problem := request.ParseKey(http.Header{"Idempotency-Key": {got.key}}); key != `a"b\c` {
			t.Errorf("the server reads %q, %v", key, problem)
		}
		if _, err := publish(client.Publication{Data: json.RawMessage(`1`)}); err != nil || got.key != "" || got.path != "/publish?a=b" {
			t.Errorf("without a key: %v, %+v", err, got)
		}
		permanent := func(err error) bool {
			var p interface{ Permanent() bool }
			return errors.As(err, &p) && p.Permanent()
		}
		for _, c := range []struct {
			status    int
			answer    string
			permanent bool
		}{{503, "", false}, {429, "", false}, {502, "", false}, {422, "", true}, {400, "", true}, {200, `{"id":"x"}`, true}, {201, "hello", true}, {201, "{}", true}} {
			status, answer = c.status, c.answer
			if _, err := publish(client.Publication{Data: json.RawMessage(`1`), Key: "k"}); err == nil || permanent(err) != c.permanent {
				t.Errorf("%d %s: %v", c.status, c.answer, err)
			}
		}
		if _, err := publish(client.Publication{Key: "a b"}); !permanent(err) {
			t.Errorf("a bad key: %v", err)
		}
	})
}

// TestPublishAgain: the answer to an event is lost, and it is published once.
func TestPublishAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ids := map[string]int{}
		posts := 0
		server := memhttp.NewServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			posts++
			key := r.Header.Get("Idempotency-Key")
			if ids[key] == 0 {
				ids[key] = len(ids) + 1
			}
			if posts%3 != 0 {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(201)
			fmt.Fprintf(w, `{"id":"mfrggzdf-%d"}`, ids[key])
		}))
		c := server.Client()
		keys := client.NewKeys()
		for i := range 5 {
			p := client.Publication{Data: json.RawMessage(`1`), Key: keys.Next()}
			err := client.Retry(t.Context(), time.Minute, client.Policy{}, func(ctx context.Context) error {
				id, err := client.Publish(ctx, c, memhttp.URL+"/publish", client.Options{}, p)
				if err == nil && id != fmt.Sprintf("mfrggzdf-%d", i+1) {
					t.Errorf("event %d has the id %s", i, id)
				}
				return err
			})
			if err != nil {
				t.Error(err)
			}
		}
		if posts != 15 || len(ids) != 5 {
			t.Errorf("%d posts of %d events", posts, len(ids))
		}
	})
}

func TestKeys(t *testing.T) {
	one, two := client.NewKeys(), client.NewKeys()
	seen := map[string]bool{}
	for range 1000 {
		for _, key := range []string{one.Next(), two.Next()} {
			if seen[key] || request.CheckKey(key) != nil || strings.ContainsAny(key, `"\`) {
				t.Errorf("%q", key)
			}
			seen[key] = true
		}
	}
}
