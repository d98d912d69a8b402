//! A server of tokens, as the distribution project's specification has it: ES256 tokens with the chain in `x5c`.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SigningKey as _};
use serde_json::json;

use super::process::{PASSWORD, USER};
use super::serve::{Running, serve_http};

pub(super) const SERVICE: &str = "registry.test";
pub(super) const ISSUER: &str = "tokens.test";
/// The token that the server takes in exchange for others.
pub const IDENTITY_TOKEN: &str = "refresh-me";

/// A server of tokens: for [`USER`](super::USER) of all repositories, for everyone of those below `public/`. Clones are one
/// server; it ends with the last.
#[derive(Debug, Clone)]
pub struct TokenServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    _running: Arc<Running>,
}

#[derive(Debug)]
struct Shared {
    key: KeyPair,
    der: Vec<u8>,
    pem: String,
    log: Mutex<Vec<String>>,
    numbers: Mutex<u64>,
    seconds: Mutex<u64>,
}

impl TokenServer {
    /// Starts it.
    pub fn start() -> Self {
        let key = KeyPair::generate().expect("a key");
        let mut params = CertificateParams::new(vec![ISSUER.to_owned()]).expect("names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).expect("a certificate");
        let (der, pem) = (certificate.der().to_vec(), certificate.pem());
        let shared = Arc::new(Shared {
            key,
            der,
            pem,
            log: Mutex::default(),
            numbers: Mutex::default(),
            seconds: Mutex::new(300),
        });
        let serving = shared.clone();
        let (address, running) = serve_http(None, move |request| answer(request, serving.clone()));
        Self { shared, address, _running: Arc::new(running) }
    }

    /// Where tokens are to be had.
    pub fn realm(&self) -> String {
        format!("http://{}/token", self.address)
    }

    /// Its address: `127.0.0.1:4711`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// From now on it says that tokens are good for so long.
    pub fn say_seconds(&self, seconds: u64) {
        *self.shared.seconds.lock().expect("a lock") = seconds;
    }

    /// The requests since the last call: method, scope, and how the client proved itself.
    pub fn take_log(&self) -> Vec<String> {
        std::mem::take(&mut *self.shared.log.lock().expect("a lock"))
    }

    /// A token for a repository.
    pub fn issue(&self, repository: &str, actions: &[&str]) -> String {
        self.shared.issue(&format!("repository:{repository}:{}", actions.join(",")))
    }

    pub(super) fn certificate(&self) -> &str {
        &self.shared.pem
    }
}

impl Shared {
    /// A token for a scope; one that allows nothing for an empty scope.
    fn issue(&self, scope: &str) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970").as_secs();
        let mut number = self.numbers.lock().expect("a lock");
        *number += 1;
        let mut parts = scope.splitn(2, ':');
        let (kind, rest) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let access = match rest.rsplit_once(':') {
            Some((name, actions)) => {
                json!([{ "type": kind, "name": name, "actions": actions.split(',').collect::<Vec<_>>() }])
            }
            None => json!([]),
        };
        let header = json!({ "typ": "JWT", "alg": "ES256", "x5c": [STANDARD.encode(&self.der)] });
        let claims = json!({
            "iss": ISSUER, "sub": USER, "aud": SERVICE, "jti": number.to_string(),
            "iat": now, "nbf": now - 60, "exp": now + 3_600, "access": access,
        });
        let encode = |it: String| URL_SAFE_NO_PAD.encode(it);
        let payload = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.key.sign(payload.as_bytes()).expect("a signature");
        format!("{payload}.{}", URL_SAFE_NO_PAD.encode(plain_signature(&signature)))
    }
}

async fn answer(request: Request<Incoming>, shared: Arc<Shared>) -> Response<Full<Bytes>> {
    let method = request.method().clone();
    let given = request.headers().get("authorization").and_then(|it| it.to_str().ok()).map(ToOwned::to_owned);
    let query = request.uri().query().unwrap_or_default().to_owned();
    let body = request.into_body().collect().await.map(|it| it.to_bytes()).unwrap_or_default();
    let form = if method == "POST" { String::from_utf8_lossy(&body).into_owned() } else { query };
    let value = |name: &str| {
        let mut pairs = form.split('&').filter_map(|it| it.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| decoded(value)).unwrap_or_default()
    };
    let scope = value("scope");
    let proof = match &given {
        Some(given) if *given == basic(USER, PASSWORD) => "password",
        Some(_) => "wrong",
        None if value("refresh_token") == IDENTITY_TOKEN && value("grant_type") == "refresh_token" => {
            "identity"
        }
        None if !value("refresh_token").is_empty() => "wrong",
        None => "nobody",
    };
    shared.log.lock().expect("a lock").push(format!("{method} {scope} {proof}"));
    let is_known = value("service") == SERVICE;
    if proof == "wrong" || !is_known {
        let mut response =
            Response::new(Full::new(Bytes::from_static(b"{\"errors\":[{\"code\":\"UNAUTHORIZED\"}]}")));
        *response.status_mut() = hyper::StatusCode::UNAUTHORIZED;
        return response;
    }
    let allowed = proof != "nobody" || scope.starts_with("repository:public/");
    let token = shared.issue(if allowed { &scope } else { "" });
    let seconds = *shared.seconds.lock().expect("a lock");
    let name = if proof == "identity" { "access_token" } else { "token" };
    Response::new(Full::new(Bytes::from(json!({ name: token, "expires_in": seconds }).to_string())))
}

/// The two numbers of an ECDSA signature in a row, 32 bytes each, from the form of X.509.
fn plain_signature(der: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut at = 2;
    for _ in 0..2 {
        let length = usize::from(der[at + 1]);
        let number = &der[at + 2..at + 2 + length];
        let number = &number[number.iter().position(|it| *it != 0).unwrap_or(length)..];
        plain.extend(std::iter::repeat_n(0, 32 - number.len()));
        plain.extend_from_slice(number);
        at += 2 + length;
    }
    plain
}

/// The header of basic authentication.
pub(super) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{user}:{password}")))
}

/// A value of a query without its escapes.
fn decoded(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [first, tail @ ..] = rest {
        let hex = tail.get(..2).and_then(|it| std::str::from_utf8(it).ok());
        match (first, hex.and_then(|it| u8::from_str_radix(it, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (first, _) => {
                bytes.push(if *first == b'+' { b' ' } else { *first });
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
