//! The parameters that Argo CD's page offers for an Application, with what the lockfile pins for reading.

use promoter_core::LOCK_FILE;
use promoter_kustomize::Files;
use promoter_render::{MODES, resolve};
use serde_json::json;

use crate::cmp::client::ParameterAnnouncement;
use crate::cmp::environment::{Environment, FREIGHT_PARAMETER};

/// The announcements for the Application at `app_path`. Without a readable lockfile they are the same for everyone: a
/// page for editing parameters must open when a parameter is what is wrong.
pub fn announce(files: &dyn Files, app_path: &str, environment: &Environment) -> Vec<ParameterAnnouncement> {
    let pins = environment.parameters().ok().and_then(|it| resolve(files, app_path, &it).ok());
    let lock = pins.map(|it| it.lock);
    let environment_name = lock.as_ref().map(|it| it.environment.to_string()).unwrap_or_default();
    let mut announcements = vec![
        text(
            "environment",
            "Environment",
            "The environment that the lockfile must be for",
            &environment_name,
        ),
        text("lockfile", "Lockfile", "Path of the lockfile below the Application's path", LOCK_FILE),
        text("render", "Render", &format!("How manifests are come by: {}", MODES.join(", ")), MODES[0]),
    ];
    if let Some(lock) = lock {
        let pinned = lock.freight.artifacts().iter().map(|it| (it.name.to_string(), it.content.to_string()));
        announcements.push(ParameterAnnouncement {
            name: FREIGHT_PARAMETER.into(),
            title: format!("Freight {} (for reading)", lock.freight.id().alias()),
            tooltip: "What the lockfile pins; a promotion changes it".into(),
            collection_type: "map".into(),
            map: pinned.collect(),
            ..ParameterAnnouncement::default()
        });
    }
    announcements
}

/// The announcements as `plugin.yaml`'s dynamic command prints them: a JSON array, fields that are not set left out.
pub fn to_json(announcements: &[ParameterAnnouncement]) -> String {
    let entries = announcements.iter().map(|it| {
        let mut entry = json!({ "name": it.name, "title": it.title, "tooltip": it.tooltip });
        if it.collection_type == "map" {
            entry["collectionType"] = json!("map");
            entry["map"] = json!(it.map);
        } else {
            entry["string"] = json!(it.string);
        }
        entry
    });
    serde_json::Value::Array(entries.collect()).to_string()
}

fn text(name: &str, title: &str, tooltip: &str, default: &str) -> ParameterAnnouncement {
    ParameterAnnouncement {
        name: name.into(),
        title: title.into(),
        tooltip: tooltip.into(),
        string: default.into(),
        ..ParameterAnnouncement::default()
    }
}
