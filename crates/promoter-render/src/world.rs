//! The only door from a render to the world: trees of pinned commits and rendered charts.

use std::cell::RefCell;
use std::sync::Arc;

use promoter_core::{ChartUrl, ChartVersion, CommitId, Diagnosis, Digest, GitUrl, NotA, UrlError};
use promoter_kustomize::{BuildError, ChartRequest, Externals, Files};

use crate::{Cluster, Rules, SourceError, build_error};

/// A directory in a commit: what a lock pins as its source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedSource {
    /// The repository.
    pub url: GitUrl,
    /// The commit.
    pub commit: CommitId,
    /// The directory to render, relative to the repository's root. Bases may lie outside of it.
    pub path: String,
}

impl PinnedSource {
    /// A repository at a commit, as the engine asks for a base.
    pub fn base(url: &str, commit: &str) -> Result<Self, Diagnosis> {
        let url = url.parse().map_err(|error: UrlError| Diagnosis::input("git-url", error))?;
        let commit = commit.parse().map_err(|error: NotA| Diagnosis::input("git-wrong-object", error))?;
        Ok(Self { url, commit, path: String::new() })
    }
}

/// A chart archive pinned by content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartPin {
    /// Repository and name.
    pub url: ChartUrl,
    /// Version.
    pub version: ChartVersion,
    /// SHA-256 of the archive.
    pub digest: Digest,
}

/// One chart to render.
#[derive(Clone, Copy)]
pub struct ChartCall<'a> {
    /// The tree that holds the chart and its values, if they are files.
    pub files: &'a dyn Files,
    /// What is asked, complete: versions of the cluster are filled in.
    pub chart: &'a ChartRequest,
    /// The archive to take when the chart is no directory of the tree.
    pub archive: Option<&'a ChartPin>,
    /// 0, or 1 when the same is asked again to see whether the answer differs. A cache keeps runs apart.
    pub run: u8,
}

/// A step of the street that whoever accounts for time is told of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Manifests are made, or read where they lie.
    Render,
    /// They are checked.
    Verify,
}

/// What a render takes from the world. Answers are functions of the question: everything asked is named by content.
pub trait World {
    /// The files of a pinned commit, rooted at the root of its repository.
    fn tree(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis>;

    /// The same for a commit that a kustomization names as a base in another repository. Its tree is asked for from the
    /// root.
    fn base(&self, source: &PinnedSource) -> Result<Arc<dyn Files>, Diagnosis> {
        self.tree(source)
    }

    /// Renders a chart to a YAML stream.
    fn template(&self, call: &ChartCall<'_>) -> Result<String, Diagnosis>;

    /// Hears that a step begins. Nothing depends on it.
    fn begins(&self, _: Step) {}
}

/// The door as one run of a render uses it: pins charts, remembers whether one took part and what went wrong.
pub(crate) struct Door<'a> {
    world: &'a dyn World,
    rules: &'a Rules,
    cluster: &'a Cluster,
    run: u8,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    chart: bool,
    pins: Vec<ChartPin>,
    failed: Option<SourceError>,
}

impl<'a> Door<'a> {
    pub(crate) fn new(world: &'a dyn World, rules: &'a Rules, cluster: &'a Cluster, run: u8) -> Self {
        Self { world, rules, cluster, run, seen: RefCell::default() }
    }

    /// True when a chart took part.
    pub(crate) fn chart_took_part(&self) -> bool {
        self.seen.borrow().chart
    }

    /// True when a pinned chart was asked for.
    pub(crate) fn took(&self, pin: &ChartPin) -> bool {
        self.seen.borrow().pins.contains(pin)
    }

    /// The first failure of a chart, which the engine knows only as a line.
    pub(crate) fn take_failure(&self) -> Option<SourceError> {
        self.seen.borrow_mut().failed.take()
    }

    pub(crate) fn render_chart(
        &self,
        files: &dyn Files,
        request: &ChartRequest,
    ) -> Result<String, SourceError> {
        self.seen.borrow_mut().chart = true;
        let mut chart = request.clone();
        if chart.kube_version.is_none() {
            chart.kube_version.clone_from(&self.cluster.kube_version);
        }
        if chart.api_versions.is_empty() {
            chart.api_versions.clone_from(&self.cluster.api_versions);
        }
        let archive = match &chart.directory {
            Some(_) => None,
            None => {
                let pin = self.rules.chart(&chart).ok_or_else(|| SourceError::ChartNotPinned {
                    chart: chart.name.clone(),
                    repository: chart.repo.clone().unwrap_or_default(),
                })?;
                chart.version = Some(pin.version.to_string());
                self.seen.borrow_mut().pins.push(pin.clone());
                Some(pin)
            }
        };
        let call = ChartCall { files, chart: &chart, archive, run: self.run };
        self.world.template(&call).map_err(SourceError::World)
    }
}

impl Externals for Door<'_> {
    fn template(&self, files: &dyn Files, request: &ChartRequest) -> Result<String, BuildError> {
        self.render_chart(files, request).map_err(|error| {
            let line = error.to_string();
            self.seen.borrow_mut().failed.get_or_insert(error);
            BuildError::new("kustomize-helm", line)
        })
    }

    fn repository(&self, url: &str, commit: &str) -> Result<Arc<dyn Files>, BuildError> {
        let source = PinnedSource::base(url, commit);
        source.and_then(|it| self.world.base(&it)).map_err(|error| build_error(&error))
    }
}
