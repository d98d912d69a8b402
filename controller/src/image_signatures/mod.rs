//! Whether images are signed as pipelines and policies ask for: reads what is attached to a digest, has it judged, and keeps the
//! answer.
//!
//! Decides what is asked again and when: a signature that was found good stays good, one that is missing may come later. What
//! a signature is worth is decided by `promoter-signatures`; what follows, by whoever asks: discovery passes over a candidate,
//! a gate stays shut.
//!
//! *The digest that is judged is the digest that is pinned*: nothing here takes a tag.

mod kept;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use promoter_core::observation::{Fact, Unread};
use promoter_core::signature::{
    Answer, KeySource, Question, QuestionKey, SignatureRule, Signer, asked_by_subscription,
};
use promoter_core::{Diagnosis, ImageDigest, Repository, UnixSeconds};
use promoter_signatures::image::{Found, PublicKey, SigstoreRoot, Trust, judge};
use promoter_sources::checks::Secrets;
use promoter_sources::registry::{Attached, AttachedForm, Attachments, Registries};

use crate::signatures::read_text;
use kept::Kept;

/// The largest root of trust that is read.
const ROOT_BYTES_MAX: u64 = 4 << 20;
/// How long an answer that something is missing holds: CI signs a while after it pushes.
const UNMET_SECONDS: i64 = 60;
/// How long what is attached to a digest is not read again: several requirements are asked of one image at once.
const ATTACHED_SECONDS: i64 = 30;
/// How many images' attachments are remembered at once, since they may be large.
const ATTACHED_MAX: usize = 8;

/// By what signatures without a key are judged.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct SigstoreOptions {
    /// Certificate authorities and logs by which signatures without a key are judged: sigstore's `trusted_root.json`, read anew
    /// each time
    #[arg(long, value_name = "FILE", env = "PROMOTER_SIGSTORE_ROOT")]
    pub sigstore_root: Option<PathBuf>,
}

/// Answers questions about the signatures of images.
#[derive(Debug)]
pub struct ImageSignatures {
    registries: Registries,
    root: Option<PathBuf>,
    secrets: Secrets,
    kept: Kept,
    attached: Mutex<Vec<Remembered>>,
}

/// What was attached to an image when it was read.
#[derive(Debug)]
struct Remembered {
    image: (Repository, ImageDigest),
    until: UnixSeconds,
    attachments: Arc<Attachments>,
}

/// By what one requirement is judged, with its name: another key or root has another one.
enum Known {
    Key(PublicKey),
    Root(SigstoreRoot),
}

impl ImageSignatures {
    /// `secrets_dir` holds the keys that pipelines name as files, `cache_dir` keeps answers across restarts; without it they
    /// are asked for again.
    ///
    /// Whoever may write to `cache_dir` may write that something is signed: it must be the controller's own.
    ///
    /// Errors: `sigstore-root`, a root of trust that cannot be read; `signature-cache`, a directory that cannot be made.
    pub fn new(
        registries: Registries,
        options: &SigstoreOptions,
        secrets_dir: Option<&Path>,
        cache_dir: Option<&Path>,
    ) -> Result<Self, Diagnosis> {
        let made = Self {
            registries,
            root: options.sigstore_root.clone(),
            secrets: Secrets::below(secrets_dir),
            kept: Kept::open(cache_dir)?,
            attached: Mutex::default(),
        };
        // A slip in the path or the file is said at the start, not when the first image is looked at.
        if made.root.is_some() {
            made.read_root().map_err(|it| *it)?;
        }
        Ok(made)
    }

    /// Why a digest is no candidate of a subscription, or `None` when everything that its rules ask for is there. The one
    /// function that discovery needs: call it with the digest that would be pinned, before it is.
    ///
    /// The words are a note: `not signed: signature of key cosign.pub: there is none`. `Err` when something could not be read:
    /// then nothing may be decided, neither that it is signed nor that it is not.
    pub async fn refuses(
        &self,
        rules: &[SignatureRule],
        repository: &Repository,
        digest: &ImageDigest,
        now: UnixSeconds,
    ) -> Fact<Option<String>> {
        for question in asked_by_subscription(rules, repository, digest) {
            if let Answer::Unmet { why } = self.answer(&question, now).await? {
                let requirement = &question.requirement;
                return Ok(Some(format!("not signed, {requirement} is asked for: {why}")));
            }
        }
        Ok(None)
    }

