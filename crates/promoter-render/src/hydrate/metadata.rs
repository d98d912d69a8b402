//! `hydrator.metadata` and the README as Argo CD writes them.

use promoter_core::{Diagnosis, PromotionLock, UnixSeconds};
use serde::{Deserialize, Serialize};

use super::{DryCommit, Inputs, Reference};

/// The name of the file, at the root of a branch and in each folder.
pub const METADATA_FILE: &str = "hydrator.metadata";

/// What a hydrated branch says about the dry commit. Empty fields are left out of the JSON.
///
/// Source: Argo CD's commit server (field order, spelling `repoUrl` inside references, which is read in both
/// spellings) and GitOps Promoter's contract for hydrators (`drySha` must change with everything promotable).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Metadata {
    /// The dry repository.
    #[serde(rename = "repoURL", skip_serializing_if = "String::is_empty")]
    pub repo_url: String,
    /// The 64 hexadecimal digits of the freight's id: two freights may share a commit and differ in an image.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub dry_sha: String,
    /// Commands that were run; none for promoter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub commands: Vec<String>,
    /// The dry commit's author, `Name <mail>`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub author: String,
    /// When the promotion was decided, RFC 3339; later than every date before it on the branch.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub date: String,
    /// The dry commit's subject.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// The rest of its message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// Commits that it refers to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<ReferenceEntry>,
    /// Promoter's own facts, which the other readers pass over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promoter: Option<PromoterKey>,
}

/// One entry of `references`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ReferenceEntry {
    /// The commit.
    pub commit: Reference,
}

/// What promoter adds to `hydrator.metadata`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PromoterKey {
    /// The freight's id.
    pub freight: String,
    /// The pinned dry commit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The environment.
    pub environment: String,
    /// The pipeline.
    pub pipeline: String,
}

impl Metadata {
    pub(super) fn of(inputs: &Inputs<'_>, lock: &PromotionLock) -> Self {
        let now = inputs.last_date.map_or(inputs.now, |last| last.max(inputs.now));
        Self::made(lock, inputs.dry, inputs.repo_url, now)
    }

    /// What a lock makes, decided at a time.
    pub(super) fn made(lock: &PromotionLock, dry: &DryCommit, repo_url: &str, date: UnixSeconds) -> Self {
        let freight = lock.freight.id();
        let commit = crate::pins::pinned_commit(lock).map(|it| it.to_string());
        let subject = if dry.subject.is_empty() { freight.alias() } else { dry.subject.clone() };
        Self {
            repo_url: repo_url.into(),
            dry_sha: freight.hex().into(),
            commands: Vec::new(),
            author: dry.author.clone(),
            date: date.to_string(),
            subject,
            body: dry.body.clone(),
            references: dry.references.iter().map(|it| ReferenceEntry { commit: it.clone() }).collect(),
            promoter: Some(PromoterKey {
                freight: freight.to_string(),
                commit,
                environment: lock.environment.to_string(),
                pipeline: lock.pipeline.to_string(),
            }),
        }
    }

    /// Reads the file of a branch. Unknown keys are passed over: others may write it too.
    pub fn read(text: &str, path: &str) -> Result<Self, Diagnosis> {
        serde_json::from_str(text).map_err(|error| {
            let line = u32::try_from(error.line()).unwrap_or(0);
            Diagnosis::input("metadata-unreadable", format!("`{path}` is no hydrator metadata: {error}"))
                .at(promoter_core::Place::new(path, line))
        })
    }

    /// The date, if it is one.
    pub fn date(&self) -> Option<UnixSeconds> {
        self.date.parse().ok()
    }

    /// The bytes of the file: two spaces of indent, a final newline, and the escapes of Go's encoder without HTML.
    pub fn to_json(&self) -> String {
        // Writing strings and lists to a string cannot fail.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text.replace('\u{2028}', "\\u2028").replace('\u{2029}', "\\u2029")
    }
}

/// Argo CD's README of a folder: how to get the same manifests from the dry repository. `commit` is what to check out
/// where `drySha` is no commit.
pub fn readme(metadata: &Metadata, commit: Option<&str>) -> String {
    let mut text = format!(
        "# Manifest Hydration\n\nTo hydrate the manifests in this repository, run the following commands:\n\n\
         ```shell\ngit clone {}\n# cd into the cloned directory\ngit checkout {}\n",
        metadata.repo_url,
        commit.unwrap_or(&metadata.dry_sha)
    );
    for command in &metadata.commands {
        text.push_str(command);
        text.push('\n');
    }
    text.push_str("```\n");
    let references: Vec<&Reference> =
        metadata.references.iter().map(|it| &it.commit).filter(|it| !it.sha.is_empty()).collect();
    if !references.is_empty() {
        text.push_str("## References\n\n");
    }
    for it in references {
        let short = it.sha.get(..7).unwrap_or(&it.sha);
        text.push_str(&format!("* [{short}]({}): {} ({})\n", it.repo_url, it.subject, it.author));
    }
    text
}
