//! The parts of an environment: one for each app of a group, else one alone. Each has a source and a lockfile of its own.
//!
//! Decides where the lock of every part lies, and reads `apps` and `source`. That all parts hold the same freight is the
//! observer's to see.

use super::PipelineError;
use super::read::Places;
use crate::fields::Fields;
use crate::{LOCK_FILE, Name};

/// What stands for the app's name in `source`.
const APP: &str = "{app}";
/// A group moves in one commit that people review: so many apps are more than that bears.
const APPS_MAX: usize = 200;
/// Parts of all environments of a group. They are more than what is written in the file.
const PARTS_MAX: usize = 10_000;

/// The parts of an environment, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// The first, or the only one.
    pub first: Part,
    /// The others, in the order of `apps`.
    pub rest: Vec<Part>,
    /// Folders where locks of this environment may lie besides, if `apps` was another one before; `{app}` stands for any
    /// app's name.
    pub besides: Vec<String>,
}

/// What one app of an environment is: a directory that is rendered, and a lockfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The app; `None` in a pipeline without `apps`.
    pub app: Option<Name>,
    /// The directory that is rendered, from the root of the dry branch, normal form (`""` is the root).
    pub source: String,
    /// The lockfile's path on both branches. No other part or environment has it there.
    pub lock_path: String,
}

impl Parts {
    /// All of them, in the order of `apps`.
    pub fn iter(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.first).chain(&self.rest)
    }

    /// True when the pipeline has `apps`.
    pub fn is_group(&self) -> bool {
        self.first.app.is_some()
    }

    /// The folders of [`Self::besides`] for the names that stand in a directory.
    ///
    /// `list` gives the names of what is in a directory, none where there is no directory. Errors: those of `list`.
    pub fn folders_besides<E>(
        &self,
        list: impl Fn(&str) -> Result<Vec<String>, E>,
    ) -> Result<Vec<String>, E> {
        let mut found = Vec::new();
        for folder in &self.besides {
            let Some((before, after)) = folder.split_once(APP) else {
                found.push(folder.clone());
                continue;
            };
            let (directory, prefix) = before.rsplit_once('/').unwrap_or(("", before));
            let suffix = after.split('/').next().unwrap_or_default();
            let names = list(directory)?.into_iter().filter_map(|it| {
                let name: Name = it.strip_prefix(prefix)?.strip_suffix(suffix)?.parse().ok()?;
                Some(folder.replace(APP, name.as_str()))
            });
            found.extend(names);
        }
        found.retain(|folder| self.iter().all(|it| it.folder() != folder));
        Ok(found)
    }
}

