//! The IAMPolicyGenerator plugin: a ServiceAccount bound to one of Google's.

use std::rc::Rc;

use promoter_yaml::{Map, Node};

use crate::error::{BuildError, Result};
use crate::kustomization::reader::Reader;
use crate::resource::Resource;

/// Makes the account.
///
/// Errors: another cloud than `gke`.
pub(crate) fn generate(reader: Reader<'_>, plugin: &Resource) -> Result<Resource> {
    let [mut cloud, mut name, mut namespace, mut account, mut project] = [const { String::new() }; 5];
    reader.object(
        &plugin.node,
        &["cloud", "kubernetesService", "serviceAccount"],
        |field, value| match field {
            "cloud" => {
                cloud = reader.string(value)?;
                Ok(())
            }
            "kubernetesService" => reader.object(value, &["name", "namespace"], |field, value| {
                *(if field == "name" { &mut name } else { &mut namespace }) = reader.string(value)?;
                Ok(())
            }),
            _ => reader.object(value, &["name", "projectId"], |field, value| {
                *(if field == "name" { &mut account } else { &mut project }) = reader.string(value)?;
                Ok(())
            }),
        },
    )?;
    if cloud != "gke" {
        let message = format!("the cloud `{cloud}` is not known, only `gke` is");
        return Err(BuildError::new("kustomize-value", message).at(&plugin.source, plugin.node.mark.line));
    }
    let bound = Node::str(format!("{account}@{project}.iam.gserviceaccount.com"));
    let annotations = Map::from_iter([("iam.gke.io/gcp-service-account".into(), bound)]);
    let mut metadata = Map::new();
    metadata.insert("annotations", Node::map(annotations));
    // kustomize writes them without quotes and reads that.
    metadata.insert("name", Node::plain(name));
    if !namespace.is_empty() {
        metadata.insert("namespace", Node::plain(namespace));
    }
    let mut map = Map::new();
    map.insert("apiVersion", Node::str("v1"));
    map.insert("kind", Node::str("ServiceAccount"));
    map.insert("metadata", Node::map(metadata));
    Ok(Resource::new(Node::map(map), Rc::clone(&plugin.source)))
}
