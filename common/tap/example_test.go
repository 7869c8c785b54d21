package tap_test

import (
	"fmt"
	"strings"

	"pushlab/common/tap"
)

// A parser takes the bytes in pieces of any size, here cut within a chunk's size line.
func ExampleParser() {
	p := tap.NewParser()
	p.Feed(tap.Up, []byte("GET /sse HTTP/1.1\r\nHost: localhost\r\n\r\n"), 0)
	p.Feed(tap.Down, []byte("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"), 0)
	p.Feed(tap.Down, []byte("2"), 0)
	parsed := p.Feed(tap.Down, []byte("0\r\nid: 1\ndata: hello\n\n: a comment\n\n\r\n"), 0)

	var show func(spans []*tap.Span, indent string)
	show = func(spans []*tap.Span, indent string) {
		for _, s := range spans {
			fmt.Printf("%3d+%-2d %s%s", s.Start, s.Length, indent, s.Title())
			if len(s.Children) == 0 {
				fmt.Printf(" %q", s.Text)
			}
			fmt.Println()
			if s.Kind != "sse-field" && s.Kind != "sse-comment" {
				show(s.Children, indent+"  ")
			}
		}
	}
	show(parsed.Spans, "")
	for _, m := range parsed.Messages {
		fmt.Println(m.Kind, strings.TrimSpace(m.ID+" "+m.Label))
	}
	k, _ := tap.Lookup("sse-dispatch")
	fmt.Printf("%s %s\n", k.Text, k.Spec)
	// Output:
	// 80+38 a chunk of 32 bytes
	//  80+2    20 hexadecimal is 32 "20"
	//  82+2    line end "\r\n"
	//  84+32   chunk data
	//  84+19     hello
	//  84+6        id field
	//  90+12       data field
	// 102+1        empty line "\n"
	// 103+13     comment: a comment
	// 103+12       comment
	// 115+1        empty line "\n"
	// 116+2    line end "\r\n"
	// event 1 hello
	// comment comment: a comment
	// chunk a chunk of 32 bytes
	// The empty line dispatches the event: only now does the page see it. Without data there is none. WHATWG HTML, section 9.2.6
}
