//! How a question proves who asks: nothing, a password, or a token that another server gives out for the purpose.
//!
//! A host's first question is asked without proof, and its answer says what it wants to see; from then on proof is sent
//! along. There is one token for a host and repository, shared by all questions, renewed before it ends, and once more
//! when it is refused. Source: the distribution project's specifications of token and OAuth2 authentication.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use promoter_core::Repository;
use reqwest::header::WWW_AUTHENTICATE;
use reqwest::{Method, StatusCode, Url};

use super::RegistryError;
use super::challenge::{Challenge, challenge};
use super::counters::RequestKind;
use super::flights::Flights;
use super::host::Host;
use super::login::{self, Login};
use super::wire::{Answer, Question, Wire};
use crate::git::Secret;

const TOKEN_BYTES_MAX: usize = 256 << 10;
/// How long a token is good whose server does not say, by the specification.
const TOKEN_SECONDS: u64 = 60;
/// A token is renewed so long before its end, or after three quarters of its time.
const MARGIN: Duration = Duration::from_secs(10);
/// After this time files and helpers are asked again for a password.
const PASSWORD_TIME: Duration = Duration::from_secs(5 * 60);
/// The most passes that are kept for one host.
const PASSES_MAX: usize = 10_000;

/// What a host wants to see, and what we have to show.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// `None` before its first answer; then what it wants, if anything.
    wants: Mutex<Option<Option<Challenge>>>,
    /// Held by the first question, so that the ones behind it know what is wanted.
    first: tokio::sync::Mutex<()>,
    /// By scope.
    passes: Mutex<HashMap<String, Pass>>,
    renewals: Flights<String, Result<Option<Pass>, RegistryError>>,
}

/// A header `Authorization`.
#[derive(Debug, Clone)]
struct Pass {
    header: Secret,
    /// When it is renewed.
    until: SystemTime,
}

impl Logins {
    fn wants(&self) -> Option<Option<Challenge>> {
        self.wants.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn(&self, wants: Option<Challenge>) {
        *self.wants.lock().unwrap_or_else(PoisonError::into_inner) = Some(wants);
    }

    fn known(&self, scope: &str, now: SystemTime) -> Option<Pass> {
        let passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        passes.get(scope).filter(|it| now < it.until).cloned()
    }

    fn keep(&self, scope: &str, pass: Option<Pass>, now: SystemTime) {
        let mut passes = self.passes.lock().unwrap_or_else(PoisonError::into_inner);
        if passes.len() >= PASSES_MAX {
            passes.retain(|_, it| now < it.until);
        }
        match pass {
            Some(pass) if passes.len() < PASSES_MAX => passes.insert(scope.to_owned(), pass),
            _ => passes.remove(scope),
        };
    }
}

impl Wire {
    /// Asks a registry about one of its repositories, with whatever proof it wants.
    ///
    /// Errors: `Denied`, it wants other proof than we have; `ClearText`, the proof would travel so.
    pub(super) async fn ask_as(
        &self,
        host: &Arc<Host>,
        repository: &Repository,
        question: &Question,
    ) -> Result<Answer, RegistryError> {
        let scope = format!("repository:{}:pull", repository.path());
        let first = match host.logins.wants() {
            Some(_) => None,
            None => self.ask_first(host, repository, question).await?,
        };
        let mut used = None;
        let answer = match first {
            Some(answer) => answer,
            None => {
                if let Some(wanted) = host.logins.wants().flatten() {
                    used = self.pass(host, repository, &scope, &wanted, None).await?;
                }
                self.ask(host, question, used.as_ref()).await?
            }
        };
        if !is_refused(&answer, host) {
            return Ok(answer);
        }
        // It wants proof all at once, or another one, or what we have is over before its time.
        let wanted = self.learn(host, repository, &answer)?;
        let Some(renewed) = self.pass(host, repository, &scope, &wanted, Some(used)).await? else {
            return Err(denied(host, repository, &answer, "and we have no credentials for it"));
        };
        let answer = self.ask(host, question, Some(&renewed)).await?;
        match is_refused(&answer, host) {
            true => Err(denied(host, repository, &answer, "with our credentials or token")),
            false => Ok(answer),
        }
    }

