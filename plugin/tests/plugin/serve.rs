//! The plugin socket of a real process, asked by our own client.

use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::Command;
use std::time::Duration;

use promoter_core::Digest;
use promoter_kustomize::MemoryFiles;
use promoter_plugin::cmp::client::{Archive, Client, ClientError, Request};
use tonic::Code;

use crate::common::{
    MANIFEST, OBJECTS, PATIENCE, PLUGIN, RECORDED, Served, begin_request, hydrated_request, hydrated_tree,
    lock, request,
};

fn refused(error: &ClientError) -> (Code, &str) {
    error.status().unwrap_or_else(|| panic!("{error}"))
}

async fn generate(served: &Served, request: &Request) -> Result<Vec<String>, ClientError> {
    served.client().await.generate(request).await
}

#[tokio::test]
async fn a_render_of_a_named_plugin_is_answered_and_logged() {
    let served = Served::start(&[]);
    let client = served.client().await;
    let configuration = client.check().await.unwrap();
    assert!(!configuration.is_discovery_configured && !configuration.provide_git_creds);
    assert_eq!(client.generate(&hydrated_request()).await.unwrap(), OBJECTS);
    assert!(client.healthy().await.unwrap());
    let line = served.logged("answered");
    assert_eq!(line["level"], "INFO");
    assert_eq!(
        (&line["app"], &line["environment"], &line["objects"], &line["mode"]),
        (&"guestbook-prod".into(), &"prod".into(), &2.into(), &"hydrated".into())
    );
    assert!(line["freight"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(line["bytes"], OBJECTS.concat().len());
    assert_eq!(line["archive_bytes"], hydrated_request().archive.bytes().len());
    for field in
        ["duration_ms", "receive_ms", "queue_ms", "resolve_ms", "render_ms", "verify_ms", "respond_ms"]
    {
        assert!(line[field].is_f64(), "{field} in {line}");
    }
}

/// The plugin knows nothing of groups: each Application names the folder of its app.
#[tokio::test]
async fn each_app_of_a_group_is_served_from_its_folder() {
    let manifest = |key: &str| MANIFEST.replace("value", key);
    let mut files = MemoryFiles::new();
    for app in ["api", "web"] {
        let digest = Digest::of(manifest(app).as_bytes()).to_string();
        let lock = lock("https://git.example.com/acme/deploy.git", &"ab".repeat(20), Some(&digest));
        files.insert(&format!("shop/{app}/promotion.lock.yaml"), lock.into_bytes()).unwrap();
        files.insert(&format!("shop/{app}/manifest.yaml"), manifest(app).into_bytes()).unwrap();
    }
    let served = Served::start(&[]);
    for app in ["api", "web"] {
        let mut asked = request(Archive::of_files(&files).unwrap());
        asked.app_path = format!("shop/{app}");
        let answer = generate(&served, &asked).await.unwrap();
        assert_eq!(answer, OBJECTS.map(|it| it.replace("value", app)));
    }
}

#[tokio::test]
async fn faults_have_their_code_and_one_line() {
    let served = Served::start(&[]);
    let mut other = hydrated_request();
    other.env.push(("ARGOCD_ENV_PROMOTER_ENVIRONMENT".into(), "dev".into()));
    let error = generate(&served, &other).await.unwrap_err();
    let (code, message) = refused(&error);
    assert_eq!(code, Code::InvalidArgument);
    assert!(
        message.ends_with("[environment-mismatch]") && message.contains("guestbook/promotion.lock.yaml"),
        "{message}"
    );
    let line = served.log_line(|it| it["code"] == "environment-mismatch");
    assert_eq!(
        (&line["level"], &line["phase"], &line["message"]),
        (&"ERROR".into(), &"resolve".into(), &message.into())
    );

    let mut outside = hydrated_request();
    outside.app_path = "../etc".into();
    assert_eq!(refused(&generate(&served, &outside).await.unwrap_err()).0, Code::InvalidArgument);
    let garbage = request(Archive::from_bytes(&b"garbage"[..]));
    assert!(refused(&generate(&served, &garbage).await.unwrap_err()).1.ends_with("[archive-broken]"));
}

#[tokio::test]
async fn the_archive_is_bounded_as_asked() {
    let served = Served::start(&["--archive-bytes-max", "100000"]);
    let mut files = hydrated_tree();
    files.insert("large", vec![b'x'; 200_000]).unwrap();
    let error = generate(&served, &request(Archive::of_files(&files).unwrap())).await.unwrap_err();
    let (code, message) = refused(&error);
    assert!(code == Code::InvalidArgument && message.ends_with("[archive-too-large]"), "{message}");
    assert_eq!(generate(&served, &hydrated_request()).await.unwrap(), OBJECTS);
}

/// Conversations of grpc-go with Argo CD's dial options, sent as they were recorded; no Go needed.
#[test]
fn recorded_conversations_get_right_answers() {
    let served = Served::start(&[]);
    let hydrated = include_bytes!("../../../testdata/cmp/grpc-go-1.83.0-hydrated.h2.bin");
    for recorded in [RECORDED, hydrated] {
        let answer = replay(&served, recorded);
        // Both questions for the configuration get an empty message (nothing configured), and no stream is reset.
        assert_eq!((answer.data(1), answer.data(3)), (vec![0; 5], vec![0; 5]));
        assert!(answer.resets().is_empty());
        let manifests = answer.data(5);
        if recorded == hydrated {
            for object in OBJECTS {
                assert!(manifests.windows(object.len()).any(|it| it == object.as_bytes()), "{manifests:?}");
            }
        } else {
            // What was recorded first sets a variable that is not on the list.
            assert!(manifests.is_empty());
            let line = served.log_line(|it| it["code"] == "environment-unknown-name");
            assert_eq!(line["app"], "guestbook-dev");
        }
    }
}

struct Replayed(Vec<(u8, u32, Vec<u8>)>);

impl Replayed {
    fn data(&self, stream: u32) -> Vec<u8> {
        self.0
            .iter()
            .filter(|(kind, it, _)| *kind == 0 && *it == stream)
            .flat_map(|(_, _, it)| it.clone())
            .collect()
    }

    fn resets(&self) -> Vec<u32> {
        self.0.iter().filter(|(kind, ..)| *kind == 3).map(|(_, stream, _)| *stream).collect()
    }
}

/// Sends a client's bytes and reads frames until the server closes, which the recorded GOAWAY asks for.
fn replay(served: &Served, bytes: &[u8]) -> Replayed {
    let mut stream = UnixStream::connect(&served.socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let mut frames = Vec::new();
    let mut rest = &answer[..];
    while let [a, b, c, kind, _, s0, s1, s2, s3, after @ ..] = rest {
        let length = usize::from(*a) << 16 | usize::from(*b) << 8 | usize::from(*c);
        frames.push((*kind, u32::from_be_bytes([*s0, *s1, *s2, *s3]), after[..length].to_vec()));
        rest = &after[length..];
    }
    Replayed(frames)
}

#[tokio::test]
async fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("promoter.sock");
    drop(UnixListener::bind(&path).unwrap());
    let served = Served::start_in(directory, &["--socket-mode", "660"]);
    assert!(served.client().await.healthy().await.unwrap());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let second = |name: &str| {
        let directory = served.directory.path();
        Command::new(PLUGIN).args(["serve", "--name", name, "--socket-dir"]).arg(directory).output().unwrap()
    };
    let output = second("promoter");
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(stderr.contains("[plugin-socket-taken]"), "{stderr}");
    std::fs::write(served.directory.path().join("file.sock"), "").unwrap();
    assert_eq!(second("file").status.code(), Some(2));
    assert_eq!(second("../x").status.code(), Some(2));
    assert!(served.client().await.healthy().await.unwrap());
}

#[test]
fn healthcheck_says_by_its_exit_code_whether_the_plugin_serves() {
    let served = Served::start(&[]);
    let check = |directory: &std::path::Path| {
        Command::new(PLUGIN).arg("healthcheck").env("ARGOCD_PLUGINSOCKFILEPATH", directory).output().unwrap()
    };
    assert!(check(served.directory.path()).status.success());
    let elsewhere = tempfile::tempdir().unwrap();
    let output = check(elsewhere.path());
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&output.stderr).contains("[plugin-unreachable]"));
}

