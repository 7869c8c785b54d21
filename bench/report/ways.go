package report

import (
	"fmt"

	"pushlab/bench/result"
)

// along says what a case's title tells of the way and the data, if they are not as always.
func along(c result.Case) (text string) {
	if c.RTT > 0 {
		text += fmt.Sprintf("; round trips are %v longer", c.RTT)
	}
	if c.Data != result.PadData {
		text += fmt.Sprintf("; %s data", c.Data)
	}
	return text
}
