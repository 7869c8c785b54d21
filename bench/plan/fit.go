package plan

import "math"

// fit finds the coefficients, none of them negative, with which columns of rows give y, and the relative
// errors are least in the mean of their squares. Of columns that the rows cannot tell apart it takes the first,
// and one that hardly makes the errors smaller is left out (by the Bayesian information criterion, where
// noise is the relative error that is in the numbers anyway). At most max columns are used. Rows
// whose y is not positive say nothing.
func fit(rows [][]float64, y []float64, max int, noise float64) (coefficients []float64, ok bool) {
	var scaled [][]float64 // so that each row's right side is 1
	for i, row := range rows {
		if y[i] > 0 {
			s := make([]float64, len(row))
			for j, x := range row {
				s[j] = x / y[i]
			}
			scaled = append(scaled, s)
		}
	}
	n := float64(len(scaled))
	if n == 0 || len(scaled[0]) == 0 {
		return nil, false
	}
	columns := len(scaled[0])
	best := math.Inf(1)
	for set := 1; set < 1<<columns; set++ {
		var chosen []int
		for j := range columns {
			if set>>j&1 == 1 {
				chosen = append(chosen, j)
			}
		}
		if len(chosen) > min(max, len(scaled)) {
			continue
		}
		c, solved := solve(scaled, chosen)
		if !solved {
			continue
		}
		squares := 0.0
		for _, row := range scaled {
			e := 1.0
			for i, j := range chosen {
				e -= c[i] * row[j]
			}
			squares += e * e
		}
		if of := n*math.Log(math.Max(squares/n, noise*noise)) + float64(len(chosen))*math.Log(n+1); of < best-1e-6 {
			best, ok = of, true
			coefficients = make([]float64, columns)
			for i, j := range chosen {
				coefficients[j] = c[i]
			}
		}
	}
	return coefficients, ok
}

// solve solves the normal equations of the chosen columns with 1 on the right side. It fails if they depend on
// each other, or if a coefficient comes out negative.
func solve(rows [][]float64, chosen []int) (c []float64, ok bool) {
	p := len(chosen)
	size := make([]float64, p) // columns are brought to length 1 first: their units differ by many orders
	for i, j := range chosen {
		for _, row := range rows {
			size[i] += row[j] * row[j]
		}
		if size[i] = math.Sqrt(size[i]); size[i] == 0 {
			return nil, false
		}
	}
	m := make([][]float64, p)
	for a := range p {
		m[a] = make([]float64, p+1)
		for _, row := range rows {
			x := row[chosen[a]] / size[a]
			for b := range p {
				m[a][b] += x * row[chosen[b]] / size[b]
			}
			m[a][p] += x
		}
	}
	for i := range p { // the matrix is positive definite, or the columns depend on each other
		if m[i][i] < 1e-6 {
			return nil, false
		}
		for r := range p {
			if r == i {
				continue
			}
			f := m[r][i] / m[i][i]
			for k := i; k <= p; k++ {
				m[r][k] -= f * m[i][k]
			}
		}
	}
	c = make([]float64, p)
	for i := range p {
		if c[i] = m[i][p] / m[i][i] / size[i]; c[i] < 0 {
			return nil, false
		}
	}
	return c, true
}
