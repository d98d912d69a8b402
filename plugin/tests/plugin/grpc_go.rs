//! The plugin socket asked by the real grpc-go, with Argo CD's dial options (testdata/cmp/grpc-go-client).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use promoter_kustomize::MemoryFiles;
use promoter_plugin::cmp::client::Archive;
use promoter_testkit::{golden_text, tool};
use serde_json::Value;

use crate::common::{OBJECTS, Served, begin_request, hydrated_tree};

/// Runs one case with an archive; `None` where the client is not installed.
fn ask(served: &Served, archive: &Archive, case: &str, more: &[&str]) -> Option<Value> {
    let tgz = served.directory.path().join(format!("{case}.tgz"));
    std::fs::write(&tgz, archive.bytes()).unwrap();
    let mut command = Command::new(tool("grpc-go-client", "grpc-go-client")?);
    command.arg("-socket").arg(&served.socket).arg("-tgz").arg(&tgz).args(["-case", case]);
    if !more.contains(&"-path") {
        command.args(["-path", "guestbook"]);
    }
    command.args(["-env", "ARGOCD_APP_NAME=guestbook-prod", "-env", "ARGOCD_APP_PARAMETERS=null"]);
    let output = command.args(more).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

fn small() -> Archive {
    Archive::of_files(&hydrated_tree()).unwrap()
}

/// The tree with several megabytes beside it that do not compress: many windows of flow control.
fn large() -> Archive {
    let mut files = hydrated_tree();
    add_noise(&mut files, 6 << 20);
    let archive = Archive::of_files(&files).unwrap();
    assert!(archive.bytes().len() > 5 << 20);
    archive
}

fn add_noise(files: &mut MemoryFiles, bytes: usize) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let noise: Vec<u8> = std::iter::repeat_with(&mut next).take(bytes / 8).flatten().collect();
    files.insert("noise", noise).unwrap();
}

fn assert_answered(answer: &Value) {
    assert_eq!(answer["code"], "OK", "{answer}");
    assert_eq!(answer["manifests"], Value::from(OBJECTS.to_vec()));
}

fn assert_refused(answer: &Value, code: &str, ending: &str) {
    assert_eq!(answer["code"], code, "{answer}");
    assert!(answer["message"].as_str().unwrap().ends_with(ending), "{answer}");
}

#[test]
fn a_named_plugin_renders_small_and_large_archives() {
    let served = Served::start(&[]);
    let Some(answer) = ask(&served, &small(), "flow", &[]) else { return };
    assert_answered(&answer);
    assert_answered(&ask(&served, &large(), "flow", &[]).unwrap());
    assert_answered(&ask(&served, &large(), "flow", &["-chunk", "65536"]).unwrap());
}

#[test]
fn faults_reach_the_caller_whole_though_the_archive_is_large() {
    let served = Served::start(&[]);
    let large = large();
    let Some(answer) = ask(&served, &large, "wrong-checksum", &[]) else { return };
    assert_refused(&answer, "Unavailable", "[archive-checksum]");
    assert_refused(
        &ask(&served, &large, "no-metadata", &[]).unwrap(),
        "InvalidArgument",
        "[plugin-protocol]",
    );
    assert_refused(
        &ask(&served, &large, "second-metadata", &[]).unwrap(),
        "InvalidArgument",
        "[plugin-protocol]",
    );
    let other = ask(&served, &large, "flow", &["-env", "ARGOCD_ENV_PROMOTER_RENDER=dry"]).unwrap();
    assert_refused(&other, "InvalidArgument", "[environment-bad-value]");
    let broken = Archive::from_bytes(large.bytes().slice(..large.bytes().len() / 2));
    assert_refused(&ask(&served, &broken, "flow", &[]).unwrap(), "InvalidArgument", "[archive-broken]");
    assert_eq!(ask(&served, &small(), "unknown", &[]).unwrap()["code"], "Unimplemented");
}

#[test]
fn under_overload_a_request_is_heard_out_and_then_refused() {
    let served = Served::start(&["--archives", "1", "--waiting-max", "0", "--log-level", "debug"]);
    // One request keeps the only room: its archive never comes to an end.
    let _busy = begin_request(&served);
    let Some(answer) = ask(&served, &large(), "flow", &[]) else { return };
    assert_refused(&answer, "ResourceExhausted", "[plugin-overloaded]");
}

