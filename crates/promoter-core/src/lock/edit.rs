//! Changes a found text as little as possible, so that a reviewer sees what changed and comments stay.
//!
//! Values are replaced where they stand, entries put in or taken out by line. What this does not understand (block
//! scalars, artifacts in one flow sequence) ends in the canonical text with the comments that were there: the
//! result is read back and compared, so an edit is right or not made.

use super::format::with_comments;
use super::read::{self, LIMITS};
use super::text::Text;
use super::write::{self, Written};
use super::{Found, LockError, PromotionLock};
use crate::{Artifact, Freight};
use promoter_yaml::{Dialect, Entry, Node, parse_first};
use std::ops::Range;

impl PromotionLock {
    /// The found text with only those lines changed that say something else; the same text when none does.
    ///
    /// Keeps the version that it found. Errors: the found text is no lock (a stale one is: the edit mends it).
    pub fn edit(&self, found: &str, path: &str) -> Result<String, LockError> {
        let Found { lock, stale } = Self::read(found, path)?;
        let wanted = Self { version: lock.version, ..self.clone() };
        if stale.is_empty() && lock.means(&wanted) {
            return Ok(found.into());
        }
        let edited = edited(found, &lock, &wanted)
            .filter(|it| Self::parse(it, path).is_ok_and(|it| it.means(&wanted)));
        Ok(edited.unwrap_or_else(|| with_comments(found, wanted.emit(), path)))
    }

    /// Equality up to the spelling of addresses.
    fn means(&self, other: &Self) -> bool {
        let same_freight = self.freight.id() == other.freight.id();
        same_freight && *self == Self { freight: self.freight.clone(), ..other.clone() }
    }
}

fn edited(text: &str, found: &PromotionLock, wanted: &PromotionLock) -> Option<String> {
    let root = parse_first(text, Dialect::Own, &LIMITS).ok()??;
    let mut edit = Edit { text: Text::new(text), changes: Vec::new() };
    edit.scalars(&root, HEAD, &head(found), &head(wanted))?;

    let freight = root.get("freight")?;
    let as_written = |key| freight.get(key).and_then(Node::text).map(|it| (key, it.to_owned()));
    let id = wanted.freight.id();
    let locked = ["id", "alias"].into_iter().filter_map(as_written).collect();
    edit.scalars(freight, &["id", "alias"], &locked, &vec![("id", id.to_string()), ("alias", id.alias())])?;
    edit.artifacts(freight.get("artifacts")?, &found.freight, &wanted.freight)?;

    let (before, after) = (write::render(&found.render), write::render(&wanted.render));
    edit.scalars(root.get("render")?, read::RENDER, &before, &after)?;
    let sides =
        (found.promotion.as_ref().map(write::promotion), wanted.promotion.as_ref().map(write::promotion));
    edit.section(&root, "promotion", &["render"], read::PROMOTION, sides)?;
    let sides = (found.hold.as_ref().map(write::hold), wanted.hold.as_ref().map(write::hold));
    edit.section(&root, "hold", &["promotion", "render"], read::HOLD, sides)?;
    Some(edit.apply())
}

const HEAD: &[&str] = &["pipeline", "environment"];

fn head(lock: &PromotionLock) -> Written {
    let values = [&lock.pipeline, &lock.environment].map(|it| write::text(it.as_str()));
    HEAD.iter().copied().zip(values).collect()
}

fn value<'a>(written: &'a Written, key: &str) -> Option<&'a String> {
    written.iter().find(|(it, _)| *it == key).map(|(_, value)| value)
}

/// Replacements collected over one text; `None` from a method means "too unusual for an edit".
struct Edit<'a> {
    text: Text<'a>,
    changes: Vec<(Range<usize>, String)>,
}