    /// Answers several questions, one after another: those of one pipeline are few.
    pub async fn answers(
        &self,
        questions: Vec<Question>,
        now: UnixSeconds,
    ) -> BTreeMap<QuestionKey, Fact<Answer>> {
        let mut answers = BTreeMap::new();
        for question in questions {
            let answer = self.answer(&question, now).await;
            answers.insert(question.key(), answer);
        }
        answers
    }

    /// Answers one question. `Err` when it could not be told.
    pub async fn answer(&self, question: &Question, now: UnixSeconds) -> Fact<Answer> {
        let (known, name) = self.known(&question.requirement.signer)?;
        let key = kept::key(question, &name);
        if let Some(answer) = self.kept.get(&key, now) {
            return Ok(answer);
        }
        let attachments = self.attachments(&question.repository, &question.digest, now).await?;
        let found: Vec<Found> = attachments.found.iter().map(found).collect();
        let trust = match (&known, &question.requirement.signer) {
            (Known::Key(key), _) => Trust::Key(key),
            (Known::Root(root), Signer::Keyless(who)) => Trust::Root(root, who),
            (Known::Root(_), Signer::Key(_)) => return Err(Unread::new("signatures", "no key was read")),
        };
        let mut answer = judge(&question.digest, &question.requirement, trust, &found);
        if let (Answer::Unmet { why }, 1..) = (&mut answer, attachments.left_out) {
            *why = format!("{why}; {} more are too many, too large or broken", attachments.left_out);
        }
        self.kept.put(&key, &answer, UnixSeconds(now.0.saturating_add(UNMET_SECONDS)));
        Ok(answer)
    }

    /// The key or root by which a signer is known, and the name of its content.
    fn known(&self, signer: &Signer) -> Fact<(Known, String)> {
        let Signer::Key(source) = signer else {
            let root =
                self.read_root().map_err(|it| Unread::new("the sigstore root of trust", it.to_string()))?;
            let name = format!("root {}", root.hash());
            return Ok((Known::Root(root), name));
        };
        let unread = |why: String| Unread::new(format!("the key {source}"), why);
        let key = match source {
            KeySource::Inline(pem) => PublicKey::read(pem),
            KeySource::File(path) => {
                let bytes = self.secrets.bytes(path).map_err(unread)?;
                PublicKey::read(&String::from_utf8_lossy(&bytes))
            }
        };
        let key = key.map_err(|it| unread(it.to_string()))?;
        let name = key.name().to_owned();
        Ok((Known::Key(key), name))
    }

    fn read_root(&self) -> Result<SigstoreRoot, Box<Diagnosis>> {
        let Some(path) = &self.root else {
            let what = "a signature without a key is asked for, and there is no root of trust";
            let hint = "start the controller with `--sigstore-root FILE`";
            return Err(Box::new(Diagnosis::input("sigstore-root", what).hint(hint)));
        };
        let text = read_text(path, ROOT_BYTES_MAX)
            .map_err(|why| Box::new(Diagnosis::input("sigstore-root", why).hint("check path and rights")))?;
        SigstoreRoot::read(&text, &path.display().to_string()).map_err(|it| Box::new(it.diagnosis()))
    }

    async fn attachments(
        &self,
        repository: &Repository,
        digest: &ImageDigest,
        now: UnixSeconds,
    ) -> Fact<Arc<Attachments>> {
        let image = (repository.clone(), digest.clone());
        let remembered = |all: &mut Vec<Remembered>| {
            all.retain(|it| now < it.until);
            all.iter().find(|it| it.image == image).map(|it| it.attachments.clone())
        };
        if let Some(known) = remembered(&mut self.attached.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(known);
        }
        let read = self.registries.attached(repository, digest).await;
        let read = read.map_err(|error| {
            Unread::new(format!("signatures of {repository}@{digest}"), error.diagnosis().to_string())
        })?;
        let attachments = Arc::new(read);
        let mut all = self.attached.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|it| it.image != image);
        if all.len() >= ATTACHED_MAX {
            all.remove(0);
        }
        let until = UnixSeconds(now.0.saturating_add(ATTACHED_SECONDS));
        all.push(Remembered { image, until, attachments: attachments.clone() });
        Ok(attachments)
    }
}

fn found(attached: &Attached) -> Found {
    let Attached { form, content, annotations } = attached.clone();
    match form {
        AttachedForm::Simple => Found::Simple { payload: content, annotations },
        AttachedForm::Envelope => Found::Envelope { envelope: content, annotations },
        AttachedForm::Bundle => Found::Bundle(content),
    }
}
