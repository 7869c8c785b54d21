package web_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"pushlab/common/hub"
	"pushlab/web"
)

// A recorded is a request as a staged server saw it.
type recorded struct {
	Method, Query, Body string
	Header              http.Header
}

// stage serves the modules, an empty page to run them in, and at each path one answer after the other.
func stage(t *testing.T, answers map[string][]http.HandlerFunc) (address string, requests func(path string) []recorded) {
	t.Helper()
	var mu sync.Mutex
	seen := map[string][]recorded{}
	files := http.FileServer(http.Dir("static"))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		script, ok := answers[r.URL.Path]
		switch {
		case ok:
		case r.URL.Path == "/":
			io.WriteString(w, `<!doctype html><title>Modules</title><link rel="icon" href="/icon.svg">`)
			return
		default:
			files.ServeHTTP(w, r)
			return
		}
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		n := len(seen[r.URL.Path])
		seen[r.URL.Path] = append(seen[r.URL.Path], recorded{r.Method, r.URL.RawQuery, string(body), r.Header})
		mu.Unlock()
		if n < len(script) {
			script[n](w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL, func(path string) []recorded {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(seen[path])
	}
}

// stream answers with an event stream that ends.
func stream(text string) http.HandlerFunc {
	return typed("text/event-stream", text)
}

func typed(contentType, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", contentType)
		io.WriteString(w, text)
	}
}

// cutStream answers with an event stream whose last chunk is not all there. It is cut when read ends: a browser throws
// away what it has received and not yet handed out when it notices the cut.
func cutStream(text string, read context.Context) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s",
			len(text)+1, text)
		<-read.Done()
	}
}

// refuse answers with a status, and Retry-After unless it is "".
func refuse(status int, retryAfter string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		w.WriteHeader(status)
	}
}

// A parsed is what a parser makes of a stream.
type parsed struct {
	Events [][3]string // data, event, id
	ID     string      // the last event id
	Retry  float64     // 0 = none
}

// parserHarness defines parseText and parseBytes. Each parses a stream whole, in two pieces cut at every position, and
// in pieces of one, and returns the results that differ from each other: of a good parser there is one. parseText feeds
// the Parser, parseBytes the module through a fetch that answers with these pieces, its decoder included.
const parserHarness = `import("/transports/sse-fetch.js").then(({ Parser, open }) => {
	const cuts = (whole) => [
		...Array.from({ length: whole.length }, (_, i) => [whole.slice(0, i), whole.slice(i)]),
		Array.from({ length: whole.length }, (_, i) => whole.slice(i, i + 1)),
	];
	const distinct = (results) => [...new Set(results.map((result) => JSON.stringify(result)))].map(JSON.parse);
	const plain = ({ data, event, id }) => [data, event, id];

	window.feed = (pieces) => {
		const parser = new Parser();
		const events = pieces.flatMap((piece) => parser.feed(piece)).map(plain);
		return { events, id: parser.lastEventId, retry: parser.retry };
	};
	window.parseText = (bytes) =>
		distinct(cuts(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes)).map(feed));

	window.receive = (pieces) => new Promise((resolve) => {
		const events = [];
		fetch = async () => new Response(new ReadableStream({
			start(controller) {
				for (const piece of pieces) controller.enqueue(piece);
				controller.close();
			},
		}), { headers: { "Content-Type": "text/event-stream; charset=ISO-8859-1" } });
		const connection = open("/", {
			onmessage: (message) => events.push(plain(message)),
			onstate: (state) => {
				if (state !== "connecting") return;
				connection.close();
				resolve({ events, id: connection.cursor });
			},
		});
	});
	window.parseBytes = async (bytes) => {
		const results = [];
		for (const pieces of cuts(bytes)) results.push(await receive(pieces));
		return distinct(results);
	};

	window.parseNatively = (path, names) => new Promise((resolve) => {
		const events = [];
		const source = new EventSource(path);
		for (const name of names) {
			source.addEventListener(name, ({ data, type, lastEventId }) => events.push([data, type, lastEventId]));
		}
		source.onerror = () => {
			source.close();
			resolve(events);
		};
	});
	window.bytes = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
})`

