//! Whether a folder of an environment's branch is, byte for byte, what its lock renders to.
//!
//! Decides which files belong there and what every byte of them must be. Where nothing is hydrated there is nothing but
//! the lock to prove: that it renders, twice the same. Leaves to the caller which commits are looked
//! at, and the notes. The one thing that a lock does not determine is the metadata's `date`, which must be a time.

use std::collections::BTreeMap;
use std::fmt;

use promoter_core::{Diagnosis, Digest, LOCK_FILE, Name, Place, PromotionLock};
use promoter_kustomize::{FileError, FileKind, Files};

use super::{
    DryCommit, FILES, GIT_ATTRIBUTES, GIT_ATTRIBUTES_FILE, METADATA_FILE, Metadata, README_FILE, readme,
};
use crate::{
    Cluster, ENGINE, Limits, MANIFEST_FILE, Mode, Pins, PinsError, RenderError, World, hydrated, live,
};

/// Characters of a line that are shown.
const SHOWN_MAX: usize = 120;

/// A file of a branch that is not as its lock makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The file from the root of the branch, and the first line that differs if there is one.
    pub at: Place,
    /// What is wrong with it.
    pub what: Wrong,
}

/// What is wrong with a file of a branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// It belongs there and is not there.
    Missing,
    /// It does not belong there.
    Extra,
    /// A line is another. Control characters are shown as escapes; `None` is the end of the file.
    Line {
        /// The line on the branch.
        found: Option<String>,
        /// The line as the lock renders it.
        rendered: Option<String>,
    },
    /// It cannot be taken for what it is, for the reason given.
    Broken(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = &self.at;
        let line = |it: &Option<String>| match it {
            Some(line) => format!("`{line}`"),
            None => "nothing more".into(),
        };
        match &self.what {
            Wrong::Missing => write!(f, "{at} is missing"),
            Wrong::Extra => write!(f, "{at} does not belong there"),
            Wrong::Line { found, rendered } => {
                write!(f, "{at} says {}, the lock renders {}", line(found), line(rendered))
            }
            Wrong::Broken(why) => write!(f, "{at}: {why}"),
        }
    }
}

/// What was found of one folder.
#[derive(Debug, Clone)]
pub struct Checked {
    /// Its lock; `None` when it cannot be read, which is a difference.
    pub lock: Option<PromotionLock>,
    /// How many objects the lock renders to.
    pub objects: usize,
    /// The folder's `hydrator.metadata` as it must be; empty when nothing is hydrated, or it cannot be told.
    pub metadata: String,
    /// Everything that is not as it must be, in the order in which it was looked at.
    pub differences: Vec<Difference>,
}

impl Checked {
    /// True when manifests belong beside the lock.
    pub fn is_hydrated(&self) -> bool {
        self.lock.as_ref().is_some_and(|it| it.render.digest.is_some())
    }
}

