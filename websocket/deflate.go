package websocket

import (
	"bytes"
	"compress/flate"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"pushlab/common/event"
)

// deflateName is the hub encoding of compressed events.
const deflateName = Name + ".deflate"

// rsv1Bit marks a compressed message, in its first frame: RFC 7692, section 6 (PMD-03).
const rsv1Bit = 0x40

// deflateTail is what a flush leaves at the end of the compressed data. It is not sent: section 7.2.1
// (PMD-03).
var deflateTail = []byte{0x00, 0x00, 0xff, 0xff}

// acceptDeflate reports whether one of the client's offers of permessage-deflate can be accepted:
// RFC 7692, section 5.1 (PMD-01). The answer to it is gorilla's, always the same: neither side
// keeps its window from one message to the next. That is what lets a message be compressed once for
// everybody.
func acceptDeflate(h http.Header) bool {
	for _, field := range h.Values("Sec-WebSocket-Extensions") {
		for offer := range strings.SplitSeq(field, ",") {
			if acceptableOffer(offer) {
				return true
			}
		}
	}
	return false
}

// acceptableOffer declines an offer with a parameter that is unknown, double or has a bad value, as
// section 7.1 (PMD-01) demands, and one that asks for a smaller window, section 7.1.2.1 (PMD-02):
// flate has but one size.
func acceptableOffer(offer string) bool {
	name, params, _ := strings.Cut(offer, ";")
	if strings.TrimSpace(name) != "permessage-deflate" {
		return false
	}
	seen := map[string]bool{}
	for param := range strings.SplitSeq(params, ";") {
		if params == "" {
			break
		}
		name, value, hasValue := strings.Cut(param, "=")
		name = strings.TrimSpace(name)
		if seen[name] {
			return false
		}
		seen[name] = true
		switch name {
		case "server_no_context_takeover", "client_no_context_takeover":
			if hasValue {
				return false
			}
		case "client_max_window_bits": // a hint; we inflate any window
			if hasValue && !windowBits(value) {
				return false
			}
		default: // server_max_window_bits, or nothing that RFC 7692 knows
			return false
		}
	}
	return true
}

// windowBits reports whether a value is one of 8 to 15, without leading zeros (section 7.1.2).
func windowBits(value string) bool {
	value = strings.Trim(strings.TrimSpace(value), `"`)
	n, err := strconv.Atoi(value)
	return err == nil && 8 <= n && n <= 15 && value == strconv.Itoa(n)
}

// deflaters are compressors at rest. Each holds more than a megabyte, so there are as many as are
// used at a time, and not one for each connection.
var deflaters = sync.Pool{New: func() any {
	w, err := flate.NewWriter(nil, flate.BestSpeed)
	if err != nil {
		panic("websocket: " + err.Error()) // the level is a constant
	}
	return w
}}

// appendDeflated is AppendFrame for those with whom compression was agreed: the envelope as a
// compressed message, RFC 7692, section 7.2.1 (PMD-03), or as it is where that is shorter.
func appendDeflated(dst []byte, e event.Event) []byte {
	envelope := e.Envelope()
	var compressed bytes.Buffer
	w := deflaters.Get().(*flate.Writer)
	w.Reset(&compressed)
	w.Write(envelope) // a buffer takes everything
	w.Flush()
	deflaters.Put(w)
	payload := bytes.TrimSuffix(compressed.Bytes(), deflateTail)
	if len(payload) >= len(envelope) {
		return AppendFrame(dst, e)
	}
	first := len(dst)
	dst = appendHeader(dst, opText, len(payload))
	dst[first] |= rsv1Bit
	dst = append(dst, payload...)
	return appendPing(dst, e)
}
