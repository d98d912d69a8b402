//! Credentials of registries, as docker's `config.json` holds them or names helpers that know them.
//!
//! Decides which entry is meant for a repository: the one of a helper for its host, else the one with the longest path
//! that fits, else the helper for everything. Source: the docker command's documentation of `config.json` and of
//! credential helpers; the kubelet's rules for entries with paths and `*`. Blocks: helpers are programs.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use promoter_core::{Repository, one_line};
use serde_json::Value;

use super::RegistryError;
use super::options::read_text;
use crate::git::Secret;
use crate::git::wire::{Deadline, Program};

/// So long a helper may take.
const HELPER_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest answer of a helper that is read; ECR's passwords have some kilobytes.
const ANSWER_BYTES_MAX: u64 = 64 << 10;
/// What is repeated of a helper's words when it fails, in letters.
const WORDS_MAX: usize = 200;
/// What a helper says when it knows nothing, which is no failure.
const UNKNOWN: &str = "credentials not found";
/// The user name beside what is no password but an identity token.
const IDENTITY_TOKEN: &str = "<token>";
/// How helpers of clouds and desktops find what they need, by how the names of their variables begin.
const HELPER_VARIABLES: [&str; 14] = [
    "AWS_",
    "AZURE_",
    "GOOGLE_",
    "CLOUDSDK_",
    "GCE_",
    "ECR_",
    "ACR_",
    "DOCKER_",
    "XDG_",
    "DBUS_",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "SSL_CERT_",
];
/// docker's names for Docker Hub.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
/// The one under which helpers keep it.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// What proves who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Login {
    /// User name and password.
    Password(String, Secret),
    /// A token that the token server takes in exchange for others (OAuth2's refresh token).
    Identity(Secret),
}

impl Login {
    fn of(username: &str, secret: &str) -> Option<Self> {
        match (username, secret) {
            (_, "") => None,
            (IDENTITY_TOKEN, token) => Some(Self::Identity(Secret::new(token))),
            (username, password) => Some(Self::Password(username.into(), Secret::new(password))),
        }
    }
}

/// The credentials for a repository; `None` when there are none, and nobody needs to know.
pub(super) fn find(file: &Path, repository: &Repository) -> Result<Option<Login>, RegistryError> {
    let wrong = |why: String| RegistryError::CredentialsFile { path: file.display().to_string(), why };
    let metadata = std::fs::metadata(file);
    if metadata.is_err_and(|it| it.kind() == std::io::ErrorKind::NotFound) {
        return Ok(None);
    }
    let text = read_text(file).map_err(wrong)?;
    let config: Value = serde_json::from_str(&text)
        .map_err(|it| wrong(format!("is no JSON (line {}, column {})", it.line(), it.column())))?;
    if !config.is_object() {
        return Err(wrong("holds no JSON object".into()));
    }
    let helper_for_host = config["credHelpers"].as_object().and_then(|helpers| {
        helpers.iter().find(|(key, _)| names(key, repository.host())).and_then(|(_, name)| name.as_str())
    });
    if let Some(name) = helper_for_host {
        return ask(name, repository.host());
    }
    if let Some((key, entry)) = entry(&config, repository)
        && let Some(login) = login(entry).map_err(|why| wrong(format!("has an entry `{key}` that {why}")))?
    {
        return Ok(Some(login));
    }
    match config["credsStore"].as_str().filter(|it| !it.is_empty()) {
        Some(name) => ask(name, repository.host()),
        None => Ok(None),
    }
}

/// The entry with the longest key that fits.
fn entry<'a>(config: &'a Value, repository: &Repository) -> Option<(&'a str, &'a Value)> {
    let entries = config["auths"].as_object()?.iter();
    let fitting = entries.filter_map(|(key, value)| Some((fit(key, repository)?, key.as_str(), value)));
    fitting.max_by_key(|(rank, ..)| *rank).map(|(_, key, value)| (key, value))
}

/// How well a key fits: an exact host before one with `*`, then the longest path. `None` when it does not.
fn fit(key: &str, repository: &Repository) -> Option<(bool, usize)> {
    let (host, path) = split(key);
    let same = names(host, repository.host());
    let fits = same || (host.contains('*') && matches(host, repository.host()));
    let below = repository.path().strip_prefix(path)?;
    (fits && (path.is_empty() || below.is_empty() || below.starts_with('/'))).then_some((same, path.len()))
}

/// Host and path of a key, without its scheme and the versions of the API that docker writes behind hosts.
fn split(key: &str) -> (&str, &str) {
    let plain = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://")).unwrap_or(key);
    let (host, path) = plain.split_once('/').unwrap_or((plain, ""));
    let path = path.trim_end_matches('/');
    (host, if matches!(path, "v1" | "v2") { "" } else { path })
}

fn names(key: &str, host: &str) -> bool {
    let (key, _) = split(key);
    key.eq_ignore_ascii_case(host) || (host == "docker.io" && HUB.contains(&key))
}

/// A `*` stands for letters of one label of a host, as the kubelet has it.
fn matches(pattern: &str, host: &str) -> bool {
    let (patterns, labels): (Vec<&str>, Vec<&str>) =
        (pattern.split('.').collect(), host.split('.').collect());
    patterns.len() == labels.len()
        && patterns
            .iter()
            .zip(labels)
            .all(|(pattern, label)| promoter_core::policy::Pattern::new(*pattern).fits(label))
}

