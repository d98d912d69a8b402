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

/// References that lead to references; a longer chain is taken for a circle.
const REFERENCES_MAX: usize = 32;

/// What is known about the kinds of a cluster.
#[derive(Debug, Clone, Default)]
pub(crate) struct Schema {
    own: Option<Swagger>,
    builtin: Builtin,
}

/// What becomes of the built-in kinds when a document of one's own is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Builtin {
    /// They are not known.
    #[default]
    Absent,
    /// They are known, but the document goes first.
    Below,
    /// They are known and go first.
    Above,
}

/// Why a document given by `openapi` cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SchemaError {
    /// The document is no mapping.
    #[error("an OpenAPI document has to be a mapping, this is {0}")]
    NoMapping(&'static str),
}

/// What the schema knows about one value on the way down from a resource.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape<'a>(Known<'a>);

#[derive(Debug, Clone, Copy)]
enum Known<'a> {
    Builtin { keys: Option<&'static [&'static str]>, fields: Fields },
    Own(&'a Schema, &'a Node),
}

impl Schema {
    /// The kinds built into kustomize v5.8.1 (Kubernetes 1.21.2).
    pub(crate) fn builtin() -> Self {
        Self::default()
    }

    /// Reads an OpenAPI v2 document (`definitions`, with the `x-kubernetes-…` extensions).
    ///
    /// kustomize forgets the built-in kinds when it meets the document before anything else. Otherwise it knows both,
    /// and the one read last goes first: the built-in one is read when the first strategic merge needs it, or at the
    /// latest with the document once a resource of an unknown kind was met.
    /// Errors: the document is no mapping.
    pub(crate) fn from_swagger(document: Node, builtin: Builtin) -> Result<Self, SchemaError> {
        let kind = document.type_name();
        let own = Swagger::new(document).ok_or(SchemaError::NoMapping(kind))?;
        Ok(Self { own: Some(own), builtin })
    }

    /// The shape of a kind; `None` for kinds it does not know, custom resources first of all.
    pub(crate) fn kind(&self, api_version: &str, kind: &str) -> Option<Shape<'_>> {
        let own = |swagger| Some(Known::Own(self, Swagger::kind(swagger, api_version, kind)?));
        let builtin = || Some(Known::Builtin { keys: None, fields: builtin::fields_of(api_version, kind)? });
        self.first(own, builtin).map(Shape)
    }

    /// What a schema of the document is once its references are followed.
    fn resolve<'a>(&'a self, schema: &'a Node) -> Option<Known<'a>> {
        let mut found = Known::Own(self, schema);
        for _ in 0..REFERENCES_MAX {
            let Known::Own(_, schema) = found else {
                return Some(found);
            };
            let Some(name) = swagger::reference(schema) else {
                return Some(found);
            };
            let own = |swagger: &'a Swagger| Some(Known::Own(self, swagger.definition(name)?));
            let builtin = || Some(Known::Builtin { keys: None, fields: builtin::definition(name)? });
            found = self.first(own, builtin)?;
        }
        None
    }

    fn first<'a>(
        &'a self,
        own: impl FnOnce(&'a Swagger) -> Option<Known<'a>>,
        builtin: impl FnOnce() -> Option<Known<'a>>,
    ) -> Option<Known<'a>> {
        match (&self.own, self.builtin) {
            (None, _) => builtin(),
            (Some(swagger), Builtin::Absent) => own(swagger),
            (Some(swagger), Builtin::Below) => own(swagger).or_else(builtin),
            (Some(swagger), Builtin::Above) => builtin().or_else(|| own(swagger)),
        }
    }
}

impl<'a> Shape<'a> {
    /// The shape of a field of a mapping. The built-in kinds know all their fields, so that one which is not in the
    /// table is one in which nothing merges; a field that a document of one's own does not mention is `None`.
    pub(crate) fn field(self, name: &str) -> Option<Shape<'a>> {
        let known = match self.0 {
            Known::Builtin { fields, .. } => match fields.iter().find(|it| it.name == name) {
                Some(field) => Known::Builtin { keys: field.keys, fields: field.fields },
                None => Known::Builtin { keys: None, fields: &[] },
            },
            Known::Own(schema, node) => schema.resolve(Swagger::field(node, name)?)?,
        };
        Some(Shape(known))
    }

    /// The shape of the elements of a list.
    pub(crate) fn elements(self) -> Option<Shape<'a>> {
        let known = match self.0 {
            Known::Builtin { fields, .. } => Known::Builtin { keys: None, fields },
            Known::Own(schema, node) => schema.resolve(Swagger::elements(node)?)?,
        };
        Some(Shape(known))
    }

    /// The merge keys of a list that merges (empty: a list of scalars that is united); `None` for one that is replaced.
    pub(crate) fn merge_keys(self) -> Option<Vec<&'a str>> {
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
