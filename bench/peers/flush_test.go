package peers

import "testing"

func TestFlush(t *testing.T) {
	url := start(t, Flush)
	testFanOut(t, url, func() func() string { return events(t, url, "") })
}

func TestFlushResumes(t *testing.T) {
	url := start(t, Flush)
	publisher := dial(t, url+"/publish")
	publish(t, publisher, 0, 5)
	next := events(t, url, "2") // IDs count from 1
	publish(t, publisher, 5, 8)
	expect(t, next, 2, 8)
}
