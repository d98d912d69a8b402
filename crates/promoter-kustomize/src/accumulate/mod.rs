//! One kustomization after the other: resources, generators, components, transformers, in kustomize's order.
//!
//! An [`Accumulator`] is what a kustomization hands up to the one that names it. What must wait until everything is
//! together (hashes, references, vars, the order) is `finish`'s. `schema` obeys `openapi`, `steps` runs what changes the
//! resources.

mod schema;
mod steps;

use crate::config::{Additions, Config};
use crate::configuration::{read_configuration, read_crds};
use crate::error::{BuildError, Result};
use crate::kustomization::reader::At;
use crate::kustomization::{Kustomization, Variable};
use crate::loader::{Entry, Loader};
use crate::origin::Origin;
use crate::patch::schema::{Builtin, Schema};
use crate::resmap::{ResMap, TakenIds};
use crate::variables::note_readers;
use crate::{Externals, Options, read};

/// What a kustomization hands up.
#[derive(Default)]
pub(crate) struct Accumulator {
    /// Its resources.
    pub(crate) resources: ResMap,
    /// The field specs in force, those of its bases among them.
    pub(crate) config: Config,
    /// Its vars and those of its bases.
    pub(crate) variables: Vec<Variable>,
}

/// What all kustomizations of a build share.
pub(crate) struct Shared<'a> {
    /// The command line.
    pub(crate) options: &'a Options,
    /// Helm.
    pub(crate) externals: &'a dyn Externals,
    /// Lines for stderr.
    pub(crate) warnings: Vec<String>,
    /// What is known about kinds.
    pub(crate) schema: Schema,
    /// True once an `openapi` field chose the schema; the outermost one does.
    pub(crate) schema_is_set: bool,
    /// What an `openapi` document would leave of the built-in kinds now.
    pub(crate) builtin_kinds: Builtin,
    /// True when `buildMetadata` of the top kustomization asks for anything.
    pub(crate) track_origin: bool,
}

/// A kustomization being worked on.
pub(crate) struct Target<'a> {
    /// Its directory.
    pub(crate) loader: Loader<'a>,
    /// What it says.
    pub(crate) kustomization: Kustomization,
    /// Its directory relative to the top one or in its repository, as the entries on the way spell it.
    origin: Origin,
    /// The namespace that charts get when nothing closer says one.
    pub(crate) helm_namespace: String,
}

impl Accumulator {
    /// Takes in what a base handed up.
    fn merge(&mut self, base: Self, taken: &mut TakenIds) -> Result<()> {
        self.resources.copied += base.resources.copied;
        self.resources.steps += base.resources.steps;
        self.resources.append_all(base.resources.list, taken)?;
        self.config.merge(&base.config)?;
        base.variables.into_iter().try_for_each(|it| self.add_variable(it))
    }

    fn add_variable(&mut self, variable: Variable) -> Result<()> {
        if self.variables.iter().any(|it| it.name.value == variable.name.value) {
            let message = format!("the var `{}` is there twice", variable.name.value);
            return Err(BuildError::new("kustomize-conflict", message).line(variable.name.line));
        }
        self.variables.push(variable);
        Ok(())
    }
}

impl<'a> Target<'a> {
    /// Opens the top kustomization.
    pub(crate) fn top(loader: Loader<'a>, shared: &mut Shared<'_>) -> Result<Self> {
        let this = Self::load(loader, Origin::default(), String::new(), shared)?;
        shared.track_origin = !this.kustomization.build_metadata.is_empty();
        Ok(this)
    }

    fn load(
        loader: Loader<'a>,
        origin: Origin,
        helm_namespace: String,
        shared: &mut Shared<'_>,
    ) -> Result<Self> {
        let (file, node) = loader.kustomization()?;
        let kustomization = Kustomization::read(node.as_ref(), &file)?;
        shared.warnings.extend(kustomization.warnings.iter().map(|it| (*it).to_owned()));
        let this = Self { loader, kustomization, origin, helm_namespace };
        this.choose_schema(shared)?;
        Ok(this)
    }

    /// Works through the kustomization. `sum` is empty, or for a component what its parent has so far.
    pub(crate) fn accumulate(&self, mut sum: Accumulator, shared: &mut Shared<'_>) -> Result<Accumulator> {
        let k = &self.kustomization;
        self.accumulate_resources(&mut sum, &k.resources, shared)?;
        self.add_configurations(&mut sum.config)?;
        self.run_generators(&mut sum.resources, shared)?;
        for component in &k.components {
            let loader = self.loader.directory(component, &k.file)?;
            sum = self.accumulate_directory(sum, component, loader, true, shared)?;
        }
        self.run_transforms(&mut sum, shared)?;
        self.run_validators(&mut sum, shared)?;
        sum.resources.spend(k.vars.len())?;
        let noted = note_readers(&mut sum.resources, &k.vars);
        let added = noted.and_then(|()| k.vars.iter().cloned().try_for_each(|it| sum.add_variable(it)));
        added.map_err(|error| error.at(&k.file, 0))?;
        Ok(sum)
    }

