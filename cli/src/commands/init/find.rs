//! Looks for the environments of an app: folders that render, by the names that people give them.

use super::order::rank;
use promoter_core::pipeline::PIPELINE_FILE;
use promoter_core::{Diagnosis, LOCK_FILE, Name};
use promoter_kustomize::{FileKind, Files};
use promoter_render::{Rules, SourceKind, Sources};
use promoter_sources::disk::DiskFiles;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Folders whose folders are environments.
const GROUPS: [&str; 4] = ["envs", "overlays", "environments", "env"];

/// What a person asked for.
pub(super) struct Wanted<'a> {
    pub(super) app: Option<&'a Name>,
    /// Empty: all that are there.
    pub(super) environments: &'a [Name],
    /// Folders called like environments alone.
    pub(super) from_dirs: bool,
}

/// A folder that is an environment.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) name: Name,
    /// From the directory of the app.
    pub(super) folder: String,
    pub(super) kind: SourceKind,
}

/// The environments, and the app where the tree names it.
pub(super) struct Environments {
    pub(super) app: Option<Name>,
    pub(super) environments: Vec<Found>,
}

/// Finds the environments below a directory; with a list, those of it in its order.
pub(super) fn find(
    files: &Arc<DiskFiles>,
    directory: &str,
    wanted: &Wanted<'_>,
) -> Result<Environments, Diagnosis> {
    let tree = Tree { files, directory };
    let group = if wanted.from_dirs { None } else { tree.in_group()? };
    let found = match group {
        Some(environments) => Environments { app: None, environments },
        None => tree.by_name(wanted)?,
    };
    if wanted.environments.is_empty() {
        return Ok(found);
    }
    let pick = |name: &Name| {
        found.environments.iter().find(|it| it.name == *name).cloned().ok_or_else(|| {
            let known: Vec<&str> = found.environments.iter().map(|it| it.name.as_str()).collect();
            Diagnosis::input("init-environments", format!("there is no folder for environment `{name}`"))
                .hint(format!("those that were found are {}", known.join(", ")))
        })
    };
    let environments = wanted.environments.iter().map(pick).collect::<Result<Vec<_>, _>>()?;
    Ok(Environments { environments, ..found })
}

/// A name made of a folder's: lower case, with `-` for `_` and `.`.
pub(super) fn name(folder: &str) -> Result<Name, Diagnosis> {
    let text = folder.to_lowercase().replace(['_', '.', ' '], "-");
    text.parse().map_err(|_| {
        Diagnosis::input("init-environments", format!("folder `{folder}` makes no name"))
            .hint("use letters, digits and `-`, or give the pipeline another name with `--name`")
    })
}

/// A path below another.
pub(super) fn join(base: &str, path: &str) -> String {
    if base.is_empty() { path.into() } else { format!("{base}/{path}") }
}

struct Tree<'a> {
    files: &'a Arc<DiskFiles>,
    directory: &'a str,
}

impl Tree<'_> {
    /// The folders of `envs`, `overlays` or the like.
    fn in_group(&self) -> Result<Option<Vec<Found>>, Diagnosis> {
        for group in GROUPS {
            let found = self.sources(group)?;
            if !found.is_empty() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// Folders that are called like environments: each a source itself, or with one for each app.
    fn by_name(&self, wanted: &Wanted<'_>) -> Result<Environments, Diagnosis> {
        let is_one = |it: &str| {
            name(it).is_ok_and(|it| rank(it.as_str()).is_some() || wanted.environments.contains(&it))
        };
        let folders: Vec<String> = self.folders("")?.into_iter().filter(|it| is_one(it)).collect();
        let mut environments = Vec::new();
        for folder in &folders {
            environments.extend(self.source(folder, folder)?);
        }
        if !environments.is_empty() {
            return Ok(Environments { app: None, environments });
        }
        let mut apps = BTreeSet::new();
        for folder in &folders {
            apps.extend(self.sources(folder)?.into_iter().map(|it| it.name));
        }
        let app = match (wanted.app, apps.len()) {
            (Some(app), _) => app.clone(),
            (None, 1) => apps.into_iter().next().ok_or_else(|| self.nothing())?,
            (None, 0) => return Err(self.nothing()),
            (None, _) => {
                let apps: Vec<&str> = apps.iter().map(Name::as_str).collect();
                let cause = format!("the environments hold several apps: {}", apps.join(", "));
                return Err(Diagnosis::input("init-environments", cause)
                    .hint("say which with `--name`: each gets a pipeline of its own"));
            }
        };
        for folder in &folders {
            let own = self.sources(folder)?.into_iter().find(|it| it.name == app);
            if let Some(own) = own {
                environments.push(Found { name: name(folder)?, ..own });
            }
        }
        match environments.is_empty() {
            true => Err(self.nothing()),
            false => Ok(Environments { app: Some(app), environments }),
        }
    }

    fn nothing(&self) -> Diagnosis {
        let directory = if self.directory.is_empty() { "." } else { self.directory };
        Diagnosis::input("init-environments", format!("no environments were found in `{directory}`")).hint(
            "they are looked for in `envs/*`, `overlays/*`, `environments/*`, and in folders called like `dev` or `prod`, \
             with a kustomization, a chart or manifests",
        )
    }

    /// The folders of a folder that are sources.
    fn sources(&self, folder: &str) -> Result<Vec<Found>, Diagnosis> {
        let mut found = Vec::new();
        for own in self.folders(folder)? {
            found.extend(self.source(&join(folder, &own), &own)?);
        }
        Ok(found)
    }

    fn source(&self, folder: &str, named: &str) -> Result<Option<Found>, Diagnosis> {
        let path = join(self.directory, folder);
        let sources = Sources::at(Arc::<DiskFiles>::clone(self.files), &path, Rules::default());
        let kind = sources.map_err(|error| error.diagnosis())?.kind;
        let is_manifest = |it: &String| {
            let is_ours = it == LOCK_FILE || it == PIPELINE_FILE;
            !is_ours && [".yaml", ".yml", ".json"].iter().any(|end| it.ends_with(end))
        };
        if kind == SourceKind::Plain && !self.list(&path).iter().any(is_manifest) {
            return Ok(None);
        }
        Ok(Some(Found { name: name(named)?, folder: folder.into(), kind }))
    }

    /// The folders directly in a folder; none when it is not there. Hidden ones are passed over.
    fn folders(&self, folder: &str) -> Result<Vec<String>, Diagnosis> {
        let path = if folder.is_empty() { self.directory.to_owned() } else { join(self.directory, folder) };
        let is_folder = |it: &String| {
            !it.starts_with('.') && self.files.kind(&join(&path, it)) == Some(FileKind::Directory)
        };
        Ok(self.list(&path).into_iter().filter(is_folder).collect())
    }

    fn list(&self, path: &str) -> Vec<String> {
        match self.files.kind(path) {
            Some(FileKind::Directory) => self.files.list(path).unwrap_or_default(),
            _ => Vec::new(),
        }
    }
}
