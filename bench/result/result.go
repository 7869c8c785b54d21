package result

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Schema names the form of result.json. Its number changes when a field changes its meaning or goes;
// new fields may come without that.
const Schema = "pushlab.bench/3"

// FileName is the name of a result's file in its directory.
const FileName = "result.json"

// A Result is everything that a run found out. In JSON all times are nanoseconds, and names say so.
type Result struct {
	// Schema is the constant of that name.
	Schema string `json:"schema"`
	// Started is when the run began, Elapsed how long it took.
	Started time.Time     `json:"started"`
	Elapsed time.Duration `json:"elapsed_ns"`
	// Interrupted says that the run was ended before its time. What it has is still right.
	Interrupted bool `json:"interrupted"`
	// Environment is where it ran.
	Environment Environment `json:"environment"`
	// Command is what was run, as a shell takes it. Who is named in an address there, and with which password, is left
	// out.
	Command string `json:"command,omitempty"`
	// Pin is which cores server and load had, if each had one of its own.
	Pin *Pin `json:"pin,omitempty"`
	// Seed is what the order within the rounds came from.
	Seed uint64 `json:"seed"`
	// Outcomes are what it found, one for each case.
	Outcomes []Outcome `json:"outcomes"`
	// Conditions are what the machine was like meanwhile, and Flags why, if so, no number may be relied
	// on as it stands. A comparison within a round suffers least.
	Conditions *Conditions `json:"conditions,omitempty"`
	Flags      []string    `json:"flags,omitempty"`
	// Targets are the servers that were measured.
	Targets []Target `json:"targets,omitempty"`
}

// A Target says what a target is.
type Target struct {
	// Name is what lanes call it.
	Name string `json:"name"`
	// About says in a sentence what it is.
	About string `json:"about,omitempty"`
	// Version is what it says of its version; "" if it does not tell.
	Version string `json:"version,omitempty"`
}

// An Outcome is what a run found in one case.
type Outcome struct {
	// Case is what was done.
	Case Case `json:"case"`
	// Summaries are what the rounds say together.
	Summaries []Summary `json:"summaries"`
	// Measurements are what was found in each round, in the order in which it was measured.
	Measurements []Measurement `json:"measurements"`
	// LeftOut are lanes that the case asks for and that make no sense.
	LeftOut []Omission `json:"left_out,omitempty"`
	// Added is what variants add to the latencies of the lane that has none.
	Added []Addition `json:"added,omitempty"`
}

// Of returns the measurements of a lane, in the order in which they were made.
func (o Outcome) Of(lane Lane) (measurements []Measurement) {
	for _, m := range o.Measurements {
		if m.Lane == lane {
			measurements = append(measurements, m)
		}
	}
	return measurements
}

// A Pin is which cores server and load have.
type Pin struct {
	Server int `json:"server"`
	Load   int `json:"load"`
}

// Failed reports whether a server did not do its work: events were lost, duplicated or reordered,
// or a transport could not be measured at all.
func (r Result) Failed() bool {
	return slices.ContainsFunc(r.Outcomes, func(o Outcome) bool {
		return slices.ContainsFunc(o.Measurements, func(m Measurement) bool { return len(m.Verdict.Failed) > 0 })
	})
}

// Write writes the result to FileName in the directory, which it makes if need be, and returns the
// file's path.
func (r Result) Write(dir string) (path string, err error) {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return "", fmt.Errorf("bench: writing the result: %w", err)
	}
	path = filepath.Join(dir, FileName)
	return path, WriteFile(path, append(text, '\n'))
}

// WriteFile writes a file, and the folder that it is in if need be. Whoever reads the file never sees half of it.
func WriteFile(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("bench: writing a result: %w", err)
	}
	if err := os.WriteFile(path+".part", content, 0o666); err != nil {
		return fmt.Errorf("bench: writing a result: %w", err)
	}
	if err := os.Rename(path+".part", path); err != nil {
		return fmt.Errorf("bench: writing a result: %w", err)
	}
	return nil
}

// maxText is how many bytes a result may have when it is unpacked.
const maxText = 1 << 30

// Read reads a file that Write wrote, or one that is the same packed by gzip, as the report's page has it.
func Read(path string) (Result, error) {
	text, err := os.ReadFile(path)
	if err == nil && bytes.HasPrefix(text, []byte{0x1f, 0x8b}) { // RFC 1952, section 2.3.1
		text, err = unpacked(text)
	}
	if err != nil {
		return Result{}, fmt.Errorf("bench: reading a result: %w", err)
	}
	var r Result
	if err := json.Unmarshal(text, &r); err != nil {
		return Result{}, fmt.Errorf("bench: %s is no result: %w", path, err)
	}
	if r.Schema != Schema {
		return Result{}, fmt.Errorf("bench: %s has schema %q; this program reads %q: measure again, or use the version that wrote it", path, r.Schema, Schema)
	}
	return r, nil
}

func unpacked(text []byte) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err == nil {
		text, err = io.ReadAll(io.LimitReader(z, maxText))
	}
	if err != nil {
		return nil, fmt.Errorf("unpacking it: %w", err)
	}
	return text, nil
}