#[test]
fn slow_senders_are_heard_and_those_without_time_are_told() {
    let served = Served::start(&[]);
    let Some(answer) = ask(&served, &small(), "slow", &[]) else { return };
    assert_answered(&answer);
    // The sender stalls in the middle; we answer before its deadline, or it gives up in the same moment.
    let stalled = ask(&served, &large(), "stall", &["-timeout", "400ms"]).unwrap();
    assert!(matches!(stalled["code"].as_str(), Some("SendFailed" | "DeadlineExceeded")), "{stalled}");
    let line = served.log_line(|it| it["code"] == "plugin-deadline");
    assert_eq!((&line["phase"], &line["app"]), (&"receive".into(), &"guestbook-prod".into()));
}

#[test]
fn callers_that_leave_do_not_disturb_the_others() {
    let served = Served::start(&["--renders", "1"]);
    let Some(left) = ask(&served, &large(), "cancel", &[]) else { return };
    assert_eq!(left["code"], "SendFailed", "{left}");
    served.logged("the caller left");
    assert_answered(&ask(&served, &small(), "flow", &[]).unwrap());
}

#[test]
fn sixty_four_at_once_are_all_answered() {
    let served = Served::start(&[]);
    let Some(answers) = ask(&served, &small(), "many", &[]) else { return };
    assert_eq!(answers.as_array().unwrap().len(), 64);
    answers.as_array().unwrap().iter().for_each(assert_answered);
}

/// The Parameters tab of an Application: what it offers, or why it cannot show the freight. It always opens.
#[test]
fn the_parameters_tab_opens_whatever_the_lock_is() {
    let served = Served::start(&[]);
    golden_text("cmp/parameters/*.yaml", |path, text| {
        let case: Tab =
            serde_yaml::from_str(text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut files = MemoryFiles::new();
        case.tree.iter().for_each(|(path, text)| files.insert(path, text.as_bytes()).unwrap());
        let parameters = format!("ARGOCD_APP_PARAMETERS={}", case.parameters.as_deref().unwrap_or("null"));
        let archive = Archive::of_files(&files).unwrap();
        let options = ["-path", &case.path, "-env", &parameters];
        let Some(answer) = ask(&served, &archive, "announce", &options) else { return answered(path) };
        assert_eq!(answer["code"], "OK", "{answer}");
        let mut shown = String::new();
        for it in answer["announcements"].as_array().unwrap() {
            let word = |field: &str| it[field].as_str().unwrap();
            shown.push_str(&format!("{} ({}): {}\n", word("name"), word("collectionType"), word("title")));
            match it["map"].as_object() {
                Some(map) => map.iter().for_each(|(key, value)| {
                    shown.push_str(&format!("  {key}: {}\n", value.as_str().unwrap()));
                }),
                None => shown.push_str(&format!("  = {}\n", word("string"))),
            }
        }
        shown
    });
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Tab {
    /// The Application's path.
    path: String,
    /// Its parameters, as Argo CD writes them.
    parameters: Option<String>,
    tree: BTreeMap<String, String>,
}

/// The fields of the log line, which people's dashboards are made of; and the caller's trace, as Argo CD sends it.
#[test]
fn the_fields_of_the_log_line_are_a_promise() {
    let served = Served::start(&[]);
    golden_text("cmp/log-fields.yaml", |path, text| {
        let lines: BTreeMap<String, Vec<String>> = serde_yaml::from_str(text).unwrap();
        let mut shown = String::new();
        for (line, options) in lines {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            let Some(_) = ask(&served, &small(), "flow", &options) else { return answered(path) };
            let logged = served.log_line(|it| it["method"].is_string());
            let fields: Vec<&str> = logged.as_object().unwrap().keys().map(String::as_str).collect();
            shown.push_str(&format!("{line}: {}\n", fields.join(", ")));
            if line == "traced" {
                assert_eq!(logged["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
                assert_eq!(logged["span_id"], "00f067aa0ba902b7");
            }
        }
        shown
    });
}

/// Where the client is not installed the golden stands in for itself.
fn answered(case: &Path) -> String {
    let text = std::fs::read_to_string(case.with_extension("snap")).unwrap_or_default();
    text.splitn(3, "---\n").nth(2).unwrap_or_default().trim_end().to_owned()
}

#[test]
fn match_and_announce_hear_large_archives_out() {
    let served = Served::start(&[]);
    let Some(answer) = ask(&served, &large(), "match", &[]) else { return };
    assert_eq!(answer["code"], "OK", "{answer}");
    assert_eq!(ask(&served, &large(), "announce", &[]).unwrap()["code"], "OK");
}
