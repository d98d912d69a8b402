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

/// The images of one object as they are written, sorted, each once; where [`pin`] looks.
pub fn images_of(object: &Node) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    if object.get("kind").and_then(Node::as_str) != Some("CustomResourceDefinition") {
        visit(&mut object.clone(), &mut |text| {
            found.insert(text.to_owned());
            None
        });
    }
    found
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

#[cfg(test)]
mod tests {
    use super::*;
    use promoter_yaml::{Dialect, Limits, parse_first};
    use proptest::prelude::*;

    fn pins() -> BTreeMap<Repository, PinnedImage> {
        let texts = ["ghcr.io/acme/web:2", "nginx:1.29", "localhost:5000/a"];
        let pins = texts.iter().map(|it| format!("{it}@sha256:{}", "ab".repeat(32)).parse().unwrap());
        pins.map(|it: PinnedImage| (it.repository.clone(), it)).collect()
    }

    /// Objects in which the words that matter turn up everywhere.
    fn objects() -> impl Strategy<Value = serde_json::Value> {
        let image = prop::sample::select(vec![
            "nginx",
            "nginx:1",
            "docker.io/library/nginx@sha256:0",
            "ghcr.io/acme/web:1",
            "ghcr.io/acme/web-extra",
            "localhost:5000/a:b",
            "localhost:5000/a",
            "",
            "Not An Image",
            "${X}",
            "-",
        ]);
        let leaf = prop_oneof![image.prop_map(serde_json::Value::from), any::<i32>().prop_map(Into::into)];
        let key = prop::sample::select(vec![
            "containers",
            "initContainers",
            "ephemeralContainers",
            "volumes",
            "image",
            "reference",
            "name",
            "spec",
        ]);
        leaf.prop_recursive(6, 60, 4, move |inner| {
            let map = prop::collection::btree_map(key.clone().prop_map(String::from), inner.clone(), 0..5);
            prop_oneof![
                prop::collection::vec(inner, 0..3).prop_map(serde_json::Value::from),
                map.prop_map(|it| serde_json::Value::Object(it.into_iter().collect())),
            ]
        })
    }

    fn node(value: &serde_json::Value) -> Node {
        parse_first(&value.to_string(), Dialect::Resource, &Limits::default())
            .unwrap()
            .unwrap_or_else(Node::null)
    }

    proptest! {
        #[test]
        fn pins_touch_images_only_and_once(value in objects()) {
            let before = node(&value);
            let mut after = before.clone();
            pin(&mut after, &pins(), &mut BTreeSet::new());
            let mut again = after.clone();
            pin(&mut again, &pins(), &mut BTreeSet::new());
            prop_assert_eq!(&again, &after);
            differ_in_images_only(&before, &after, "")?;
        }
    }

    /// Where two trees differ, both have a reference to one repository, below `image` or `reference`.
    fn differ_in_images_only(before: &Node, after: &Node, key: &str) -> Result<(), TestCaseError> {
        match (before.as_map(), after.as_map(), before.as_seq(), after.as_seq()) {
            (Some(a), Some(b), ..) => {
                prop_assert_eq!(a.len(), b.len());
                for ((key, a), (other, b)) in a.iter().zip(b.iter()) {
                    prop_assert_eq!(key, other);
                    differ_in_images_only(a, b, key)?;
                }
            }
            (_, _, Some(a), Some(b)) => {
                prop_assert_eq!(a.len(), b.len());
                a.iter().zip(b).try_for_each(|(a, b)| differ_in_images_only(a, b, key))?;
            }
            _ if before == after => {}
            _ => {
                prop_assert!(matches!(key, "image" | "reference"));
                let image = |it: &Node| it.as_str().unwrap_or_default().parse::<ImageRef>().unwrap();
                let (before, after) = (image(before), image(after));
                prop_assert_eq!(&before.repository, &after.repository);
                prop_assert_eq!(after.digest, pins().get(&before.repository).map(|it| it.digest.clone()));
            }
        }
        Ok(())
    }
}
