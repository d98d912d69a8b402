//! Image pins: every container of every pod-like specification gets the tag and digest that the lock has for its
//! repository. The repository stays as it is written, and nothing else is touched.

use std::collections::{BTreeMap, BTreeSet};

use promoter_core::{ImageRef, PinnedImage, Repository};
use promoter_yaml::Node;

/// The lists of a pod specification that hold containers.
const CONTAINER_LISTS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Pins the images of one object. Adds the repositories that were found in it to `used`.
///
/// A pod specification is a mapping with a `containers` list of mappings, wherever it stands: in the kinds of
/// Kubernetes and in custom resources alike. A definition of custom resources only describes such shapes.
pub(crate) fn pin(
    object: &mut Node,
    images: &BTreeMap<Repository, PinnedImage>,
    used: &mut BTreeSet<Repository>,
) {
    if images.is_empty() || object.get("kind").and_then(Node::as_str) == Some("CustomResourceDefinition") {
        return;
    }
    visit(object, &mut |text| {
        // A text that is no reference can match no pin; the cluster will say what it thinks of it.
        let image: ImageRef = text.parse().ok()?;
        let pin = images.get(&image.repository)?;
        used.insert(image.repository);
        Some(pinned(text, pin))
    });
}

/// Visits every image of an object, container by container; what `change` gives is written back.
fn visit(node: &mut Node, change: &mut impl FnMut(&str) -> Option<String>) {
    if let Some(items) = node.as_seq_mut() {
        items.iter_mut().for_each(|it| visit(it, change));
        return;
    }
    let is_pod = node.get("containers").and_then(Node::as_seq).is_some();
    let Some(map) = node.as_map_mut() else { return };
    for (key, value) in map.iter_mut() {
        if is_pod && CONTAINER_LISTS.contains(&key) {
            for container in value.as_seq_mut().into_iter().flatten() {
                set(container.get_mut("image"), change);
            }
        }
        if is_pod && key == "volumes" {
            // Image volumes.
            for volume in value.as_seq_mut().into_iter().flatten() {
                set(volume.get_mut("image").and_then(|it| it.get_mut("reference")), change);
            }
        }
        visit(value, change);
    }
}

fn set(image: Option<&mut Node>, change: &mut impl FnMut(&str) -> Option<String>) {
    if let Some(image) = image
        && let Some(text) = image.as_str().and_then(change)
    {
        *image = Node::str(text).at(image.mark);
    }
}

/// The repository as written, with the pin's tag and digest.
fn pinned(written: &str, pin: &PinnedImage) -> String {
    let before_digest = written.split('@').next().unwrap_or(written);
    let path_at = before_digest.rfind('/').map_or(0, |it| it + 1);
    let name_end = before_digest[path_at..].find(':').map_or(before_digest.len(), |it| path_at + it);
    let tag = pin.tag.as_ref().map(|it| format!(":{it}")).unwrap_or_default();
    format!("{}{tag}@{}", &before_digest[..name_end], pin.digest)
}
