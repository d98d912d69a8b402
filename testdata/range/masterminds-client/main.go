// Tells what Masterminds/semver v3, which Helm and Kargo read ranges with, makes of every pair of a range and a version. The
// files with one a line are the arguments. Answers with a line for each range: what it accepts, and what it accepts where
// pre-releases are wanted.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/Masterminds/semver/v3"
)

func main() {
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ranges, versions string) error {
	texts, err := lines(versions)
	if err != nil {
		return err
	}
	var parsed []*semver.Version
	for _, text := range texts {
		version, err := semver.NewVersion(text)
		if err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		parsed = append(parsed, version)
	}
	all, err := lines(ranges)
	if err != nil {
		return err
	}
	for _, text := range all {
		constraint, err := semver.NewConstraint(text)
		if err != nil {
			fmt.Printf("%s: refused\n", text)
			continue
		}
		accepted := func() string {
			var names []string
			for index, version := range parsed {
				if constraint.Check(version) {
					names = append(names, texts[index])
				}
			}
			return strings.Join(names, " ")
		}
		fmt.Printf("%s: %s", text, accepted())
		constraint.IncludePrerelease = true
		fmt.Printf(" | %s\n", accepted())
	}
	return nil
}

func lines(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	return strings.Split(strings.TrimRight(string(text), "\n"), "\n"), err
}
