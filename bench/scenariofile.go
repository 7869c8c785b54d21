package bench

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/BurntSushi/toml"

	"pushlab/bench/result"
)

// scenarioFiles are the scenarios that the program has.
//
//go:embed scenarios/*.toml
var scenarioFiles embed.FS

const scenarioSuffix = ".toml"

// ScenarioNames returns what the scenarios are called that the program has: their files, without the end.
func ScenarioNames() (names []string) {
	files, _ := fs.Glob(scenarioFiles, "scenarios/*"+scenarioSuffix) // the pattern is right
	for _, file := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(file), scenarioSuffix))
	}
	return names
}

// ScenarioText returns the file of a scenario that the program has.
func ScenarioText(name string) ([]byte, error) {
	text, err := scenarioFiles.ReadFile("scenarios/" + name + scenarioSuffix)
	if err != nil {
		return nil, fmt.Errorf("bench: unknown scenario %q; use %s, or the path of a file (*%s)", name, strings.Join(ScenarioNames(), ", "), scenarioSuffix)
	}
	return text, nil
}

// FindScenario returns a scenario by its name, if the program has one, or else by the path of its file, which
// has a separator or ends in ".toml".
func FindScenario(name string) (Scenario, error) {
	if strings.ContainsRune(name, filepath.Separator) || strings.HasSuffix(name, scenarioSuffix) {
		text, err := os.ReadFile(name)
		if err != nil {
			return Scenario{}, fmt.Errorf("bench: a scenario cannot be read: %w", err)
		}
		return ReadScenario(name, text)
	}
	text, err := ScenarioText(name)
	if err != nil {
		return Scenario{}, err
	}
	return ReadScenario(name+scenarioSuffix, text)
}

// mustFind is FindScenario for a scenario that the program has; a test reads them all.
func mustFind(name string) Scenario {
	s, err := FindScenario(name)
	if err != nil {
		panic(err)
	}
	return s
}

// defaultScenario is what a file need not say.
func defaultScenario() Scenario {
	return Scenario{
		Kind: result.FanOut, Targets: []string{result.PushlabName}, Transports: result.Transports(), Rounds: 1,
		Sizes: []int{128}, WarmUp: 2 * time.Second, Measure: 10 * time.Second, Drain: 5 * time.Second,
	}
}

// ReadScenario reads a scenario from a file in TOML. Its keys are the fields of a Scenario in lower case with
// underscores, times are texts such as "10s". What it does not say is as follows; the name is the file's,
// and subscribers and rates have to be there:
//
//	kind       = "fanout"
//	targets    = ["pushlab"]
//	transports = ["longpoll", "httpstream", "sse", "websocket"]
//	rounds     = 1
//	sizes      = [128]
//	warm_up    = "2s"
//	measure    = "10s"
//	drain      = "5s"
//
// It fails on a key that is not known and on a value that is not right, and names the file and the key.
func ReadScenario(file string, text []byte) (Scenario, error) {
	fail := func(format string, args ...any) (Scenario, error) {
		return Scenario{}, fmt.Errorf("bench: the scenario %s: %w", file, fmt.Errorf(format, args...))
	}
	var values map[string]any
	if err := toml.Unmarshal(text, &values); err != nil {
		var parse toml.ParseError
		if errors.As(err, &parse) {
			return fail("line %d: %s", parse.Position.Line, parse.Message)
		}
		return fail("%w", err)
	}
	s := defaultScenario()
	s.Name = strings.TrimSuffix(filepath.Base(file), scenarioSuffix)
	keys := slices.Sorted(maps.Keys(values))
	for _, key := range keys {
		field := fieldOf(&s, key)
		if !field.IsValid() {
			return fail("%s is no key; use some of %s", key, strings.Join(scenarioKeys(), ", "))
		}
		if !assign(field, values[key]) {
			return fail("%s: %v is not right; %s is expected", key, values[key], expected(field.Type()))
		}
	}
	for i, v := range s.Variants {
		if v == Direct {
			s.Variants[i] = ""
		}
	}
	for _, key := range []string{"subscribers", "rates"} {
		if _, has := values[key]; !has {
			return fail("%s is missing; %s is expected", key, expected(fieldOf(&s, key).Type()))
		}
	}
	err := s.Validate()
	if err == nil {
		return s, nil
	}
	// Which key is to blame? The one that alone makes a scenario not valid in the same way.
	for _, key := range append([]string{"kind"}, keys...) {
		trial := defaultScenario()
		trial.Name, trial.Limit, trial.Watch, trial.Measure = s.Name, time.Second, s.Watch, time.Minute
		trial.Subscribers, trial.Rates = []int{1}, []float64{1}
		if trial.Kind = s.Kind; key != "kind" {
			assign(fieldOf(&trial, key), values[key])
		}
		if e := trial.Validate(); e != nil && e.Error() == err.Error() {
			return fail("%s: %s", key, plain(err))
		}
	}
	return fail("%s", plain(err))
}