    /// The first question to a host, which shows what it wants; `None` when another one was first after all.
    async fn ask_first(
        &self,
        host: &Arc<Host>,
        repository: &Repository,
        question: &Question,
    ) -> Result<Option<Answer>, RegistryError> {
        let _first = host.logins.first.lock().await;
        if host.logins.wants().is_some() {
            return Ok(None);
        }
        let answer = self.ask(host, question, None).await?;
        match is_refused(&answer, host) {
            true => drop(self.learn(host, repository, &answer)?),
            false => host.logins.learn(None),
        }
        Ok(Some(answer))
    }

    /// Keeps in mind what an answer says that a host wants.
    fn learn(
        &self,
        host: &Host,
        repository: &Repository,
        answer: &Answer,
    ) -> Result<Challenge, RegistryError> {
        let wanted = challenge(answer.all(WWW_AUTHENTICATE))
            .ok_or_else(|| denied(host, repository, answer, "and does not say what it wants to see"))?;
        // The scope is this question's own.
        host.logins.learn(Some(match &wanted {
            Challenge::Basic => Challenge::Basic,
            Challenge::Bearer { realm, service, .. } => {
                Challenge::Bearer { realm: realm.clone(), service: service.clone(), scope: None }
            }
        }));
        Ok(wanted)
    }

    /// The header for a scope; `None` when we have nothing to show. A `refused` one is not given again.
    async fn pass(
        &self,
        host: &Arc<Host>,
        repository: &Repository,
        scope: &str,
        wanted: &Challenge,
        refused: Option<Option<Secret>>,
    ) -> Result<Option<Secret>, RegistryError> {
        let is_new = |it: &Pass| refused.as_ref().is_none_or(|refused| refused.as_ref() != Some(&it.header));
        if let Some(pass) = host.logins.known(scope, self.now()).filter(is_new) {
            return Ok(Some(pass.header));
        }
        let renewal = async {
            // Who came too late for the last renewal finds its result here.
            if let Some(pass) = host.logins.known(scope, self.now()).filter(is_new) {
                return Ok(Some(pass));
            }
            let pass = self.obtain(host, repository, scope, wanted).await?;
            host.logins.keep(scope, pass.clone(), self.now());
            Ok(pass)
        };
        let pass = host.logins.renewals.join(&scope.to_owned(), renewal).await?;
        Ok(pass.map(|it| it.header))
    }

    async fn obtain(
        &self,
        host: &Arc<Host>,
        repository: &Repository,
        scope: &str,
        wanted: &Challenge,
    ) -> Result<Option<Pass>, RegistryError> {
        let login = self.login(repository).await?;
        match wanted {
            Challenge::Basic => match login {
                None => Ok(None),
                Some(Login::Identity(_)) => Err(RegistryError::Denied {
                    host: host.name.clone(),
                    repository: repository.to_string(),
                    answer: "it wants user name and password, and we have an identity token".into(),
                }),
                Some(Login::Password(username, password)) => {
                    let until = self.now() + PASSWORD_TIME;
                    Ok(Some(Pass { header: basic(&username, &password), until }))
                }
            },
            Challenge::Bearer { realm, service, scope: asked } => {
                let scope = asked.as_deref().unwrap_or(scope);
                let token = self.token(host, repository, realm, service.as_deref(), scope, login.as_ref());
                token.await.map(Some)
            }
        }
    }

    /// The credentials for a repository, from file or helper.
    pub(super) async fn login(&self, repository: &Repository) -> Result<Option<Login>, RegistryError> {
        let Some(file) = self.config.credentials_file.clone() else {
            return Ok(None);
        };
        let repository = repository.clone();
        let path = file.display().to_string();
        let found = tokio::task::spawn_blocking(move || login::find(Path::new(&file), &repository)).await;
        found.unwrap_or_else(|_| {
            Err(RegistryError::CredentialsFile { path, why: "could not be read to its end".into() })
        })
    }

