package main

import (
	"encoding/json"
	"errors"

	"github.com/spf13/cobra"

	"pushlab/bench/doctor"
)

func benchDoctorCommand(std streams) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Tell what this machine can measure, and what to do about the rest",
		Long: `Tell what this machine can measure: how many subscribers, how exactly, and which
of the comparisons; and what to do about the rest. It takes a few seconds, in
which the machine should be as quiet as it is going to be in a run.

It changes nothing. It fails only if nothing can be measured at all. What proxies do to
a server's events is told by 'pushlab doctor URL'.`,
		Example: `  pushlab bench doctor
  pushlab bench doctor --json | jq '.checks[] | select(.state != "ok")'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found := doctor.Examine(cmd.Context(), doctor.This())
			if err := showDoctor(found, asJSON, std); err != nil {
				return err
			}
			if found.Subscribers == 0 {
				return errors.New("nothing can be measured on this machine")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "write it as JSON")
	return cmd
}

func showDoctor(found doctor.Report, asJSON bool, std streams) error {
	if asJSON {
		encoder := json.NewEncoder(std.out)
		encoder.SetIndent("", "  ")
		encoder.SetEscapeHTML(false)
		return encoder.Encode(found)
	}
	colored := color(std.out)
	styles := map[doctor.State]string{doctor.OK: "32", doctor.Limited: "33", doctor.Missing: red}
	return found.Write(std.out, func(state doctor.State, text string) string { return paint(colored, styles[state], text) })
}
