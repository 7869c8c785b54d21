package main

import (
	"encoding/binary"
	"fmt"
	"os"
	"strings"
)

// The kernel's "quality of service" interface for power management: while somebody has the file open, no core may sleep so
// deeply that waking takes longer than the microseconds written to it (Documentation/power/pm_qos_interface.rst).
const (
	latencyFile = "/dev/cpu_dma_latency"
	driverFile  = "/sys/devices/system/cpu/cpuidle/current_driver"
)

// keepAwake keeps cores with nothing to do from sleeping, until it is released. It fails where the system has no means to
// do so, or does not let us.
func keepAwake() (release func() error, err error) {
	driver, err := os.ReadFile(driverFile)
	if err == nil && strings.TrimSpace(string(driver)) == "none" {
		err = fmt.Errorf("%s: no driver puts cores to sleep or keeps them from it", driverFile)
	}
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(latencyFile, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	if err := binary.Write(f, binary.NativeEndian, int32(0)); err != nil {
		f.Close()
		return nil, err
	}
	return f.Close, nil
}
