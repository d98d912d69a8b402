module promoter.dev/testdata/go-yaml-client

go 1.25.0

require (
	go.yaml.in/yaml/v3 v3.0.4
	sigs.k8s.io/json v0.0.0-20250730193827-2d320260d730
)
