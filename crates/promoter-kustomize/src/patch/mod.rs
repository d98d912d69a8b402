//! Patches as kustomize applies them: pure functions over one resource.
//!
//! Decides what a strategic merge or a JSON patch makes of a resource, and which resources a target selects. Leaves to
//! the engine where patches come from, which dialect a text is tried in first, and how resources are kept apart.

pub mod json6902;
pub mod labels;
pub mod schema;
pub mod selector;
pub mod strategic;