    /// Asks for a token.
    async fn token(
        &self,
        host: &Arc<Host>,
        repository: &Repository,
        realm: &str,
        service: Option<&str>,
        scope: &str,
        login: Option<&Login>,
    ) -> Result<Pass, RegistryError> {
        let realm: Url =
            realm.parse().map_err(|_| host.protocol("it names no URL where tokens are to be had"))?;
        let clear =
            || RegistryError::ClearText { host: Host::name_of(&realm), repository: repository.to_string() };
        let server = self.host_of(&realm)?.ok_or_else(clear)?;
        let (question, pass) = token_question(&realm, service, scope, login);
        let start = self.now();
        let answer = self.ask_here(&server, &question, pass.as_ref()).await?;
        match answer.status {
            StatusCode::OK => read_token(&answer, start),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
                let whose = if login.is_some() { "with our credentials" } else { "without credentials" };
                Err(denied(&server, repository, &answer, whose))
            }
            status if status.is_server_error() => Err(server.unreachable(answer.said())),
            _ => Err(server.protocol(format!("asked for a token, it answers {}", answer.said()))),
        }
    }
}

/// The question for a token, and the header that goes with it.
fn token_question(
    realm: &Url,
    service: Option<&str>,
    scope: &str,
    login: Option<&Login>,
) -> (Question, Option<Secret>) {
    let mut question = Question::get(RequestKind::Token, realm.clone(), TOKEN_BYTES_MAX);
    if let Some(Login::Identity(token)) = login {
        // The text of a form is that of a query.
        let mut form = realm.clone();
        form.set_query(None);
        form.query_pairs_mut()
            .append_pair("grant_type", "refresh_token")
            .append_pair("service", service.unwrap_or_default())
            .append_pair("client_id", "promoter")
            .append_pair("scope", scope)
            .append_pair("refresh_token", token.expose());
        question.form = Some(Secret::new(form.query().unwrap_or_default()));
        question.method = Method::POST;
        return (question, None);
    }
    let mut query = question.url.query_pairs_mut();
    service.into_iter().for_each(|it| {
        query.append_pair("service", it);
    });
    query.append_pair("scope", scope).append_pair("client_id", "promoter");
    drop(query);
    let pass = match login {
        Some(Login::Password(username, password)) => Some(basic(username, password)),
        _ => None,
    };
    (question, pass)
}

/// A token and its time, which begins when it was asked for.
fn read_token(answer: &Answer, start: SystemTime) -> Result<Pass, RegistryError> {
    let host = &answer.host;
    let body: serde_json::Value = serde_json::from_slice(&answer.body)
        .map_err(|_| host.protocol("asked for a token, it answers no JSON"))?;
    let token = body["token"].as_str().filter(|it| !it.is_empty()).or_else(|| body["access_token"].as_str());
    let token = token.filter(|it| !it.is_empty() && it.bytes().all(|it| it.is_ascii_graphic()));
    let token = token.ok_or_else(|| host.protocol("asked for a token, it gives none"))?;
    let seconds = body["expires_in"].as_u64().filter(|it| *it > 0).unwrap_or(TOKEN_SECONDS);
    let time = Duration::from_secs(seconds.min(24 * 60 * 60));
    let until = start + time.saturating_sub(MARGIN.min(time / 4));
    Ok(Pass { header: Secret::new(format!("Bearer {token}")), until })
}

/// The header of RFC 7617.
pub(super) fn basic(username: &str, password: &Secret) -> Secret {
    Secret::new(format!("Basic {}", BASE64.encode(format!("{username}:{}", password.expose()))))
}

/// True when the host itself, and not one that it sent us on to, wants proof.
fn is_refused(answer: &Answer, host: &Arc<Host>) -> bool {
    answer.status == StatusCode::UNAUTHORIZED && Arc::ptr_eq(&answer.host, host)
}

fn denied(host: &Host, repository: &Repository, answer: &Answer, how: &str) -> RegistryError {
    RegistryError::Denied {
        host: host.name.clone(),
        repository: repository.to_string(),
        answer: format!("{} {how}", answer.said()),
    }
}
