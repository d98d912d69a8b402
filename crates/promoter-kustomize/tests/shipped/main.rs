//! What promoter ships for Argo CD and Kubernetes: every kustomization builds to the bytes of the real kustomize, the Helm chart gives the
//! same objects, Argo CD's own installation takes the components, Kubernetes' own description takes every object, and no variable is
//! set that no program reads.

#![expect(clippy::unwrap_used, clippy::panic, reason = "what fails here fails the test")]

mod argocd;
mod builds;
mod chart;
mod names;
mod place;
mod safety;
mod schema;
#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "the harness of cases is not used here")]
mod support;
