//! What is wrong with an Application by itself.

use super::Finding;
use super::read::{Application, Plugin};
use promoter_core::{Diagnosis, Place};
use promoter_plugin::cmp::environment::{Environment, EnvironmentError};
use promoter_render::Parameters;

pub(super) fn findings(application: &Application) -> Vec<Finding> {
    let shown = &application.shown;
    let mut findings = Vec::new();
    if let Some(at) = &application.manual {
        let cause = format!("`{shown}` has `syncPolicy.manual`, which is no field of Argo CD");
        let hint = "leave it out: without `automated`, a person syncs";
        findings.push(Finding::warning(Diagnosis::input("lint-manual-sync", cause).at(at).hint(hint)));
    }
    for plugin in application.sources.iter().filter_map(|it| it.plugin.as_ref()) {
        for (tool, at) in &plugin.beside {
            let cause = format!("`{shown}` has `{tool}` beside `plugin`, and Argo CD takes one of them");
            let hint =
                format!("leave `{tool}` out, and put what it says into the directory that is rendered");
            findings.push(Finding::error(Diagnosis::input("lint-two-tools", cause).at(at).hint(hint)));
        }
        let wrong = slips(plugin).into_iter().map(|(error, at)| {
            let what = error.diagnosis();
            let cause = format!("`{shown}`: {}", what.cause);
            Finding::error(Diagnosis { cause, ..what }.at(at))
        });
        findings.extend(wrong);
    }
    findings
}

/// What an Application asks of the plugin, as far as the plugin takes it, and as far as it is said here: an environment may
/// be what an ApplicationSet fills in.
pub(super) fn parameters(plugin: &Plugin) -> Parameters {
    let env = plugin.env.iter().filter(|(_, value, _)| !is_filled_in(value) || is_path(value));
    let env = env.map(|(name, value, _)| variable(name, value));
    let said = |it: &&serde_json::Value| {
        let text = it.get("string").and_then(serde_json::Value::as_str).unwrap_or_default();
        !is_filled_in(text) || is_path(text)
    };
    let listed: Vec<&serde_json::Value> = plugin.parameters.iter().map(|(it, _)| it).filter(said).collect();
    let listed = [("ARGOCD_APP_PARAMETERS".to_owned(), serde_json::json!(listed).to_string())];
    env.chain(listed).collect::<Environment>().parameters().unwrap_or_default()
}

/// Each entry that the plugin refuses, asked of the plugin's own reader.
fn slips(plugin: &Plugin) -> Vec<(EnvironmentError, &Place)> {
    let refused = |variable: (String, String)| Environment::from_iter([variable]).parameters().err();
    let env = plugin.env.iter().filter(|(_, value, _)| !is_filled_in(value));
    let env = env.filter_map(|(name, value, at)| Some((refused(variable(name, value))?, at)));
    let parameters = plugin.parameters.iter().filter_map(|(parameter, at)| {
        let text = serde_json::json!([parameter]).to_string();
        if is_filled_in(&text) {
            return None;
        }
        Some((refused(("ARGOCD_APP_PARAMETERS".to_owned(), text))?, at))
    });
    env.chain(parameters).collect()
}

/// True for what an ApplicationSet fills in.
fn is_filled_in(text: &str) -> bool {
    text.contains("{{")
}

/// A lockfile's path is compared as the template that it is.
fn is_path(text: &str) -> bool {
    text.ends_with(".yaml")
}

fn variable(name: &str, value: &str) -> (String, String) {
    (format!("ARGOCD_ENV_{name}"), value.to_owned())
}