/// Renders the lock of a folder again and holds everything in the folder against it. Of a lock without manifests beside it
/// two renders are held against each other.
///
/// `dry` reads the commit that the lock pins. Errors: it cannot be told, because the lock's engine is another one that
/// renders differently, or what the lock pins cannot be read.
pub fn check(
    files: &dyn Files,
    folder: &str,
    dry: impl FnOnce(&PromotionLock) -> Result<DryCommit, Diagnosis>,
    limits: &Limits,
    world: &dyn World,
) -> Result<Checked, Diagnosis> {
    let path = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let lock = match lock(files, &path(LOCK_FILE))? {
        Ok(lock) => lock,
        Err(broken) => {
            return Ok(Checked {
                lock: None,
                objects: 0,
                metadata: String::new(),
                differences: vec![broken],
            });
        }
    };
    if lock.render.digest.is_none() && read(files, &path(MANIFEST_FILE))?.is_none() {
        return twice(lock, &path(LOCK_FILE), limits, world).map_err(|error| error.diagnosis());
    }
    let mut differences = extra(files, folder)?;
    if !is_of(folder, &lock) {
        differences.push(broken(&path(LOCK_FILE), format!("it is the lock of pipeline `{}`", lock.pipeline)));
    }
    let Some(locked) = &lock.render.digest else {
        let at = Place::new(path(LOCK_FILE), 0);
        return Err(PinsError::NotHydrated { mode: Mode::Verify, at }.diagnosis());
    };
    let found = read(files, &path(MANIFEST_FILE))?;
    let is_as_locked = found.as_ref().is_some_and(|it| Digest::of(it) == *locked);
    let render = || -> Result<_, Diagnosis> {
        let pins = Pins::of(lock.clone(), path(LOCK_FILE), Mode::Live).map_err(|error| error.diagnosis())?;
        hydrated(&pins, limits, world).map_err(|error| error.diagnosis())
    };
    let (manifests, rendered) = match render() {
        Ok(rendered) => rendered,
        Err(_) if !is_as_locked => {
            // That it is not what was locked is certain, whatever the lock renders to.
            differences.extend(unlocked(&path(MANIFEST_FILE), found.as_deref()));
            return Ok(Checked { lock: Some(lock), objects: 0, metadata: String::new(), differences });
        }
        Err(why) => return Err(why),
    };
    let manifest = compare(&path(MANIFEST_FILE), found.as_deref(), &rendered.bytes);
    if manifest.is_some() && is_as_locked && lock.render.engine.as_deref() != Some(ENGINE) {
        return Err(other_engine(&lock, &path(LOCK_FILE), manifest));
    }
    differences.extend(manifest);
    if *locked != rendered.digest && !is_as_locked {
        let why = format!("`render.digest` is `{locked}`, the lock renders to `{}`", rendered.digest);
        differences.push(broken(&path(LOCK_FILE), why));
    }
    let found = read(files, &path(METADATA_FILE))?;
    let metadata = metadata(&lock, &dry(&lock)?, found.as_deref());
    let json = metadata.to_json();
    differences.extend(compare(&path(METADATA_FILE), found.as_deref(), json.as_bytes()));
    let commit = metadata.promoter.as_ref().and_then(|it| it.commit.as_deref());
    let text = readme(&metadata, commit);
    differences.extend(compare(
        &path(README_FILE),
        read(files, &path(README_FILE))?.as_deref(),
        text.as_bytes(),
    ));
    Ok(Checked { lock: Some(lock), objects: manifests.objects.len(), metadata: json, differences })
}

/// True for the folder of the lock's pipeline, and for that of an app in it.
fn is_of(folder: &str, lock: &PromotionLock) -> bool {
    let app = folder.strip_prefix(lock.pipeline.as_str());
    app.is_some_and(|it| it.is_empty() || it.strip_prefix('/').is_some_and(|it| it.parse::<Name>().is_ok()))
}

/// Holds two renders of a lock against each other.
fn twice(
    lock: PromotionLock,
    path: &str,
    limits: &Limits,
    world: &dyn World,
) -> Result<Checked, RenderError> {
    let pins = Pins::of(lock.clone(), path.to_owned(), Mode::Live)?;
    let render = || live(&pins, &Cluster::default(), limits, world);
    let (once, again) = (render()?, render()?);
    let differs = compare(path, Some(again.to_yaml()?.as_bytes()), once.to_yaml()?.as_bytes()).map(|_| {
        let why = "it renders to something else each time";
        broken(path, why.into())
    });
    let differences = differs.into_iter().collect();
    Ok(Checked { lock: Some(lock), objects: once.objects.len(), metadata: String::new(), differences })
}

/// Holds the locks of the apps of a group against each other: they are promoted as one. Folders that are not hydrated lie
/// among others, of which only the pipeline knows what they are.
pub fn check_apps(folders: &[(&str, &Checked)]) -> Vec<Difference> {
    let mut firsts: BTreeMap<(&Name, &Name), (&str, &PromotionLock)> = BTreeMap::new();
    let mut differences = Vec::new();
    for (folder, checked) in folders {
        let Some(lock) = checked.lock.as_ref().filter(|_| checked.is_hydrated()) else {
            continue;
        };
        let (first_folder, first) =
            *firsts.entry((&lock.pipeline, &lock.environment)).or_insert((folder, lock));
        if let Some(what) = first.differs_from(lock) {
            let why = format!("its {what} is not that of `{first_folder}/{LOCK_FILE}`");
            differences.push(broken(&format!("{folder}/{LOCK_FILE}"), why));
        }
    }
    differences
}

