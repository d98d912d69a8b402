//! Running what changes the resources of a kustomization, and what only checks them.
//!
//! Decides that fields come before `transformers`, what is noted of each, and that `validators` leave everything as it is.
//! Leaves to `prepare` which transformers the fields ask for, and to `plugin` those that are files.

use std::rc::Rc;

use promoter_yaml::Node;

use crate::error::{BuildError, Result};
use crate::origin::Origin;
use crate::patch::schema::Builtin;
use crate::plugin::plugin_origin;
use crate::prepare::check_entries;
use crate::resmap::ResMap;
use crate::transform::Transform;

use super::{Accumulator, Shared, Target};

impl Target<'_> {
    /// Runs the fields of the kustomization that change resources, and its transformers.
    pub(super) fn run_transforms(&self, sum: &mut Accumulator, shared: &mut Shared<'_>) -> Result<()> {
        let k = &self.kustomization;
        let mut steps: Vec<(Transform, Option<Origin>, Rc<str>)> = Vec::new();
        for transform in self.transforms(&sum.config)? {
            let by = shared.track_origin.then(|| self.origin_by_builtin(transform.plugin()));
            steps.push((transform, by, Rc::clone(&k.file)));
        }
        for plugin in self.plugins(&k.transformers, shared)? {
            let mut transforms = self.plugin_transforms(&plugin)?.into_iter().peekable();
            while let Some(transform) = transforms.next() {
                // One plugin is noted once, however much it does.
                let by = plugin_origin(&plugin).filter(|_| transforms.peek().is_none());
                steps.push((transform, by, Rc::clone(&plugin.source)));
            }
            check_entries(steps.len(), &k.file)?;
        }
        let spent = sum.resources.spend_all(steps.iter().map(|(transform, ..)| transform));
        spent.map_err(|error| error.at(&k.file, 0))?;
        for (transform, by, file) in steps {
            if transform.merges() {
                shared.builtin_kinds = Builtin::Below;
            }
            transform.run(&mut sum.resources, &shared.schema).map_err(|error| error.at(&file, 0))?;
            if let Some(by) = by {
                sum.resources.charge_each(size_of::<Origin>())?;
                note_change(&mut sum.resources, &by);
            }
            sum.resources.drop_empties();
        }
        Ok(())
    }

    /// Runs validators: transformers that may change nothing but a label that says they were there.
    pub(super) fn run_validators(&self, sum: &mut Accumulator, shared: &mut Shared<'_>) -> Result<()> {
        for plugin in self.plugins(&self.kustomization.validators, shared)? {
            let before: Vec<Node> = sum.resources.list.iter().map(|it| it.node.clone()).collect();
            let transforms = self.plugin_transforms(&plugin)?;
            sum.resources.spend_all(&transforms)?;
            for transform in transforms {
                transform.run(&mut sum.resources, &shared.schema)?;
            }
            let after: Vec<Node> =
                sum.resources.list.iter().map(|it| without_validation_label(&it.node)).collect();
            if after != before {
                let changed = before.iter().zip(&after).position(|(before, after)| before != after);
                let what = changed.map_or("the resources".into(), |at| {
                    format!("`{}`", sum.resources.list[at].original_id())
                });
                let message = format!("the validator `{}` changes {what}", plugin.name());
                return Err(plugin.blame(
                    BuildError::new("kustomize-value", message)
                        .hint("name it below `transformers` if it is to change anything"),
                ));
            }
        }
        Ok(())
    }
}

fn without_validation_label(node: &Node) -> Node {
    let mut node = node.clone();
    let metadata = node.get_mut("metadata").and_then(Node::as_map_mut);
    if let Some(metadata) = metadata
        && let Some(labels) = metadata.get_mut("labels").and_then(Node::as_map_mut)
        && labels.remove("validated-by").is_some()
        && labels.is_empty()
    {
        metadata.remove("labels");
    }
    node
}

/// Notes what changed the resources.
fn note_change(resources: &mut ResMap, by: &Origin) {
    for resource in &mut resources.list {
        if resource.origin.is_none() {
            resource.origin = Some(by.clone());
        } else {
            resource.transformations.push(by.clone());
            resource.unshare_annotations();
        }
    }
}
