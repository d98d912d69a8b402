// Writes each line of stdin, a JSON object, as Argo CD's commit server writes a manifest: go-yaml v3 with SetIndent(2),
// over numbers as Kubernetes decodes them. Answers with one JSON string a line.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"os"

	"go.yaml.in/yaml/v3"
	kjson "sigs.k8s.io/json"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	answers := json.NewEncoder(os.Stdout)
	answers.SetEscapeHTML(false)
	for lines.Scan() {
		var object map[string]any
		if err := kjson.UnmarshalCaseSensitivePreserveInts(lines.Bytes(), &object); err != nil {
			return fmt.Errorf("%w: %s", err, lines.Bytes())
		}
		var text bytes.Buffer
		encoder := yaml.NewEncoder(&text)
		encoder.SetIndent(2)
		if err := encoder.Encode(&object); err != nil {
			return err
		}
		if err := encoder.Close(); err != nil {
			return err
		}
		if err := answers.Encode(text.String()); err != nil {
			return err
		}
	}
	return lines.Err()
}
