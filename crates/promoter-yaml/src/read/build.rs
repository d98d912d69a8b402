//! Events to trees: keys checked, anchors expanded within the budget, merge keys applied.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{ScalarStyle, Tag as YamlTag};

use super::keys::{Key, duplicate, key_of, last_wins, merge};
use super::tag::{collection_tag, is_merge_tag, is_non_specific, scalar_tag};
use crate::scalar;
use crate::{Data, Dialect, Entry, Form, Limits, Map, Mark, Node, Scalar, Tag, YamlError};

/// Collects the events of one text.
pub(super) struct Builder {
    dialect: Dialect,
    depth_max: usize,
    nodes_left: usize,
    open: Vec<Frame>,
    anchors: BTreeMap<usize, Anchored>,
    root: Option<Node>,
}

/// A collection that is being read.
struct Frame {
    mark: Mark,
    is_flow: bool,
    anchor: usize,
    nodes: usize,
    height: usize,
    items: Items,
}

enum Items {
    Seq(Vec<Node>),
    Map { entries: Vec<Entry>, key: Option<Key>, merged: Option<Node> },
}

/// Text that costs as much as a node when it is copied, so that a long one named often is no way around the budget.
const BYTES_A_NODE: usize = 64;

/// What an alias stands for, with the cost of writing it out.
struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

impl Builder {
    pub(super) fn new(dialect: Dialect, limits: &Limits, nodes_left: usize) -> Self {
        Self {
            dialect,
            depth_max: limits.depth_max,
            nodes_left,
            open: Vec::new(),
            anchors: BTreeMap::new(),
            root: None,
        }
    }

    /// How much of the budget is left.
    pub(super) fn nodes_left(&self) -> usize {
        self.nodes_left
    }

    /// True before the first node of a document is complete.
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// Takes the document out.
    pub(super) fn finish(&mut self) -> Option<Node> {
        self.anchors.clear();
        self.root.take()
    }

    pub(super) fn scalar(
        &mut self,
        text: Cow<'_, str>,
        style: ScalarStyle,
        anchor: usize,
        tag: Option<&YamlTag>,
        at: Mark,
    ) -> Result<(), YamlError> {
        let is_tagged = tag.is_some_and(is_merge_tag);
        if is_tagged || (style == ScalarStyle::Plain && tag.is_none() && text == "<<") {
            match self.expects_key() {
                true if text == "<<" => return self.merge_key(at),
                // kustomize would write such a key and merge its value too.
                true => return Err(YamlError::new("the tag `!!merge` is for the key `<<` only", at)),
                false => {}
            }
        }
        if style == ScalarStyle::Plain && self.ends_at_question_mark(&text) {
            let message = format!("`{text}` has a question mark in brackets or braces: quote it");
            return Err(YamlError::new(message, at));
        }
        let scalar = self.typed(text, style, tag).map_err(|it| YamlError::new(it, at))?;
        let nodes = 1 + scalar.text.len() / BYTES_A_NODE;
        let node = Node { data: Data::Scalar(scalar), mark: at, is_flow: false };
        self.spend(1, at)?;
        self.remember(anchor, &node, nodes, 1, at)?;
        self.place(node, nodes, 1)
    }

    /// A scalar with the type that its dialect gives it.
    fn typed(&self, text: Cow<'_, str>, style: ScalarStyle, tag: Option<&YamlTag>) -> Result<Scalar, String> {
        let is_plain = style == ScalarStyle::Plain;
        let tag = match tag.filter(|it| !is_non_specific(it)) {
            None if is_plain => scalar::resolve(&text, self.dialect),
            None => Tag::Str,
            Some(tag) => scalar_tag(tag, &text, self.dialect)?,
        };
        let form = match style {
            ScalarStyle::Plain if tag == Tag::Null && text.is_empty() => Form::Missing,
            ScalarStyle::Plain => Form::Plain,
            ScalarStyle::Folded if self.dialect == Dialect::Resource => Form::Folded,
            _ => Form::Quoted,
        };
        // go-yaml v2 knows times too, but hands them out as the text that stands there.
        let tag = if tag == Tag::Timestamp && self.dialect == Dialect::Config { Tag::Str } else { tag };
        let is_nothing = tag == Tag::Null && text.is_empty();
        let mut scalar = Scalar { text: if is_nothing { "null".into() } else { text.into() }, tag, form };
        if self.is_rewritten_flow() {
            scalar.put_in_flow();
        }
        Ok(scalar)
    }

    /// Starts a sequence or mapping.
    pub(super) fn open(
        &mut self,
        is_map: bool,
        is_flow: bool,
        anchor: usize,
        tag: Option<&YamlTag>,
        at: Mark,
    ) -> Result<(), YamlError> {
        if self.open.len() >= self.depth_max {
            return Err(YamlError::new(format!("nested deeper than {} levels", self.depth_max), at));
        }
        if self.expects_key() {
            return Err(YamlError::new("a key must be text, not a collection", at));
        }
        if let Some(tag) = tag {
            collection_tag(tag, is_map, self.dialect).map_err(|it| YamlError::new(it, at))?;
        }
        self.spend(1, at)?;
        let items = match is_map {
            true => Items::Map { entries: Vec::new(), key: None, merged: None },
            false => Items::Seq(Vec::new()),
        };
        self.open.push(Frame { mark: at, is_flow, anchor, nodes: 1, height: 1, items });
        Ok(())
    }

