//! `openapi`: from which schema patches learn which lists are merged, and by which keys.
//!
//! Decides whose field counts. What a document says is `patch::schema`'s.

use promoter_yaml::{Dialect, Limits, Node, parse_first};

use crate::error::{BuildError, Result};
use crate::kustomization::reader::At;
use crate::loader::text;
use crate::patch::schema::{Builtin, Schema};
use crate::resource::Resource;

use super::{Shared, Target};

impl Shared<'_> {
    /// Notes that kustomize has read the built-in kinds: it asks them for what it has never heard of.
    pub(crate) fn meet_kinds(&mut self, resources: &[Resource]) {
        let is_unknown = |it: &Resource| Schema::builtin().kind(it.api_version(), it.kind()).is_none();
        if self.builtin_kinds == Builtin::Absent && resources.iter().any(is_unknown) {
            self.builtin_kinds = Builtin::Above;
        }
    }
}

impl Target<'_> {
    /// Obeys `openapi`.
    pub(super) fn choose_schema(&self, shared: &mut Shared<'_>) -> Result<()> {
        let k = &self.kustomization;
        let wrong = |message: &str| Err(BuildError::new("kustomize-value", message).at(&k.file, 0));
        let version = k.openapi.get("version").filter(|it| !it.is_empty());
        let Some(path) = k.openapi.get("path") else {
            if version.is_some_and(|it| it != "v1.21.2") && !shared.schema_is_set {
                return wrong("the openapi version is not built in, only v1.21.2 is");
            }
            shared.schema_is_set |= version.is_some();
            return Ok(());
        };
        let (path, bytes) = self.loader.read(&At { value: path.clone(), line: 0 }, &k.file)?;
        if shared.schema_is_set {
            return Ok(());
        }
        if k.openapi.contains_key("version") {
            return wrong("openapi has both `path` and `version`");
        }
        let text = text(&path, &bytes)?;
        let document = parse_first(text, Dialect::Config, &Limits::default())
            .map_err(|error| BuildError::syntax(&path, text, &error))?;
        shared.schema = Schema::from_swagger(document.unwrap_or_else(Node::null), shared.builtin_kinds)
            .map_err(|error| BuildError::new("kustomize-value", error.to_string()).at(&path, 0))?;
        shared.schema_is_set = true;
        Ok(())
    }
}
