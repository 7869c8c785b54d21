package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"pushlab/bench/report"
	"pushlab/bench/result"
)

func benchReportCommand(std streams) *cobra.Command {
	var out string
	var formats []string
	cmd := &cobra.Command{
		Use:   "report RESULT",
		Short: "Write the report of a run again, from its values",
		Long: `Write the report of a run again, from its values. RESULT is its ` + result.FileName + `,
or the folder that has it. What is written, and replaced if it is there:
  html       report.html, one page that needs nothing beside it
  csv        result.csv, a row for each number of each measurement
  md         result.md, verdicts and tables as GitHub renders them
  benchstat  result.txt, in the format of Go's benchmarks, for benchstat
  hgrm       hgrm/*.hgrm, distributions for the plotters of HdrHistogram
What it says to claims about the transports that are often made is printed too.`,
		Example: `  pushlab bench report results/today
  pushlab bench report results/today/result.json --format html --out /tmp/shown
  pushlab bench report old && benchstat -col /transport old/result.txt`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := args[0]
			if info, err := os.Stat(path); err == nil && info.IsDir() {
				path = filepath.Join(path, result.FileName)
			}
			found, err := result.Read(path)
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Dir(path)
			}
			if err := (report.Text{Result: found, Color: color(std.out)}).WriteClaims(std.out); err != nil {
				return fmt.Errorf("the report cannot be printed: %w", err)
			}
			return writeReports(std, out, found, formats)
		},
	}
	f := cmd.Flags()
	f.StringVar(&out, "out", "", "the folder for the files, such as /tmp/shown; none is the result's own")
	f.StringSliceVar(&formats, "format", report.Formats(), "what to write, such as html,csv; may be repeated")
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if err := report.CheckFormats(formats); err != nil {
			return &usageError{err}
		}
		return nil
	}
	return cmd
}

// writeReports writes a result for people and other programs, and says where.
func writeReports(std streams, dir string, r result.Result, formats []string) error {
	files, err := report.Files(r, formats)
	if err != nil {
		return err
	}
	if err := report.Write(dir, files); err != nil {
		return err
	}
	var names []string
	histograms := 0
	for _, f := range files {
		if strings.HasPrefix(f.Name, "hgrm/") {
			histograms++
			continue
		}
		names = append(names, filepath.Join(dir, filepath.FromSlash(f.Name)))
	}
	if histograms > 0 {
		names = append(names, filepath.Join(dir, "hgrm", "*.hgrm"))
	}
	_, err = fmt.Fprintf(std.out, "The report is in %s.\n", strings.Join(names, ", "))
	return err
}

// commandLine returns a command with the flags that it was given, on the command line or by variables, as a shell takes
// it; without the users and passwords of addresses.
func commandLine(cmd *cobra.Command) string {
	words := []string{cmd.CommandPath()}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		for _, v := range values {
			words = append(words, "--"+f.Name+"="+quoted(userInfo.ReplaceAllString(v, "://***@")))
		}
	})
	return strings.Join(words, " ")
}

var userInfo = regexp.MustCompile(`://[^/@\s]*@`)

// quoted returns a word that a shell takes as it is.
func quoted(word string) string {
	if word != "" && strings.Trim(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,%+@") == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
