package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/jedib0t/go-pretty/v6/text"

	"pushlab/common/tap"
)

// tapShow says how tap shows things.
type tapShow struct {
	hex, explain, color bool
	width               int
}

// A tapView writes records down for people.
type tapView struct {
	tapShow
	conns     map[uint64]*tappedConn
	explained map[string]bool
	zero      time.Duration // when the first connection was opened
	last      time.Duration
	bytes     map[tap.Direction]map[tap.Role]int64
}

// A tappedConn is what is remembered of a connection.
type tappedConn struct {
	raw  map[tap.Direction][]byte // not shown yet
	at   map[tap.Direction]int64  // where that begins
	info *tap.Info
}

func newTapView(show tapShow) *tapView {
	return &tapView{tapShow: show, conns: map[uint64]*tappedConn{}, explained: map[string]bool{},
		bytes: map[tap.Direction]map[tap.Role]int64{tap.Up: {}, tap.Down: {}}}
}

// Styles are what stands between ESC [ and m.
const (
	bold   = "1"
	dim    = "2"
	red    = "1;31"
	upward = "1;34"
	down   = "1;35"
	idText = "1;35" // an event's id, which is the same on every transport
)

var roleStyles = map[tap.Role]string{tap.Head: "36", tap.Framing: "33", tap.Payload: "32", tap.Opaque: dim}

func (v *tapView) styled(style, s string) string { return paint(v.color, style, s) }

// paint gives a text a style, if there are colors.
func paint(color bool, style, s string) string {
	if !color || style == "" || s == "" {
		return s
	}
	return "\x1b[" + style + "m" + s + "\x1b[0m"
}