impl Part {
    /// The folder that holds the lock, and the manifests where they are hydrated; `""` is the root.
    pub fn folder(&self) -> &str {
        self.lock_path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// `app `web`: ` before what is wrong with it; nothing in a pipeline without `apps`.
    pub fn words(&self) -> String {
        self.app.as_ref().map_or_else(String::new, |it| format!("app `{it}`: "))
    }
}

/// Reads `apps`: the names of a group, none without it.
pub(super) fn apps(spec: &Fields<'_>) -> Result<Vec<Name>, PipelineError> {
    if spec.get("apps").is_none() {
        return Ok(Vec::new());
    }
    let wrong = |why: String, hint: &str| spec.wrong("apps", why, hint);
    let name = |it: &str| it.parse::<Name>().map_err(|it| wrong(it.to_string(), "write names like `api`"));
    let names = spec.texts("apps")?.into_iter().map(name).collect::<Result<Vec<_>, _>>()?;
    if names.is_empty() {
        return Err(wrong("it names no app".into(), "name each app of the group, or leave `apps` out").into());
    }
    let environments = spec.items("environments")?.len();
    if names.len() > APPS_MAX || names.len() * environments > PARTS_MAX {
        let why = format!(
            "{} apps in {environments} environments are more than {APPS_MAX} apps, or {PARTS_MAX} in all environments",
            names.len()
        );
        return Err(wrong(why, "make several pipelines of it").into());
    }
    let mut seen = std::collections::BTreeSet::new();
    match names.iter().find(|it| !seen.insert(*it)) {
        Some(twice) => Err(wrong(format!("`{twice}` is there twice"), "name each app once").into()),
        None => Ok(names),
    }
}

/// Reads the `source` of an environment: the parts that it makes with the apps of the group.
pub(super) fn parts(
    fields: &Fields<'_>,
    path: &str,
    places: &Places,
    apps: &[Name],
) -> Result<Parts, PipelineError> {
    let source = source(fields, path)?;
    let wrong = |why: String, hint: &str| fields.wrong("source", why, hint);
    match (apps.is_empty(), source.matches(APP).count()) {
        (true, 0) | (false, 1) => {}
        (true, _) => {
            let hint = "name the apps in `spec.apps`, or write a directory without `{app}`";
            return Err(wrong(format!("`{APP}` stands in it, and the pipeline has no `apps`"), hint).into());
        }
        (false, 0) => {
            let hint = "put `{app}` where the app's name stands, like `{app}/envs/dev`";
            return Err(wrong(
                format!("`{APP}` is not in it, so that all apps would have one directory"),
                hint,
            )
            .into());
        }
        (false, _) => return Err(wrong(format!("`{APP}` stands in it twice"), "write it once").into()),
    }
    let part = |app: Option<&Name>| {
        let source = app.map_or_else(|| source.clone(), |it| source.replace(APP, it.as_str()));
        Part { app: app.cloned(), lock_path: lock_path(&places.folder(app, &source)), source }
    };
    let mut made = apps.iter().map(|it| part(Some(it)));
    let first = made.next().unwrap_or_else(|| part(None));
    Ok(Parts { first, rest: made.collect(), besides: places.folders_besides(&source, !apps.is_empty()) })
}

fn lock_path(folder: &str) -> String {
    if folder.is_empty() { LOCK_FILE.into() } else { format!("{folder}/{LOCK_FILE}") }
}

/// The directory below the file's own, from the root of the dry branch.
fn source(fields: &Fields<'_>, path: &str) -> Result<String, PipelineError> {
    let text: String = fields.require("source")?;
    let base = path.rsplit_once('/').map_or("", |(base, _)| base);
    let leaves = text.split('/').any(|it| it == "..");
    if leaves || text.is_empty() || text.starts_with('/') || text.chars().any(char::is_control) {
        let hint = "write a directory below that of promoter.yaml, like `envs/dev`, or `.`";
        return Err(fields.wrong("source", format!("`{text}` is not below this file"), hint).into());
    }
    let parts = base.split('/').chain(text.split('/')).filter(|it| !matches!(*it, "" | "."));
    Ok(parts.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_besides_are_those_of_other_apps() {
        let part = |folder: &str| Part { app: None, source: String::new(), lock_path: lock_path(folder) };
        let list = |directory: &str| -> Result<Vec<String>, ()> {
            Ok(match directory {
                "apps" => {
                    ["app-api", "app-web", "app-Web", "README.md", "app-x.yaml"].map(String::from).to_vec()
                }
                "shop" => ["api", "old", "manifest.yaml"].map(String::from).to_vec(),
                _ => Vec::new(),
            })
        };
        let besides = |folders: &[&str], own: &str| {
            let besides = folders.iter().map(|it| (*it).to_owned()).collect();
            Parts { first: part(own), rest: Vec::new(), besides }.folders_besides(list).unwrap()
        };
        assert_eq!(besides(&["apps/app-{app}/envs/dev"], "apps/app-web/envs/dev"), ["apps/app-api/envs/dev"]);
        assert_eq!(besides(&["shop", "shop/{app}"], "shop/api"), ["shop", "shop/old"]);
        assert_eq!(besides(&["none/{app}"], "shop/api"), [""; 0]);
    }
}
