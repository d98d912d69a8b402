//! Asks repo-server for the credentials of an Application's repository, as its `argocd-git-ask-pass` would.
//!
//! Works only for the duration of one request, with the nonce that came in its environment. What Argo CD sends for ssh
//! are files in another container; those cannot be used and are passed over.

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use promoter_core::Diagnosis;
use promoter_sources::git::{Credentials, Secret};
use tokio::net::UnixStream;
use tonic::transport::{Endpoint, Uri};

use crate::cmp::askpass_proto::CredentialsRequest;
use crate::cmp::askpass_proto::ask_pass_service_client::AskPassServiceClient;
use crate::cmp::environment::Environment;

const TIMEOUT: Duration = Duration::from_secs(5);

/// Why Argo CD gave no credentials.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Argo CD's credentials socket `{}` gave no answer: {why}", socket.display())]
struct AskPassError {
    socket: PathBuf,
    why: String,
}

impl AskPassError {
    fn diagnosis(&self) -> Diagnosis {
        Diagnosis::upstream("askpass-unreachable", self).hint(
            "share the socket's directory between both containers and set `ARGOCD_ASK_PASS_SOCK` in both",
        )
    }
}

/// The credentials that a request's environment offers; `None` when it offers none. Blocks; not for asynchronous callers.
pub(crate) fn credentials(environment: &Environment) -> Result<Option<Credentials>, Diagnosis> {
    if let Some(header) = environment.get("ARGOCD_GIT_BEARER_AUTH_HEADER")
        && let Some(token) = header.strip_prefix("Authorization: Bearer ")
    {
        return Ok(Some(Credentials::Bearer(Secret::new(token))));
    }
    // Sent beside the nonce where the repository asks for forced basic authentication; then no socket is needed.
    if let Some(credentials) =
        environment.get("ARGOCD_GIT_AUTH_HEADER").and_then(Credentials::from_basic_header)
    {
        return Ok(Some(credentials));
    }
    let (Some(nonce), Some(socket)) =
        (environment.get("ARGOCD_GIT_ASKPASS_NONCE"), environment.get("ARGOCD_ASK_PASS_SOCK"))
    else {
        return Ok(None);
    };
    let socket = PathBuf::from(socket);
    let asked = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
        .and_then(|runtime| runtime.block_on(ask(&socket, nonce)));
    asked.map(Some).map_err(|why| AskPassError { socket, why }.diagnosis())
}

