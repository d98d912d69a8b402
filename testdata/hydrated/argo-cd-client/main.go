// Writes a hydrated branch with Argo CD's own commit server: one CommitHydratedManifestsRequest as JSON on stdin, the
// id of the hydrated commit on stdout. Message and README come from Argo CD's default templates unless the request
// has its own.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/argoproj/argo-cd/v3/commitserver/apiclient"
	"github.com/argoproj/argo-cd/v3/commitserver/commit"
	"github.com/argoproj/argo-cd/v3/commitserver/metrics"
	"github.com/argoproj/argo-cd/v3/util/git"
	"github.com/argoproj/argo-cd/v3/util/hydrator"
	"github.com/argoproj/argo-cd/v3/util/settings"
)

func main() {
	sha, err := run()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(sha)
}

func run() (string, error) {
	var request apiclient.CommitHydratedManifestsRequest
	if err := json.NewDecoder(os.Stdin).Decode(&request); err != nil {
		return "", err
	}
	if request.ReadmeMessage == "" {
		request.ReadmeMessage = settings.DefaultManifestHydrationReadmeTemplate
	}
	if request.CommitMessage == "" {
		data, err := hydrator.GetCommitMetadata(request.Repo.Repo, request.DrySha, request.DryCommitMetadata)
		if err != nil {
			return "", err
		}
		if request.CommitMessage, err = hydrator.Render(settings.CommitMessageTemplate, data); err != nil {
			return "", err
		}
	}
	service := commit.NewService(git.NoopCredsStore{}, metrics.NewMetricsServer())
	response, err := service.CommitHydratedManifests(context.Background(), &request)
	if err != nil {
		return "", err
	}
	return response.HydratedSha, nil
}