// The browser's own EventSource judges the table: it has to find the same events.
func testSSEParser(t *testing.T, browser context.Context) {
	message := func(data, id string) [3]string { return [3]string{data, "message", id} }
	a, b := message("a", ""), message("b", "")
	tests := []struct {
		name, input string
		want        parsed
	}{
		{"SSE-01 characters of all lengths", "data: aé€🙂\n\n", parsed{Events: [][3]string{message("aé€🙂", "")}}},
		{"SSE-01 bad bytes", "data: \xff|\xc3(|\xe2\x82\n\n", parsed{Events: [][3]string{message("\uFFFD|\uFFFD(|\uFFFD", "")}}},
		{"SSE-01 a character that breaks off is one, a byte that begins none is one", "data: \xff\xff|\xe2\x82\xe2|\xf0\x9f\x99|\xed\xa0\x80|\xf4\x90\x80\x80\n\n",
			parsed{Events: [][3]string{message("\uFFFD\uFFFD|\uFFFD\uFFFD|\uFFFD|\uFFFD\uFFFD\uFFFD|\uFFFD\uFFFD\uFFFD\uFFFD", "")}}},
		{"SSE-01 bad bytes in a field name", "da\xffta: a\ndata: b\n\n", parsed{Events: [][3]string{b}}},
		{"SSE-01 half a character at the end", "data: a\n\n\xf0\x9f", parsed{Events: [][3]string{a}}},

		{"SSE-02 a byte order mark", "\uFEFFdata: a\n\n", parsed{Events: [][3]string{a}}},
		{"SSE-02 two byte order marks", "\uFEFF\uFEFFdata: a\n\ndata: b\n\n", parsed{Events: [][3]string{b}}},
		{"SSE-02 a byte order mark on the second line", "\n\uFEFFdata: a\n\ndata: b\n\n", parsed{Events: [][3]string{b}}},
		{"SSE-02 a byte order mark in the data", "data: \uFEFF\n\n", parsed{Events: [][3]string{message("\uFEFF", "")}}},
		{"SSE-02 a byte order mark before a comment", "\uFEFF:\ndata: a\n\n", parsed{Events: [][3]string{a}}},
		{"SSE-02 nothing but a byte order mark", "\uFEFF", parsed{}},

		{"SSE-03 LF", "data: a\ndata: b\n\n", parsed{Events: [][3]string{message("a\nb", "")}}},
		{"SSE-03 CRLF", "data: a\r\ndata: b\r\n\r\n", parsed{Events: [][3]string{message("a\nb", "")}}},
		{"SSE-03 CR, the last one ends its line at once", "data: a\rdata: b\r\r", parsed{Events: [][3]string{message("a\nb", "")}}},
		{"SSE-03 mixed line ends", "data: a\r\ndata: b\n\rdata: a\r\r\ndata: b\r\n\n", parsed{Events: [][3]string{message("a\nb", ""), a, b}}},
		{"SSE-03 only line ends", "\r\n\r\r\n\n\r", parsed{}},
		{"SSE-03 other separators of Unicode", "data: \u2028\u2029\u0085\v\f\n\n", parsed{Events: [][3]string{message("\u2028\u2029\u0085\v\f", "")}}},

		{"SSE-04 comments", ": x\ndata: a\n:\n:data: x\ndata: b\n\n: x\n\n", parsed{Events: [][3]string{message("a\nb", "")}}},

		{"SSE-05 no space", "data:a\n\n", parsed{Events: [][3]string{a}}},
		{"SSE-05 one space", "data: a\n\n", parsed{Events: [][3]string{a}}},
		{"SSE-05 more spaces", "data:   a \n\n", parsed{Events: [][3]string{message("  a ", "")}}},
		{"SSE-05 a tab", "data:\ta\n\n", parsed{Events: [][3]string{message("\ta", "")}}},
		{"SSE-05 more colons", "data:a: b:\ndata::\n\n", parsed{Events: [][3]string{message("a: b:\n:", "")}}},

		{"SSE-06 a field without a colon", "data\n\n", parsed{Events: [][3]string{message("", "")}}},
		{"SSE-06 every field without a colon", "event: x\nid: 1\nevent\nid\ndata: a\nretry\n\n", parsed{Events: [][3]string{a}}},

		{"SSE-07 case counts", "Data: x\nDATA: x\ndata: a\nID: 1\nEvent: x\nRetry: 1\n\n", parsed{Events: [][3]string{a}}},
		{"SSE-07 unknown fields", "dat: x\ndatas: x\n data: x\ndata : x\nx\ndata: a\n\n", parsed{Events: [][3]string{a}}},

		{"SSE-08 lines are joined", "data: a\ndata:\ndata: b\n\n", parsed{Events: [][3]string{message("a\n\nb", "")}}},
		{"SSE-08 one line feed goes", "data: a\ndata\n\n", parsed{Events: [][3]string{message("a\n", "")}}},
		{"SSE-08 two empty fields", "data\ndata\n\n", parsed{Events: [][3]string{message("\n", "")}}},

		{"SSE-09 a type", "event: x\ndata: a\n\n", parsed{Events: [][3]string{{"a", "x", ""}}}},
		{"SSE-09 the last type wins", "event: x\ndata: a\nevent: y y\n\n", parsed{Events: [][3]string{{"a", "y y", ""}}}},
		{"SSE-09 an empty type", "event: x\nevent:\ndata: a\n\n", parsed{Events: [][3]string{a}}},
		{"SSE-09 for one event only", "event: x\ndata: a\n\ndata: b\n\n", parsed{Events: [][3]string{{"a", "x", ""}, b}}},
		{"SSE-09 also when there was no event", "event: x\n\ndata: a\n\n", parsed{Events: [][3]string{a}}},

		{"SSE-10 an id stays", "id: 1\ndata: a\n\ndata: b\n\n", parsed{Events: [][3]string{message("a", "1"), message("b", "1")}, ID: "1"}},
		{"SSE-10 the last id wins", "id: 1\ndata: a\nid: ü ☃\n\n", parsed{Events: [][3]string{message("a", "ü ☃")}, ID: "ü ☃"}},
		{"SSE-10 an id with NUL", "id: 1\nid: 2\x00\nid: \x00\ndata: a\n\n", parsed{Events: [][3]string{message("a", "1")}, ID: "1"}},
		{"SSE-10 an empty id", "id: 1\ndata: a\n\nid:\ndata: b\n\n", parsed{Events: [][3]string{message("a", "1"), b}}},

		{"SSE-11 an id without data", "id: 1\n\n", parsed{ID: "1"}},
		{"SSE-11 an id without data, then an event", "id: 1\n\ndata: a\n\n", parsed{Events: [][3]string{message("a", "1")}, ID: "1"}},
		{"SSE-11 an id without its empty line", "id: 1\ndata: a\n\nid: 2\ndata: b\n", parsed{Events: [][3]string{message("a", "1")}, ID: "1"}},

		{"SSE-12 digits", "retry: 007\n\n", parsed{Retry: 7}},
		{"SSE-12 at once", "retry: 1500\n", parsed{Retry: 1500}},
		{"SSE-12 the last one wins", "retry:1\ndata: a\nretry:2\n\n", parsed{Events: [][3]string{a}, Retry: 2}},
		{"SSE-12 all else", "retry: 5\n\nretry\nretry:\nretry: +1\nretry: -1\nretry: 1.5\nretry: 1e3\nretry: 0x1\nretry:  1\nretry: 1 \nretry: １\n\n", parsed{Retry: 5}},
		{"SSE-12 more than a timer holds", "retry: 100000000000000000000\n\n", parsed{Retry: 1e20}},

		{"SSE-13 no data", "\n\nevent: x\n\nretry: 3\n\nevent: y\nid: 1\n\n", parsed{ID: "1", Retry: 3}},

		{"SSE-14 an event without its empty line", "data: a\n\ndata: b\n", parsed{Events: [][3]string{a}}},
		{"SSE-14 a line without its end", "data: a\n\ndata: b", parsed{Events: [][3]string{a}}},
		{"SSE-14 an empty line without the line before it", "data: a", parsed{}},

		{"SSE-16 NUL in the data", "data: a\x00b\n\n", parsed{Events: [][3]string{message("a\x00b", "")}}},
		{"SSE-16 NUL in a type, and in a name", "event: x\x00\nda\x00ta: x\ndata: a\n\n", parsed{Events: [][3]string{{"a", "x\x00", ""}}}},
	}

	streams := map[string][]http.HandlerFunc{}
	path := func(i int) string { return fmt.Sprint("/stream/", i) }
	for i, test := range tests {
		streams[path(i)] = []http.HandlerFunc{stream(test.input)}
	}
	const overReconnect = "/stream/over-reconnect"
	streams[overReconnect] = []http.HandlerFunc{stream("retry: 1\nid: 1\ndata: a\n\n"), stream("data: b\n\n")}
	address, _ := stage(t, streams)
	p := open(t, browser, address)
	run[chromedp.Void](p, parserHarness)

	covered := map[string]bool{"SSE-15": true} // below
	for i, test := range tests {
		covered[test.name[:len("SSE-00")]] = true
		t.Run(test.name, func(t *testing.T) {
			call := func(function string) []parsed {
				return run[[]parsed](p, fmt.Sprintf("%s(bytes(%q))", function, base64.StdEncoding.EncodeToString([]byte(test.input))))
			}
			if len(test.want.Events) == 0 {
				test.want.Events = [][3]string{}
			}
			if diff := cmp.Diff([]parsed{test.want}, call("parseText")); diff != "" {
				t.Errorf("as text, by cut (-want +got):\n%s", diff)
			}
			want := test.want
			want.Retry = 0 // the module keeps it to itself
			if diff := cmp.Diff([]parsed{want}, call("parseBytes")); diff != "" {
				t.Errorf("as bytes, by cut (-want +got):\n%s", diff)
			}
			names := []string{"message"}
			for _, event := range want.Events {
				if !slices.Contains(names, event[1]) {
					names = append(names, event[1])
				}
			}
			native := run[[][3]string](p, fmt.Sprintf("parseNatively(%s, %s)", quote(path(i)), quote(names)))
			if diff := cmp.Diff(want.Events, native); diff != "" {
				t.Errorf("EventSource finds other events (-want +got):\n%s", diff)
			}
		})
	}
	for i := range 16 {
		if clause := fmt.Sprintf("SSE-%02d", i+1); !covered[clause] {
			t.Errorf("no case is about %s", clause)
		}
	}

	// Here the text of 9.2.6 and the browsers differ, and we follow the browsers.
	t.Run("SSE-11 the id outlives the connection", func(t *testing.T) {
		got := run[[]string](p, fmt.Sprintf(`Promise.all([import("/transports/sse-fetch.js"), new Promise((resolve) => {
			const source = new EventSource(%q);
			source.onmessage = ({ data, lastEventId }) => {
				if (data !== "b") return;
				source.close();
				resolve(lastEventId);
			};
		})]).then(([{ Parser }, native]) => {
			const parser = new Parser();
			parser.feed("id: 1\n\nid: 2\nretry: 5\ndata: half");
			const next = new Parser(parser);
			const [{ data, id }] = next.feed("\ndata: b\n\n");
			return [native, data, id, String(next.retry)];
		})`, overReconnect))
		if want := []string{"1", "b", "1", "5"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})

	// Cut everywhere it would take hours: pieces of some sizes, among them those that a network brings.
	t.Run("SSE-15 lines of 10 MiB", func(t *testing.T) {
		got := run[[]int](p, `(async () => {
			const long = "x".repeat(10 << 20);
			const text = ":" + long + "\n" + long + ": x\ndata: " + long + "\nevent: " + long + "\nid: " + long + "\n\n";
			const pieces = (whole, size) =>
				Array.from({ length: Math.ceil(whole.length / size) }, (_, i) => whole.slice(i * size, (i + 1) * size));
			const results = [1 << 10, 1 << 16, 1 << 30].map((size) => feed(pieces(text, size)));
			results.push(await receive(pieces(new TextEncoder().encode(text), 1 << 16)));
			return results.map(({ events, id }) =>
				events.length === 1 && events[0].every((part) => part === long) && id === long ? 1 : 0);
		})()`)
		if want := []int{1, 1, 1, 1}; !slices.Equal(got, want) {
			t.Errorf("right results by size of piece: %v, want %v", got, want)
		}
	})
}

// quote returns value as JavaScript.
func quote(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// The module is used like the others.
func testSSEFetchModule(t *testing.T, browser context.Context) {
	block := func(id, topic, data string) string {
		event := ""
		if strings.HasPrefix(topic, "$") {
			event = "event: " + topic + "\n"
		}
		return fmt.Sprintf("id: %[1]s\n%[2]sdata: {\"id\":%[1]q,\"topic\":%[3]q,\"data\":%[4]s}\n\n", id, event, topic, data)
	}
	cut, now := context.WithCancel(t.Context())
	now() // before a single event
	address, queries := script(t, "/sse-fetch",
		stream("retry: 1\n"+block("e-4", "$open", "{}")+block("e-5", "a", `"grüße 🙂"`)+": beat\n"+block("e-7", "$beat", "{}")),
		cutStream("id: e-8\ndata: half an event\n", cut),
		stream(block("e-7", "$open", "{}")+block("f-2", "$gap", `{"after":"e-7","missed":2}`)+block("f-3", "b", "1")+"retry: 1\n"+block("f-3", "$bye", `{"retry":1}`)),
		refuse(503, "0"),
		stream(block("f-3", "$open", "{}")+block("f-4", "a", `"end"`)+block("f-5", "a", `"after close"`)),
	)
	p := open(t, browser, address, "status of 503", "net::ERR_INCOMPLETE_CHUNKED_ENCODING")
	want := []string{
		"open", "event e-5 a grüße 🙂", "connecting the body ended",
		"open", "connecting network error",
		"open", "gap f-2 2", "event f-3 b 1", "connecting the server said $bye",
		"connecting HTTP 503",
		"open", "event f-4 a end", "closed", "closed", "f-4",
	}
	if diff := cmp.Diff(want, subscribe(p, "sse-fetch")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	wantQueries := []string{
		"topic=a&topic=b", "topic=a&topic=b&after=e-7", "topic=a&topic=b&after=e-7",
		"topic=a&topic=b&after=f-3", "topic=a&topic=b&after=f-3",
	}
	if diff := cmp.Diff(wantQueries, queries()); diff != "" {
		t.Errorf("queries (-want +got):\n%s", diff)
	}
}

// Every answer that a server can give, ours or another.
func testSSEFetchAnswers(t *testing.T, browser context.Context) {
	const end = "data: end\n\n"
	cut, now := context.WithCancel(t.Context()) // when the page has seen an event with the data "cut"
	defer now()
	between := func(low, high float64) [2]float64 { return [2]float64{low, high} }
	tests := []struct {
		name, options string
		answers       []http.HandlerFunc
		told          []string     // by the callbacks; the last is always closed
		waits         [][2]float64 // milliseconds between the tries, from and to
		requests      []string     // method, query, Last-Event-ID, Accept if unusual, Authorization, Content-Type, body
	}{
		{
			name: "events of a foreign server", options: `{}`,
			answers: []http.HandlerFunc{stream("event: x\nid: 7\ndata: {\"id\":\"8\",\"topic\":\"a\"}\n\ndata: {\"id\":\"7\",\"topic\":\"\n\n" + end)},
			told:    []string{"open", `x 7 {"id":"8","topic":"a"}`, `message 7 {"id":"7","topic":"`, "message 7 end", "closed"},
		},
		{
			name: "SSE-21, SSE-38 204", options: `{}`,
			answers: []http.HandlerFunc{stream("retry: 1\ndata: a\n\n"), refuse(204, "")},
			told:    []string{"open", "message  a", "connecting the body ended", "closed HTTP 204"},
			waits:   [][2]float64{between(1, 1.25)},
		},
		{name: "SSE-21 400", options: `{}`, answers: []http.HandlerFunc{refuse(400, "")}, told: []string{"closed HTTP 400"}},
		{name: "SSE-21 401", options: `{}`, answers: []http.HandlerFunc{refuse(401, "")}, told: []string{"closed HTTP 401"}},
		{name: "SSE-21 404", options: `{}`, answers: []http.HandlerFunc{refuse(404, "5")}, told: []string{"closed HTTP 404"}},
		{
			name: "503 with Retry-After in seconds", options: `{}`,
			answers: []http.HandlerFunc{refuse(503, "20"), stream(end)},
			told:    []string{"connecting HTTP 503", "open", "message  end", "closed"},
			waits:   [][2]float64{between(20_000, 25_000)},
		},
		{
			name: "429 with Retry-After as a date", options: `{}`,
			answers: []http.HandlerFunc{refuse(429, time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)), stream(end)},
			told:    []string{"connecting HTTP 429", "open", "message  end", "closed"},
			waits:   [][2]float64{between(3_500_000, 4_500_000)},
		},
		{
			name: "5xx without Retry-After: longer each time", options: `{}`,
			answers: []http.HandlerFunc{refuse(500, ""), refuse(502, ""), refuse(503, "0"), refuse(504, ""), refuse(500, ""), refuse(500, ""), refuse(500, ""), stream(end)},
			told: []string{"connecting HTTP 500", "connecting HTTP 502", "connecting HTTP 503", "connecting HTTP 504",
				"connecting HTTP 500", "connecting HTTP 500", "connecting HTTP 500", "open", "message  end", "closed"},
			waits: [][2]float64{between(1000, 1250), between(2000, 2500), between(4000, 5000), between(8000, 10_000),
				between(16_000, 20_000), between(30_000, 37_500), between(30_000, 37_500)},
		},
		{
			name: "SSE-21 wrong type", options: `{}`, answers: []http.HandlerFunc{typed("text/html; charset=utf-8", end)},
			told: []string{"closed the answer is text/html; charset=utf-8, no event stream"},
		},
		{
			name: "SSE-21 a type that only begins like it", options: `{}`, answers: []http.HandlerFunc{typed("text/event-streams", end)},
			told: []string{"closed the answer is text/event-streams, no event stream"},
		},
		{
			name: "SSE-21 type with parameters", options: `{}`, answers: []http.HandlerFunc{typed("Text/Event-Stream ;charset=latin1", "data: ü\n\n"+end)},
			told: []string{"open", "message  ü", "message  end", "closed"},
		},
		{
			name: "SSE-23 retry: lasts, grows, begins anew after an event", options: `{}`,
			answers: []http.HandlerFunc{stream("retry: 40\ndata: a\n\n"), refuse(500, ""), stream(""), stream("data: b\n\n"), stream(end)},
			told: []string{"open", "message  a", "connecting the body ended", "connecting HTTP 500", "open", "connecting the body ended",
				"open", "message  b", "connecting the body ended", "open", "message  end", "closed"},
			waits: [][2]float64{between(40, 50), between(80, 100), between(160, 200), between(40, 50)},
		},
		{
			name: "retry: 0 is no licence to hurry", options: `{}`,
			answers: []http.HandlerFunc{stream("retry: 0\n"), stream(""), stream(""), stream(end)},
			told: []string{"open", "connecting the body ended", "open", "connecting the body ended", "open", "connecting the body ended",
				"open", "message  end", "closed"},
			waits: [][2]float64{between(1, 1.25), between(2, 2.5), between(4, 5)},
		},
		{
			name: "retry: more than a timer holds", options: `{}`,
			answers: []http.HandlerFunc{stream("retry: 100000000000000000000\n\n"), stream(end)},
			told:    []string{"open", "connecting the body ended", "open", "message  end", "closed"},
			waits:   [][2]float64{between(1<<31-1, 1<<31-1)},
		},
		{
			name: "Retry-After is no shorter than retry:", options: `{}`,
			answers: []http.HandlerFunc{stream("retry: 5000\n"), refuse(503, "1"), stream(end)},
			told:    []string{"open", "connecting the body ended", "connecting HTTP 503", "open", "message  end", "closed"},
			waits:   [][2]float64{between(5000, 6250), between(10_000, 12_500)},
		},
		{
			name: "resume by query", options: `{ topics: ["a b"], after: "1" }`,
			answers: []http.HandlerFunc{
				stream("id: ü/2\ndata: a\n\nid: 3\n"), cutStream("id: 4\ndata: cut\n\nid: 5\ndata: half\n", cut), stream("id\ndata: b\n\n"), stream(end),
			},
			told: []string{"open", "message ü/2 a", "connecting the body ended", "open", "message 4 cut", "connecting network error",
				"open", "message  b", "connecting the body ended", "open", "message  end", "closed"},
			waits: [][2]float64{between(1000, 1250), between(1000, 1250), between(1000, 1250)},
			requests: []string{
				"GET ?topic=a+b&after=1", "GET ?topic=a+b&after=%C3%BC%2F2", "GET ?topic=a+b&after=4", "GET ?topic=a+b",
			},
		},
		{
			name: "SSE-22, SSE-23 resume by header", options: `{ resumeBy: "header", topics: ["a"] }`,
			answers: []http.HandlerFunc{stream("id: ü ☃\ndata: a\n\n"), refuse(500, ""), stream("id\ndata: b\n\n"), stream(end)},
			told: []string{"open", "message ü ☃ a", "connecting the body ended", "connecting HTTP 500",
				"open", "message  b", "connecting the body ended", "open", "message  end", "closed"},
			waits:    [][2]float64{between(1000, 1250), between(2000, 2500), between(1000, 1250)},
			requests: []string{"GET ?topic=a", "GET ?topic=a id=ü ☃", "GET ?topic=a id=ü ☃", "GET ?topic=a"},
		},
		{
			name: "an id stays over a reconnect", options: `{ resumeBy: "header" }`,
			answers: []http.HandlerFunc{stream("id: 1\ndata: a\n\n"), stream(end)},
			told:    []string{"open", "message 1 a", "connecting the body ended", "open", "message 1 end", "closed"},
			waits:   [][2]float64{between(1000, 1250)},
		},
		{
			name: "POST with Authorization",
			options: `{ method: "POST", body: '{"ask":"ü"}', resumeBy: "header",
				headers: { Authorization: "Bearer t", "Content-Type": "application/json", Accept: "text/event-stream, application/json" } }`,
			answers: []http.HandlerFunc{stream("id: 1\ndata: a\n\n"), stream(end)},
			told:    []string{"open", "message 1 a", "connecting the body ended", "open", "message 1 end", "closed"},
			waits:   [][2]float64{between(1000, 1250)},
			requests: []string{
				`POST ? text/event-stream, application/json Bearer t application/json {"ask":"ü"}`,
				`POST ? id=1 text/event-stream, application/json Bearer t application/json {"ask":"ü"}`,
			},
		},
	}
	const answered = "/answered"
	answers := map[string][]http.HandlerFunc{answered: {stream(end)}, "/cut": {func(http.ResponseWriter, *http.Request) { now() }}}
	path := func(i int) string { return fmt.Sprint("/answers/", i) }
	for i, test := range tests {
		answers[path(i)] = test.answers
	}
	address, requests := stage(t, answers)
	p := open(t, browser, address, "the server responded with a status of", "net::ERR_INCOMPLETE_CHUNKED_ENCODING")

	for i, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := listen(p, path(i), test.options)
			if diff := cmp.Diff(test.told, got.Told); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if len(got.Waits) != len(test.waits) {
				t.Errorf("waits of %v ms, want %d of them", got.Waits, len(test.waits))
			} else {
				for i, wait := range got.Waits {
					if want := test.waits[i]; wait < want[0] || wait > want[1] {
						t.Errorf("wait %d is %v ms, want %v to %v", i+1, wait, want[0], want[1])
					}
				}
			}
			// Nobody asks again after the end.
			seen := requests(path(i))
			if len(seen) != len(test.answers) {
				t.Errorf("%d requests, want %d", len(seen), len(test.answers))
			}
			var texts []string
			for _, r := range seen {
				texts = append(texts, r.String())
				// SSE-20: the browser turns the cache mode no-store into these (WHATWG Fetch, section 4.6).
				if got := r.Header.Get("Cache-Control"); got != "no-cache" {
					t.Errorf("Cache-Control is %q", got)
				}
			}
			if diff := cmp.Diff(test.requests, texts); test.requests != nil && diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}

	t.Run("SSE-25 closed while the answer is on its way", func(t *testing.T) {
		got := run[[]string](p, fmt.Sprintf(`import("/transports/sse-fetch.js").then(({ open }) => new Promise((resolve) => {
			const told = [];
			const whole = fetch;
			fetch = async (request) => {
				const response = await whole(request);
				connection.close();
				fetch = whole;
				setTimeout(() => resolve(told), 100);
				return response;
			};
			const connection = open(%s, { onstate: (state) => told.push(state), onmessage: () => told.push("message") });
		}))`, quote(answered)))
		if want := []string{"closed"}; !slices.Equal(got, want) {
			t.Errorf("told %q, want %q", got, want)
		}
	})

	t.Run("what can never be sent", func(t *testing.T) {
		got := run[[]string](p, `import("/transports/sse-fetch.js").then(({ open }) =>
			[{ body: "x" }, { headers: { Authorization: "ü☃" } }, { method: "CONNECT" }].map((options) => {
				try {
					open("/", options).close();
				} catch (error) {
					return error.name;
				}
			}))`)
		if want := []string{"TypeError", "TypeError", "TypeError"}; !slices.Equal(got, want) {
			t.Errorf("open throws %q, want %q", got, want)
		}
	})
}

// String has what the tests compare.
func (r recorded) String() string {
	parts := []string{r.Method, "?" + r.Query}
	if id, ok := r.Header["Last-Event-Id"]; ok {
		parts = append(parts, "id="+id[0])
	}
	for _, name := range []string{"Accept", "Authorization", "Content-Type"} {
		if value := r.Header.Get(name); value != "" && value != "text/event-stream" {
			parts = append(parts, value)
		}
	}
	if r.Body != "" {
		parts = append(parts, r.Body)
	}
	return strings.Join(parts, " ")
}

// A heard is what the module did until it was closed.
type heard struct {
	Told  []string
	Waits []float64
}

// listen opens a stream with the module until it is closed: by itself, or on an event with the data "end". On one
// with the data "cut" it asks for /cut. Waits are recorded, and not waited for.
func listen(p *page, url, options string) heard {
	p.t.Helper()
	return run[heard](p, fmt.Sprintf(`import("/transports/sse-fetch.js").then(({ open }) => new Promise((resolve) => {
		const told = [];
		const waits = [];
		const timer = setTimeout;
		setTimeout = (call, ms) => {
			if (ms === 60_000) return timer(call, ms); // the watchdog
			waits.push(ms);
			return timer(call, 0);
		};
		const connection = open(%s, {
			...%s,
			onmessage: ({ data, event, id }) => {
				told.push([event, id, data].join(" "));
				if (data === "end") connection.close();
				if (data === "cut") fetch("/cut");
			},
			onstate: (state, reason) => {
				told.push([state, reason].join(" ").trim());
				if (state !== "closed") return;
				setTimeout = timer;
				resolve({ told, waits });
			},
		});
	}))`, quote(url), options))
}

// A cursor in the query needs no preflight, one in a header does.
func testSSEFetchCrossOrigin(t *testing.T, browser context.Context) {
	allow := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
			w.Header().Set("Access-Control-Allow-Headers", "Last-Event-ID")
			next(w, r)
		}
	}
	answer := allow(stream("retry: 1\nid: e-1\ndata: a\n\n"))
	preflight := allow(refuse(204, ""))
	last := allow(stream("data: end\n\n"))
	other, requests := stage(t, map[string][]http.HandlerFunc{
		"/query":  {answer, last},
		"/header": {answer, preflight, last},
	})
	address, _ := stage(t, nil)
	p := open(t, browser, address)
	for by, want := range map[string][]string{
		"query":  {"GET ?", "GET ?after=e-1"},
		"header": {"GET ?", "OPTIONS ? */*", "GET ? id=e-1"},
	} {
		listen(p, other+"/"+by, fmt.Sprintf("{ resumeBy: %q }", by))
		var got []string
		for _, r := range requests("/" + by) {
			got = append(got, r.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("by %s (-want +got):\n%s", by, diff)
		}
	}
}

