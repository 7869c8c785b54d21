package main

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A unit is what may stand behind a number, and how many of the plain unit it is.
type unit struct {
	name string
	is   float64
}

// A unitSet is the units of a flag: the first by which its value is a whole number is shown, and the last is the plain one.
type unitSet struct {
	of  string // what the help calls such a value
	all []unit
}

var (
	bandwidthUnits = unitSet{"bits", []unit{{"Tbit/s", 1e12}, {"Gbit/s", 1e9}, {"Mbit/s", 1e6}, {"kbit/s", 1e3}, {"bit/s", 1}}}
	priceUnits     = unitSet{"price", []unit{{"/h", 1}}}
)

// A unitValue is a flag that is a number with a unit, such as 1Gbit/s.
type unitValue struct {
	value *float64
	units unitSet
}

func (v *unitValue) Type() string { return v.units.of }

func (v *unitValue) String() string {
	if v.value == nil { // pflag asks a zero value whether it is the default
		return ""
	}
	for _, u := range v.units.all {
		if *v.value >= u.is && math.Mod(*v.value, u.is) == 0 {
			return strconv.FormatFloat(*v.value/u.is, 'f', -1, 64) + u.name
		}
	}
	return strconv.FormatFloat(*v.value, 'f', -1, 64) + v.units.all[len(v.units.all)-1].name
}

func (v *unitValue) Set(text string) error {
	digits, is, names := text, 1.0, []string{}
	for _, u := range v.units.all {
		names = append(names, u.name)
	}
	for _, u := range v.units.all {
		if before, ok := strings.CutSuffix(text, u.name); ok {
			digits, is = strings.TrimSpace(before), u.is
			break
		}
	}
	number, err := strconv.ParseFloat(digits, 64)
	if err != nil || number < 0 || math.IsInf(number, 0) || math.IsNaN(number) {
		return fmt.Errorf("%q is no such number; the units are %s", text, strings.Join(names, ", "))
	}
	*v.value = number * is
	return nil
}

// A frequencyValue is a flag that says how often something is, such as 20, 20/s, 1/m or 1/5m. A number alone counts per unit.
type frequencyValue struct {
	value *float64 // per unit
	unit  time.Duration
}

func (v *frequencyValue) Type() string { return "frequency" }

func (v *frequencyValue) String() string {
	if v.value == nil { // pflag asks a zero value whether it is the default
		return ""
	}
	return strconv.FormatFloat(*v.value, 'g', -1, 64)
}

func (v *frequencyValue) Set(text string) error {
	digits, per, found := strings.Cut(text, "/")
	number, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	period := v.unit
	if found && err == nil {
		if per = strings.TrimSpace(per); per != "" && (per[0] < '0' || per[0] > '9') {
			per = "1" + per
		}
		period, err = time.ParseDuration(per)
	}
	if err != nil || number < 0 || math.IsInf(number, 0) || math.IsNaN(number) || period <= 0 {
		return fmt.Errorf("%q does not say how often: use a number, or one per s, m or h, such as 20/s, 1/m or 1/5m", text)
	}
	*v.value = number * v.unit.Seconds() / period.Seconds()
	return nil
}

// A wholeValue is a flag that is a whole number, which may be written 5e4.
type wholeValue int

func (v *wholeValue) Type() string   { return "int" }
func (v *wholeValue) String() string { return strconv.Itoa(int(*v)) }

func (v *wholeValue) Set(text string) error {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil || number != math.Trunc(number) || math.Abs(number) > 1e12 {
		return fmt.Errorf("%q is no whole number", text)
	}
	*v = wholeValue(number)
	return nil
}