    /// Ends the innermost sequence or mapping.
    pub(super) fn close(&mut self) -> Result<(), YamlError> {
        let Some(frame) = self.open.pop() else {
            return Ok(());
        };
        let Frame { mark, is_flow, anchor, nodes, height, items } = frame;
        let data = match items {
            Items::Seq(items) => Data::Seq(items),
            Items::Map { entries, merged, .. } => Data::Map(self.mapping(entries, merged)?),
        };
        let node = Node { data, mark, is_flow: is_flow && self.dialect == Dialect::Resource };
        self.remember(anchor, &node, nodes, height, mark)?;
        self.place(node, nodes, height)
    }

    /// Writes out what an alias stands for.
    pub(super) fn alias(&mut self, id: usize, at: Mark) -> Result<(), YamlError> {
        if self.dialect == Dialect::Own {
            return Err(YamlError::new("anchors and aliases are not allowed here", at));
        }
        let Some(Anchored { node, nodes, height }) = self.anchors.get(&id) else {
            return Err(YamlError::new("the alias stands inside of what it names", at));
        };
        let (nodes, height) = (*nodes, *height);
        if self.open.len() + height > self.depth_max {
            return Err(YamlError::new(format!("nested deeper than {} levels", self.depth_max), at));
        }
        // Before the copy is made: that is the point of the budget.
        self.nodes_left = self.nodes_left.checked_sub(nodes).ok_or_else(|| too_many(at))?;
        let mut node = node.clone().at(at);
        if self.is_rewritten_flow() {
            node.put_in_flow();
        }
        self.place(node, nodes, height)
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { items: Items::Map { key: None, .. }, .. }))
    }

    /// Go's readers follow YAML 1.1, where a question mark ends a plain text in a flow collection.
    fn ends_at_question_mark(&self, text: &str) -> bool {
        self.dialect != Dialect::Own && text.contains('?') && self.open.last().is_some_and(|it| it.is_flow)
    }

    fn is_rewritten_flow(&self) -> bool {
        self.dialect == Dialect::Resource && self.open.last().is_some_and(|it| it.is_flow)
    }

    fn merge_key(&mut self, at: Mark) -> Result<(), YamlError> {
        if self.dialect == Dialect::Own {
            return Err(YamlError::new("merge keys are not allowed here", at));
        }
        if let Some(Frame { items: Items::Map { key, merged, .. }, .. }) = self.open.last_mut() {
            if merged.is_some() {
                return Err(YamlError::new("the merge key `<<` occurs twice", at));
            }
            *key = Some(Key::Merge(at));
        }
        Ok(())
    }

    fn spend(&mut self, nodes: usize, at: Mark) -> Result<(), YamlError> {
        self.nodes_left = self.nodes_left.checked_sub(nodes).ok_or_else(|| too_many(at))?;
        Ok(())
    }

    fn remember(
        &mut self,
        anchor: usize,
        node: &Node,
        nodes: usize,
        height: usize,
        at: Mark,
    ) -> Result<(), YamlError> {
        if anchor == 0 {
            return Ok(());
        }
        if self.dialect == Dialect::Own {
            return Err(YamlError::new("anchors and aliases are not allowed here", at));
        }
        // The remembered copy is memory too.
        self.spend(nodes, at)?;
        self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, height });
        Ok(())
    }

    /// Puts a finished node where it belongs: as the root, an item, a key or a value.
    fn place(&mut self, node: Node, nodes: usize, height: usize) -> Result<(), YamlError> {
        let (dialect, depth) = (self.dialect, self.open.len());
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.nodes += nodes;
        frame.height = frame.height.max(height + 1);
        match &mut frame.items {
            Items::Seq(items) => items.push(node),
            Items::Map { entries, key, merged } => match key.take() {
                None => *key = Some(key_of(node, dialect, depth)?),
                Some(Key::Text(key, key_mark)) => entries.push(Entry { key, key_mark, value: node }),
                Some(Key::Merge(at)) => *merged = Some(node.at(at)),
            },
        }
        Ok(())
    }

    fn mapping(&self, mut entries: Vec<Entry>, merged: Option<Node>) -> Result<Map, YamlError> {
        if let Some((first, again)) = duplicate(&entries) {
            if self.dialect != Dialect::Config {
                let message =
                    format!("the key `{}` occurs twice (first in line {})", again.key, first.key_mark.line);
                return Err(YamlError::new(message, again.key_mark));
            }
            entries = last_wins(entries);
        }
        match merged {
            None => Ok(Map::from_unique(entries)),
            Some(merged) => merge(Map::from_unique(entries), merged),
        }
    }
}

fn too_many(at: Mark) -> YamlError {
    YamlError::new("too many values, counted after aliases are written out", at)
}