#[test]
fn at_the_end_running_requests_are_answered_and_silent_clients_are_not_waited_for() {
    let mut served = Served::start(&["--drain-seconds", "50", "--log-level", "debug"]);
    let _silent = UnixStream::connect(&served.socket).unwrap();
    let mut busy = begin_request(&served);
    served.terminate();
    served.log_line(|it| it["message"].as_str().is_some_and(|it| it.starts_with("asked to stop")));
    busy.write_all(&RECORDED[RECORDED.len() / 2..]).unwrap();
    served.log_line(|it| it["code"] == "environment-unknown-name");
    served.logged("stopped");
    assert!(served.wait().success());
    assert!(!served.socket.exists());
    let mut rest = Vec::new();
    busy.read_to_end(&mut rest).unwrap();
    assert!(rest.len() > 50, "an answer came: {rest:?}");
}

#[test]
fn the_drain_is_bounded() {
    let mut served = Served::start(&["--drain-seconds", "0", "--log-level", "debug"]);
    let _busy = begin_request(&served);
    served.terminate();
    served.logged("ended before the last requests had answers");
    assert!(served.wait().success());
}

#[tokio::test]
async fn a_caller_that_leaves_is_noticed_and_costs_nothing() {
    let served = Served::start(&["--renders", "1", "--log-level", "debug"]);
    drop(begin_request(&served));
    served.logged("the caller left");
    assert_eq!(generate(&served, &hydrated_request()).await.unwrap(), OBJECTS);
}

