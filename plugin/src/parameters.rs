//! The parameters that Argo CD's page offers for an Application, with what the lockfile pins for reading.
//!
//! Argo CD shows titles and defaults, and nothing else of an announcement; what a person must read stands in them.

use std::collections::BTreeMap;

use promoter_core::{Diagnosis, LOCK_FILE};
use promoter_kustomize::Files;
use promoter_render::{MODES, Pins, resolve};
use serde_json::json;

use crate::cmp::client::ParameterAnnouncement;
use crate::cmp::environment::{Environment, FREIGHT_PARAMETER};

/// The announcements for the Application at `app_path`. Always the same parameters: a page for editing them must open when
/// one of them is what is wrong, and then says so in words where the freight would stand.
pub fn announce(
    files: &dyn Files,
    app_path: Result<&str, &Diagnosis>,
    environment: &Environment,
) -> Vec<ParameterAnnouncement> {
    let pins = app_path.map_err(Clone::clone).and_then(|app_path| {
        let parameters = environment.parameters().map_err(|it| it.diagnosis())?;
        resolve(files, app_path, &parameters).map_err(|it| it.diagnosis())
    });
    let environment_name = pins.as_ref().map(|it| it.lock.environment.to_string()).unwrap_or_default();
    vec![
        text(
            "environment",
            "Environment that the lockfile must be for",
            "A lockfile of another environment is refused. Not set: whatever the lockfile says.",
            &environment_name,
        ),
        text(
            "lockfile",
            "Lockfile, below the Application's path",
            "Path of the lockfile, relative to the Application's path. It may lie anywhere in the repository.",
            LOCK_FILE,
        ),
        text(
            "render",
            &format!("Render: {}", MODES.join(", ")),
            "auto: the manifests beside the lockfile where it has their digest, else a render of the pinned commit. live: \
             always a render. hydrated: always those beside it. verify: those, if a render gives the same.",
            MODES[0],
        ),
        match pins {
            Ok(pins) => freight(&pins),
            Err(error) => unreadable(&error),
        },
    ]
}

/// What is pinned: a row for each artifact under its name, and what says more about it. Names of artifacts are single
/// words, so that the other rows, which are two, cannot meet one.
fn freight(pins: &Pins) -> ParameterAnnouncement {
    let (freight, render) = (&pins.lock.freight, &pins.lock.render);
    let (id, alias) = (freight.id(), freight.id().alias());
    let artifacts = freight.artifacts().iter().map(|it| (it.name.to_string(), it.content.to_string()));
    let source = if render.source.is_empty() { "." } else { &render.source };
    let more = [
        ("freight alias", Some(alias.clone())),
        ("freight id", Some(id.to_string())),
        ("render source", Some(source.to_owned())),
        ("render engine", render.engine.clone()),
        ("hydrated digest", render.digest.as_ref().map(ToString::to_string)),
        ("held because", pins.lock.hold.as_ref().map(|it| format!("{} ({})", it.reason, it.by))),
    ];
    let more = more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    read_only(
        format!("Freight {alias}, for reading"),
        "What the lockfile pins. Not for editing here: a promotion changes it.",
        artifacts.chain(more).collect(),
    )
}

fn unreadable(error: &Diagnosis) -> ParameterAnnouncement {
    read_only(
        "Freight: the lockfile cannot be used".into(),
        "What is wrong with the lockfile, or with the parameters that lead to it.",
        [("what is wrong".to_owned(), error.to_string())].into(),
    )
}

fn read_only(title: String, tooltip: &str, map: BTreeMap<String, String>) -> ParameterAnnouncement {
    ParameterAnnouncement {
        name: FREIGHT_PARAMETER.into(),
        title,
        tooltip: tooltip.into(),
        item_type: "string".into(),
        collection_type: "map".into(),
        map,
        ..ParameterAnnouncement::default()
    }
}

/// The announcements as `plugin.yaml`'s dynamic command prints them: a JSON array, fields that are not set left out.
pub fn to_json(announcements: &[ParameterAnnouncement]) -> String {
    let entries = announcements.iter().map(|it| {
        let mut entry = json!({
            "name": it.name,
            "title": it.title,
            "tooltip": it.tooltip,
            "itemType": it.item_type,
            "collectionType": it.collection_type,
        });
        if it.collection_type == "map" {
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
        item_type: "string".into(),
        collection_type: "string".into(),
        string: default.into(),
        ..ParameterAnnouncement::default()
    }
}
