//! Patches as kustomize applies them: pure functions over one resource.
//!
//! Decides what a strategic merge or a JSON patch makes of a resource, and which resources a target selects. Leaves to
//! the engine where patches come from, which dialect a text is tried in first, and how resources are kept apart.

pub(crate) mod json6902;
pub(crate) mod labels;
pub(crate) mod schema;
pub(crate) mod selector;
pub(crate) mod strategic;