// record writes a record down. What is not complete yet is not shown.
func (v *tapView) record(r *tap.Record) string {
	var b strings.Builder
	c := v.conns[r.Conn]
	if c == nil {
		c = &tappedConn{raw: map[tap.Direction][]byte{}, at: map[tap.Direction]int64{}}
		v.conns[r.Conn] = c
	}
	if r.Info != nil {
		c.info = r.Info
	}
	v.last = r.At
	switch r.Kind {
	case tap.Opened:
		v.opened(&b, r)
	case tap.Bytes:
		c.raw[r.Dir] = append(c.raw[r.Dir], r.Data...)
	case tap.Finished: // below
	case tap.Reset:
		b.WriteString(v.line(r.At, "✖", red, "the connection was reset (RST), "+r.Text))
	case tap.Closed:
		b.WriteString(v.line(r.At, "■", "", "we have closed the connection"))
	case tap.Noted:
		b.WriteString(v.line(r.At, "·", dim, r.Text))
	default:
		b.WriteString(v.line(r.At, "✖", red, r.Text))
	}
	for _, root := range r.Spans {
		v.root(&b, c, r, root)
	}
	if r.Kind == tap.Finished {
		b.WriteString(v.line(r.At, "■", "", map[tap.Direction]string{tap.Up: "our direction has ended (FIN)", tap.Down: "the server has ended its direction (FIN)"}[r.Dir]))
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

func (v *tapView) opened(b *strings.Builder, r *tap.Record) {
	if len(v.conns) > 1 || v.zero != 0 {
		b.WriteString("\n")
	} else {
		v.zero = r.At
	}
	title := fmt.Sprintf("━━ connection %d · %s · %s ", r.Conn, r.Lane, r.Text)
	b.WriteString(v.styled(bold, title+strings.Repeat("━", max(2, v.width-text.StringWidthWithoutEscSequences(title)))) + "\n")
	if v.color && r.Conn == 1 {
		fmt.Fprintf(b, "   %s   %s   %s   %s\n", v.styled(roleStyles[tap.Head], "heads"), v.styled(roleStyles[tap.Framing], "framing"),
			v.styled(roleStyles[tap.Payload], "payload"), v.styled(idText, "event ids"))
	}
}

// line is something that happened.
func (v *tapView) line(at time.Duration, mark, style, what string) string {
	return fmt.Sprintf("\n%s %s %s\n", v.clock(at), v.styled(style, mark), v.styled(style, printable(what)))
}

// labelWidth is how wide the column before the bytes is.
const labelWidth = 18

// clock is a time as a label.
func (v *tapView) clock(at time.Duration) string {
	return v.styled(dim, fmt.Sprintf("%*.3f s", labelWidth-2, (at-v.zero).Seconds()))
}

// root writes a tree down.
func (v *tapView) root(b *strings.Builder, c *tappedConn, r *tap.Record, root *tap.Span) {
	raw := c.take(root)
	for _, leaf := range leavesOf(root) {
		v.bytes[root.Dir][leaf.Role()] += leaf.Length
	}
	arrow := v.styled(upward, "▲")
	if root.Dir == tap.Down {
		arrow = v.styled(down, "▼")
	}
	title, about := titleOf(root)
	fmt.Fprintf(b, "\n%s %s %s%s", v.clock(r.At), arrow, v.styled(bold, title), v.styled(dim, " · "+byteCount(root.Length)))
	if about != "" {
		room := v.width - labelWidth - 6 - text.StringWidthWithoutEscSequences(title+byteCount(root.Length))
		b.WriteString(v.styled(dim, " · ") + text.Trim(printable(about), max(10, room)))
	}
	b.WriteString("\n")
	v.explain(b, root, false)
	for _, wrong := range containerWrongs(root) {
		v.put(b, "", v.wrap([]piece{{"✖ " + wrong, red}}))
	}
	for _, row := range rowsOf(root) {
		v.row(b, row, raw[row[0].Start-root.Start:row[len(row)-1].End()-root.Start])
	}
}

// take takes the bytes of a tree, which is the next one.
func (c *tappedConn) take(root *tap.Span) []byte {
	raw := c.raw[root.Dir]
	from, to := root.Start-c.at[root.Dir], root.End()-c.at[root.Dir]
	if from < 0 || to > int64(len(raw)) {
		return make([]byte, root.Length) // never: everything is recorded
	}
	c.raw[root.Dir], c.at[root.Dir] = slices.Clone(raw[to:]), root.End()
	return raw[from:to]
}

// titleOf says what a tree is, and what it is about.
func titleOf(root *tap.Span) (title, about string) {
	title, about = root.Explanation().Label, root.Label
	switch root.Kind {
	case "frame":
		title += " frame"
	case "request-head":
		title = "request"
	case "response-head":
		title = "response"
	case "chunk":
		var inside []string
		each(root.Children, func(s *tap.Span) {
			if s.Label != "" && slices.Contains([]string{"sse-event", "ndjson-line"}, s.Kind) {
				inside = append(inside, s.Label)
			}
		})
		about = strings.Join(inside, " · ")
	case "last-chunk":
		about = "the body is complete"
	case "json":
		title = "body"
	}
	if root.Part != tap.Whole {
		title += ", " + string(root.Part) + " part"
	}
	return title, about
}

// containers are spans that are shown by what is in them, each part on a row.
var containers = []string{"request-head", "response-head", "chunk", "chunk-data", "last-chunk", "sse-event", "frame", "frame-close", "tls"}

// containerWrongs says what is wrong with a tree as a whole. What is said of a span need not be said again of those around it.
func containerWrongs(root *tap.Span) (list []string) {
	each([]*tap.Span{root}, func(s *tap.Span) {
		if s.Wrong != "" && slices.Contains(containers, s.Kind) && !slices.Contains(list, s.Wrong) {
			list = append(list, s.Wrong)
		}
	})
	return list
}

// rowsOf returns the spans of each row.
func rowsOf(s *tap.Span) (rows [][]*tap.Span) {
	switch {
	case s.Explain == "answer":
		// Each event of an answer is on a row of its own.
		var rest []*tap.Span
		for _, child := range s.Children {
			if child.Kind == "envelope" {
				if len(rest) > 0 {
					rows = append(rows, rest)
				}
				rows, rest = append(rows, []*tap.Span{child}), nil
			} else {
				rest = append(rest, child)
			}
		}
		if len(rest) > 0 {
			rows = append(rows, rest)
		}
		return rows
	case !slices.Contains(containers, s.Kind):
		return [][]*tap.Span{{s}}
	}
	for _, child := range s.Children {
		if last := len(rows) - 1; last >= 0 && endsSizeLine(rows[last], child) {
			rows[last] = append(rows[last], child)
			continue
		}
		rows = append(rows, rowsOf(child)...)
	}
	return rows
}

// endsSizeLine reports whether a span belongs to the size line of a chunk that has begun on a row.
func endsSizeLine(row []*tap.Span, s *tap.Span) bool {
	return row[0].Kind == "chunk-size" && row[len(row)-1].Kind != "chunk-crlf" && (s.Kind == "chunk-extension" || s.Kind == "chunk-crlf")
}

// leavesOf returns the leaves of a tree, in order. Bits are not of their own.
func leavesOf(s *tap.Span) []*tap.Span {
	if len(s.Children) == 0 || s.Children[0].Bits != "" {
		return []*tap.Span{s}
	}
	var leaves []*tap.Span
	for _, child := range s.Children {
		leaves = append(leaves, leavesOf(child)...)
	}
	return leaves
}

// notText are kinds whose bytes are not text, though their Text is one.
var notText = []string{"frame-first", "frame-second", "frame-length16", "frame-length64", "frame-key", "frame-close-code", "frame-binary", "frame-compressed",
	"tls-type", "tls-version", "tls-length", "tls-data", "content-coded"}

// A piece is text in a style.
type piece struct{ text, style string }

// row writes a row down: what it is, and its bytes.
func (v *tapView) row(b *strings.Builder, spans []*tap.Span, raw []byte) {
	first := spans[0]
	label := first.Explanation().Label
	switch first.Kind {
	case "field":
		label = "header field"
	case "json-punctuation", "json-name":
		label = "answer"
	case "frame-text":
		label = "text"
	case "frame-close-code":
		label = "close code"
	}
	var leaves []*tap.Span
	for _, s := range spans {
		leaves = append(leaves, leavesOf(s)...)
	}
	var pieces, notes []piece
	shown := ""
	for _, leaf := range leaves {
		style := roleStyles[leaf.Role()]
		if leaf.Kind == "envelope-id" || leaf.Kind == "cursor" {
			style = idText
		}
		if leaf.Masked {
			style = dim
		}
		content := leaf.Text
		if leaf.Kind == "tls-data" || content == "" {
			content = fmt.Sprintf("(%s)", byteCount(leaf.Length))
		}
		pieces = append(pieces, piece{content, style})
		shown += leaf.Text
		if slices.Contains(notText, leaf.Kind) || leaf.Kind == "chunk-size" {
			if leaf.Label != "" {
				notes = append(notes, piece{"   " + leaf.Label, dim})
			}
		}
	}
	if first.Part != tap.Whole {
		notes = append(notes, piece{"   (its " + string(first.Part) + " part)", dim})
	}
	var lines []string
	if v.hex {
		lines = v.hexLines(leaves, raw)
		if shown != string(raw) {
			lines = append(lines, v.wrap(append(append([]piece{{"= ", dim}}, pieces...), notes...))...)
		} else if len(notes) > 0 {
			lines = append(lines, v.wrap(notes)...)
		}
	} else {
		lines = v.wrap(append(pieces, notes...))
	}
	for _, s := range spans {
		each([]*tap.Span{s}, func(s *tap.Span) {
			if s.Wrong != "" {
				lines = append(lines, v.wrap([]piece{{"✖ " + s.Wrong, red}})...)
			}
		})
	}
	v.put(b, label, lines)
	for i, s := range spans {
		v.explain(b, s, i > 0)
	}
}

// put writes lines down behind a label.
func (v *tapView) put(b *strings.Builder, label string, lines []string) {
	for _, line := range lines {
		pad := strings.Repeat(" ", max(0, labelWidth-text.StringWidthWithoutEscSequences(label)))
		fmt.Fprintf(b, "%s%s %s %s\n", pad, v.styled(dim, label), v.styled(dim, "│"), line)
		label = ""
	}
}

// mostLines is how many lines a row may take.
const mostLines = 12

// wrap breaks pieces into lines.
func (v *tapView) wrap(pieces []piece) []string {
	room := v.width - labelWidth - 3
	var lines []string
	var line strings.Builder
	used := 0
	for i, p := range pieces {
		var run strings.Builder
		style := p.style
		flush := func() {
			line.WriteString(v.styled(style, run.String()))
			run.Reset()
		}
		for n, r := range p.text {
			s := visible(r)
			size := text.StringWidthWithoutEscSequences(s)
			if used+size > room {
				flush()
				lines = append(lines, line.String())
				line.Reset()
				used = 0
				if len(lines) == mostLines {
					rest := len(p.text) - n
					for _, p := range pieces[i+1:] {
						rest += len(p.text)
					}
					return append(lines, v.styled(dim, fmt.Sprintf("… and %s more", byteCount(int64(rest)))))
				}
			}
			if next := styleOf(p.style, r); next != style {
				flush()
				style = next
			}
			run.WriteString(s)
			used += size
		}
		flush()
	}
	return append(lines, line.String())
}

// styleOf is the style of a rune in a piece: what is not there as such is dimmed.
func styleOf(style string, r rune) string {
	if r < ' ' || r == 0x7f {
		return strings.TrimSuffix(dim+";"+style, ";")
	}
	return style
}

// visible shows what a terminal would not, or would obey.
func visible(r rune) string {
	switch {
	case r == '\n':
		return `\n`
	case r == '\r':
		return `\r`
	case r == '\t':
		return `\t`
	case r < ' ' || r == 0x7f:
		return fmt.Sprintf(`\x%02x`, r)
	case !unicode.IsPrint(r):
		return string(utf8.RuneError)
	}
	return string(r)
}

func printable(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteString(visible(r))
	}
	return b.String()
}

// hexLines shows bytes in hexadecimal, and as text beside.
func (v *tapView) hexLines(leaves []*tap.Span, raw []byte) (lines []string) {
	per := 16
	for per > 4 && v.width-labelWidth-3 < 8+per*4 {
		per /= 2
	}
	start := leaves[0].Start
	roleAt := func(i int) string {
		for _, leaf := range leaves {
			if start+int64(i) < leaf.End() {
				return roleStyles[leaf.Role()]
			}
		}
		return ""
	}
	for at := 0; at < len(raw); at += per {
		if len(lines) == 2*mostLines {
			return append(lines, v.styled(dim, fmt.Sprintf("… and %s more", byteCount(int64(len(raw)-at)))))
		}
		piece := raw[at:min(len(raw), at+per)]
		var left, right strings.Builder
		for from := 0; from < len(piece); {
			to := from + 1
			for to < len(piece) && roleAt(at+to) == roleAt(at+from) {
				to++
			}
			var digits, chars strings.Builder
			for _, c := range piece[from:to] {
				fmt.Fprintf(&digits, "%02x ", c)
				if c < ' ' || c > '~' {
					c = '.'
				}
				chars.WriteByte(c)
			}
			left.WriteString(v.styled(roleAt(at+from), digits.String()))
			right.WriteString(v.styled(roleAt(at+from), chars.String()))
			from = to
		}
		offset := v.styled(dim, fmt.Sprintf("%06x", start+int64(at)))
		lines = append(lines, fmt.Sprintf("%s  %s%s %s", offset, left.String(), strings.Repeat("   ", per-len(piece)), right.String()))
	}
	return lines
}

// unexplained are kinds that say themselves what they are.
var unexplained = []string{"separator", "crlf", "json-punctuation", "json-name", "json-value", "field-name", "field-value", "sse-name", "sse-value", "chunk-data"}

// explain explains what is seen for the first time.
func (v *tapView) explain(b *strings.Builder, s *tap.Span, further bool) {
	if !v.tapShow.explain {
		return
	}
	v.sentence(b, s, further)
	if slices.Contains(containers, s.Kind) { // whose parts have rows
		return
	}
	each(s.Children, func(s *tap.Span) { v.sentence(b, s, true) })
}

func (v *tapView) sentence(b *strings.Builder, s *tap.Span, named bool) {
	k := s.Explanation()
	if v.explained[k.Key] || k.Text == "" || slices.Contains(unexplained, k.Key) {
		return
	}
	v.explained[k.Key] = true
	sentence := k.Text
	if named {
		sentence = k.Label + ": " + sentence
	}
	if k.Spec != "" {
		sentence += " (" + k.Spec + ")"
	}
	indent := "↳ "
	for _, line := range strings.Split(text.WrapSoft(sentence, max(20, v.width-labelWidth-5)), "\n") {
		v.put(b, "", []string{v.styled("3;"+dim, indent+strings.TrimRight(line, " "))})
		indent = "  "
	}
}

func byteCount(n int64) string {
	if n == 1 {
		return "1 byte"
	}
	return grouped(n) + " bytes"
}

// grouped writes a number with commas.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// summary says what it all has cost, if there were that many events.
func (v *tapView) summary(events int) string {
	var b strings.Builder
	count := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprint(n, " ", what, "s")
	}
	delete(v.conns, 0) // of notes
	title := fmt.Sprintf("━━ %s in %.1f s · %s ", count(events, "event"), (v.last - v.zero).Seconds(), count(len(v.conns), "connection"))
	fmt.Fprintf(&b, "\n%s\n", v.styled(bold, title+strings.Repeat("━", max(2, v.width-text.StringWidthWithoutEscSequences(title)))))
	for _, dir := range []tap.Direction{tap.Up, tap.Down} {
		total := int64(0)
		var parts []string
		for _, role := range []tap.Role{tap.Head, tap.Framing, tap.Payload, tap.Opaque} {
			if n := v.bytes[dir][role]; n > 0 {
				total += n
				parts = append(parts, v.styled(roleStyles[role], fmt.Sprintf("%s %s", role, grouped(n))))
			}
		}
		arrow := map[tap.Direction]string{tap.Up: v.styled(upward, "▲"), tap.Down: v.styled(down, "▼")}[dir]
		fmt.Fprintf(&b, "   %s %14s   %s\n", arrow, byteCount(total), strings.Join(parts, "   "))
	}
	if events > 0 {
		framing := v.bytes[tap.Down][tap.Framing]
		heads := v.bytes[tap.Down][tap.Head] + v.bytes[tap.Up][tap.Head]
		fmt.Fprintf(&b, "   each event, control events included: %.0f bytes of heads, %.0f of framing, %.0f of payload\n",
			per(heads, events), per(framing, events), per(v.bytes[tap.Down][tap.Payload], events))
	}
	var segments, data, again uint32
	var rtt time.Duration
	for _, c := range v.conns {
		if c.info == nil {
			continue
		}
		segments += c.info.SegmentsIn + c.info.SegmentsOut
		data += c.info.DataIn + c.info.DataOut
		again += c.info.Retransmits
		rtt = max(rtt, c.info.RTT)
	}
	if segments > 0 {
		fmt.Fprintf(&b, "   TCP: %d segments, %d of them with data, %d sent again; round trip %v\n", segments, data, again, rtt.Round(time.Microsecond))
	}
	return b.String()
}

func per(n int64, events int) float64 { return float64(n) / float64(events) }
