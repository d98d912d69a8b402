//! Choice: of what was looked up, what a subscription gives. Decides what the names of tags do not show.

use super::order::Ordered;
use super::{Candidate, Found, ImageFacts, Platform, Provenance};
use crate::expression::Given;
use crate::pipeline::{ChartSubscription, GitRule, GitStrategy, ImageStrategy, ImageSubscription};
use crate::{
    ChartVersion, CommitId, Content, Digest, GitUrl, ImageDigest, ImageTag, PinnedImage, UnixSeconds,
    one_line,
};
use std::cmp::Reverse;

/// How many lines there are of one kind of note.
const NOTES_MAX: usize = 5;

/// What came of looking one name up: the cause, one line, where that name alone cannot be had. A reader that fails as a whole
/// (refused, throttled, out of time) gives no `Found` at all.
pub type LookedUp<T> = Result<T, String>;

/// A commit that a git subscription may give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitFacts {
    /// The commit.
    pub id: CommitId,
    /// The tag by which it was found.
    pub tag: Option<String>,
    /// Who wrote it: `Ada <ada@example.com>`.
    pub author: String,
    /// Who committed it.
    pub committer: String,
    /// The first line of the message.
    pub subject: String,
    /// The message.
    pub message: String,
    /// When it was committed, or tagged.
    pub date: UnixSeconds,
    /// Whether a file that the rule's paths take was changed with it.
    pub touches: bool,
}

impl ImageSubscription {
    /// True when an image runs where the rule wants it to.
    pub fn fits(&self, facts: &ImageFacts) -> bool {
        self.platform.as_ref().is_none_or(|it| facts.runs_on(it))
    }

    /// Chooses among tags that were looked up: those of [`ImageSubscription::order`], the best first, as many as
    /// `discovery_limit`; with `NewestBuild` all.
    pub fn choose<'f>(
        &self,
        ordered: &Ordered<'_>,
        looked_up: impl IntoIterator<Item = (&'f str, LookedUp<(ImageDigest, &'f ImageFacts)>)>,
    ) -> Found {
        let mut choice = Choice::new(ordered);
        for (name, found) in looked_up {
            let Ok(tag) = name.parse::<ImageTag>() else {
                continue;
            };
            let (digest, facts) = match found {
                Ok(found) => found,
                Err(why) => {
                    let why = format!("`{tag}`: {}", one_line(&why));
                    choice.passes_over(&why, self.strategy == ImageStrategy::NewestBuild);
                    choice.unresolved.add(why);
                    continue;
                }
            };
            let image = PinnedImage { repository: self.repository.clone(), tag: Some(tag), digest };
            let content = Content::Image(image);
            if let Some(platform) = self.platform.as_ref().filter(|it| !facts.runs_on(it)) {
                let why = format!("`{name}` is not for {platform}");
                choice.passes_over(&why, false);
                choice.unfit.add(why);
                choice.found.unfit.insert(content);
                continue;
            }
            let about = facts.provenance(self.platform.as_ref());
            if self.strategy == ImageStrategy::NewestBuild && about.created.is_none() {
                choice.unfit.add(format!("`{name}` does not say when it was built"));
                choice.found.unfit.insert(content);
                continue;
            }
            choice.candidates.push(Candidate { content, about });
        }
        if self.strategy == ImageStrategy::NewestBuild {
            choice
                .candidates
                .sort_by(|a, b| (b.about.created, &b.content).cmp(&(a.about.created, &a.content)));
        }
        choice.end(self.discovery_limit)
    }
}

impl ChartSubscription {
    /// Chooses among versions that were looked up: those of [`ChartSubscription::order`], the best first. Each has the digest
    /// of its archive and the time at which it was published, where that is known.
    pub fn choose<'f>(
        &self,
        ordered: &Ordered<'_>,
        looked_up: impl IntoIterator<Item = (&'f str, LookedUp<(Digest, Option<UnixSeconds>)>)>,
    ) -> Found {
        let mut choice = Choice::new(ordered);
        for (name, found) in looked_up {
            match (name.parse::<ChartVersion>(), found) {
                (Ok(version), Ok((digest, created))) => {
                    let content = Content::Chart { url: self.url.clone(), version, digest };
                    let about = Provenance { created, ..Provenance::default() };
                    choice.candidates.push(Candidate { content, about });
                }
                (Err(_), _) => choice.unresolved.add(format!("`{name}` is no version that a lock can hold")),
                (_, Err(why)) => {
                    let why = format!("`{name}`: {}", one_line(&why));
                    choice.passes_over(&why, false);
                    choice.unresolved.add(why);
                }
            }
        }
        choice.end(self.discovery_limit)
    }
}