/// Holds the two files at the root of a branch against what was found of its folders. Metadata of another hydrator, which
/// has folders of its own on the branch, is not ours to judge.
pub fn check_root(files: &dyn Files, folders: &[(&str, &Checked)]) -> Result<Vec<Difference>, Diagnosis> {
    let attributes = read(files, GIT_ATTRIBUTES_FILE)?;
    let mut differences: Vec<Difference> =
        compare(GIT_ATTRIBUTES_FILE, attributes.as_deref(), GIT_ATTRIBUTES.as_bytes()).into_iter().collect();
    let Some(found) = read(files, METADATA_FILE)? else {
        differences.push(missing(METADATA_FILE));
        return Ok(differences);
    };
    let (pipeline, date) = match Metadata::read(&String::from_utf8_lossy(&found), METADATA_FILE) {
        Ok(it) if it.promoter.is_some() => {
            let date = it.date().map(|it| it.to_string());
            (it.promoter.map(|it| it.pipeline).unwrap_or_default(), date)
        }
        Ok(_) => return Ok(differences),
        Err(why) => {
            differences.push(broken(METADATA_FILE, why.cause));
            return Ok(differences);
        }
    };
    let is_own = |folder: &str, it: &Checked| {
        folder == pipeline
            || it.lock.as_ref().is_some_and(|it| it.pipeline.as_str() == pipeline && is_of(folder, it))
    };
    // Of several apps any will do: they differ in their dates alone.
    let own = folders.iter().filter(|(folder, it)| is_own(folder, it));
    match own.min_by_key(|(_, it)| it.metadata.is_empty()) {
        // Without one to hold it against, the folder's own difference says enough.
        Some((_, checked)) if checked.metadata.is_empty() => {}
        Some((_, checked)) => {
            // Several pipelines and apps share the file, whose date never goes back to that of one of them.
            let own = Metadata::read(&checked.metadata, METADATA_FILE)?;
            let made = Metadata { date: date.unwrap_or_else(|| own.date.clone()), ..own }.to_json();
            differences.extend(compare(METADATA_FILE, Some(&found), made.as_bytes()));
        }
        None => {
            let why = format!("it is that of `{pipeline}`, which has no lock on the branch");
            differences.push(broken(METADATA_FILE, why));
        }
    }
    Ok(differences)
}

/// The metadata that a lock makes. What is found gives the address, in the spelling of the controller that wrote it if it
/// is that of the lock, and the date.
fn metadata(lock: &PromotionLock, dry: &DryCommit, found: Option<&[u8]>) -> Metadata {
    let found = found.map(String::from_utf8_lossy);
    let found = found.and_then(|it| Metadata::read(&it, METADATA_FILE).ok()).unwrap_or_default();
    let pinned = crate::pins::pinned_url(lock);
    let found_url: Option<promoter_core::GitUrl> = found.repo_url.parse().ok();
    let repo_url = match (&found_url, &pinned) {
        (Some(found), Some(pinned)) if found.normal() == pinned.normal() => found.as_str(),
        (_, Some(pinned)) => pinned.as_str(),
        (_, None) => &found.repo_url,
    };
    let now = found.date().unwrap_or_default();
    Metadata::made(lock, dry, repo_url, now)
}

fn lock(files: &dyn Files, path: &str) -> Result<Result<PromotionLock, Difference>, Diagnosis> {
    let Some(bytes) = read(files, path)? else {
        return Ok(Err(missing(path)));
    };
    let Ok(text) = std::str::from_utf8(&bytes) else {
        return Ok(Err(broken(path, "it is not UTF-8".into())));
    };
    Ok(PromotionLock::parse(text, path).map_err(|error| {
        let why = error.diagnosis();
        Difference { at: why.at.unwrap_or_else(|| Place::new(path, 0)), what: Wrong::Broken(why.cause) }
    }))
}

