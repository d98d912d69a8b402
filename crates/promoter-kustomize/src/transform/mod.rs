//! What changes resources: one file for each of kustomize's built-in transformers.
//!
//! A [`Transform`] is ready to run: its files are read and its patterns compiled. It comes from a field of a
//! kustomization or from a plugin file; both run here.

mod images;
mod labels;
mod namespace;
mod patches;
mod prefix_suffix;
mod replacements;
mod replicas;
mod source;
mod structured;
mod value_add;

use std::collections::BTreeMap;

use crate::error::Result;
use crate::field::FieldSpec;
use crate::generate::hash::add_hashes;
use crate::kustomization::{Replacement, Replica};
use crate::patch::schema::Schema;
use crate::resmap::ResMap;

pub(crate) use images::ImagePattern;
pub(crate) use labels::{check_key, check_keys};
pub(crate) use namespace::{NamespaceChange, Subjects};
pub(crate) use patches::{PatchContent, PatchEntry, read_json, read_strategic};
pub(crate) use prefix_suffix::Side;
pub(crate) use value_add::{ValueAdd, ValueTarget};

/// One step of changing resources.
#[derive(Debug)]
pub(crate) enum Transform {
    /// One entry of `patches`, `patchesStrategicMerge` or `patchesJson6902`.
    Patch(PatchEntry),
    /// `namespace`.
    Namespace(NamespaceChange),
    /// `namePrefix` or `nameSuffix`.
    Name(Side, String, Vec<FieldSpec>),
    /// `labels` or `commonLabels`.
    Labels(BTreeMap<String, String>, Vec<FieldSpec>),
    /// `commonAnnotations`.
    Annotations(BTreeMap<String, String>, Vec<FieldSpec>),
    /// One entry of `replicas`.
    Replicas(Replica, Vec<FieldSpec>),
    /// One entry of `images`.
    Images(ImagePattern, Vec<FieldSpec>),
    /// `replacements`.
    Replacements(Vec<Replacement>),
    /// Hashes at the end of names, which the top otherwise adds once at the end.
    Hash,
    /// The ValueAddTransformer plugin.
    ValueAdd(ValueAdd),
}

impl Transform {
    /// The name of kustomize's plugin.
    pub(crate) fn plugin(&self) -> &'static str {
        match self {
            Self::Patch(entry) => entry.plugin(),
            Self::Namespace(_) => "NamespaceTransformer",
            Self::Name(Side::Prefix, ..) => "PrefixTransformer",
            Self::Name(Side::Suffix, ..) => "SuffixTransformer",
            Self::Labels(..) => "LabelTransformer",
            Self::Annotations(..) => "AnnotationsTransformer",
            Self::Replicas(..) => "ReplicaCountTransformer",
            Self::Images(..) => "ImageTagTransformer",
            Self::Replacements(_) => "ReplacementTransformer",
            Self::Hash => "HashTransformer",
            Self::ValueAdd(_) => "ValueAddTransformer",
        }
    }

    /// True for strategic merges, which ask what is known about kinds.
    pub(crate) fn merges(&self) -> bool {
        let Self::Patch(entry) = self else {
            return false;
        };
        matches!(entry.content, PatchContent::Strategic(_) | PatchContent::OldStrategic(_))
    }

    /// How many fields or targets each resource is looked at for. Whoever runs transforms counts that first, all of
    /// them together, so that hostile input costs no work.
    pub(crate) fn effort(&self) -> usize {
        match self {
            // Several patterns are held against several names.
            Self::Patch(_) => 4,
            Self::Hash => 1,
            Self::Namespace(change) => 1 + change.specs.len(),
            Self::Name(.., specs) | Self::Replicas(_, specs) | Self::Images(_, specs) => 1 + specs.len(),
            Self::Labels(_, specs) | Self::Annotations(_, specs) => 1 + specs.len(),
            Self::Replacements(list) => {
                list.iter().map(|it| 1 + it.targets.as_ref().map_or(0, Vec::len)).sum()
            }
            Self::ValueAdd(add) => add.targets.len(),
        }
    }

    /// The bytes that each resource may be given. Patches and replacements count theirs once they have found their
    /// targets.
    fn bytes_given(&self) -> usize {
        match self {
            Self::Namespace(change) => change.namespace.len(),
            Self::Name(_, text, _) => text.len(),
            Self::Labels(pairs, _) | Self::Annotations(pairs, _) => {
                pairs.iter().map(|(key, value)| key.len() + value.len()).sum()
            }
            Self::Images(image, _) => image.bytes_given(),
            Self::ValueAdd(add) => add.value.len(),
            Self::Patch(_) | Self::Replicas(..) | Self::Replacements(_) | Self::Hash => 0,
        }
    }

    /// Changes the resources.
    pub(crate) fn run(&self, resources: &mut ResMap, schema: &Schema) -> Result<()> {
        resources.charge_each(self.bytes_given())?;
        match self {
            Self::Patch(entry) => entry.run(resources, schema),
            Self::Namespace(change) => change.run(resources),
            Self::Name(side, text, specs) => prefix_suffix::run(resources, *side, text, specs),
            Self::Labels(pairs, specs) | Self::Annotations(pairs, specs) => {
                labels::run(resources, pairs, specs)
            }
            Self::Replicas(replica, specs) => replicas::run(resources, replica, specs),
            Self::Images(image, specs) => image.run(resources, specs),
            Self::Replacements(list) => replacements::run(resources, list),
            Self::Hash => add_hashes(resources),
            Self::ValueAdd(add) => add.run(resources),
        }
    }
}
