//! Applications against the places that environments write: who reads what nobody writes, what nobody reads, what Argo CD
//! would miss or change on the way.

use super::Finding;
use super::applications::parameters;
use super::ground::Ground;
use super::read::{Application, Plugin, Source};
use promoter_core::pipeline::{Environment, Layout, Part, Pipeline};
use promoter_core::{Diagnosis, LOCK_FILE, Name};
use promoter_kustomize::normalise;
use promoter_render::MANIFEST_FILE;

/// Where an environment's lock lies.
struct Written<'a> {
    pipeline: &'a Pipeline,
    environment: &'a Environment,
    part: &'a Part,
}

/// A source that names our plugin and is in this repository.
struct Reader<'a> {
    application: &'a Application,
    source: &'a Source,
    /// The lock's path, as the Application says it.
    lock_path: String,
    environment: Option<Name>,
}

pub(super) fn findings(ground: &Ground) -> Vec<Finding> {
    let written: Vec<Written<'_>> = ground.pipelines.iter().flat_map(written).collect();
    let readers: Vec<Reader<'_>> =
        ground.walked.applications.iter().flat_map(|it| readers(ground, it)).collect();
    let mut findings = Vec::new();
    for reader in &readers {
        let matches: Vec<&Written<'_>> = written.iter().filter(|it| reader.reads(ground, it)).collect();
        if matches.is_empty() && !ground.pipelines.is_empty() {
            findings.push(unwritten(ground, reader, &written));
        }
        findings.extend(matches.iter().filter_map(|it| misses(reader, it)).take(1));
        findings.extend(matches.iter().filter_map(|it| other_environment(reader, it)).take(1));
    }
    findings.extend(overrides(ground, &readers, &written));
    if !readers.is_empty() {
        let unread = written.iter().filter(|own| !readers.iter().any(|it| it.reads(ground, own)));
        findings.extend(unread.map(|it| it.unread()));
    }
    findings
}

fn written(pipeline: &Pipeline) -> impl Iterator<Item = Written<'_>> {
    let parts = pipeline.environments.iter().flat_map(|it| it.parts.iter().map(move |part| (it, part)));
    parts.map(move |(environment, part)| Written { pipeline, environment, part })
}

fn readers<'a>(ground: &Ground, application: &'a Application) -> Vec<Reader<'a>> {
    let reader = |source: &'a Source| {
        let plugin: &Plugin = source.plugin.as_ref().filter(|_| ground.is_own(&source.repository))?;
        let parameters = parameters(plugin);
        let lock = parameters.lockfile.as_deref().unwrap_or(LOCK_FILE);
        let lock_path = normalise(&source.path, lock)?;
        Some(Reader { application, source, lock_path, environment: parameters.environment })
    };
    application.sources.iter().filter_map(reader).collect()
}

impl Written<'_> {
    fn shown(&self) -> String {
        let folder = if self.part.folder().is_empty() { "." } else { self.part.folder() };
        format!("`{folder}` on `{}`", self.environment.active_branch)
    }

    fn unread(&self) -> Finding {
        let cause = format!(
            "no Application here reads {}, which `{}` of `{}` writes",
            self.shown(),
            self.environment.name,
            self.pipeline.name
        );
        let hint = "add one, unless it is in another repository";
        Finding::note(Diagnosis::input("lint-environment-unread", cause).at(&self.environment.at).hint(hint))
    }
}

impl Reader<'_> {
    fn reads(&self, ground: &Ground, written: &Written<'_>) -> bool {
        let revision = match self.source.revision.as_str() {
            "" => &ground.dry_branch,
            revision => revision,
        };
        fits(revision, &written.environment.active_branch) && fits(&self.lock_path, &written.part.lock_path)
    }
}

/// An Application of a place that no environment writes.
fn unwritten(ground: &Ground, reader: &Reader<'_>, written: &[Written<'_>]) -> Finding {
    let Source { path, revision, at, .. } = reader.source;
    let revision = if revision.is_empty() { &ground.dry_branch } else { revision };
    let path = if path.is_empty() { "." } else { path };
    let cause =
        format!("`{}` reads `{path}` on `{revision}`, which no environment writes", reader.application.shown);
    let same_folder = written.iter().filter(|it| it.part.lock_path == reader.lock_path);
    let same_branch = written.iter().filter(|it| it.environment.active_branch == *revision);
    let mut near: Vec<String> = same_branch.chain(same_folder).map(Written::shown).take(3).collect();
    if near.is_empty() {
        near = written.iter().map(Written::shown).take(3).collect();
    }
    near.dedup();
    let hint = format!("environments write {}", near.join(", "));
    Finding::error(Diagnosis::input("lint-application-unwritten", cause).at(at).hint(hint))
}