async fn ask(socket: &Path, nonce: &str) -> Result<Credentials, String> {
    let asked = async {
        let path = socket.to_owned();
        let connector = tower::service_fn(move |_: Uri| {
            let path = path.clone();
            async move { Ok::<_, std::io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
        });
        let endpoint = Endpoint::from_static("http://localhost");
        let channel = endpoint.connect_with_connector(connector).await.map_err(|error| error.to_string())?;
        let request = CredentialsRequest { nonce: nonce.to_owned() };
        let answer = AskPassServiceClient::new(channel).get_credentials(request).await;
        let answer =
            answer.map_err(|status| format!("{:?} {}", status.code(), status.message()))?.into_inner();
        Ok(Credentials::basic(answer.username, answer.password))
    };
    tokio::time::timeout(TIMEOUT, asked).await.unwrap_or_else(|_| Err("no answer in 5 seconds".into()))
}

#[cfg(test)]
mod tests {
    use hyper::server::conn::http2;
    use hyper_util::rt::TokioExecutor;
    use hyper_util::service::TowerToHyperService;
    use tokio::net::UnixListener;
    use tonic::{Request, Response, Status};

    use promoter_render::PinnedSource;
    use promoter_sources::git::Transport;
    use promoter_testkit::git::{Authority, Door, GitHttp, TestRepo};

    use super::*;
    use crate::cmp::askpass_proto::CredentialsResponse;
    use crate::cmp::askpass_proto::ask_pass_service_server::{AskPassService, AskPassServiceServer};
    use crate::git_access::{GitAccess, GitOptions};

    /// repo-server's side: knows one nonce.
    struct RepoServer;

    #[tonic::async_trait]
    impl AskPassService for RepoServer {
        async fn get_credentials(
            &self,
            request: Request<CredentialsRequest>,
        ) -> Result<Response<CredentialsResponse>, Status> {
            match request.into_inner().nonce.as_str() {
                "known" => {
                    Ok(Response::new(CredentialsResponse { username: "ada".into(), password: "p".into() }))
                }
                _ => Err(Status::not_found("unknown nonce")),
            }
        }
    }

    fn environment(entries: &[(&str, &str)]) -> Environment {
        entries.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// repo-server's credentials socket, which ends with the value.
    fn repo_server(socket: &Path) -> tokio::runtime::Runtime {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let in_runtime = runtime.enter();
        let listener = UnixListener::bind(socket).unwrap();
        runtime.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = TowerToHyperService::new(AskPassServiceServer::new(RepoServer));
                tokio::spawn(
                    http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        drop(in_runtime);
        runtime
    }

    #[test]
    fn credentials_are_given_for_the_nonce_of_the_request() {
        let directory = tempfile::tempdir().unwrap();
        let socket = directory.path().join("askpass.sock");
        let _served = repo_server(&socket);
        let ask = |nonce| {
            let socket = socket.to_str().unwrap();
            credentials(&environment(&[
                ("ARGOCD_GIT_ASKPASS_NONCE", nonce),
                ("ARGOCD_ASK_PASS_SOCK", socket),
            ]))
        };
        assert_eq!(ask("known"), Ok(Some(Credentials::basic("ada", "p"))));
        let error = ask("other").unwrap_err();
        assert!(error.to_string().contains("NotFound unknown nonce"), "{error}");
    }

    /// A real server over https that lets in whom repo-server names, and another one that must hear nothing of it.
    #[test]
    fn they_open_the_repository_of_the_application_and_no_other() {
        let (own, other) = (TestRepo::new(), TestRepo::new());
        let commit = [&own, &other].map(|it| it.commit("main", &[("a.yaml", "x: 1\n")]));
        let directory = tempfile::tempdir().unwrap();
        let authority = Authority::new();
        let certificate = authority.certify(&["127.0.0.1"]);
        let door = Door { certificate: Some(&certificate), ..Door::default() };
        // `ada:p`.
        let servers = [
            GitHttp::start_behind(&own, Door { authorization: Some("Basic YWRhOnA="), ..door }),
            GitHttp::start_behind(&other, door),
        ];
        let socket = directory.path().join("askpass.sock");
        let _served = repo_server(&socket);
        let access = GitAccess::new(GitOptions {
            cache_root: Some(directory.path().join("cache")),
            argocd_credentials: true,
            transport: Transport { ca_file: Some(authority.write(directory.path())), ..Transport::default() },
            ..GitOptions::default()
        });
        let read = |server: usize, nonce: &str| {
            let environment = environment(&[
                ("ARGOCD_APP_SOURCE_REPO_URL", &servers[0].url()),
                ("ARGOCD_GIT_ASKPASS_NONCE", nonce),
                ("ARGOCD_ASK_PASS_SOCK", socket.to_str().unwrap()),
            ]);
            let source = PinnedSource::base(&servers[server].url(), &commit[server]).unwrap();
            access.tree(&source, &environment).map(|it| it.read("a.yaml").unwrap().to_vec())
        };
        assert_eq!(read(0, "known").unwrap(), b"x: 1\n");
        assert_eq!(read(0, "other").err().unwrap().code, "askpass-unreachable");
        assert_eq!(read(1, "known").unwrap(), b"x: 1\n");
        assert_eq!(servers[1].take_logins(), [""; 0]);
    }

    #[test]
    fn a_bearer_header_needs_no_socket_and_ssh_offers_nothing() {
        let bearer = environment(&[("ARGOCD_GIT_BEARER_AUTH_HEADER", "Authorization: Bearer t")]);
        assert_eq!(credentials(&bearer), Ok(Some(Credentials::Bearer(Secret::new("t")))));
        // RFC 7617 §2 gives this example.
        let forced = environment(&[
            ("ARGOCD_GIT_AUTH_HEADER", "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),
            ("ARGOCD_GIT_ASKPASS_NONCE", "n"),
            ("ARGOCD_ASK_PASS_SOCK", "nowhere.sock"),
        ]);
        assert_eq!(credentials(&forced), Ok(Some(Credentials::basic("Aladdin", "open sesame"))));
        assert_eq!(credentials(&environment(&[("GIT_SSH_COMMAND", "ssh -i /dev/shm/1")])), Ok(None));
        let gone =
            environment(&[("ARGOCD_GIT_ASKPASS_NONCE", "n"), ("ARGOCD_ASK_PASS_SOCK", "nowhere.sock")]);
        assert_eq!(credentials(&gone).unwrap_err().code, "askpass-unreachable");
    }
}
