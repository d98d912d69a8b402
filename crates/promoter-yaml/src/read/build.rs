//! Events to trees: keys checked, anchors expanded within the budget, merge keys applied.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use granit_parser::{ScalarStyle, Tag as YamlTag};

use crate::{Data, Dialect, Entry, Form, Limits, Map, Mark, Node, Scalar, Tag, YamlError, scalar};

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

enum Key {
    Text(Box<str>, Mark),
    Merge(Mark),
}

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
        let is_merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<" && self.expects_key();
        if is_merge {
            return self.merge_key(at);
        }
        let is_plain = style == ScalarStyle::Plain;
        let tag = match tag.filter(|it| !is_non_specific(it)) {
            None if is_plain => scalar::resolve(&text, self.dialect),
            None => Tag::Str,
            Some(tag) => tagged(tag, &text, self.dialect).map_err(|it| YamlError::new(it, at))?,
        };
        let form = match is_plain {
            true if tag == Tag::Null && text.is_empty() => Form::Missing,
            true => Form::Plain,
            false => Form::Quoted,
        };
        let (text, tag) = match self.is_rewritten_flow() {
            // kustomize writes flow collections as such once more before it makes JSON of them, and quotes what has a
            // colon there. An empty null stays one that merging can see, and is written as empty text.
            true if is_plain && tag == Tag::Timestamp && text.contains(':') => (text, Tag::Str),
            false if tag == Tag::Null && text.is_empty() => (Cow::Borrowed("null"), tag),
            _ => (text, tag),
        };
        let node = Node { data: Data::Scalar(Scalar { text: text.into(), tag, form }), mark: at };
        self.spend(1, at)?;
        self.remember(anchor, &node, 1, 1, at)?;
        self.place(node, 1, 1)
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
        let Frame { mark, anchor, nodes, height, items, .. } = frame;
        let data = match items {
            Items::Seq(items) => Data::Seq(items),
            Items::Map { entries, merged, .. } => Data::Map(self.mapping(entries, merged)?),
        };
        let node = Node { data, mark };
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
        let node = node.clone().at(at);
        self.place(node, nodes, height)
    }

    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Frame { items: Items::Map { key: None, .. }, .. }))
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

fn key_of(node: Node, dialect: Dialect, depth: usize) -> Result<Key, YamlError> {
    let mark = node.mark;
    let type_name = node.type_name();
    let Data::Scalar(Scalar { text, tag, .. }) = node.data else {
        return Err(YamlError::new(format!("a key must be text, not {type_name}"), mark));
    };
    // Go reads the outermost mapping of a resource into a map of strings, so that any scalar is text there.
    let is_text = tag == Tag::Str || (dialect == Dialect::Resource && depth == 1 && tag != Tag::Null);
    if dialect == Dialect::Resource && &*text == "<<" {
        // A quoted one: kustomize takes it for no merge key and still drops it.
        return Err(YamlError::new("a quoted `<<` cannot be a key", mark));
    }
    match is_text {
        true => Ok(Key::Text(text, mark)),
        false => Err(YamlError::new(format!("the key `{text}` is {type_name}, not text: quote it"), mark)),
    }
}

/// The first key that occurs twice: its first and its second entry.
fn duplicate(entries: &[Entry]) -> Option<(&Entry, &Entry)> {
    let again = match entries.len() {
        0..=12 => (1..entries.len()).find(|at| entries[..*at].iter().any(|it| it.key == entries[*at].key))?,
        _ => {
            let mut seen = BTreeSet::new();
            entries.iter().position(|it| !seen.insert(&*it.key))?
        }
    };
    let first = entries.iter().find(|it| it.key == entries[again].key)?;
    Some((first, &entries[again]))
}

fn last_wins(entries: Vec<Entry>) -> Vec<Entry> {
    let mut places: BTreeMap<Box<str>, usize> = BTreeMap::new();
    let mut kept: Vec<Entry> = Vec::with_capacity(entries.len());
    for entry in entries {
        match places.get(&entry.key) {
            Some(at) => kept[*at] = entry,
            None => {
                places.insert(entry.key.clone(), kept.len());
                kept.push(entry);
            }
        }
    }
    kept
}

/// Applies the value of `<<`: own keys win, then the mappings of a list from first to last.
fn merge(own: Map, merged: Node) -> Result<Map, YamlError> {
    let at = merged.mark;
    let sources = match merged.data {
        Data::Map(map) => vec![map],
        Data::Seq(items) => {
            let maps = items.into_iter().map(|it| match it.data {
                Data::Map(map) => Ok(map),
                _ => Err(YamlError::new("a merge key takes mappings only", it.mark)),
            });
            maps.collect::<Result<Vec<_>, _>>()?
        }
        Data::Scalar(_) => {
            return Err(YamlError::new("a merge key takes a mapping or a list of mappings", at));
        }
    };
    let own_keys: BTreeSet<Box<str>> = own.entries().iter().map(|it| it.key.clone()).collect();
    let mut entries = own.into_entries();
    // kustomize sets the keys of the last mapping first, which decides the order of new keys.
    let further = sources.into_iter().rev().flat_map(Map::into_entries);
    entries.extend(further.filter(|it| !own_keys.contains(&it.key)));
    Ok(Map::from_unique(last_wins(entries)))
}

/// The tag `!`, which go-yaml v3 ignores.
fn is_non_specific(tag: &YamlTag) -> bool {
    matches!((tag.handle(), tag.suffix()), ("!", "") | ("", "!"))
}

/// The type of a scalar with an explicit tag, or why it cannot have it.
fn tagged(tag: &YamlTag, text: &str, dialect: Dialect) -> Result<Tag, String> {
    const CORE: &str = "tag:yaml.org,2002:";
    let Some(name) = tag.suffix_in_namespace(CORE) else {
        return match dialect {
            Dialect::Own => Err(format!("the tag `{}` is not allowed here", tag.original())),
            // Go ignores tags that it does not know and reads text.
            _ => Ok(Tag::Str),
        };
    };
    let wanted = match &*name {
        "str" => return Ok(Tag::Str),
        "null" => Tag::Null,
        "bool" => Tag::Bool,
        "int" => Tag::Int,
        "float" => Tag::Float,
        "timestamp" => Tag::Timestamp,
        _ => return Err(format!("the tag `{}` is not supported", tag.original())),
    };
    let found = match scalar::resolve(text, dialect) {
        Tag::Int if wanted == Tag::Float => Tag::Float,
        found => found,
    };
    match found == wanted {
        true => Ok(wanted),
        false => Err(format!("`{text}` does not fit its tag `{}`", tag.original())),
    }
}

fn collection_tag(tag: &YamlTag, is_map: bool, dialect: Dialect) -> Result<(), String> {
    let core = tag.core_suffix();
    let fits = match core {
        Some("map") => is_map,
        Some("seq") => !is_map,
        Some(_) => false,
        // Go ignores tags that it does not know.
        None => dialect != Dialect::Own,
    };
    match fits {
        true => Ok(()),
        false => Err(format!("the tag `{}` does not fit here", tag.original())),
    }
}
