//! Which lists of a kind are merged element by element, and by which keys.
//!
//! kustomize decides this by an OpenAPI document: the built-in one is Kubernetes 1.21.2 (`builtin`), and a
//! kustomization may bring its own with `openapi: {path: …}` (`swagger`), which then replaces the built-in one. Only
//! what merging asks for is kept.

mod builtin;
mod swagger;

use promoter_yaml::Node;

use builtin::Fields;
use swagger::Swagger;

/// What is known about the kinds of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Schema {
    own: Option<Swagger>,
}

/// Why a document given by `openapi` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaError {
    /// The document is no mapping.
    #[error("an OpenAPI document has to be a mapping, this is {0}")]
    NoMapping(&'static str),
}

/// What the schema knows about one value on the way down from a resource.
#[derive(Debug, Clone, Copy)]
pub struct Shape<'a>(Known<'a>);

#[derive(Debug, Clone, Copy)]
enum Known<'a> {
    Builtin { keys: Option<&'static [&'static str]>, fields: Fields },
    Own(&'a Swagger, &'a Node),
}

impl Schema {
    /// The kinds built into kustomize v5.8.1 (Kubernetes 1.21.2).
    pub fn builtin() -> Self {
        Self::default()
    }

    /// Reads an OpenAPI v2 document (`definitions`, with the `x-kubernetes-…` extensions).
    ///
    /// Errors: the document is no mapping.
    pub fn from_swagger(document: Node) -> Result<Self, SchemaError> {
        let kind = document.type_name();
        let own = Swagger::new(document).ok_or(SchemaError::NoMapping(kind))?;
        Ok(Self { own: Some(own) })
    }

    /// The shape of a kind; `None` for kinds it does not know, custom resources first of all.
    pub fn kind(&self, api_version: &str, kind: &str) -> Option<Shape<'_>> {
        let known = match &self.own {
            Some(swagger) => Known::Own(swagger, swagger.kind(api_version, kind)?),
            None => Known::Builtin { keys: None, fields: builtin::fields_of(api_version, kind)? },
        };
        Some(Shape(known))
    }
}

impl<'a> Shape<'a> {
    /// The shape of a field of a mapping. The built-in kinds know all their fields, so that one which is not in the
    /// table is one in which nothing merges; a field that a document of one's own does not mention is `None`.
    pub fn field(self, name: &str) -> Option<Shape<'a>> {
        let known = match self.0 {
            Known::Builtin { fields, .. } => match fields.iter().find(|it| it.name == name) {
                Some(field) => Known::Builtin { keys: field.keys, fields: field.fields },
                None => Known::Builtin { keys: None, fields: &[] },
            },
            Known::Own(swagger, node) => Known::Own(swagger, swagger.field(node, name)?),
        };
        Some(Shape(known))
    }

    /// The shape of the elements of a list.
    pub fn elements(self) -> Option<Shape<'a>> {
        let known = match self.0 {
            Known::Builtin { fields, .. } => Known::Builtin { keys: None, fields },
            Known::Own(swagger, node) => Known::Own(swagger, swagger.elements(node)?),
        };
        Some(Shape(known))
    }

    /// The merge keys of a list that merges (empty: a list of scalars that is united); `None` for one that is replaced.
    pub fn merge_keys(self) -> Option<Vec<&'a str>> {
        match self.0 {
            Known::Builtin { keys, .. } => keys.map(<[&str]>::to_vec),
            Known::Own(_, node) => swagger::merge_keys(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_at(schema: &Schema, api_version: &str, kind: &str, path: &str) -> Option<Vec<String>> {
        let steps = path.split('.').filter(|it| !it.is_empty());
        let shape = steps.fold(schema.kind(api_version, kind), |shape, step| match step {
            "[]" => shape?.elements(),
            name => shape?.field(name),
        });
        shape?.merge_keys().map(|keys| keys.into_iter().map(str::to_owned).collect())
    }

    #[test]
    fn lists_of_built_in_kinds() {
        let schema = Schema::builtin();
        let keys = |api, kind, path| keys_at(&schema, api, kind, path);
        assert_eq!(keys("apps/v1", "Deployment", "spec.template.spec.containers").unwrap(), ["name"]);
        assert_eq!(
            keys("batch/v1", "CronJob", "spec.jobTemplate.spec.template.spec.initContainers.[].ports")
                .unwrap(),
            ["containerPort", "protocol"]
        );
        assert_eq!(keys("v1", "ConfigMap", "metadata.finalizers").unwrap(), [""; 0]);
        assert_eq!(keys("v1", "Pod", "spec.tolerations"), None);
        assert_eq!(keys("v1", "Pod", "spec.containers.[].args"), None);
    }

    #[test]
    fn kinds_that_are_not_in_1_21() {
        let schema = Schema::builtin();
        assert!(schema.kind("autoscaling/v2", "HorizontalPodAutoscaler").is_none());
        assert!(schema.kind("apps/v1", "Pod").is_none());
        assert!(schema.kind("example.com/v1", "Deployment").is_none());
    }
}