/// The credentials of an entry; docker leaves empty ones for what its helpers keep.
fn login(entry: &Value) -> Result<Option<Login>, &'static str> {
    let text = |name: &str| entry[name].as_str().unwrap_or_default();
    if !text("identitytoken").is_empty() {
        return Ok(Some(Login::Identity(Secret::new(text("identitytoken")))));
    }
    if text("auth").is_empty() {
        return Ok(Login::of(text("username"), text("password")));
    }
    // docker pads with zeros what it decodes.
    let decoded = BASE64.decode(text("auth").trim()).ok().and_then(|it| String::from_utf8(it).ok());
    let decoded = decoded.ok_or("is no base64 of text")?;
    let (username, password) = decoded.split_once(':').ok_or("is no user name and password")?;
    Ok(Login::of(username, password.trim_end_matches('\0')))
}

/// Asks a helper.
fn ask(name: &str, host: &str) -> Result<Option<Login>, RegistryError> {
    let helper = format!("docker-credential-{name}");
    let failed = |why: String| {
        let (helper, host) = (helper.clone(), host.to_owned());
        RegistryError::CredentialHelper { helper, host, why }
    };
    let is_name = |it: char| it.is_ascii_alphanumeric() || matches!(it, '-' | '_' | '.');
    if !name.chars().all(is_name) {
        return Err(failed("its name is none".into()));
    }
    let key = if host == "docker.io" { HUB_KEY } else { host };
    let mut command = Command::new(&helper);
    command.arg("get");
    command.envs(std::env::vars_os().filter(|(name, _)| {
        name.to_str().is_some_and(|name| HELPER_VARIABLES.iter().any(|it| name.starts_with(it)))
    }));
    let said = Program::start(&mut command, Deadline::after(HELPER_TIMEOUT))
        .and_then(|mut program| program.exchange(key.as_bytes(), ANSWER_BYTES_MAX));
    let (succeeded, output) = said.map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => failed("it is not installed".into()),
        _ => failed(error.to_string()),
    })?;
    let output = String::from_utf8_lossy(&output);
    if !succeeded {
        // A failed helper says why on its output; it has no secret to tell.
        let line = one_line(output.lines().next().unwrap_or_default().trim());
        let line: String = line.chars().take(WORDS_MAX).collect();
        return match line.contains(UNKNOWN) {
            true => Ok(None),
            false => Err(failed(if line.is_empty() { "it failed".into() } else { line })),
        };
    }
    let answer: Value = serde_json::from_str(&output).map_err(|_| failed("it answers no JSON".into()))?;
    match (answer["Username"].as_str(), answer["Secret"].as_str()) {
        (Some(username), Some(secret)) => Ok(Login::of(username, secret)),
        _ => Err(failed("its answer has no `Username` and `Secret`".into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(config: &str, repository: &str) -> Option<(String, String)> {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        std::fs::write(&file, config).unwrap();
        find(&file, &repository.parse().unwrap()).unwrap().map(|it| match it {
            Login::Password(username, password) => (username, password.expose().to_owned()),
            Login::Identity(token) => ("<token>".into(), token.expose().to_owned()),
        })
    }

    fn pair(username: &str, password: &str) -> Option<(String, String)> {
        Some((username.into(), password.into()))
    }

    #[test]
    fn entries_are_found_as_docker_and_the_kubelet_find_them() {
        let config = r#"{ "auths": {
            "https://index.docker.io/v1/": { "auth": "YWRhOmh1Yg==" },
            "ghcr.io": { "username": "ada", "password": "gh" },
            "https://quay.io/v2/": { "auth": "YWRhOnF1YXk6eA==" },
            "gcr.io/acme": { "username": "_json_key", "password": "acme" },
            "gcr.io/acme/web": { "username": "_json_key", "password": "web" },
            "*.azurecr.io": { "identitytoken": "refresh" },
            "one.azurecr.io": { "username": "one", "password": "1" },
            "empty.example.com": {} } }"#;
        for (repository, expected) in [
            ("nginx", pair("ada", "hub")),
            ("docker.io/acme/web", pair("ada", "hub")),
            ("ghcr.io/acme/web", pair("ada", "gh")),
            ("quay.io/acme/web", pair("ada", "quay:x")),
            ("gcr.io/acme/web", pair("_json_key", "web")),
            ("gcr.io/acme/web/sub", pair("_json_key", "web")),
            ("gcr.io/acme/webs", pair("_json_key", "acme")),
            ("gcr.io/acmes/web", None),
            ("two.azurecr.io/web", pair("<token>", "refresh")),
            ("one.azurecr.io/web", pair("one", "1")),
            ("a.b.azurecr.io/web", None),
            ("empty.example.com/web", None),
            ("ghcr.io:8443/acme/web", None),
        ] {
            assert_eq!(found(config, repository), expected, "{repository}");
        }
    }

    #[test]
    fn a_broken_file_is_named_without_what_it_holds() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config.json");
        let repository = "ghcr.io/acme/web".parse().unwrap();
        assert_eq!(find(&file, &repository), Ok(None), "it need not be there");
        for text in ["s3cret", "[]", r#"{"auths":{"ghcr.io":{"auth":"s3cret!"}}}"#] {
            std::fs::write(&file, text).unwrap();
            let diagnosis = find(&file, &repository).unwrap_err().diagnosis();
            assert_eq!(diagnosis.code, "registry-credentials-file");
            assert!(!diagnosis.to_string().contains("s3cret"), "{diagnosis}");
        }
    }
}
