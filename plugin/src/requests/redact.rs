//! Which values of a request may be kept.
//!
//! Only what is known to hold no secret: Argo CD puts credentials of git into the environment, and people put tokens into
//! `plugin.env`. Whatever is not on the list goes; a new variable of a later Argo CD too.

use serde_json::Value;

use crate::cmp::environment::{ENTRIES, PARAMETERS};

/// The variables of Argo CD that say which Application is rendered for which cluster.
const KNOWN: [&str; 12] = [
    "ARGOCD_APP_NAME",
    "ARGOCD_APP_NAMESPACE",
    "ARGOCD_APP_PROJECT_NAME",
    "ARGOCD_APP_REVISION",
    "ARGOCD_APP_REVISION_SHORT",
    "ARGOCD_APP_REVISION_SHORT_8",
    "ARGOCD_APP_SOURCE_PATH",
    "ARGOCD_APP_SOURCE_REPO_URL",
    "ARGOCD_APP_SOURCE_TARGET_REVISION",
    "ARGOCD_APP_PARAMETERS",
    "KUBE_API_VERSIONS",
    "KUBE_VERSION",
];

/// The value of a variable as it may be kept; `None` when it may not.
pub(super) fn redact(name: &str, value: &str) -> Option<String> {
    let entry = name.strip_prefix("ARGOCD_ENV_");
    let parameter = name.strip_prefix("PARAM_").map(str::to_ascii_lowercase);
    match name {
        "ARGOCD_APP_SOURCE_REPO_URL" => Some(without_login(value)),
        "ARGOCD_APP_PARAMETERS" => parameters(value),
        _ if KNOWN.contains(&name) => Some(value.into()),
        _ if entry.is_some_and(|it| ENTRIES.contains(&it)) => Some(value.into()),
        _ if parameter.is_some_and(|it| PARAMETERS.contains(&it.as_str())) => Some(value.into()),
        // Nothing to hide in it.
        _ if value.is_empty() => Some(String::new()),
        _ => None,
    }
}

/// A URL without user and password.
fn without_login(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        // `user@host:path`: the user of ssh is no secret.
        return url.into();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.into(),
    }
}

/// The list of parameters; of those that the plugin does not know only the names.
fn parameters(text: &str) -> Option<String> {
    let mut list: Value = serde_json::from_str(text).ok()?;
    for parameter in list.as_array_mut().into_iter().flatten() {
        let fields = parameter.as_object_mut()?;
        let known = fields.get("name").and_then(Value::as_str).is_some_and(|it| PARAMETERS.contains(&it));
        if !known {
            for (_, value) in fields.iter_mut().filter(|(field, _)| *field != "name") {
                *value = match value {
                    Value::Array(_) => Value::Array(Vec::new()),
                    Value::Object(_) => Value::Object(serde_json::Map::new()),
                    _ => Value::String(String::new()),
                };
            }
        }
    }
    let list_or_null = list.is_array() || list.is_null();
    list_or_null.then(|| list.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_secret_goes() {
        for name in [
            "ARGOCD_GIT_AUTH_HEADER",
            "ARGOCD_GIT_BEARER_AUTH_HEADER",
            "ARGOCD_GIT_ASKPASS_NONCE",
            "GIT_SSH_COMMAND",
            "HTTPS_PROXY",
            "ARGOCD_ENV_VAULT_TOKEN",
            "PARAM_PASSWORD",
            "ARGOCD_SOMETHING_NEW",
        ] {
            assert_eq!(redact(name, "s3cret"), None, "{name}");
            assert_eq!(redact(name, ""), Some(String::new()), "{name}");
        }
    }

    #[test]
    fn what_a_render_depends_on_stays() {
        for name in ["ARGOCD_APP_NAME", "KUBE_VERSION", "ARGOCD_ENV_PROMOTER_RENDER", "PARAM_RENDER"] {
            assert_eq!(redact(name, "x").as_deref(), Some("x"), "{name}");
        }
    }

    #[test]
    fn urls_lose_their_login() {
        let kept = |url: &str| redact("ARGOCD_APP_SOURCE_REPO_URL", url).unwrap();
        assert_eq!(kept("https://ada:s3cret@git.example.com/a@b"), "https://git.example.com/a@b");
        assert_eq!(kept("https://git.example.com/a"), "https://git.example.com/a");
        assert_eq!(kept("git@git.example.com:a"), "git@git.example.com:a");
    }

    #[test]
    fn parameters_that_are_not_ours_keep_their_names_only() {
        let kept = |text: &str| redact("ARGOCD_APP_PARAMETERS", text);
        let list = r#"[{"name":"render","string":"live"},{"name":"token","string":"s3cret"},{"map":{"a":"s3cret"},"name":"m"}]"#;
        let wanted =
            r#"[{"name":"render","string":"live"},{"name":"token","string":""},{"map":{},"name":"m"}]"#;
        assert_eq!(kept(list).as_deref(), Some(wanted));
        assert_eq!(kept("null").as_deref(), Some("null"));
        for broken in ["s3cret", "\"s3cret\"", "{\"a\":\"s3cret\"}", "[\"s3cret\"]"] {
            assert_eq!(kept(broken), None, "{broken}");
        }
    }
}
