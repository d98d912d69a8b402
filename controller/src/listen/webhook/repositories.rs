//! What the messages of git hosts name. `None` means that they do not say it in words that are known here.
//!
//! Which branch or tag moved is not taken: one question to the server tells it, and it must be asked anyway.

use serde_json::Value;

use super::json::{all, git, images, json, list, text};
use super::{Message, images as registries};
use crate::signal::Sooner;

/// GitHub, and its registry ghcr.io.
///
/// Source: GitHub's "Webhook events and payloads": `push`, `package`, `registry_package`, `ping`.
pub(super) fn github(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    match message.header("x-github-event") {
        "ping" => Some(Sooner::default()),
        event @ ("package" | "registry_package") => github_package(json.get(event)?),
        _ => git(["clone_url", "ssh_url"].map(|it| text(&json, &format!("/repository/{it}")))),
    }
}

/// An image has an address; the type of its package is not always told right, so metadata of an image will do.
fn github_package(package: &Value) -> Option<Sooner> {
    let is_container = ["/package_type", "/ecosystem"]
        .into_iter()
        .any(|it| text(package, it).eq_ignore_ascii_case("container"));
    let has_metadata = package.pointer("/package_version/container_metadata").is_some_and(Value::is_object);
    if !is_container && !has_metadata {
        return Some(Sooner::default());
    }
    images([text(package, "/package_version/package_url")])
}

/// GitLab.
///
/// Source: GitLab's "Webhook events"; system hooks have the same `project`.
pub(super) fn gitlab(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    let urls = ["/project", "/repository"]
        .into_iter()
        .flat_map(|it| ["git_http_url", "git_ssh_url"].map(|name| text(&json, &format!("{it}/{name}"))));
    git(urls)
}

/// Gitea and Forgejo, with their own registry.
///
/// Source: Gitea's `modules/structs/hook.go`; the package registry's images are `HOST/OWNER/NAME`.
pub(super) fn gitea(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    let event = [message.header("x-forgejo-event"), message.header("x-gitea-event")];
    if !event.contains(&"package") {
        return git(["clone_url", "ssh_url"].map(|it| text(&json, &format!("/repository/{it}"))));
    }
    if text(&json, "/package/type") != "container" {
        return Some(Sooner::default());
    }
    let (_, rest) = text(&json, "/package/html_url").split_once("://")?;
    let (host, _) = rest.split_once('/')?;
    let owner = [text(&json, "/package/owner/login"), text(&json, "/package/owner/username")];
    let owner = owner.into_iter().find(|it| !it.is_empty())?;
    images([format!("{host}/{owner}/{}", text(&json, "/package/name"))])
}

/// Bitbucket Cloud and Data Center.
///
/// Source: Atlassian's "Event payloads" of both.
pub(super) fn bitbucket(message: &Message<'_>) -> Option<Sooner> {
    if message.header("x-event-key") == "diagnostics:ping" {
        return Some(Sooner::default());
    }
    let json = json(message)?;
    let clones = list(&json, "/repository/links/clone").iter().map(|it| text(it, "/href"));
    git(clones.chain([text(&json, "/repository/links/html/href")]))
}

/// Azure DevOps, and Azure Container Registry where it is set up with a user and a password.
///
/// Source: Microsoft's "Service hooks events", `git.push`.
pub(super) fn azure(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    let url = text(&json, "/resource/repository/remoteUrl");
    if url.is_empty() {
        return registries::acr(message);
    }
    let ssh = azure_ssh(url);
    git([url].into_iter().chain(ssh.as_deref()))
}

/// The address by which ssh reaches a repository of Azure DevOps: another host with another path.
fn azure_ssh(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let (authority, path) = rest.split_once('/')?;
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (project, repository) = path.split_once("/_git/")?;
    match host.strip_suffix(".visualstudio.com") {
        Some(organisation) => {
            let project = project.strip_prefix("DefaultCollection/").unwrap_or(project);
            Some(format!("ssh://vs-ssh.visualstudio.com/v3/{organisation}/{project}/{repository}"))
        }
        None => {
            (host == "dev.azure.com").then(|| format!("ssh://ssh.dev.azure.com/v3/{project}/{repository}"))
        }
    }
}

/// Anything that can sign: `{"repository": …}` with an address, an image, or a list of them. Without it everything may
/// have moved.
pub(super) fn generic(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    let named = match json.get("repository")? {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) => many.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    // A text that can be both is both: a look too many does no harm.
    let each = named.iter().map(|it| all([git([*it]), images([*it])].into_iter().flatten()));
    all(each.collect::<Option<Vec<_>>>()?)
}
