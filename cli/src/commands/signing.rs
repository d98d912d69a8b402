//! The key that a person's word is signed with: the one that is named, else the one that git is set to use.
//!
//! git's settings are honoured where that is simple: `commit.gpgsign=true`, `gpg.format=ssh` and a `user.signingKey` that
//! names a file. Keys in gpg's keyring or an agent are not asked for; then the commit is not signed, and that is said.

use super::repository::git;
use crate::edge;
use clap::Args;
use promoter_controller::options::SigningOptions;
use promoter_controller::run::now;
use promoter_core::Diagnosis;
use promoter_signatures::SigningKey;
use std::path::Path;

#[derive(Debug, Args)]
pub(crate) struct PersonSigning {
    #[command(flatten)]
    options: SigningOptions,
}

impl PersonSigning {
    /// The key, if there is one.
    pub(crate) fn key(&self) -> Result<Option<SigningKey>, Diagnosis> {
        if let Some(key) = self.options.key(now())? {
            return Ok(Some(key));
        }
        if git(&["config", "--type=bool", "--get", "commit.gpgsign"]).as_deref() != Some("true") {
            return Ok(None);
        }
        let found = self.of_git();
        if let Err(why) = &found {
            let cause = format!("this commit is not signed, though git is set to sign: {why}");
            let diagnosis = Diagnosis::input("signing-git-settings", cause);
            edge::say(&diagnosis.hint("name a private key with `--signing-key-file`"));
        }
        Ok(found.ok())
    }

    /// The key that git is set to sign with; the error says why it is not used.
    fn of_git(&self) -> Result<SigningKey, String> {
        let format = git(&["config", "--get", "gpg.format"]).unwrap_or_else(|| "openpgp".into());
        if format != "ssh" {
            return Err(format!("its keys are gpg's own (`gpg.format` is `{format}`)"));
        }
        let named = git(&["config", "--type=path", "--get", "user.signingKey"]).unwrap_or_default();
        // git takes the name of either file of the pair.
        let file = Path::new(named.strip_suffix(".pub").unwrap_or(&named));
        if !file.is_file() {
            return Err("`user.signingKey` names no private key in a file".into());
        }
        self.options.read(file, now()).map_err(|diagnosis| diagnosis.cause)
    }
}
