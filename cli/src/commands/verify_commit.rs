//! `promoter verify-commit`: who signed the commits of a branch, and whether that is to be trusted.

use super::repository::{RepositoryOptions, git};
use crate::edge::{self, Format, Outcome};
use crate::table::columns;
use clap::Args;
use promoter_controller::repository::Repository;
use promoter_controller::run::now;
use promoter_controller::signatures::{Judged, judge_history, trusted};
use promoter_core::{CommitId, Diagnosis};
use promoter_signatures::Trusted;
use serde::Serialize;
use std::path::PathBuf;

#[derive(Args)]
#[command(after_help = "\
Examples:
  promoter verify-commit environment/prod --allowed-signers .allowed_signers
  promoter verify-commit promoter/state notes/hydrator.metadata --most 1000 --keyring keys.asc

Exit code 1: a signature is not good, or there is none.")]
pub(crate) struct VerifyCommitArguments {
    /// Branches, tags, other refs or commit ids
    #[arg(required = true, value_name = "REV")]
    revisions: Vec<String>,
    /// Commits at the most, from each on along first parents
    #[arg(short = 'n', long, value_name = "N", default_value_t = 1)]
    most: usize,
    /// SSH keys that are trusted, in a file like git's; by default git's own `gpg.ssh.allowedSignersFile`
    #[arg(long, value_name = "FILE", env = "PROMOTER_ALLOWED_SIGNERS")]
    allowed_signers: Option<PathBuf>,
    /// OpenPGP keys that are trusted, as `gpg --armor --export` writes them
    #[arg(long, value_name = "FILE", env = "PROMOTER_KEYRING")]
    keyring: Option<PathBuf>,
    #[command(flatten)]
    repository: RepositoryOptions,
    /// Output format
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Judges the signatures of commits.
pub(crate) fn run(arguments: &VerifyCommitArguments) -> Result<Outcome, Diagnosis> {
    let trusted = arguments.trusted()?;
    let repository = arguments.repository.open()?;
    let mut views = Vec::new();
    let mut outcome = Outcome::Done;
    for revision in &arguments.revisions {
        let head = find(&repository, revision)?;
        for judged in judge_history(&repository, &head, arguments.most.max(1), &trusted, now())? {
            if !judged.verdict.is_good() {
                outcome = Outcome::Found;
            }
            views.push(View::of(revision, judged));
        }
    }
    edge::result(&match arguments.output {
        Format::Table => table(&views),
        Format::Json => edge::json(&views)?,
        Format::Yaml => edge::yaml(&views)?,
    })?;
    Ok(outcome)
}

impl VerifyCommitArguments {
    fn trusted(&self) -> Result<Trusted, Diagnosis> {
        let named = self.allowed_signers.is_some() || self.keyring.is_some();
        let of_git =
            || git(&["config", "--type=path", "--get", "gpg.ssh.allowedSignersFile"]).map(PathBuf::from);
        let signers = if named { self.allowed_signers.clone() } else { of_git() };
        if signers.is_none() && self.keyring.is_none() {
            return Err(Diagnosis::input("trust-missing", "there are no keys to trust")
                .hint("name some with `--allowed-signers FILE` (SSH) or `--keyring FILE` (OpenPGP)"));
        }
        trusted(signers.as_deref(), self.keyring.as_deref())
    }
}

/// The commit that a revision names.
fn find(repository: &Repository, revision: &str) -> Result<CommitId, Diagnosis> {
    if let Ok(id) = revision.parse::<CommitId>() {
        return Ok(id);
    }
    let names = ["refs/heads/", "refs/tags/", "refs/", ""].map(|it| format!("{it}{revision}"));
    let wanted: Vec<&str> = names.iter().map(String::as_str).collect();
    let refs = repository.cache.ls_refs(&wanted).map_err(|error| error.diagnosis())?;
    names.iter().find_map(|it| refs.tips.get(it)).cloned().ok_or_else(|| {
        Diagnosis::input("revision-missing", format!("there is no branch, tag or other ref `{revision}`"))
            .hint("name a branch like `environment/prod`, or a whole commit id")
    })
}

#[derive(Serialize)]
struct View {
    revision: String,
    commit: String,
    at: String,
    committer: String,
    subject: String,
    verdict: &'static str,
    signers: Vec<String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    key: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    why: String,
}

impl View {
    fn of(revision: &str, Judged { commit, verdict }: Judged) -> Self {
        Self {
            revision: revision.to_owned(),
            commit: commit.id.to_string(),
            at: commit.committer.at.to_string(),
            committer: commit.committer.email,
            subject: commit.message.lines().next().unwrap_or_default().to_owned(),
            verdict: verdict.state.as_str(),
            signers: verdict.signers,
            key: verdict.key,
            why: verdict.why,
        }
    }
}

fn table(views: &[View]) -> String {
    let mut rows =
        vec![["COMMIT", "SIGNATURE", "SIGNER", "COMMITTER", "SUBJECT", "WHY"].map(String::from).to_vec()];
    for it in views {
        let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        rows.push(vec![
            it.commit.chars().take(10).collect(),
            it.verdict.to_owned(),
            or_dash(it.signers.join(", ")),
            it.committer.clone(),
            it.subject.clone(),
            or_dash(it.why.clone()),
        ]);
    }
    columns(&rows)
}
