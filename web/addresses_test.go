package web

import (
	"fmt"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// TestManyAddresses: whoever comes from more addresses than can be remembered finds himself in one place with others; those
// who are quiet make room.
func TestManyAddresses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAddresses(Config{ConnectRate: 0.1})
		enter := func(i int) bool {
			network := netip.MustParseAddr(fmt.Sprintf("2001:db8:%x:%x::1", i>>16, i&0xffff))
			leave, reason, _ := a.enter(network)
			if reason == "" {
				leave()
			}
			return reason == ""
		}
		for i := range maxAddresses {
			if !enter(i) {
				t.Fatalf("the first of address %d is refused", i)
			}
		}
		entered := 0
		for i := range 100 {
			if enter(maxAddresses + i) {
				entered++
			}
		}
		if entered != 1 || len(a.known) != maxAddresses {
			t.Errorf("of 100 that share a place %d entered; %d addresses are known", entered, len(a.known))
		}
		time.Sleep(time.Hour)
		for i := range 100 {
			if !enter(maxAddresses + i) {
				t.Fatal("an hour later there is no room")
			}
		}
		if len(a.known) > 100 {
			t.Errorf("%d addresses are known", len(a.known))
		}
	})
}
