//! Each type of receiver: what its messages name, and that nobody is let in without its proof.

use std::collections::BTreeMap;

use promoter_controller::listen::{KINDS, ListenLimits, Receivers};
use promoter_testkit::golden_text;
use serde::Deserialize;

use super::client::{Door, SECRET, ask};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    what: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    body: Option<serde_json::Value>,
    text: Option<String>,
}

/// No rate: cases come as fast as they can.
fn limits() -> ListenLimits {
    ListenLimits { requests_per_second: 1_000_000, requests_burst: 1_000_000, ..ListenLimits::default() }
}

/// What the messages of each type name. Each is refused with another secret first.
#[test]
fn messages() {
    let files: Vec<String> = KINDS.iter().map(|it| format!("shop.{it}")).collect();
    for (file, kind) in files.iter().zip(KINDS) {
        let door = Door::with(&[file], limits());
        golden_text(&format!("webhook/{kind}.yaml"), |_, text| {
            let cases: Vec<Case> = serde_yaml::from_str(text).unwrap();
            let told = cases.iter().map(|case| {
                let body = case.body.as_ref().map_or_else(|| case.text.clone().unwrap(), ToString::to_string);
                let headers: Vec<(String, String)> = case.headers.clone().into_iter().collect();
                let post = |secret| door.post("shop", kind, secret, &headers, body.as_bytes());
                assert_eq!(post("user:another").status, 401, "{kind}, {}", case.what);
                assert_eq!(door.heard(), "-");
                let status = post(SECRET).status;
                format!("{}: {status}, {}\n", case.what, door.heard())
            });
            told.collect()
        });
    }
}

/// Whatever comes, a sender that proves itself gets no error, and one that does not learns nothing.
#[test]
fn garbage() {
    let garbage: [&[u8]; 6] =
        [b"", b"{", b"\xff\xfe\x00", b"[[[[[[[[", b"{\"repository\": {\"clone_url\": 7}}", b"null"];
    for kind in KINDS {
        let door = Door::with(&[&format!("shop.{kind}")], limits());
        for body in garbage {
            let reply = door.post("shop", kind, SECRET, &[], body);
            assert_eq!((reply.status, reply.body.as_str()), (202, "looking sooner\n"), "{kind} {body:?}");
            assert_eq!(door.heard(), "everything", "{kind}");
            let refused = [
                door.post("shop", kind, "user:another", &[], body),
                door.post("shop", kind, "", &[], body),
                door.post("nobody", kind, SECRET, &[], body),
                door.post("..%2fshop", kind, SECRET, &[], body),
                ask(&door.listening, "POST", "/webhook/shop", &[], body),
            ];
            let heads: Vec<String> = refused
                .iter()
                .map(|it| it.head.lines().filter(|it| !it.starts_with("date:")).collect())
                .collect();
            assert!(refused.iter().all(|it| it.status == 401 && it.body == refused[0].body), "{kind}");
            assert!(heads.iter().all(|it| *it == heads[0]), "{kind}: {heads:?}");
        }
        assert_eq!(door.heard(), "-", "{kind}");
    }
}

/// Secrets are renewed while the controller runs, and both are good in between. An empty file lets nobody in.
#[test]
fn secrets_are_read_anew() {
    let door = Door::with(&["shop.github"], limits());
    let file = door.directory.path().join("shop.github");
    let post = |secret| door.post("shop", "github", secret, &[], b"{}").status;
    assert_eq!([post("old"), post("new"), post("")], [401, 401, 401]);
    std::fs::write(&file, "old\nnew\n").unwrap();
    assert_eq!([post("old"), post("new"), post("old\nnew")], [202, 202, 401]);
    std::fs::write(&file, "new").unwrap();
    assert_eq!([post("old"), post("new")], [401, 202]);
    for empty in ["", "\n\n"] {
        std::fs::write(&file, empty).unwrap();
        assert_eq!([post(""), post("new")], [401, 401]);
    }
    std::fs::remove_file(&file).unwrap();
    assert_eq!([post("new"), post(SECRET)], [401, 401]);
    assert_eq!(door.counted("promoter_webhook_requests_total{type=\"github\",result=\"everything\"}"), 3);
    assert_eq!(door.counted("promoter_webhook_requests_total{type=\"unknown\",result=\"unauthorized\"}"), 6);
}

/// The proof of one type is none for another: a receiver of GitHub's is not opened by its secret in a query.
#[test]
fn a_proof_is_that_of_its_type() {
    for own in KINDS {
        let door = Door::with(&[&format!("shop.{own}")], limits());
        let opened: Vec<&str> =
            KINDS.into_iter().filter(|it| door.post("shop", it, SECRET, &[], b"x").status != 401).collect();
        let mut expected: Vec<&str> = match own {
            "acr" | "harbor" | "oci" => vec!["acr", "harbor", "oci"],
            "dockerhub" | "quay" => vec!["dockerhub", "quay"],
            "forgejo" => vec!["forgejo", "gitea"],
            own => vec![own],
        };
        expected.sort_unstable();
        assert_eq!(opened, expected, "{own}");
    }
}

#[test]
fn what_is_wrong_with_files_is_said_at_the_start() {
    let door = Door::with(&["shop.github", "web.unknown", "no-type", "a.b.quay"], limits());
    std::fs::write(door.directory.path().join("short.gitlab"), "abc").unwrap();
    std::fs::create_dir(door.directory.path().join("..data")).unwrap();
    let receivers = Receivers::open(door.directory.path()).unwrap();
    let (found, wrong) = receivers.inspect();
    assert_eq!(found, ["shop (github)", "short (gitlab)"]);
    let wrong: Vec<String> = wrong.into_iter().map(|it| it.cause).collect();
    assert_eq!(
        wrong,
        [
            "`a.b.quay` is no `NAME.TYPE` of a webhook",
            "`no-type` is no `NAME.TYPE` of a webhook",
            "`short.gitlab` holds no secret, or one of fewer than 16 bytes",
            "`web.unknown` is no `NAME.TYPE` of a webhook",
        ]
    );
    let error = Receivers::open(&door.directory.path().join("none")).unwrap_err();
    assert_eq!(error.code, "webhook-secrets-dir");
}