impl GitRule {
    /// Chooses among commits of a repository: those of a branch, the newest first, or those of the tags of
    /// [`GitRule::order`].
    pub fn choose(
        &self,
        url: &GitUrl,
        ordered: &Ordered<'_>,
        commits: impl IntoIterator<Item = LookedUp<CommitFacts>>,
    ) -> Found {
        let mut choice = Choice::new(ordered);
        for commit in commits {
            let commit = match commit {
                Ok(commit) => commit,
                Err(why) => {
                    choice.unresolved.add(one_line(&why));
                    continue;
                }
            };
            let content = Content::Git { url: url.clone(), commit: commit.id.clone() };
            let name = commit.tag.as_deref().unwrap_or(&commit.id.as_str()[..10]);
            let unfit = match self.judge(&commit) {
                _ if !commit.touches => Some(format!("`{name}` changes nothing below the paths of the rule")),
                Ok(true) => None,
                Ok(false) => Some(format!("`{name}` does not satisfy the expression")),
                Err(why) => Some(format!("`{name}`: the expression {why}")),
            };
            match unfit {
                None => {
                    let about =
                        Provenance { created: Some(commit.date), tag: commit.tag, ..Provenance::default() };
                    choice.candidates.push(Candidate { content, about });
                }
                Some(why) => {
                    choice.unfit.add(why);
                    choice.found.unfit.insert(content);
                }
            }
        }
        if self.strategy == GitStrategy::NewestTag {
            choice.candidates.sort_by_key(|it| Reverse((it.about.created, it.about.tag.clone())));
        }
        choice.end(self.discovery_limit)
    }

    /// Holds a commit against the rule's expression. `Err` goes on after "the expression".
    pub fn judge(&self, commit: &CommitFacts) -> Result<bool, String> {
        let Some(expression) = &self.expression else {
            return Ok(true);
        };
        let text = |it: &str| Given::Json(it.into());
        expression.judge([
            ("id", text(commit.id.as_str())),
            ("author", text(&commit.author)),
            ("committer", text(&commit.committer)),
            ("subject", text(&commit.subject)),
            ("message", text(&commit.message)),
            ("date", text(&commit.date.to_string())),
            ("tag", text(commit.tag.as_deref().unwrap_or_default())),
        ])
    }
}

/// A choice in the making.
#[derive(Default)]
struct Choice {
    found: Found,
    candidates: Vec<Candidate>,
    unresolved: Notes,
    unfit: Notes,
}

impl Choice {
    fn new(ordered: &Ordered<'_>) -> Self {
        let mut choice = Self::default();
        if ordered.left_out.count() > 0 {
            choice.found.notes.push(ordered.left_out.to_string());
        }
        choice
    }

    /// Remembers what would have come before what is chosen; `always` where the order does not tell.
    fn passes_over(&mut self, why: &str, always: bool) {
        if (always || self.candidates.is_empty()) && self.found.passed_over.len() < NOTES_MAX {
            self.found.passed_over.push(why.to_owned());
        }
    }

    /// The best, and as many others as the rule keeps.
    fn end(self, limit: u32) -> Found {
        let Self { mut found, candidates, unresolved, unfit } = self;
        let mut candidates = candidates.into_iter();
        found.chosen = candidates.next();
        found.others = candidates.take(limit as usize).collect();
        found.notes.extend(unresolved.lines().chain(unfit.lines()));
        found
    }
}

/// Notes of one kind, the first few word by word.
#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    more: usize,
}

impl Notes {
    fn add(&mut self, line: String) {
        match self.lines.len() < NOTES_MAX {
            true => self.lines.push(line),
            false => self.more += 1,
        }
    }

    fn lines(self) -> impl Iterator<Item = String> {
        let more = (self.more > 0).then(|| format!("and {} more like that", self.more));
        self.lines.into_iter().chain(more)
    }
}

/// The keys of annotations and labels that say when an image was built; the second is older and still met.
const CREATED: [&str; 2] = ["org.opencontainers.image.created", "org.label-schema.build-date"];
/// The key of the commit that an image was built from.
const REVISION: &str = "org.opencontainers.image.revision";
/// The key of the repository that it was built from.
const SOURCE: &str = "org.opencontainers.image.source";
/// The longest revision and source that are taken for one, in bytes: registries say what they like.
const WORDS_MAX: usize = 500;

impl ImageFacts {
    /// True when one of its images runs on a platform. The variant counts where the platform names one.
    pub fn runs_on(&self, platform: &Platform) -> bool {
        self.images.iter().any(|it| it.platform.runs(platform))
    }

    /// Where it comes from: what the images say that are meant, and what the index says of them. An image of which nothing but
    /// its index tells the time was built when that was made; of several images the last to be built tells it.
    ///
    /// Source: OCI image spec 1.1, "Pre-Defined Annotation Keys".
    pub fn provenance(&self, platform: Option<&Platform>) -> Provenance {
        let meant = || self.images.iter().filter(|it| platform.is_none_or(|wanted| it.platform.runs(wanted)));
        let word = |key: &str| {
            let mut said = meant().filter_map(|it| it.labels.get(key));
            let first = said.next();
            let agreed = first.filter(|first| said.all(|it| it == *first));
            let word = agreed.or_else(|| self.annotations.get(key))?.trim();
            let is_word = !word.is_empty() && word.len() <= WORDS_MAX && !word.contains(char::is_control);
            is_word.then(|| word.to_owned())
        };
        let time = |of: &std::collections::BTreeMap<String, String>| {
            CREATED.iter().find_map(|key| of.get(*key)?.trim().parse::<UnixSeconds>().ok())
        };
        let built = || meant().flat_map(|it| [it.created, time(&it.labels)]).flatten().max();
        Provenance {
            revision: word(REVISION),
            source: word(SOURCE),
            created: time(&self.annotations).or_else(built),
            tag: None,
        }
    }
}

impl Platform {
    /// True when this is what runs on a platform that somebody asks for.
    fn runs(&self, wanted: &Self) -> bool {
        self.os == wanted.os
            && self.architecture == wanted.architecture
            && (wanted.variant.is_none() || self.variant == wanted.variant)
    }
}
