package plan

import "testing"

func TestFit(t *testing.T) {
	rows := [][]float64{{1, 1, 2}, {1, 2, 4}, {1, 3, 6}, {1, 4, 8}, {1, 5, 10}}
	values := func(of func(x float64) float64) (y []float64) {
		for _, row := range rows {
			y = append(y, of(row[1]))
		}
		return y
	}
	for name, c := range map[string]struct {
		y    []float64
		max  int
		want []float64
	}{
		"a line, of columns that depend on each other the first": {values(func(x float64) float64 { return 10 + 3*x }), 3, []float64{10, 3, 0}},
		"no constant":                        {values(func(x float64) float64 { return 3 * x }), 3, []float64{0, 3, 0}},
		"what would be negative is left out": {values(func(x float64) float64 { return 1e-6 + 100/x }), 3, nil},
		"one column at most":                 {values(func(x float64) float64 { return 1 + 300*x }), 1, []float64{0, 300, 0}},
		"nothing positive":                   {make([]float64, len(rows)), 3, nil},
	} {
		got, ok := fit(rows, c.y, c.max, 1e-4)
		for i, want := range c.want {
			if !ok || got[i] < want-0.02*want-1e-9 || got[i] > want+0.02*want+1e-9 {
				t.Errorf("%s: %v, want %v", name, got, c.want)
				break
			}
		}
		for _, v := range got {
			if v < 0 {
				t.Errorf("%s: %v has a negative coefficient", name, got)
			}
		}
	}
	if _, ok := fit(nil, nil, 3, 0.01); ok {
		t.Error("nothing was fitted")
	}
}
