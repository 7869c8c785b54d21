package main

import (
	"bytes"
	"encoding/json"
	"text/template"
)

// numbers are written without their names: there are many of them, and the module says which is which.
func (p point) MarshalJSON() ([]byte, error) {
	return json.Marshal([]float64{p.Rate, p.Median, p.Low, p.High})
}

func (s spread) MarshalJSON() ([]byte, error) {
	return json.Marshal([]float64{s.Median, s.Low, s.High})
}

var moduleTemplate = template.Must(template.New("module").Funcs(template.FuncMap{
	"json": func(v any) (string, error) {
		text, err := json.Marshal(v)
		return string(text), err
	},
}).Parse(`/**
 * What lesson 9 shows of docs/study.md. Made by go generate ./web (bench/excerpt) of docs/study/result.json.gz.
 *
 *   points  what was found at each rate: [events a second, median of the rounds, lowest, highest]
 *   limit   milliseconds within which 99 of 100 deliveries came, where points are of what was in time
 *   most    how many deliveries a second were so at most: [median of the rounds, lowest, highest]
 */
export const study = {
  measured: '{{js .Measured}}',
  cores: {{.Cores}},
  cpu: '{{js .CPU}}',
  system: '{{js .System}}',
  go: '{{js .Go}}',
  charts: [{{range .Charts}}
    {
      key: '{{js .Key}}', scenario: '{{js .Scenario}}', subscribers: {{.Subscribers}}, size: {{.Size}}, rounds: {{.Rounds}},{{with .Limit}} limit: {{.}},{{end}}
      lanes: [{{range .Lanes}}
        { name: '{{js .Name}}', points: {{json .Points}}{{with .Most}}, most: {{json .}}{{end}} },{{end}}
      ],
    },{{end}}
  ],
};
`))

// module returns the study as a module of the page.
func (s study) module() ([]byte, error) {
	var b bytes.Buffer
	err := moduleTemplate.Execute(&b, s)
	return b.Bytes(), err
}