// plain is an error's text without the name of the program's part.
func plain(err error) string { return strings.TrimPrefix(err.Error(), "bench: ") }

// scenarioKeys are the keys of a file, in the order of the fields.
func scenarioKeys() (keys []string) {
	t := reflect.TypeFor[Scenario]()
	for i := range t.NumField() {
		keys = append(keys, keyOf(t.Field(i).Name))
	}
	return keys
}

// keyOf returns what a field is called in a file: WarmUp is warm_up.
func keyOf(field string) string {
	if one := strings.TrimSuffix(field, "s"); one == strings.ToUpper(one) { // ID, RTTs
		return strings.ToLower(field)
	}
	var b strings.Builder
	for i, c := range field {
		if unicode.IsUpper(c) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(c))
	}
	return b.String()
}

// fieldOf returns the field of that key; not valid if there is none.
func fieldOf(s *Scenario, key string) reflect.Value {
	at := slices.Index(scenarioKeys(), key)
	if at < 0 {
		return reflect.Value{}
	}
	return reflect.ValueOf(s).Elem().Field(at)
}

var durationType = reflect.TypeFor[time.Duration]()

// assign puts a value of TOML into a field. It is not ok if it does not fit.
func assign(field reflect.Value, value any) (ok bool) {
	switch v := value.(type) {
	case string:
		if field.Type() == durationType {
			d, err := time.ParseDuration(v)
			field.SetInt(int64(d))
			return err == nil
		}
		if ok = field.Kind() == reflect.String; ok {
			field.SetString(v)
		}
	case bool:
		if ok = field.Kind() == reflect.Bool; ok {
			field.SetBool(v)
		}
	case int64:
		switch {
		case field.Type() == durationType:
		case field.Kind() == reflect.Int:
			field.SetInt(v)
			return true
		case field.Kind() == reflect.Float64:
			field.SetFloat(float64(v))
			return true
		}
	case float64:
		if ok = field.Kind() == reflect.Float64; ok {
			field.SetFloat(v)
		}
	case []any:
		if field.Kind() != reflect.Slice {
			return false
		}
		list := reflect.MakeSlice(field.Type(), len(v), len(v))
		for i, element := range v {
			if !assign(list.Index(i), element) {
				return false
			}
		}
		field.Set(list)
		return true
	}
	return ok
}

// expected says in words what a field holds.
func expected(t reflect.Type) string {
	switch {
	case t == durationType:
		return `a time such as "10s"`
	case t.Kind() == reflect.Slice:
		return "a list in brackets, each of it " + expected(t.Elem())
	case t.Kind() == reflect.String:
		return "a text in quotes"
	case t.Kind() == reflect.Bool:
		return "true or false"
	case t.Kind() == reflect.Float64:
		return "a number"
	default:
		return "a whole number"
	}
}

// AppendFile appends the file of the scenario to dst: what ReadScenario would read, without what it would take
// for granted. That makes a file of a scenario in Go.
func (s Scenario) AppendFile(dst []byte) []byte {
	values := map[string]any{}
	implied := defaultScenario()
	var b bytes.Buffer
	for _, key := range scenarioKeys() {
		field, usual := fieldOf(&s, key), fieldOf(&implied, key)
		if reflect.DeepEqual(field.Interface(), usual.Interface()) || field.Kind() == reflect.Slice && field.Len() == 0 {
			continue
		}
		value := field.Interface()
		switch v := value.(type) {
		case time.Duration:
			value = v.String()
		case []time.Duration:
			var texts []string
			for _, d := range v {
				texts = append(texts, d.String())
			}
			value = texts
		}
		if key == keyOf("Variants") {
			texts := slices.Clone(s.Variants)
			for i, v := range texts {
				texts[i] = cmp.Or(v, Direct)
			}
			value = texts
		}
		clear(values)
		values[key] = value
		toml.NewEncoder(&b).Encode(values) // all types are TOML's, and a buffer takes all
	}
	return append(dst, b.Bytes()...)
}
