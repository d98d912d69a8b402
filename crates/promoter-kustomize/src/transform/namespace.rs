//! `namespace`: every namespaced resource moves there, and so do the references that name a namespace by rule.

use promoter_yaml::{Data, Map, Node};

use crate::error::Result;
use crate::field::{FieldSpec, Leaf, set_keeping_quotes, visit, wrong_type};
use crate::resmap::{ResMap, charge};
use crate::resource::Resource;

/// Which subjects of role bindings move along.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Subjects {
    /// Those named `default`.
    #[default]
    NamedDefault,
    /// All service accounts.
    ServiceAccounts,
    /// None.
    Nobody,
}

/// What is to be done.
#[derive(Debug, Clone, Default)]
pub(crate) struct NamespaceChange {
    /// The namespace; empty does nothing.
    pub(crate) namespace: String,
    /// Fields besides `metadata.namespace`.
    pub(crate) specs: Vec<FieldSpec>,
    /// Only where none is set yet.
    pub(crate) unset_only: bool,
    /// Subjects of role bindings.
    pub(crate) subjects: Subjects,
}

impl NamespaceChange {
    /// Moves the resources.
    ///
    /// Errors: two resources fall together.
    pub(super) fn run(&self, resources: &mut ResMap) -> Result<()> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        let ResMap { list, copied, .. } = &mut *resources;
        for resource in list.iter_mut().filter(|it| !it.is_empty() && !it.helm_namespaced) {
            charge(copied, resource.name().len())?;
            resource.remember();
            self.move_one(resource)?;
        }
        resources.check_unique("by the namespace")
    }

    /// Moves one resource, without noting its earlier name.
    pub(crate) fn move_one(&self, resource: &mut Resource) -> Result<()> {
        if !resource.gvk().is_cluster_scoped() {
            let moved = visit(&mut resource.node, "metadata/namespace", Leaf::Scalar, &mut |it| self.set(it));
            resource.blamed(moved)?;
        }
        let is_binding = matches!(resource.kind(), "RoleBinding" | "ClusterRoleBinding");
        if is_binding {
            let moved = self.move_subjects(resource.node.get_mut("subjects"));
            resource.blamed(moved)?;
        }
        let is_core = resource.api_version() == "v1";
        for spec in &self.specs {
            let by_rule = spec.path == "metadata/namespace"
                || (spec.path == "metadata/name" && !is_core)
                || (is_binding && spec.kind.ends_with("RoleBinding") && spec.path == "subjects/namespace");
            if !by_rule {
                spec.apply(resource, Leaf::Scalar, &mut |node| self.set(node))?;
            }
        }
        Ok(())
    }

    fn move_subjects(&self, subjects: Option<&mut Node>) -> Result<()> {
        let Some(subjects) = subjects.filter(|it| !it.is_null() && self.subjects != Subjects::Nobody) else {
            return Ok(());
        };
        if subjects.as_seq().is_none() {
            return Err(wrong_type(subjects, "a list"));
        }
        for subject in subjects.as_seq_mut().into_iter().flatten() {
            let (key, wanted) = match self.subjects {
                Subjects::NamedDefault => ("name", "default"),
                _ => ("kind", "ServiceAccount"),
            };
            let found = subject.get(key);
            if let Some(found) = found.filter(|it| it.as_scalar().is_none()) {
                return Err(wrong_type(found, "a single value"));
            }
            let chosen = found.and_then(Node::text) == Some(wanted);
            match &mut subject.data {
                Data::Map(map) if chosen => self.set_in(map)?,
                Data::Map(_) => {}
                _ => return Err(wrong_type(subject, "a mapping")),
            }
        }
        Ok(())
    }

    fn set_in(&self, subject: &mut Map) -> Result<()> {
        self.set(subject.get_or_insert_with("namespace", || Node::str("")))
    }

    fn set(&self, node: &mut Node) -> Result<()> {
        if self.unset_only && node.text().is_some_and(|it| !it.is_empty()) {
            return Ok(());
        }
        set_keeping_quotes(node, &self.namespace, |it| Node::str(it))
    }
}
