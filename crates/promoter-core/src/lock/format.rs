//! Brings a lock into its canonical form without losing what people wrote beside it.
//!
//! Every line of the canonical text stands for something (a field, an artifact). A comment on its own line goes
//! before the line of what followed it, a comment behind a value stays behind that value's line.

use super::read::LIMITS;
use super::text::Text;
use super::{Found, LockError, PromotionLock, Stale};
use promoter_yaml::{Dialect, Entry, Map, Node, parse_first};
use std::collections::BTreeMap;

impl PromotionLock {
    /// The canonical text of what is found, with a fresh id and alias, and with the comments of the found text.
    ///
    /// Errors: the found text is no lock. A stale id or alias is none: it is mended. With a stale id goes
    /// `render.digest`, whose manifests were made from other artifacts.
    pub fn format(found: &str, path: &str) -> Result<String, LockError> {
        let Found { mut lock, stale } = Self::read(found, path)?;
        if stale.iter().any(|it| matches!(it, Stale::Id { .. })) {
            lock.render.digest = None;
        }
        Ok(with_comments(found, lock.emit(), path))
    }
}

/// A canonical text with the comments of a found one.
pub(super) fn with_comments(found: &str, canonical: String, path: &str) -> String {
    let formatted = Comments::of(found).and_then(|it| it.put_into(&canonical));
    // Comments are never worth a broken lock.
    let sound = |it: &String| PromotionLock::parse(it, path).is_ok_and(|it| it.emit() == canonical);
    formatted.filter(sound).unwrap_or(canonical)
}

/// Comments by what they belong to.
#[derive(Default)]
struct Comments {
    at_start: Vec<String>,
    before: BTreeMap<String, Vec<String>>,
    behind: BTreeMap<String, Vec<String>>,
    at_end: Vec<String>,
}

impl Comments {
    /// `None` when there is none.
    fn of(found: &str) -> Option<Self> {
        let places = Places::of(found)?;
        let mut comments = Self::default();
        let mut waiting: Vec<String> = Vec::new();
        let mut started = false;
        for (index, line) in found.lines().enumerate() {
            let trimmed = line.trim();
            if trimmed.starts_with('#') {
                waiting.push(trimmed.into());
            }
            let Some(subject) = places.subjects.get(&index) else {
                continue;
            };
            if started {
                comments.before.entry(subject.clone()).or_default().append(&mut waiting);
            } else {
                // Before the first line stands what is said of the whole file.
                comments.at_start.append(&mut waiting);
            }
            started = true;
            if let Some(end) = places.ends.get(&index)
                && let Some((between, comment)) = line.get(*end..).and_then(|it| it.split_once('#'))
                && between.ends_with([' ', '\t'])
            {
                comments.behind.entry(subject.clone()).or_default().push(format!("#{}", comment.trim_end()));
            }
        }
        comments.at_end = waiting;
        let any = !comments.at_start.is_empty()
            || !comments.at_end.is_empty()
            || comments.before.values().chain(comments.behind.values()).any(|it| !it.is_empty());
        any.then_some(comments)
    }

    fn put_into(mut self, canonical: &str) -> Option<String> {
        let places = Places::of(canonical)?;
        let mut out: String = self.at_start.iter().map(|it| format!("{it}\n")).collect();
        for (index, line) in canonical.lines().enumerate() {
            let subject = places.subjects.get(&index)?;
            let indent = &line[..line.len() - line.trim_start().len()];
            let mut behind = self.behind.remove(subject).unwrap_or_default();
            let tail = if behind.is_empty() { None } else { Some(behind.remove(0)) };
            for comment in self.before.remove(subject).unwrap_or_default().into_iter().chain(behind) {
                out.push_str(&format!("{indent}{comment}\n"));
            }
            match tail {
                Some(tail) => out.push_str(&format!("{line} {tail}\n")),
                None => out.push_str(&format!("{line}\n")),
            }
        }
        // What belonged to fields that are not written (such as `allowEmpty: false`) is kept at the end.
        let left = self.before.into_values().chain(self.behind.into_values()).flatten();
        for comment in self.at_end.into_iter().chain(left) {
            out.push_str(&format!("{comment}\n"));
        }
        Some(out)
    }
}

/// What stands on each line (counted from 0), and the column (in bytes) behind the last value on it.
#[derive(Default)]
struct Places {
    subjects: BTreeMap<usize, String>,
    ends: BTreeMap<usize, usize>,
}

impl Places {
    /// `None` for spellings whose ends are not known.
    fn of(text: &str) -> Option<Self> {
        let root = parse_first(text, Dialect::Own, &LIMITS).ok()??;
        let text = Text::new(text);
        let mut places = Self::default();
        for entry in root.as_map()?.entries() {
            let key = &*entry.key;
            places.key(entry, key, &text)?;
            match (key, entry.value.as_map()) {
                ("freight", Some(map)) => places.block("freight", map, &text)?,
                ("render", Some(map)) => places.block("render", map, &text)?,
                _ => places.whole(key, &entry.value, &text)?,
            }
        }
        Some(places)
    }

    /// A mapping whose fields have lines of their own.
    fn block(&mut self, parent: &str, map: &Map, text: &Text<'_>) -> Option<()> {
        for entry in map.entries() {
            let subject = format!("{parent}.{}", entry.key);
            self.key(entry, &subject, text)?;
            match (&*entry.key, entry.value.as_seq()) {
                ("artifacts", Some(items)) => {
                    for item in items {
                        let name = item.get("name").and_then(Node::text)?;
                        self.whole(&format!("artifact {name}"), item, text)?;
                    }
                }
                _ => self.whole(&subject, &entry.value, text)?,
            }
        }
        Some(())
    }

    /// A value that stands on one line in the canonical text, whatever it takes here.
    fn whole(&mut self, subject: &str, node: &Node, text: &Text<'_>) -> Option<()> {
        self.subject(node.mark.line, subject);
        let end = text.end(node)?;
        self.end(text, end);
        let mut below: Vec<&Node> = Vec::new();
        if let Some(map) = node.as_map() {
            below.extend(map.entries().iter().map(|it| &it.value));
        }
        below.extend(node.as_seq().unwrap_or_default());
        for node in below {
            self.whole(subject, node, text)?;
        }
        Some(())
    }

    fn key(&mut self, entry: &Entry, subject: &str, text: &Text<'_>) -> Option<()> {
        self.subject(entry.key_mark.line, subject);
        self.end(text, text.start(entry.key_mark)? + entry.key.len());
        Some(())
    }

    /// The first thing on a line is what the line is about.
    fn subject(&mut self, line: u32, subject: &str) {
        self.subjects.entry((line as usize).saturating_sub(1)).or_insert_with(|| subject.into());
    }

    fn end(&mut self, text: &Text<'_>, end: usize) {
        let (line, column) = text.line_and_column(end);
        let last = self.ends.entry(line).or_default();
        *last = (*last).max(column);
    }
}
