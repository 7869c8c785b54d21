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
	// What sets of columns are chosen from: the products of all of them, the right side last.
	products := make([][]float64, columns)
	for a := range columns {
		products[a] = make([]float64, columns+1)
		for _, row := range scaled {
			for b, x := range row {
				products[a][b] += row[a] * x
			}
			products[a][columns] += row[a]
		}
	}
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
		c, solved := solve(products, chosen)
		if !solved {
			continue
		}
		squares := n
		for a, i := range chosen {
			squares -= 2 * c[a] * products[i][columns]
			for b, j := range chosen {
				squares += c[a] * c[b] * products[i][j]
			}
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

// solve solves the normal equations of the chosen columns, from the products of all. It fails if they depend on
// each other, or if a coefficient comes out negative.
func solve(products [][]float64, chosen []int) (c []float64, ok bool) {
	p, right := len(chosen), len(products)
	size := make([]float64, p) // columns are brought to length 1 first: their units differ by many orders
	for i, j := range chosen {
		if size[i] = math.Sqrt(products[j][j]); size[i] == 0 {
			return nil, false
		}
	}
	m := make([][]float64, p)
	for a, i := range chosen {
		m[a] = make([]float64, p+1)
		for b, j := range chosen {
			m[a][b] = products[i][j] / size[a] / size[b]
		}
		m[a][p] = products[i][right] / size[a]
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
