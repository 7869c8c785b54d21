package main

import (
	"errors"

	"github.com/spf13/cobra"

	"pushlab/bench/result"
	"pushlab/bench/stats"
)

func benchCheckCommand(std streams) *cobra.Command {
	var slo []string
	cmd := &cobra.Command{
		Use:   "check RESULT",
		Short: "Check whether a result reaches objectives",
		Long: `Check whether a result reaches objectives: a file that 'pushlab bench run --out'
wrote, or its folder. What counts is the median of the rounds of each lane; of what
must not happen, the worst round.

` + objectivesHelp() + `

The exit code is 1 if an objective is not reached, if what it is about was not
measured, or if a target failed; 2 if the result or an objective cannot be read.`,
		Example: `  pushlab bench check results/today --slo p99<50ms,loss=0
  pushlab bench check results/today --slo 'pushlab sse:cpu<20us'`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			objectives, err := parseObjectives(slo)
			if err != nil {
				return err
			}
			if len(objectives) == 0 {
				return &usageError{errors.New("no objective; give one with --slo, such as --slo 'p99<50ms,loss=0'")}
			}
			found, err := readResult(args[0])
			if err != nil {
				return err
			}
			return checkObjectives(found, objectives, std)
		},
	}
	cmd.Flags().StringArrayVar(&slo, "slo", nil, "objectives, such as 'p99<50ms,loss=0'; may be repeated")
	return cmd
}

// objectivesHelp says how objectives are written.
func objectivesHelp() string {
	return `--slo says what has to be reached, separated by commas: [LANE:]METRIC, one of
< <= > >= =, and a number with its unit: us, ms or s; B, KiB or MiB. LANE is
one or more of a target, a transport, a variant, and a scenario's name or id.
` + metricsHelp(false)
}

// parseObjectives reads the values of the flag --slo.
func parseObjectives(lists []string) (objectives []stats.Objective, err error) {
	for _, list := range lists {
		more, err := stats.ParseObjectives(list)
		if err != nil {
			return nil, &usageError{err}
		}
		objectives = append(objectives, more...)
	}
	return objectives, nil
}

// checkObjectives tells whether the result reaches the objectives, and fails if it does not, or if a target failed.
func checkObjectives(found result.Result, objectives []stats.Objective, std streams) error {
	var findings []stats.Finding
	for _, o := range objectives {
		findings = append(findings, o.Check(found)...)
	}
	if err := tellFindings(findings, std); err != nil {
		return err
	}
	if found.Failed() {
		return errors.New("a transport failed; 'verdict' in the result says which, and why")
	}
	return nil
}