#[tokio::test]
async fn a_request_that_has_no_time_is_told_so() {
    let served = Served::start(&[]);
    let mut hurried = hydrated_request();
    hurried.timeout = Duration::from_millis(90);
    match generate(&served, &hurried).await {
        // Our own client may give up in the same moment.
        Err(error) => {
            assert!(matches!(refused(&error).0, Code::DeadlineExceeded | Code::Cancelled), "{error}");
        }
        Ok(manifests) => panic!("{manifests:?}"),
    }
}

/// Each gets its own answer, and never more renders run than may: the number is counted around the work itself, which is
/// long enough for all of them to meet if they may.
#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_at_once_are_answered_and_renders_are_bounded() {
    let served = Served::start(&["--renders", "2", "--log-level", "debug"]);
    let all = (0..64).map(|number| {
        let socket = served.socket.clone();
        tokio::spawn(async move {
            let map = |it| format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: map-{number}-{it}\n");
            let manifest = (0..300).map(map).collect::<Vec<_>>().join("---\n");
            let digest = Digest::of(manifest.as_bytes()).to_string();
            let lock = lock("https://git.example.com/acme/deploy.git", &"ab".repeat(20), Some(&digest));
            let mut files = MemoryFiles::new();
            files.insert("guestbook/promotion.lock.yaml", lock.into_bytes()).unwrap();
            files.insert("guestbook/manifest.yaml", manifest.into_bytes()).unwrap();
            let request = request(Archive::of_files(&files).unwrap());
            Client::connect(&socket, PATIENCE).await.unwrap().generate(&request).await.unwrap()
        })
    });
    for (number, answer) in futures::future::join_all(all).await.into_iter().enumerate() {
        let answer = answer.unwrap();
        let last =
            format!(r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"map-{number}-299"}}}}"#);
        assert_eq!((answer.len(), answer.last()), (300, Some(&last)));
    }
    let rendered: Vec<u64> =
        (0..64).map(|_| served.logged("rendering")["at_once"].as_u64().unwrap()).collect();
    assert!(rendered.iter().all(|it| (1..=2).contains(it)), "{rendered:?}");
}

/// What deployments made for the stock server set.
#[test]
fn the_stock_servers_variables_are_taken() {
    let directory = tempfile::tempdir().unwrap();
    let start = |level: &str| {
        let mut command = Command::new(PLUGIN);
        command.env("ARGOCD_PLUGINSOCKFILEPATH", directory.path()).env("ARGOCD_GRPC_MAX_SIZE_MB", "200");
        command.env("ARGOCD_CMP_SERVER_LOGFORMAT", "text").env("ARGOCD_CMP_SERVER_LOGLEVEL", level);
        // A name that no plugin may have ends it at once, after all variables were read.
        command.args(["serve", "--name", "a/b"]).output().unwrap()
    };
    for level in ["warning", "Info", "fatal"] {
        let stderr = String::from_utf8(start(level).stderr).unwrap();
        assert!(stderr.ends_with("[plugin-name]\n"), "{level}: {stderr}");
    }
    assert!(String::from_utf8(start("loud").stderr).unwrap().contains("the levels are error, warn"));
}

/// What the process itself holds is bounded in every build. The pages of the program in memory count only where it is
/// optimised: of an unoptimised one, which is five times as large, the kernel maps now more and now less.
#[test]
fn idle_it_takes_little_memory() {
    let served = Served::start(&[]);
    let status = std::fs::read_to_string(format!("/proc/{}/status", served.pid())).unwrap();
    let kilobytes = |field: &str| -> u64 {
        let line = status.lines().find_map(|it| it.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let own = kilobytes("RssAnon:");
    assert!(own < 4 << 10, "{own} kB of its own");
    let resident = kilobytes("VmRSS:");
    assert!(cfg!(debug_assertions) || resident < 15 << 10, "{resident} kB resident");
}
