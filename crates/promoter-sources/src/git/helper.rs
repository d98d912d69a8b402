//! Asks git's credential helpers, as git itself does: `git credential fill`, and afterwards whether it was right.
//!
//! Decides what of an answer is used and how long it is remembered. The helpers are those of the person's own git
//! configuration; nothing is asked on a terminal or by a window that git would open.

use std::fmt;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};

use super::credentials::{Secret, basic_header};
use super::wire::{Deadline, Program};
use super::{GitError, RepoUrl};

/// The longest answer that is read.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// What helpers find their stores, agents and windows by, besides what every program gets.
const ENVIRONMENT: &[&str] = &[
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "GNUPGHOME",
    "PASSWORD_STORE_DIR",
];

/// git's credential helpers, for one repository. Clones share what was found out.
#[derive(Clone, Default)]
pub struct CredentialHelper {
    username: Option<String>,
    known: Arc<Mutex<Option<Answer>>>,
}

/// What a helper said.
#[derive(Clone)]
struct Answer {
    /// What is sent to the server.
    header: Secret,
    /// The whole answer, which is given back with the word whether it was right.
    text: Secret,
    /// True once the helpers were told that it was right.
    approved: bool,
}

impl CredentialHelper {
    /// Helpers that are asked for one user's credentials, or for anyone's.
    pub fn new(username: Option<String>) -> Self {
        Self { username, known: Arc::default() }
    }

    /// The same for another repository, with nothing known yet.
    #[must_use]
    pub fn afresh(&self) -> Self {
        Self::new(self.username.clone())
    }

    /// The header that worked before; `None` before the first question.
    pub(super) fn known(&self) -> Option<Secret> {
        self.lock().as_ref().map(|it| it.header.clone())
    }

    /// Asks the helpers. `None` when they know nothing for this repository.
    ///
    /// Errors: `CredentialHelper`, git cannot be started or gave no answer in time.
    pub(super) fn fill(&self, url: &RepoUrl, deadline: Deadline) -> Result<Option<Secret>, GitError> {
        let mut question = description(url);
        question.push_str("capability[]=authtype\n");
        if let Some(username) = &self.username {
            question.push_str(&format!("username={username}\n"));
        }
        let said = ask(url, "fill", &Secret::verbatim(question), deadline)?;
        let answer = said.and_then(|text| Answer::read(&text));
        self.lock().clone_from(&answer);
        Ok(answer.map(|it| it.header))
    }

    /// Tells the helpers that their answer was right, so that they may keep it.
    pub(super) fn approve(&self, url: &RepoUrl, deadline: Deadline) {
        let news = self.lock().as_mut().filter(|it| !it.approved).map(|it| {
            it.approved = true;
            it.text.clone()
        });
        if let Some(text) = news {
            tell(url, "approve", &text, deadline);
        }
    }

    /// Tells the helpers that their answer was wrong, and forgets it.
    pub(super) fn reject(&self, url: &RepoUrl, deadline: Deadline) {
        let wrong = self.lock().take();
        if let Some(answer) = wrong {
            tell(url, "reject", &answer.text, deadline);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Answer>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Answer {
    /// Reads lines `key=value`; `None` when they hold nothing that can be sent.
    fn read(text: &str) -> Option<Self> {
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|it| it.split_once('='));
            lines.find(|(found, _)| *found == key).map(|(_, value)| value)
        };
        let header = match (value("authtype"), value("credential")) {
            (Some(kind), Some(credential)) => Secret::new(format!("{kind} {credential}")),
            _ => basic_header(value("username")?, value("password")?),
        };
        Some(Self { header, text: Secret::verbatim(text), approved: false })
    }
}

/// Two are the same when they ask the same; what they have found out by now is no part of it.
impl PartialEq for CredentialHelper {
    fn eq(&self, other: &Self) -> bool {
        self.username == other.username
    }
}

impl Eq for CredentialHelper {}

impl fmt::Debug for CredentialHelper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialHelper").field("username", &self.username).finish_non_exhaustive()
    }
}

/// The repository in the words of gitcredentials(7). A URL holds no line ends, so nothing can be smuggled in.
fn description(url: &RepoUrl) -> String {
    let port = url.port().map(|it| format!(":{it}")).unwrap_or_default();
    let protocol = if url.scheme() == super::Scheme::Http { "http" } else { "https" };
    format!("protocol={protocol}\nhost={}{port}\npath={}\n", url.host(), url.path().trim_start_matches('/'))
}

/// Says whether an answer was right. What comes of it changes nothing for us.
fn tell(url: &RepoUrl, what: &'static str, text: &Secret, deadline: Deadline) {
    if let Err(error) = ask(url, what, text, deadline) {
        tracing::debug!(%error, what, "git's credential helpers were not told");
    }
}

/// Runs `git credential`; `None` when it ends with a failure, which is how it says that nobody knows.
fn ask(
    url: &RepoUrl,
    what: &'static str,
    text: &Secret,
    deadline: Deadline,
) -> Result<Option<String>, GitError> {
    let failed = |error: std::io::Error| GitError::CredentialHelper {
        url: url.to_string(),
        why: match error.kind() {
            std::io::ErrorKind::NotFound => "git is not installed".into(),
            _ => error.to_string(),
        },
    };
    let mut command = Command::new("git");
    // Neither a window nor a terminal: whoever can be asked is asked by the helper.
    command.args(["-c", "core.askPass=", "-c", "credential.interactive=false", "credential", what]);
    command.envs(ENVIRONMENT.iter().filter_map(|name| Some((name, std::env::var_os(name)?))));
    let mut program = Program::start(&mut command, deadline).map_err(failed)?;
    let answer = program.converse(text.expose().as_bytes(), ANSWER_BYTES_MAX).map_err(failed)?;
    Ok(answer.map(|it| String::from_utf8_lossy(&it).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(text: &str) -> Option<String> {
        Answer::read(text).map(|it| it.header.expose().to_owned())
    }

    #[test]
    fn answers_are_read_as_git_reads_them() {
        let basic = header("protocol=https\nhost=h\nusername=Aladdin\npassword=open sesame\n");
        assert_eq!(basic.as_deref(), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
        let bearer = header("capability[]=authtype\nauthtype=Bearer\ncredential=t=1\n");
        assert_eq!(bearer.as_deref(), Some("Bearer t=1"));
        assert_eq!(header("username=ada\n"), None);
        assert_eq!(header(""), None);
    }

    #[test]
    fn the_question_names_the_repository() {
        let url = "https://git.example.com:8443/acme/deploy.git".parse().unwrap();
        let expected = "protocol=https\nhost=git.example.com:8443\npath=acme/deploy.git\n";
        assert_eq!(description(&url), expected);
    }

    #[test]
    fn nothing_secret_is_printed() {
        let helper = CredentialHelper::new(Some("ada".into()));
        *helper.lock() = Answer::read("username=ada\npassword=s3cret\n");
        let printed = format!("{helper:?}");
        assert!(printed.contains("ada") && !printed.contains("s3cret"), "{printed}");
    }
}
