package main

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Memory is given back when a crowd has come, though some more come all the time; not while it comes, and not for some.
func TestMemoryIsGivenBack(t *testing.T) {
	for _, c := range []struct {
		name   string
		came   []int64 // in each second
		behind []int   // the seconds behind which it is given back
	}{
		{"nobody", []int64{0, 0, 0}, nil},
		{"some", []int64{10, 900, 0, 0}, nil},
		{"a crowd", []int64{5000, 0, 0, 0}, []int{1}},
		{"a crowd, and one more each second", []int64{5000, 1, 1, 1}, []int{1}},
		{"while it comes", []int64{5000, 5000, 200, 99}, []int{3}},
		{"two crowds", []int64{5000, 50, 1000, 0, 0}, []int{1, 3}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				var opened, freed atomic.Int64
				var running sync.WaitGroup
				running.Go(func() { giveMemoryBack(ctx, opened.Load, func() { freed.Add(1) }) })
				for second, n := range c.came {
					opened.Add(n)
					before := freed.Load()
					time.Sleep(settled)
					synctest.Wait()
					want := int64(0)
					for _, at := range c.behind {
						if at == second {
							want = 1
						}
					}
					if got := freed.Load() - before; got != want {
						t.Errorf("after second %d it was given back %d times, want %d", second, got, want)
					}
				}
				cancel()
				running.Wait()
			})
		})
	}
}
