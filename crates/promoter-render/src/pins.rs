//! From an Application's path to what its lock pins.

use std::collections::BTreeMap;

use promoter_core::{
    CommitId, Content, Digest, GitUrl, LOCK_FILE, PinnedImage, Place, PromotionLock, Repository,
};
use promoter_kustomize::{ChartRequest, FileError, Files, normalise};

use crate::plain::text;
use crate::{ChartPin, ENGINE, Mode, Parameters, PinnedSource, PinsError, RenderError, SourceError};

/// What a lock pins, checked: the first value of the street.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pins {
    /// The lock.
    pub lock: PromotionLock,
    /// The lock's path in the tree where it was found.
    pub lock_path: String,
    /// What to render.
    pub source: PinnedSource,
    /// Which manifests answer.
    pub chosen: Chosen,
    /// What holds for the manifests.
    pub rules: Rules,
}

/// The mode after looking at the lock. The digest is that of the hydrated manifests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chosen {
    /// A live render.
    Live,
    /// The manifests beside the lock.
    Hydrated(Digest),
    /// Those, if a live render gives the same.
    Verify(Digest),
}

/// What a lock asks of the manifests. The default, for sources without a lock, pins and allows nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rules {
    /// Images by repository.
    pub images: BTreeMap<Repository, PinnedImage>,
    /// Charts.
    pub charts: Vec<ChartPin>,
    /// Allows an empty result.
    pub allow_empty: bool,
    /// Names of Secrets that may be hydrated.
    pub allow_secrets: Vec<String>,
    /// The release name of a chart that is the source itself.
    pub release_name: String,
}

impl Rules {
    /// The pin of a chart from a repository.
    pub(crate) fn chart(&self, request: &ChartRequest) -> Option<&ChartPin> {
        let repository = request.repo.as_deref()?.trim_end_matches('/');
        let url: promoter_core::ChartUrl = format!("{repository}/{}", request.name).parse().ok()?;
        self.charts.iter().find(|it| it.url.normal() == url.normal())
    }
}

/// Finds the lock of an Application and reads it.
///
/// Errors: no lock there, a lock that cannot be read or contradicts itself, another environment, hydrated manifests
/// asked for that the lock does not have.
pub fn resolve(files: &dyn Files, app_path: &str, parameters: &Parameters) -> Result<Pins, RenderError> {
    let name = parameters.lockfile.as_deref().unwrap_or(LOCK_FILE);
    let outside = || PinsError::PathOutside { path: name.into(), what: "parameter `lockfile`" };
    let path = normalise(app_path, name).ok_or_else(outside)?;
    let bytes = match files.read(&path) {
        Ok(bytes) => bytes,
        Err(FileError::Missing(_)) => return Err(PinsError::LockMissing { path }.into()),
        Err(error) => return Err(SourceError::File(error).into()),
    };
    let lock = PromotionLock::parse(&text(&path, &bytes)?, &path).map_err(PinsError::Lock)?;
    if let Some(wanted) = &parameters.environment
        && *wanted != lock.environment
    {
        let found = lock.environment;
        return Err(
            PinsError::OtherEnvironment { wanted: wanted.clone(), found, at: Place::new(path, 0) }.into()
        );
    }
    Ok(Pins::of(lock, path, parameters.render)?)
}

impl Pins {
    /// The pins of a lock that is at hand, as the controller has it before it writes it.
    pub fn of(lock: PromotionLock, lock_path: String, mode: Mode) -> Result<Self, PinsError> {
        let at = || Place::new(lock_path.clone(), 0);
        let chosen = match (mode, &lock.render.digest) {
            (Mode::Live, _) | (Mode::Auto, None) => Chosen::Live,
            (Mode::Auto | Mode::Hydrated, Some(digest)) => Chosen::Hydrated(digest.clone()),
            (Mode::Verify, Some(digest)) => Chosen::Verify(digest.clone()),
            (Mode::Hydrated | Mode::Verify, None) => return Err(PinsError::NotHydrated { mode, at: at() }),
        };
        if !matches!(chosen, Chosen::Hydrated(_)) {
            check_engine(lock.render.engine.as_deref(), &at())?;
        }
        let (url, commit) = git_source(&lock, &at())?;
        let source = PinnedSource { url, commit, path: lock.render.source.clone() };
        let rules = rules(&lock, &at())?;
        Ok(Self { lock, lock_path, source, chosen, rules })
    }

    /// The path of a file beside the lock.
    pub(crate) fn beside(&self, name: &str) -> String {
        match self.lock_path.rsplit_once('/') {
            Some((directory, _)) => format!("{directory}/{name}"),
            None => name.into(),
        }
    }
}

/// Refuses a lock whose manifests were made by another renderer or a later one: a render of ours may differ.
/// Manifests that are only served need no engine.
fn check_engine(engine: Option<&str>, at: &Place) -> Result<(), PinsError> {
    let Some(engine) = engine else { return Ok(()) };
    let version = |text: &str| -> Option<(u64, u64)> {
        let mut parts = text.strip_prefix("promoter/")?.split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    match (version(engine), version(ENGINE)) {
        (Some(theirs), Some(ours)) if theirs <= ours => Ok(()),
        _ => Err(PinsError::EngineUnknown { engine: engine.into(), at: at.clone() }),
    }
}

/// The commit that a lock's `render.source` is a directory of.
pub(crate) fn pinned_commit(lock: &PromotionLock) -> Option<CommitId> {
    git_source(lock, &Place::new("", 0)).ok().map(|(_, commit)| commit)
}

/// The repository of that commit.
pub(crate) fn pinned_url(lock: &PromotionLock) -> Option<GitUrl> {
    git_source(lock, &Place::new("", 0)).ok().map(|(url, _)| url)
}

/// The repository and commit that `render.source` is a directory of: the only git artifact, else that named `config`.
fn git_source(lock: &PromotionLock, at: &Place) -> Result<(GitUrl, CommitId), PinsError> {
    let mut found = lock.freight.artifacts().iter().filter_map(|it| match &it.content {
        Content::Git { url, commit } => Some((it.name.as_str(), url, commit)),
        _ => None,
    });
    let first = found.next().ok_or_else(|| PinsError::NoGitSource { at: at.clone() })?;
    let chosen = match found.next() {
        None => Some(first),
        Some(second) => [first, second].into_iter().chain(found).find(|it| it.0 == "config"),
    };
    let (_, url, commit) = chosen.ok_or_else(|| PinsError::ManyGitSources { at: at.clone() })?;
    Ok((url.clone(), commit.clone()))
}

fn rules(lock: &PromotionLock, at: &Place) -> Result<Rules, PinsError> {
    let mut rules = Rules {
        allow_empty: lock.render.allow_empty,
        allow_secrets: lock.render.allow_secrets.clone(),
        release_name: lock.pipeline.to_string(),
        ..Rules::default()
    };
    for artifact in lock.freight.artifacts() {
        match &artifact.content {
            Content::Git { .. } => {}
            Content::Chart { url, version, digest } => {
                rules.charts.push(ChartPin {
                    url: url.clone(),
                    version: version.clone(),
                    digest: digest.clone(),
                });
            }
            Content::Image(image) => {
                if rules.images.insert(image.repository.clone(), image.clone()).is_some() {
                    let repository = image.repository.clone();
                    return Err(PinsError::ImagePinnedTwice { repository, at: at.clone() });
                }
            }
        }
    }
    Ok(rules)
}