/// Manifests that are not those of the lock, where the lock does not render.
fn unlocked(path: &str, found: Option<&[u8]>) -> Option<Difference> {
    let Some(found) = found else {
        return Some(missing(path));
    };
    let digest = Digest::of(found);
    Some(broken(path, format!("its digest is `{digest}`, the lock says another")))
}

fn other_engine(lock: &PromotionLock, path: &str, difference: Option<Difference>) -> Diagnosis {
    let engine = lock.render.engine.as_deref().unwrap_or("an unnamed engine");
    let what = difference.map(|it| format!(": {it}")).unwrap_or_default();
    let cause = format!("`{engine}` rendered it, this is `{ENGINE}`, which renders it differently{what}");
    Diagnosis::input("engine-differs", cause)
        .at(Place::new(path, 0))
        .hint(format!("verify with {}", engine.replace('/', " ")))
}

/// Files of a folder that no hydration of ours wrote.
fn extra(files: &dyn Files, folder: &str) -> Result<Vec<Difference>, Diagnosis> {
    let names = files.list(folder).map_err(|error| unreadable(&error))?;
    let extra = names.iter().filter(|it| !FILES.contains(&it.as_str()));
    Ok(extra
        .map(|name| Difference { at: Place::new(format!("{folder}/{name}"), 0), what: Wrong::Extra })
        .collect())
}

/// The bytes of a file; `None` when there is none, or something else in its place.
fn read(files: &dyn Files, path: &str) -> Result<Option<std::sync::Arc<[u8]>>, Diagnosis> {
    if files.kind(path) != Some(FileKind::File) {
        return Ok(None);
    }
    match files.read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FileError::Missing(_)) => Ok(None),
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &FileError) -> Diagnosis {
    Diagnosis::upstream("git-unreadable-file", error)
}

fn missing(path: &str) -> Difference {
    Difference { at: Place::new(path, 0), what: Wrong::Missing }
}

fn broken(path: &str, why: String) -> Difference {
    Difference { at: Place::new(path, 0), what: Wrong::Broken(why) }
}

/// The first line that differs.
fn compare(path: &str, found: Option<&[u8]>, rendered: &[u8]) -> Option<Difference> {
    let Some(found) = found else {
        return Some(missing(path));
    };
    if found == rendered {
        return None;
    }
    let lines = |bytes| <[u8]>::split(bytes, |it| *it == b'\n');
    let (mut ours, mut theirs) = (lines(rendered), lines(found));
    let mut line = 0;
    loop {
        line += 1;
        let (found, rendered) = (theirs.next(), ours.next());
        if found != rendered || found.is_none() {
            let (found, rendered) =
                (found.map(|it| shown(it, rendered)), rendered.map(|it| shown(it, found)));
            return Some(Difference { at: Place::new(path, line), what: Wrong::Line { found, rendered } });
        }
    }
}

/// A line for people: control characters and what only looks like a blank as escapes. A long one begins shortly before
/// the first character that differs from the other line.
fn shown(line: &[u8], other: Option<&[u8]>) -> String {
    let (line, other) = (String::from_utf8_lossy(line), other.map(String::from_utf8_lossy));
    let same = other.map_or(0, |other| line.chars().zip(other.chars()).take_while(|(a, b)| a == b).count());
    let skipped = if line.chars().count() > SHOWN_MAX { same.saturating_sub(SHOWN_MAX / 2) } else { 0 };
    let mut shown = String::from(if skipped > 0 { "…" } else { "" });
    let rest: Vec<char> = line.chars().skip(skipped).collect();
    for it in rest.iter().take(SHOWN_MAX) {
        let is_plain = *it == ' ' || (!it.is_control() && !it.is_whitespace() && !is_invisible(*it));
        match is_plain {
            true => shown.push(*it),
            false => shown.extend(it.escape_default()),
        }
    }
    if rest.len() > SHOWN_MAX {
        shown.push('…');
    }
    // A blank at the end of a line is what nobody sees.
    if let Some(cut) = shown.strip_suffix(' ') {
        shown = format!("{cut}\\x20");
    }
    shown
}

/// Characters that turn or hide text: what is shown must be what is there.
fn is_invisible(it: char) -> bool {
    matches!(it, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}
