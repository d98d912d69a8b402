//! How large a tree is, so that small input cannot become large by being copied into itself, or into everything.

use promoter_yaml::{Data, Node};

/// How deep copying may make a tree; the reader allows less, and all walks over trees are recursive.
pub(crate) const DEPTH_MAX: usize = 500;

/// Bytes that all copies of one build may take, far more than any real one copies.
pub(crate) const COPIED_BYTES_MAX: usize = 128 << 20;

/// Looks at one resource on behalf of one field or target that one build may take: seconds of work, and far more than
/// any real one needs.
pub(crate) const STEPS_MAX: usize = 20_000_000;

/// What a walk over all resources costs however few they are: it may find a mapping that the walks before it filled.
pub(crate) const STEPS_A_WALK: usize = 200;

/// The size of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    /// About the memory that it takes.
    pub(crate) bytes: usize,
    /// Levels of values; a scalar is one.
    pub(crate) depth: usize,
}

impl Size {
    /// Measures a tree.
    pub(crate) fn of(node: &Node) -> Self {
        let below = match &node.data {
            Data::Scalar(scalar) => return Self { bytes: size_of::<Node>() + scalar.text.len(), depth: 1 },
            Data::Seq(items) => items.iter().fold(Self { bytes: 0, depth: 0 }, |sum, it| sum.with(it, 0)),
            Data::Map(map) => {
                map.iter().fold(Self { bytes: 0, depth: 0 }, |sum, (key, it)| sum.with(it, key.len()))
            }
        };
        Self { bytes: size_of::<Node>() + below.bytes, depth: 1 + below.depth }
    }

    fn with(self, node: &Node, key_bytes: usize) -> Self {
        let more = Self::of(node);
        Self { bytes: self.bytes + more.bytes + key_bytes, depth: self.depth.max(more.depth) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_bytes() {
        let list = Node::seq(vec![Node::str("ab"), Node::seq(vec![Node::null()])]);
        let size = Size::of(&Node::map([(Box::from("key"), list)].into_iter().collect()));
        assert_eq!(
            size,
            Size { bytes: 5 * size_of::<Node>() + "key".len() + "ab".len() + "null".len(), depth: 4 }
        );
    }
}
