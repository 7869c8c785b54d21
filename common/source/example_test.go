package source_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"pushlab/common/source"
)

// Standard input is a source: each line is an event, a JSON value if it is one.
func ExampleParse() {
	src, err := source.Parse("-", source.Env{Stdin: strings.NewReader("{ \"celsius\": 21 }\nhello\n")})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = src.Run(context.Background(), func(_ context.Context, topic string, data json.RawMessage) error {
		fmt.Printf("%s %s\n", topic, data)
		return nil
	})
	fmt.Println("ended:", err)
	// Output:
	// message {"celsius":21}
	// message "hello"
	// ended: <nil>
}

// An error says what to write instead.
func ExampleParse_error() {
	_, err := source.Parse("clock:5", source.Env{})
	fmt.Println(err)
	// Output:
	// source: "clock:5": "5" is not an interval; use a number with a unit, such as 500ms or 2s
}