// Both clients of SSE, side by side on our server over a bad line: the same ids, none lost, none twice.
func testSSEFetchBesideEventSource(t *testing.T, browser context.Context) {
	server := serve(t, hub.Config{}, web.Config{Retry: 50 * time.Millisecond})
	cable := newCable(t, server.url)
	p := open(t, browser, cable.URL()+"/minimal/index.html", "net::ERR_")
	run[chromedp.Void](p, `Promise.all([
		import("/ledger.js"), import("/transports/sse.js"), import("/transports/sse-fetch.js"),
	]).then(([{ Ledger }, ...modules]) => {
		window.lanes = modules.map(({ open }) => {
			const lane = { ids: [], strangers: 0, reasons: [], ledger: new Ledger() };
			lane.connection = open("/sse", {
				onevent: (envelope) => {
					lane.ids.push(envelope.id);
					lane.ledger.event(envelope);
				},
				ongap: (envelope) => lane.ledger.gap(envelope),
				onmessage: () => lane.strangers++,
				onstate: (state, reason) => {
					lane.reasons.push(reason);
					if (state === "open") lane.ledger.start(lane.connection.cursor);
				},
			});
			return lane;
		});
	})`)
	allOpen := `lanes.every(({ connection }) => connection.readyState === "open")`
	p.wait(allOpen)
	starts := run[[]string](p, `lanes.map(({ connection }) => connection.cursor)`)
	if starts[0] == "" || starts[1] != starts[0] {
		t.Errorf("before the first event the cursors are %q", starts)
	}
	var want []string
	publish := func(what string) {
		for i := range 5 {
			want = append(want, server.publishText("chat", fmt.Sprint(what, " ", i)))
		}
	}
	for i := range 6 {
		publish("before the cut") // and perhaps on its way when it comes
		if i%3 == 0 {
			p.wait(fmt.Sprintf(`lanes.every(({ ids }) => ids.length === %d)`, len(want)))
		}
		cable.cut(func(c *net.TCPConn) {
			if i%2 == 0 {
				c.SetLinger(0) // RST
			}
			c.Close()
		})
		publish("after the cut")
		p.wait(fmt.Sprintf(`lanes.every(({ ids }) => ids.length >= %d)`, len(want)))
		p.wait(allOpen)
	}
	for i, name := range []string{"EventSource", "fetch"} {
		if diff := cmp.Diff(want, run[[]string](p, fmt.Sprintf(`lanes[%d].ids`, i))); diff != "" {
			t.Errorf("%s: ids (-want +got):\n%s", name, diff)
		}
		counts := run[map[string]any](p, fmt.Sprintf(`(({ strangers, ledger: { lost, repeated, gaps } }) =>
			({ strangers, lost, repeated, gaps }))(lanes[%d])`, i))
		wantCounts := map[string]any{"strangers": 0.0, "lost": 0.0, "repeated": 0.0, "gaps": 0.0}
		if diff := cmp.Diff(wantCounts, counts); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if err := server.stop(); err != nil {
		t.Fatal(err)
	}
	p.wait(`lanes[1].reasons.includes("the server said $bye")`)
}

// The lane's switch changes the client in mid-stream: the other one goes on where the first was.
func testSSELaneSwitch(t *testing.T, browser context.Context) {
	server := serveBrowser(t)
	p := open(t, browser, server.url+"/lanes.html")
	waitForLanes(p)
	run[chromedp.Void](p, `{
		window.clients = [];
		const [native, whole] = [EventSource, fetch];
		EventSource = class extends native {
			constructor(url) {
				super(url);
				clients.push("EventSource");
			}
		};
		EventSource.CLOSED = native.CLOSED;
		fetch = (request, options) => {
			if (new URL(request.url ?? request).pathname === "/sse") clients.push("fetch");
			return whole(request, options);
		};
	}`)
	var ids []string
	choose := func(client string) {
		p.do(chromedp.Click(chromedp.CSS(fmt.Sprintf(`#sse .clients label:has([value=%s])`, client))))
	}
	for _, test := range []struct{ client, source string }{
		{"fetch", "/transports/sse-fetch.js"},
		{"EventSource", "/transports/sse.js"},
		{"fetch", "/transports/sse-fetch.js"},
	} {
		ids = append(ids, server.publishText("chat", "before"))
		choose(test.client)
		ids = append(ids, server.publishText("chat", "meanwhile"))
		waitForEvents(p, ids)
		waitForLanes(p)
		if got := run[string](p, `document.querySelector("#sse .source").getAttribute("href")`); got != test.source {
			t.Errorf("%s: the source is %s, want %s", test.client, got, test.source)
		}
	}
	// A stopped lane stays so, and starts with what was chosen meanwhile.
	press := chromedp.Click(chromedp.CSS("#sse button"))
	p.do(press)
	p.wait(`document.querySelector("#sse").dataset.state === "closed"`)
	choose("EventSource")
	ids = append(ids, server.publishText("chat", "while it is stopped"))
	if got := run[string](p, `document.querySelector("#sse").dataset.state`); got != "closed" {
		t.Errorf("the choice has started the lane: it is %s", got)
	}
	p.do(press)
	waitForEvents(p, ids)
	waitForLanes(p)
	if diff := cmp.Diff([]string{"fetch", "EventSource", "fetch", "EventSource"}, run[[]string](p, "clients")); diff != "" {
		t.Errorf("clients (-want +got):\n%s", diff)
	}
	checkCounts(p, map[string]string{"events": fmt.Sprint(len(ids)), "lost": "0", "repeated": "0", "gaps": "0"})
}

// close may be called in the very callback that tells of the loss: then nothing is left to fire later.
func testCloseInCallback(t *testing.T, browser context.Context) {
	modules := append(slices.Clone(transports), "sse-fetch")
	answers := map[string][]http.HandlerFunc{}
	for _, name := range modules {
		answers["/"+name] = []http.HandlerFunc{refuse(503, "")}
	}
	address, requests := stage(t, answers)
	p := open(t, browser, address, "status of 503", "WebSocket connection to")
	for _, name := range modules {
		got := run[[]string](p, fmt.Sprintf(`import("/transports/%[1]s.js").then(({ open }) => new Promise((resolve) => {
			const [set, clear] = [setTimeout, clearTimeout];
			const pending = new Set();
			setTimeout = (...call) => {
				const timer = set(...call);
				pending.add(timer);
				return timer;
			};
			clearTimeout = (timer) => {
				pending.delete(timer);
				clear(timer);
			};
			const told = [];
			const connection = open("/%[1]s", {
				onstate: (state) => {
					told.push(state);
					if (state !== "connecting") return;
					connection.close();
					set(() => { // when all that close set in motion is done
						[setTimeout, clearTimeout] = [set, clear];
						resolve([...told, connection.readyState, pending.size + " timers"]);
					});
				},
			});
		}))`, name))
		if diff := cmp.Diff([]string{"connecting", "closed", "closed", "0 timers"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if n := len(requests("/" + name)); n != 1 {
			t.Errorf("%s: %d requests, want 1", name, n)
		}
	}
}

// A client that waits between two tries makes the next one as soon as the network is back, but not sooner than the server
// asked it to. The waits are held, and not waited for: what comes, comes since the browser said "online".
func testOnline(t *testing.T, browser context.Context) {
	modules := append(slices.Clone(transports), "sse-fetch")
	answers := map[string][]http.HandlerFunc{}
	for _, name := range modules {
		answers["/"+name] = []http.HandlerFunc{refuse(503, ""), refuse(503, ""), refuse(503, "20"), refuse(503, "")}
	}
	address, requests := stage(t, answers)
	p := open(t, browser, address, "status of 503", "WebSocket connection to")
	for _, name := range modules {
		// The state is told before or after the wait is begun, so the test goes on when both were seen.
		got := run[[][]float64](p, fmt.Sprintf(`import("/transports/%[1]s.js").then(({ open }) => new Promise((resolve) => {
			const [set, clear] = [setTimeout, clearTimeout];
			const restored = () => { [setTimeout, clearTimeout] = [set, clear]; };
			const held = new Map(); // timer → how long, in the order in which they were set
			const waits = []; // of each try: without news, and when the network is back
			let tries = 0;
			setTimeout = (call, ms) => {
				if (ms === 60_000 || ms === 0) return set(call, ms); // the watchdog; what is to be done at once
				const timer = -1 - held.size - waits.length;
				held.set(timer, ms);
				return timer;
			};
			clearTimeout = (timer) => held.delete(timer) || clear(timer);
			const connection = open("/%[1]s", {
				onstate: (state) => state === "connecting" && set(() => {
					const [before] = held.values();
					dispatchEvent(new Event("online"));
					const [after = 0] = held.values();
					waits.push([before, after]);
					if (after === 0 && ++tries < 4) return;
					connection.close();
					dispatchEvent(new Event("online")); // nobody listens any more
					waits.push([held.size]);
					set(() => { restored(); resolve(waits); }, 50);
				}),
			});
		}))`, name))
		patient := map[string]int{"longpoll": 3, "httpstream": 3, "sse-fetch": 1}[name] // the try whose wait the server has a say in
		want := patient
		if patient == 0 {
			want = 4 // a status is not seen, nor what comes with it
		}
		if len(got) != want+1 || got[want][0] != 0 {
			t.Errorf("%s: the waits are %v, want %d, and at the end none", name, got, want)
			continue
		}
		for i, wait := range got[:want] {
			before, after := wait[0], wait[1]
			least := 0.0
			switch {
			case i+1 == patient && name == "sse-fetch":
				least = 1000 // the reconnection time, as long as no other was named
			case i+1 == patient:
				least = 20_000
			}
			if before < least || before == 0 || after > least || after < 0.9*least {
				t.Errorf("%s: wait %d of %v ms is %v ms when the network is back, want %v", name, i+1, before, after, least)
			}
		}
		if n := len(requests("/" + name)); n != want {
			t.Errorf("%s: %d requests, want %d", name, n, want)
		}
	}
}

// The clients of the teaching page run in workers, which Chromium does not tell that the network is back.
func testOnlineInWorkers(t *testing.T, browser context.Context) {
	worker, err := os.ReadFile("static/lab/worker.js")
	if err != nil {
		t.Fatal(err)
	}
	const held = `{
		const set = setTimeout;
		self.setTimeout = (call, ms) => (ms > 100 && ms < 60_000 ? 0 : set(call, ms)); // a wait between two tries has no end
	}
	`
	address, _ := stage(t, map[string][]http.HandlerFunc{
		"/lab/worker.js": {typed("text/javascript", held+string(worker))},
		"/httpstream":    {refuse(503, ""), typed("application/x-ndjson", `{"id":"e-1","topic":"$open","data":{}}`+"\n")},
	})
	p := open(t, browser, address, "status of 503")
	run[chromedp.Void](p, `import("/lab/lane.js").then(({ LaneClient, lanes }) => {
		const lab = { clock: { offset: 0 }, laneURL: (lane, path) => location.origin + path };
		window.told = [];
		const lane = new LaneClient(lab, lanes.find(({ name }) => name === "httpstream"));
		lane.addEventListener("state", ({ detail: { state, reason } }) => told.push([state, reason].join(" ").trim()));
		lane.open();
	})`)
	p.wait(`told.join() === "connecting,connecting HTTP 503"`)
	for _, offline := range []bool{true, false} {
		p.do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: offline, DownloadThroughput: -1, UploadThroughput: -1})
			return err
		}))
		p.wait(fmt.Sprintf(`navigator.onLine === %t`, !offline))
	}
	p.wait(`told.join().startsWith("connecting,connecting HTTP 503,open")`)
}