impl Edit<'_> {
    /// Makes a mapping of scalars say what is wanted instead of what was found; `known` are the keys in question in
    /// their canonical order.
    fn scalars(&mut self, node: &Node, known: &[&str], found: &Written, wanted: &Written) -> Option<()> {
        let map = node.as_map()?;
        let flow = self.text.is_flow(node)?;
        for (index, key) in known.iter().enumerate() {
            match (map.entry(key), value(wanted, key)) {
                (_, new) if new == value(found, key) => {}
                (Some(entry), Some(new)) => self.replace(entry, new)?,
                (Some(entry), None) => self.remove(map.entries(), entry, flow)?,
                (None, Some(new)) => {
                    let before = known[..index].iter().rev().find_map(|it| map.entry(it))?;
                    let end = self.text.end(&before.value)?;
                    match flow {
                        true => self.changes.push((end..end, format!(", {key}: {new}"))),
                        false => {
                            let indent = before.key_mark.column.checked_sub(1)?;
                            self.insert_line_after(end, indent, &format!("{key}: {new}"));
                        }
                    }
                }
                (None, None) => {}
            }
        }
        Some(())
    }

    /// Puts in, takes out or changes a mapping of scalars below a key of the whole file. `sides` are what was found
    /// and what is wanted.
    fn section(
        &mut self,
        root: &Node,
        key: &str,
        after: &[&str],
        known: &[&str],
        sides: (Option<Written>, Option<Written>),
    ) -> Option<()> {
        let map = root.as_map()?;
        match (map.entry(key), sides) {
            (Some(entry), (Some(found), Some(wanted))) => {
                let same_keys = found.iter().map(|it| it.0).eq(wanted.iter().map(|it| it.0));
                if same_keys || !self.text.is_flow(&entry.value)? {
                    return self.scalars(&entry.value, known, &found, &wanted);
                }
                let range = self.text.start(entry.value.mark)?..self.text.end(&entry.value)?;
                self.changes.push((range, write::flow(&wanted)));
                Some(())
            }
            (Some(entry), _) => self.remove(map.entries(), entry, false),
            (None, (_, Some(wanted))) => {
                let before = after.iter().find_map(|it| map.entry(it))?;
                let end = self.text.end(&before.value)?;
                self.insert_line_after(end, 0, &format!("{key}: {}", write::flow(&wanted)));
                Some(())
            }
            (None, _) => Some(()),
        }
    }

    /// Makes a block sequence of artifacts hold the wanted ones, matched by name.
    fn artifacts(&mut self, list: &Node, found: &Freight, wanted: &Freight) -> Option<()> {
        let items = list.as_seq()?;
        if self.text.is_flow(list)? {
            return None;
        }
        let name = |it: &Node| it.get("name").and_then(Node::text).unwrap_or_default().to_owned();
        for item in
            items.iter().filter(|it| !wanted.artifacts().iter().any(|new| new.name.as_str() == name(it)))
        {
            let lines = self.text.lines(self.text.start(item.mark)?..self.text.end(item)?);
            self.changes.push((lines, String::new()));
        }
        for artifact in wanted.artifacts() {
            let Some(item) = items.iter().find(|it| artifact.name.as_str() == name(it)) else {
                self.insert_artifact(items, artifact, &name)?;
                continue;
            };
            let before = found.artifacts().iter().find(|it| it.name == artifact.name).map(write::artifact)?;
            let after = write::artifact(artifact);
            if before.iter().map(|it| it.0).eq(after.iter().map(|it| it.0)) {
                self.scalars(item, read::ARTIFACT, &before, &after)?;
            } else {
                let range = self.text.start(item.mark)?..self.text.end(item)?;
                self.changes.push((range, write::flow(&after)));
            }
        }
        Some(())
    }

    fn insert_artifact(
        &mut self,
        items: &[Node],
        artifact: &Artifact,
        name: &dyn Fn(&Node) -> String,
    ) -> Option<()> {
        let line = format!("- {}", write::flow(&write::artifact(artifact)));
        let smaller = items.iter().rev().find(|it| name(it).as_str() < artifact.name.as_str());
        let beside = smaller.or(items.first())?;
        let dash = self.text.dash(beside.mark)?;
        let indent = u32::try_from(dash - self.text.line_start(dash)).ok()?;
        match smaller {
            Some(item) => {
                let end = self.text.end(item)?;
                self.insert_line_after(end, indent, &line);
            }
            None => {
                let start = self.text.line_start(dash);
                let spaces = " ".repeat(indent as usize);
                self.changes.push((start..start, format!("{spaces}{line}{}", self.text.eol())));
            }
        }
        Some(())
    }

    fn replace(&mut self, entry: &Entry, new: &str) -> Option<()> {
        let end = self.text.end(&entry.value)?;
        if entry.value.as_seq().is_some() && !self.text.is_flow(&entry.value)? {
            // The lines of a block sequence give way to a flow sequence behind the key.
            let start = self.text.start(entry.key_mark)?;
            self.changes.push((start..end, format!("{}: {new}", entry.key)));
        } else {
            self.changes.push((self.text.start(entry.value.mark)?..end, new.into()));
        }
        Some(())
    }

    fn remove(&mut self, siblings: &[Entry], entry: &Entry, flow: bool) -> Option<()> {
        let start = self.text.start(entry.key_mark)?;
        let end = self.text.end(&entry.value)?;
        if !flow {
            self.changes.push((self.text.lines(start..end), String::new()));
            return Some(());
        }
        let at = siblings.iter().position(|it| it.key == entry.key)?;
        let range = match (siblings.get(at + 1), at.checked_sub(1).and_then(|it| siblings.get(it))) {
            (Some(next), _) => start..self.text.start(next.key_mark)?,
            (None, Some(before)) => self.text.end(&before.value)?..end,
            (None, None) => return None,
        };
        self.changes.push((range, String::new()));
        Some(())
    }

    fn insert_line_after(&mut self, end: usize, indent: u32, line: &str) {
        let at = self.text.line_end(end);
        let spaces = " ".repeat(indent as usize);
        self.changes.push((at..at, format!("{}{spaces}{line}", self.text.eol())));
    }

    fn apply(mut self) -> String {
        // Stable: lines put in at one place keep the order in which they were asked for.
        self.changes.sort_by_key(|(range, _)| range.start);
        let mut out = String::new();
        let mut at = 0;
        for (range, new) in &self.changes {
            if range.start < at {
                // Two changes overlap: a result that cannot be a lock sends the caller to the canonical text.
                return String::new();
            }
            out.push_str(&self.text.text[at..range.start]);
            out.push_str(new);
            at = range.end;
        }
        out.push_str(&self.text.text[at..]);
        out
    }
}
