//! What the messages of registries name. `None` means that they do not say it in words that are known here.
//!
//! Pulls are of no concern: our own requests would come back as news.

use super::Message;
use super::json::{images, json, list, text};
use crate::signal::Sooner;

/// Azure Container Registry.
///
/// Source: Microsoft's "Azure Container Registry webhook reference".
pub(super) fn acr(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    if text(&json, "/action") == "ping" {
        return Some(Sooner::default());
    }
    images([format!("{}/{}", text(&json, "/request/host"), text(&json, "/target/repository"))])
}

/// Docker Hub.
///
/// Source: Docker's "Webhooks" of Docker Hub.
pub(super) fn dockerhub(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    let name = Some(text(&json, "/repository/repo_name")).filter(|it| !it.is_empty())?;
    images([format!("docker.io/{name}")])
}

/// Harbor, in its own format and as CloudEvents.
///
/// Source: Harbor's "Configure Webhook Notifications".
pub(super) fn harbor(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    let kind = text(&json, "/type").to_ascii_lowercase();
    if kind.contains("pull") {
        return Some(Sooner::default());
    }
    let resources = list(&json, "/event_data/resources").iter().chain(list(&json, "/data/resources"));
    images(resources.map(|it| text(it, "/resource_url")))
}

/// Quay.
///
/// Source: Quay's "Repository notifications", `repo_push`.
pub(super) fn quay(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    images([text(&json, "/docker_url")])
}

/// Any registry that is built on distribution: envelopes of `application/vnd.docker.distribution.events.v1+json`.
///
/// Source: distribution's "Work with notifications". Clients and the registry may know its host by different names, so
/// both are taken.
pub(super) fn oci(message: &Message<'_>) -> Option<Sooner> {
    let json = json(message)?;
    let events = json.get("events")?.as_array()?;
    let mut moved = events.iter().filter(|it| text(it, "/action") != "pull").peekable();
    if moved.peek().is_none() {
        return Some(Sooner::default());
    }
    let names = moved.flat_map(|it| {
        let (_, rest) = text(it, "/target/url").split_once("://").unwrap_or_default();
        let hosts = [text(it, "/request/host"), rest.split('/').next().unwrap_or_default()];
        let name = text(it, "/target/repository");
        hosts.into_iter().filter(|it| !it.is_empty()).map(move |host| format!("{host}/{name}"))
    });
    images(names)
}
