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

/// Specs of one table, or kinds in that of references: the built-in tables have a hundred at most, and tables are
/// merged spec by spec wherever a kustomization has any of its own.
const SPECS_MAX: usize = 2_000;

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

/// All tables.
///
/// Which specs survive a merge depends on what was there before, and kustomize starts from nothing: so there is a
/// difference between tables that hold nothing yet and tables that hold what is built in.
#[derive(Debug, Clone, Default)]
pub(crate) struct Config {
    /// False until the built-in tables are in.
    is_filled: bool,
    /// The tables that are not as built in.
    specs: Vec<(Table, Vec<FieldSpec>)>,
    name_reference: Option<Vec<NameReference>>,
}

/// What files of `configurations` or `crds` add, merged among themselves.
#[derive(Debug, Clone, Default)]
pub(crate) struct Additions {
    specs: Vec<(Table, Vec<FieldSpec>)>,
    name_reference: Vec<NameReference>,
}

impl Additions {
    /// Takes in specs of one table.
    ///
    /// Errors: a field is there already with another `create`.
    pub(crate) fn add_specs(&mut self, table: Table, specs: &[FieldSpec]) -> Result<()> {
        merge_table(&mut self.specs, table, Vec::new, specs)
    }

    /// Takes in name references. Errors: as [`Self::add_specs`].
    pub(crate) fn add_references(&mut self, references: &[NameReference]) -> Result<()> {
        merge_references(&mut self.name_reference, references)
    }

    /// Takes in what another file adds. Errors: as [`Self::add_specs`].
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        other.specs.iter().try_for_each(|(table, specs)| self.add_specs(*table, specs))?;
        self.add_references(&other.name_reference)
    }

    fn is_empty(&self) -> bool {
        self.specs.is_empty() && self.name_reference.is_empty()
    }
}

impl Config {
    /// The built-in tables.
    pub(crate) fn builtin() -> Self {
        Self { is_filled: true, ..Self::default() }
    }

    /// The specs of a table.
    pub(crate) fn specs(&self, table: Table) -> &[FieldSpec] {
        self.specs.iter().find(|(it, _)| *it == table).map_or(table.builtin(), |(_, specs)| specs)
    }

    /// How many fields with names there are besides the built-in ones.
    pub(crate) fn own_references(&self) -> usize {
        let count = |list: &[NameReference]| list.iter().map(|it| it.fields.len()).sum::<usize>();
        let own = self.name_reference.as_deref().map_or(0, count);
        own.saturating_sub(count(&references::NAME_REFERENCES))
    }

    /// Name references, in the order in which they are looked at.
    pub(crate) fn name_references(&self) -> &[NameReference] {
        self.name_reference.as_deref().unwrap_or(&references::NAME_REFERENCES)
    }

    /// Takes in the tables of another configuration, which are filled.
    ///
    /// Errors: both have a field and disagree about `create`.
    pub(crate) fn merge(&mut self, other: &Self) -> Result<()> {
        let was_filled = std::mem::replace(&mut self.is_filled, true);
        for (table, specs) in &other.specs {
            let start = || if was_filled { table.builtin().to_vec() } else { Vec::new() };
            merge_table(&mut self.specs, *table, start, specs)?;
        }
        match &other.name_reference {
            None => Ok(()),
            Some(references) => self.add_references(references),
        }
    }

    /// Takes in what files add.
    ///
    /// Errors: as [`Self::merge`].
    pub(crate) fn add(&mut self, additions: &Additions) -> Result<()> {
        if additions.is_empty() {
            return Ok(());
        }
        for (table, specs) in &additions.specs {
            merge_table(&mut self.specs, *table, || table.builtin().to_vec(), specs)?;
        }
        if additions.name_reference.is_empty() {
            Ok(())
        } else {
            self.add_references(&additions.name_reference)
        }
    }

    fn add_references(&mut self, incoming: &[NameReference]) -> Result<()> {
        let mine = self.name_reference.get_or_insert_with(|| references::NAME_REFERENCES.clone());
        merge_references(mine, incoming)
    }
}

/// Merges specs into one table of a list, which begins as `start` says.
fn merge_table(
    tables: &mut Vec<(Table, Vec<FieldSpec>)>,
    table: Table,
    start: impl FnOnce() -> Vec<FieldSpec>,
    incoming: &[FieldSpec],
) -> Result<()> {
    let index = match tables.iter().position(|(it, _)| *it == table) {
        Some(index) => index,
        None => {
            tables.push((table, start()));
            tables.len() - 1
        }
    };
    let list = &mut tables[index].1;
    merge_specs(list, incoming)?;
    list.sort_by(|a, b| kind_order(a.gvk(), b.gvk()));
    Ok(())
}

fn merge_references(mine: &mut Vec<NameReference>, incoming: &[NameReference]) -> Result<()> {
    for new in incoming {
        let count = mine.len();
        match mine.iter_mut().find(|it| it.gvk() == new.gvk()) {
            Some(old) => merge_specs(&mut old.fields, &new.fields)?,
            None if count >= SPECS_MAX => return Err(too_many_specs()),
            None => mine.push(new.clone()),
        }
    }
    mine.sort_by(|a, b| kind_order(a.gvk(), b.gvk()));
    Ok(())
}

fn too_many_specs() -> BuildError {
    let message = format!("more than {SPECS_MAX} fields or kinds are configured for one purpose");
    BuildError::new("kustomize-limit", message)
}

/// Adds specs to a list, each unless one for the same path is there whose kinds it covers.
pub(crate) fn merge_specs(list: &mut Vec<FieldSpec>, incoming: &[FieldSpec]) -> Result<()> {
    for new in incoming {
        match list.iter().find(|old| old.path == new.path && old.gvk().matches(new.gvk())) {
            None if list.len() >= SPECS_MAX => return Err(too_many_specs()),
            None => list.push(new.clone()),
            Some(old) if old.create == new.create => {}
            Some(_) => {
                let message =
                    format!("the field `{}` is configured both with and without `create`", new.path);
                return Err(BuildError::new("kustomize-value", message));
            }
        }
    }
    Ok(())
}
