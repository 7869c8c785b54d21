package wire

import (
	"bytes"
	"io"
	"net/http/httputil"
	"strings"
	"testing"
)

func TestAppendChunk(t *testing.T) {
	for _, c := range []struct{ name, content, want string }{
		{"no content is no chunk, since a chunk of size zero ends the body", "", ""},
		{"one byte", "a", "1\r\na\r\n"},
		{"two digits", strings.Repeat("a", 16), "10\r\n" + strings.Repeat("a", 16) + "\r\n"},
		{"lower-case hexadecimal", strings.Repeat("a", 0xabc), "abc\r\n" + strings.Repeat("a", 0xabc) + "\r\n"},
		{"five digits", strings.Repeat("a", 0x10000), "10000\r\n" + strings.Repeat("a", 0x10000) + "\r\n"},
		{"line ends in the content", "a\r\n\r\n0\r\n\r\n", "a\r\na\r\n\r\n0\r\n\r\n\r\n"},
		{"a content like a chunk", "1\r\na\r\n", "6\r\n1\r\na\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := appendChunk([]byte("before|"), func(dst []byte) []byte { return append(dst, c.content...) })
			if string(got) != "before|"+c.want {
				t.Errorf("got %.80q, want %.80q behind what was there", got, c.want)
			}
			if got := content(got[len("before|"):]); string(got) != c.content {
				t.Errorf("the content came back as %.80q", got)
			}
		})
	}
}

// FuzzChunk: a chunk gives its content back, to us and to net/http, whatever stood before it in the
// buffer and however large that was.
func FuzzChunk(f *testing.F) {
	f.Add([]byte(nil), []byte("hello\n"), 0)
	f.Add([]byte("5\r\nhello\r\n"), []byte("id: a\ndata: b\n\n"), 100)
	f.Add([]byte("x"), []byte("0\r\n\r\n"), 3)
	f.Add([]byte("x"), []byte{}, 0)
	f.Fuzz(func(t *testing.T, before, want []byte, spare int) {
		dst := append(make([]byte, 0, len(before)+max(0, min(spare, 1<<16))), before...)
		got := appendChunk(dst, func(dst []byte) []byte { return append(dst, want...) })
		if !bytes.HasPrefix(got, before) {
			t.Fatalf("%q does not begin with %q", got, before)
		}
		chunk := got[len(before):]
		if !bytes.Equal(content(chunk), want) {
			t.Fatalf("%q has the content %q, want %q", chunk, content(chunk), want)
		}
		read, err := io.ReadAll(httputil.NewChunkedReader(io.MultiReader(bytes.NewReader(chunk), bytes.NewReader(lastChunk))))
		if err != nil || !bytes.Equal(read, want) {
			t.Fatalf("net/http reads %q from %q: %v", read, chunk, err)
		}
	})
}
