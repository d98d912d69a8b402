//! Facts about Kubernetes kinds that kustomize v5.8.1 builds in, as constants.

pub(crate) mod fields;
pub(crate) mod references;
pub(crate) mod scope;