    /// Adds what each entry names, file or directory.
    pub(crate) fn accumulate_resources(
        &self,
        sum: &mut Accumulator,
        paths: &[At<String>],
        shared: &mut Shared<'_>,
    ) -> Result<()> {
        let mut taken = TakenIds::of(&sum.resources.list);
        for path in paths {
            match self.loader.open(path, &self.kustomization.file)? {
                Entry::File(file, bytes) => {
                    let mut resources = read::resources(&file, &bytes)?;
                    shared.meet_kinds(&resources);
                    if shared.track_origin {
                        let origin = self.origin_of(&path.value);
                        resources.iter_mut().for_each(|it| it.origin = Some(origin.clone()));
                    }
                    sum.resources.append_all(resources, &mut taken)?;
                }
                Entry::Directory(loader) => {
                    let empty = Accumulator::default();
                    let base = self.accumulate_directory(empty, path, loader, false, shared)?;
                    sum.merge(base, &mut taken).map_err(|error| self.brought_again(path, error))?;
                }
            }
        }
        Ok(())
    }

    /// What a base brings although it is there already is the fault of the entry that names the base.
    fn brought_again(&self, path: &At<String>, error: BuildError) -> BuildError {
        let again = error.path.as_ref().map(|file| format!("`{file}:{}`", error.line));
        let by = match again {
            Some(again) if error.message.ends_with(&again) => format!(", and again by `{}`", path.value),
            Some(again) => format!(", again in {again}, which `{}` brings", path.value),
            None => String::new(),
        };
        BuildError { message: error.message + &by, path: None, line: 0, ..error }
            .at(&self.kustomization.file, path.line)
    }

    fn accumulate_directory(
        &self,
        sum: Accumulator,
        path: &At<String>,
        loader: Loader<'a>,
        as_component: bool,
        shared: &mut Shared<'_>,
    ) -> Result<Accumulator> {
        let own = &self.kustomization.namespace;
        let helm_namespace = if own.is_empty() { self.helm_namespace.clone() } else { own.clone() };
        let target = Self::load(loader, self.origin_of(&path.value), helm_namespace, shared)
            .map_err(|error| error.at(&self.kustomization.file, path.line))?;
        if target.kustomization.is_component != as_component {
            let (is, list) =
                if as_component { ("no component", "resources") } else { ("a component", "components") };
            let message = format!("`{}` is {is}", path.value);
            return Err(BuildError::new("kustomize-value", message)
                .at(&self.kustomization.file, path.line)
                .hint(format!("name it below `{list}`")));
        }
        target.accumulate(sum, shared)
    }

    /// The place that an entry names, relative to the top kustomization or in its repository.
    pub(crate) fn origin_of(&self, entry: &str) -> Origin {
        self.origin.append(entry)
    }

    /// The place of the kustomization file itself.
    pub(crate) fn own_origin(&self) -> Origin {
        self.origin_of(self.kustomization.file.rsplit('/').next().unwrap_or_default())
    }

    /// The origin that a field of this kustomization gives to what it makes or changes.
    pub(crate) fn origin_by_builtin(&self, plugin: &str) -> Origin {
        let Origin { path, repo, reference, .. } = self.own_origin();
        Origin {
            configured_in: path,
            configured_by: ["builtin".to_owned(), plugin.to_owned(), String::new(), String::new()],
            repo,
            reference,
            ..Origin::default()
        }
    }

    fn add_configurations(&self, config: &mut Config) -> Result<()> {
        let k = &self.kustomization;
        let mut own = Config::builtin();
        let mut additions = Additions::default();
        for path in &k.configurations {
            let (file, bytes) = self.loader.read(path, &k.file)?;
            additions.merge(&read_configuration(&file, &bytes)?).map_err(|error| error.at(&file, 0))?;
        }
        own.add(&additions).map_err(|error| error.at(&k.file, 0))?;
        config.merge(&own).map_err(|error| error.at(&k.file, 0))?;
        let mut additions = Additions::default();
        for path in &k.crds {
            let (file, bytes) = self.loader.read(path, &k.file)?;
            additions.merge(&read_crds(&file, &bytes)?).map_err(|error| error.at(&file, 0))?;
        }
        config.add(&additions).map_err(|error| error.at(&k.file, 0))
    }
}