/// Paths by which Argo CD would take a promotion for no change.
fn misses(reader: &Reader<'_>, written: &Written<'_>) -> Option<Finding> {
    let (paths, at) = reader.application.manifest_paths.as_ref()?;
    let folder = written.part.folder();
    let manifest = if folder.is_empty() { MANIFEST_FILE.into() } else { format!("{folder}/{MANIFEST_FILE}") };
    let mut needed = vec![written.part.lock_path.clone()];
    if written.pipeline.layout == Layout::Branches {
        needed.push(manifest);
    }
    let missed = needed.into_iter().find(|it| !covers(paths, folder, it))?;
    let cause = format!(
        "`manifest-generate-paths` of `{}` leaves out `{missed}`, so that Argo CD takes a promotion for no change",
        reader.application.shown
    );
    let hint = "write `argocd.argoproj.io/manifest-generate-paths: .`: the plugin reads nothing else of the Application's branch";
    Some(Finding::error(Diagnosis::input("lint-manifest-paths", cause).at(at).hint(hint)))
}

fn other_environment(reader: &Reader<'_>, written: &Written<'_>) -> Option<Finding> {
    let wanted = reader.environment.as_ref().filter(|it| **it != written.environment.name)?;
    let cause = format!(
        "`{}` asks for environment `{wanted}` and reads that of `{}`",
        reader.application.shown, written.environment.name
    );
    let hint = "change `environment`, or the place that is read";
    Some(Finding::error(Diagnosis::input("lint-other-environment", cause).at(&reader.source.at).hint(hint)))
}

/// Files by which Argo CD changes a source before any plugin sees it.
fn overrides(ground: &Ground, readers: &[Reader<'_>], written: &[Written<'_>]) -> Vec<Finding> {
    let matters = |folder: &str, branch: Option<&str>| match branch {
        Some(_) => true,
        None => {
            readers.iter().any(|it| fits(&it.source.path, folder))
                || written.iter().any(|it| it.part.source == folder || it.part.folder() == folder)
        }
    };
    let found = ground.walked.overrides.iter().filter(|it| matters(&it.folder, it.branch.as_deref()));
    let one = |it: &super::walk::Override| {
        let cause = format!("`{}` changes an Application's source past the lock", it.at.path);
        let hint = "delete it, and take its writer (Argo CD Image Updater) off this Application: images are pinned by the lock";
        Finding::error(Diagnosis::input("lint-source-override", cause).at(&it.at).hint(hint))
    };
    found.map(one).collect()
}

/// True when a text is what is written, or can be what an ApplicationSet's template makes of it.
fn fits(written: &str, text: &str) -> bool {
    let mut pieces = Vec::new();
    let mut rest = written;
    while let Some((before, after)) = rest.split_once("{{") {
        pieces.push(before);
        rest = after.split_once("}}").map_or("", |it| it.1);
    }
    let Some((first, middle)) = pieces.split_first() else { return written == text };
    let Some(mut left) = text.strip_prefix(first).and_then(|it| it.strip_suffix(rest)) else { return false };
    for piece in middle {
        match left.find(piece) {
            Some(at) => left = &left[at + piece.len()..],
            None => return false,
        }
    }
    true
}

/// Argo CD's rule: `;` between paths, absolute from the root or relative to the Application's; a path covers itself, what is
/// below it, and as a pattern what it matches.
fn covers(paths: &str, folder: &str, file: &str) -> bool {
    let covers = |path: &str| {
        let from_root = match path.strip_prefix('/') {
            Some(path) => normalise("", path),
            None => normalise(folder, path),
        };
        let Some(path) = from_root else { return false };
        let is_below = |it: &str| path.is_empty() || it == path || it.starts_with(&format!("{path}/"));
        is_below(file) || matches(&path, file)
    };
    paths.split(';').map(str::trim).filter(|it| !it.is_empty()).any(covers)
}

/// Go's `filepath.Match` without classes: `*` and `?` stay within one part.
fn matches(pattern: &str, text: &str) -> bool {
    match (pattern.chars().next(), text.chars().next()) {
        (None, None) => true,
        (Some('*'), _) => {
            matches(&pattern[1..], text)
                || text.chars().next().is_some_and(|it| it != '/' && matches(pattern, &text[it.len_utf8()..]))
        }
        (Some('?'), Some(it)) => it != '/' && matches(&pattern[1..], &text[it.len_utf8()..]),
        (Some(one), Some(other)) => {
            one == other && matches(&pattern[one.len_utf8()..], &text[other.len_utf8()..])
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_cover_what_argo_cd_takes_them_to_cover() {
        let file = "myapp/promotion.lock.yaml";
        for paths in [
            ".",
            "/myapp",
            "/",
            "/x;.",
            "promotion.lock.yaml",
            "/myapp/*",
            "/myapp/*.yaml",
            "../myapp",
            "/*/*",
        ] {
            assert!(covers(paths, "myapp", file), "{paths}");
        }
        for paths in ["/apps/myapp", "base", "../base", "/*", "/myapp/*.yml", "/my", ""] {
            assert!(!covers(paths, "myapp", file), "{paths}");
        }
    }

    #[test]
    fn templates_fit_what_they_can_make() {
        for (template, text) in [
            ("environment/{{env}}", "environment/prod"),
            ("{{.app}}/{{ .env }}", "web/dev"),
            ("a", "a"),
            ("apps/{{.a}}/x/{{.b}}", "apps/1/x/2"),
        ] {
            assert!(fits(template, text), "{template}");
        }
        for (template, text) in
            [("a", "b"), ("environment/{{env}}", "main"), ("apps/{{a}}/x/{{b}}", "apps/1/y/2")]
        {
            assert!(!fits(template, text), "{template}");
        }
    }
}
