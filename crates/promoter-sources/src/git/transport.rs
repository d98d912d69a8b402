//! How git servers are reached and recognised, as the options of every program say it.
//!
//! Decides the names of the options and variables, once for all programs, and reads the files that they name. Files are
//! read at each use: what a cluster mounts is renewed while we run.

use std::path::{Path, PathBuf};

use super::GitError;

/// git's own variable for a file with authorities.
const GIT_VARIABLE: &str = "GIT_SSL_CAINFO";
/// The largest file with certificates or keys that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// How servers are reached and recognised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, clap::Args)]
pub struct Transport {
    /// Certificates (PEM) of authorities that are trusted for git over https, besides the machine's own
    #[arg(long, value_name = "FILE", env = "PROMOTER_CA_FILE", hide_env_values = true)]
    pub ca_file: Option<PathBuf>,
    /// Certificate (PEM) that proves to git servers over https who asks; needs its key
    #[arg(
        long,
        value_name = "FILE",
        env = "PROMOTER_CLIENT_CERT_FILE",
        hide_env_values = true,
        requires = "client_key_file"
    )]
    pub client_cert_file: Option<PathBuf>,
    /// Key (PEM) of that certificate
    #[arg(
        long,
        value_name = "FILE",
        env = "PROMOTER_CLIENT_KEY_FILE",
        hide_env_values = true,
        requires = "client_cert_file"
    )]
    pub client_key_file: Option<PathBuf>,
    /// Private key for git over ssh, the only one that is offered then; by default what ssh is set up for
    #[arg(long, value_name = "FILE", env = "PROMOTER_SSH_KEY_FILE", hide_env_values = true)]
    pub ssh_key_file: Option<PathBuf>,
    /// Keys of ssh servers, in the form of `known_hosts`, the only ones that are believed then; by default ssh's own
    #[arg(long, value_name = "FILE", env = "PROMOTER_SSH_KNOWN_HOSTS_FILE", hide_env_values = true)]
    pub ssh_known_hosts_file: Option<PathBuf>,
    /// Let credentials travel over http:// to other machines, in clear text
    #[arg(long, env = "PROMOTER_ALLOW_CLEAR_TEXT", hide_env_values = true)]
    pub allow_clear_text: bool,
}

impl Transport {
    /// The authorities of `--ca-file`, or else of git's own variable `GIT_SSL_CAINFO`, as PEM.
    pub(super) fn authorities(&self) -> Result<Option<(PathBuf, Vec<u8>)>, GitError> {
        let named = std::env::var_os(GIT_VARIABLE).filter(|it| !it.is_empty()).map(PathBuf::from);
        let Some(path) = self.ca_file.clone().or(named) else {
            return Ok(None);
        };
        let pem = read("file of authorities", &path)?;
        Ok(Some((path, pem)))
    }

    /// Our own certificate and its key, as PEM, one behind the other.
    pub(super) fn identity(&self) -> Result<Option<(PathBuf, Vec<u8>)>, GitError> {
        let (Some(certificate), Some(key)) = (&self.client_cert_file, &self.client_key_file) else {
            return Ok(None);
        };
        let mut pem = read("client certificate", certificate)?;
        pem.push(b'\n');
        pem.extend_from_slice(&read("key of the client certificate", key)?);
        Ok(Some((certificate.clone(), pem)))
    }

    /// Looks whether the files for ssh can be read: ssh itself only says that it was not let in.
    pub(super) fn check_ssh_files(&self) -> Result<(), GitError> {
        for (what, file) in
            [("ssh key", &self.ssh_key_file), ("file of known ssh hosts", &self.ssh_known_hosts_file)]
        {
            if let Some(path) = file {
                read(what, path)?;
            }
        }
        Ok(())
    }
}

/// The error for a file whose content is of no use.
pub(super) fn unusable(what: &'static str, path: &Path, why: impl Into<String>) -> GitError {
    GitError::AccessFile { what, path: path.display().to_string(), why: why.into() }
}

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, GitError> {
    let cannot = |error: std::io::Error| unusable(what, path, format!("cannot be read: {error}"));
    let length = std::fs::metadata(path).map_err(cannot)?.len();
    if length > FILE_BYTES_MAX {
        return Err(unusable(what, path, format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    std::fs::read(path).map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_cannot_be_read_are_named_with_their_use() {
        let missing = || Some(PathBuf::from("no/such/file"));
        let none = Transport::default;
        let said = |error: Option<GitError>| {
            let diagnosis = error.unwrap().diagnosis();
            assert_eq!(diagnosis.code, "git-access-file");
            diagnosis.cause
        };
        let authorities = Transport { ca_file: missing(), ..none() }.authorities().err();
        assert!(said(authorities).starts_with("the file of authorities `no/such/file` cannot be read"));
        let own = Transport { client_cert_file: missing(), client_key_file: missing(), ..none() };
        assert!(said(own.identity().err()).starts_with("the client certificate `no/such/file`"));
        let key = Transport { ssh_key_file: missing(), ..none() }.check_ssh_files().err();
        assert!(said(key).starts_with("the ssh key `no/such/file`"));
    }
}
