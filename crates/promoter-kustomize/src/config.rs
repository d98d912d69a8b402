//! The field specs in force: the built-in tables plus what `configurations` and `crds` add.
//!
//! A table that nothing was added to is read where it is built in, so an ordinary build copies
//! none. What a base adds also holds for
//! the kustomizations above it.

use std::borrow::Cow;

use crate::error::{BuildError, Result};
use crate::field::FieldSpec;
use crate::id::Gvk;
use crate::order::kind_order;
use crate::tables::{fields, references};

/// Fields that hold names of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NameReference {
    /// API group of the kind that is named, empty for any.
    pub(crate) group: Cow<'static, str>,
    /// Its version, empty for any.
    pub(crate) version: Cow<'static, str>,
    /// The kind.
    pub(crate) kind: Cow<'static, str>,
    /// Where its names stand.
    pub(crate) fields: Vec<FieldSpec>,
}

impl NameReference {
    /// The kind that is named, as a pattern.
    pub(crate) fn gvk(&self) -> Gvk<'_> {
        Gvk { group: &self.group, version: &self.version, kind: &self.kind }
    }
}

/// The tables of plain field specs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    /// `namePrefix`.
    NamePrefix,
    /// `nameSuffix`.
    NameSuffix,
    /// `namespace`.
    Namespace,
    /// `commonLabels` and `labels` with `includeSelectors`.
    CommonLabels,
    /// Every entry of `labels`.
    Labels,
    /// `labels` with `includeTemplates`.
    TemplateLabels,
    /// `commonAnnotations`.
    CommonAnnotations,
    /// `vars`.
    VarReference,
    /// `images`.
    Images,
    /// `replicas`.
    Replicas,
}

impl Table {
    /// Every table with its name in a configuration file.
    pub(crate) const ALL: [(&'static str, Self); 10] = [
        ("namePrefix", Self::NamePrefix),
        ("nameSuffix", Self::NameSuffix),
        ("namespace", Self::Namespace),
        ("commonLabels", Self::CommonLabels),
        ("labels", Self::Labels),
        ("templateLabels", Self::TemplateLabels),
        ("commonAnnotations", Self::CommonAnnotations),
        ("varReference", Self::VarReference),
        ("images", Self::Images),
        ("replicas", Self::Replicas),
    ];

    fn builtin(self) -> &'static [FieldSpec] {
        match self {
            Self::NamePrefix => &fields::NAME_PREFIX,
            Self::NameSuffix => &fields::NAME_SUFFIX,
            Self::Namespace => &fields::NAMESPACE,
            Self::CommonLabels => &fields::COMMON_LABELS,
            Self::Labels => &[],
            Self::TemplateLabels => &fields::TEMPLATE_LABELS,
            Self::CommonAnnotations => &fields::COMMON_ANNOTATIONS,
            Self::VarReference => &fields::VAR_REFERENCE,
            Self::Images => &fields::IMAGES,
            Self::Replicas => &fields::REPLICAS,
        }
    }
}

/// All tables. What is not in a list is built in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    specs: Vec<(Table, Vec<FieldSpec>)>,
    name_reference: Option<Vec<NameReference>>,
}

/// What a configuration file adds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Additions {
    /// Field specs by table.
    pub(crate) specs: Vec<(Table, Vec<FieldSpec>)>,
    /// `nameReference`.
    pub(crate) name_reference: Vec<NameReference>,
}

impl Config {
    /// The specs of a table.
    pub(crate) fn specs(&self, table: Table) -> &[FieldSpec] {
        self.specs.iter().find(|(it, _)| *it == table).map_or(table.builtin(), |(_, specs)| specs)
    }

    /// Name references, in the order in which they are looked at.
    pub(crate) fn name_references(&self) -> &[NameReference] {
        self.name_reference.as_deref().unwrap_or(&references::NAME_REFERENCES)
    }

    /// Takes in the tables of another configuration.
    ///
    /// Errors: both have a field and disagree about `create`.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        for (table, specs) in &other.specs {
            self.add_specs(*table, specs)?;
        }
        self.merge_references(other.name_reference.as_deref().unwrap_or_default())
    }

    /// Takes in what a configuration file adds.
    ///
    /// Errors: as [`Self::merge`].
    pub(crate) fn add(&mut self, additions: &Additions) -> Result<()> {
        for (table, specs) in &additions.specs {
            self.add_specs(*table, specs)?;
        }
        self.merge_references(&additions.name_reference)
    }

    fn add_specs(&mut self, table: Table, incoming: &[FieldSpec]) -> Result<()> {
        let index = match self.specs.iter().position(|(it, _)| *it == table) {
            Some(index) => index,
            None => {
                self.specs.push((table, table.builtin().to_vec()));
                self.specs.len() - 1
            }
        };
        merge_specs(&mut self.specs[index].1, incoming)
    }

    fn merge_references(&mut self, incoming: &[NameReference]) -> Result<()> {
        if incoming.is_empty() {
            return Ok(());
        }
        let mine = self.name_reference.get_or_insert_with(|| references::NAME_REFERENCES.clone());
        for new in incoming {
            match mine.iter_mut().find(|it| it.gvk() == new.gvk()) {
                Some(old) => merge_specs(&mut old.fields, &new.fields)?,
                None => mine.push(new.clone()),
            }
        }
        mine.sort_by(|a, b| kind_order(a.gvk(), b.gvk()));
        Ok(())
    }
}

/// Adds specs to a list.
pub(crate) fn merge_specs(list: &mut Vec<FieldSpec>, incoming: &[FieldSpec]) -> Result<()> {
    incoming.iter().try_for_each(|spec| merge_one(list, spec))
}

/// Adds a spec unless one for the same path is there whose kinds it covers.
fn merge_one(list: &mut Vec<FieldSpec>, new: &FieldSpec) -> Result<()> {
    match list.iter().find(|old| old.gvk().matches(new.gvk()) && old.path == new.path) {
        None => list.push(new.clone()),
        Some(old) if old.create == new.create => {}
        Some(_) => {
            return Err(BuildError::new(
                "kustomize-value",
                format!("the field `{}` is configured twice, with and without `create`", new.path),
            ));
        }
    }
    Ok(())
}
