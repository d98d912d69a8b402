//! The index of a classic chart repository: the entries of some charts out of a file that may be large.
//!
//! Such a file lists every version of every chart. Its lines are looked at one by one, and only those of wanted charts
//! are kept and read as YAML; where the lines are not as helm writes them the whole file is read, if it is not too
//! large for that. Source: helm's documentation, "The Chart Repository Guide".

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{self, BufRead, Read as _, Seek};

use promoter_core::{Digest, UnixSeconds};
use promoter_yaml::{Dialect, Limits, Node, parse_first};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// What is kept of one chart.
const CHART_BYTES_MAX: usize = 8 << 20;
/// An index that is not as helm writes it is read up to this size.
const WHOLE_BYTES_MAX: u64 = 8 << 20;
/// So many versions of one chart are read.
const ENTRIES_MAX: usize = 20_000;
/// The longest line that helm's form has.
const LINE_BYTES_MAX: u64 = 1 << 20;

const LIMITS: Limits = Limits::DEFAULT.with_bytes(CHART_BYTES_MAX + 64).with_depth(64);

/// One version of a chart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChartEntry {
    /// Its version, as the index writes it.
    pub version: String,
    /// SHA-256 of its archive, where the index says it.
    pub digest: Option<Digest>,
    /// When it was added.
    pub created: Option<UnixSeconds>,
    /// True when it should not be used any more.
    pub deprecated: bool,
    /// Where its archive is; addresses may be relative to the repository's.
    pub urls: Vec<String>,
}

/// Why there are no entries.
#[derive(Debug)]
pub(super) enum IndexError {
    /// It could not be read from the disk.
    Disk(io::Error),
    /// It is no index, or one that is too large for how it is written; the rest of a sentence.
    Form(String),
}

impl From<io::Error> for IndexError {
    fn from(error: io::Error) -> Self {
        Self::Disk(error)
    }
}

/// The entries of charts in the order of the file, or what is wrong with them (the rest of a sentence). A chart that is
/// missing here is not in the file.
pub(super) type Entries = BTreeMap<String, Result<Vec<ChartEntry>, String>>;

/// Picks the entries of some charts.
pub(super) fn entries<F: BufRead + Seek>(
    file: &mut F,
    charts: &BTreeSet<&str>,
) -> Result<Entries, IndexError> {
    let start = file.fill_buf()?.trim_ascii_start().first().copied();
    if start == Some(b'{') {
        return in_json(file, charts);
    }
    if let Some(texts) = lines_of(file, charts)? {
        let read: Option<Entries> =
            texts.into_iter().map(|(chart, text)| Some((chart, of_text(&text)?))).collect();
        if let Some(read) = read {
            return Ok(read);
        }
    }
    file.rewind()?;
    let mut text = String::new();
    file.take(WHOLE_BYTES_MAX + 1).read_to_string(&mut text).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData => IndexError::Form("is not UTF-8".into()),
        _ => IndexError::Disk(error),
    })?;
    if text.len() as u64 > WHOLE_BYTES_MAX {
        let why = format!("is not written as helm writes it, and larger than {WHOLE_BYTES_MAX} bytes");
        return Err(IndexError::Form(why));
    }
    let node = parse_first(&text, Dialect::Config, &Limits::DEFAULT);
    let node = node.map_err(|error| IndexError::Form(format!("is no YAML: {error}")))?;
    let all = node.as_ref().and_then(|it| it.get("entries"));
    let Some(all) = all.filter(|it| it.as_map().is_some() || it.is_null()) else {
        return Err(IndexError::Form("has no `entries`".into()));
    };
    let found = charts.iter().filter_map(|chart| Some(((*chart).to_owned(), of_list(all.get(chart)?))));
    Ok(found.collect())
}

/// What the lines of one chart say, which stand below `entries` and its name; `None` where they refer to other parts of the
/// file, or are none that YAML has.
fn of_text(text: &str) -> Option<Result<Vec<ChartEntry>, String>> {
    if text.len() > CHART_BYTES_MAX {
        return Some(Err(format!("says more than {CHART_BYTES_MAX} bytes")));
    }
    let node = parse_first(text, Dialect::Config, &LIMITS).ok()??;
    let (_, list) = node.get("entries")?.as_map()?.iter().next()?;
    Some(of_list(list))
}

/// Where the lines are.
#[derive(PartialEq)]
enum At {
    Before,
    /// Below `entries`: the indentation of its keys once one was seen, and the wanted chart that the last one names.
    Entries(Option<usize>, Option<String>),
    After,
}

/// The lines of the wanted charts, if all lines are as helm writes them.
fn lines_of(
    file: &mut impl BufRead,
    charts: &BTreeSet<&str>,
) -> Result<Option<BTreeMap<String, String>>, IndexError> {
    let mut kept: BTreeMap<String, String> = BTreeMap::new();
    let mut at = At::Before;
    let mut line = Vec::new();
    loop {
        line.clear();
        file.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        let Some(last) = line.last() else {
            return Ok((at != At::Before).then_some(kept));
        };
        if *last != b'\n' && line.len() as u64 >= LINE_BYTES_MAX {
            return Ok(None);
        }
        let Some((next, is_key)) = step(at, &line, charts) else {
            return Ok(None);
        };
        at = next;
        let At::Entries(_, Some(chart)) = &at else {
            continue;
        };
        let Ok(text) = std::str::from_utf8(&line) else {
            return Ok(None);
        };
        match kept.get_mut(chart) {
            None => drop(kept.insert(chart.clone(), format!("entries:\n{text}"))),
            Some(_) if is_key => return Ok(None),
            // What goes beyond the bound shows that there is more.
            Some(kept) if kept.len() <= CHART_BYTES_MAX => kept.push_str(text),
            Some(_) => {}
        }
    }
}

/// Where a line leads, and whether it is the key of a chart; `None` for one that helm would not write. Keys of `entries`
/// have one indentation, and everything else in there a greater one, or begins an item of a list.
fn step(at: At, line: &[u8], charts: &BTreeSet<&str>) -> Option<(At, bool)> {
    let indent = line.iter().take_while(|it| **it == b' ').count();
    let content = line[indent..].trim_ascii_end();
    let first = *content.first().unwrap_or(&b'#');
    if first == b'#' {
        return Some((at, false));
    }
    if indent == 0 && first != b'-' {
        let at = match (at, content.strip_prefix(b"entries:").map(<[u8]>::trim_ascii)) {
            (At::Before, Some(b"")) => At::Entries(None, None),
            (At::Before, Some(b"{}")) => At::After,
            (_, Some(_)) => return None,
            _ if !first.is_ascii_alphabetic() => return None,
            (At::Before, None) => At::Before,
            (_, None) => At::After,
        };
        return Some((at, false));
    }
    let At::Entries(column, chart) = at else {
        let is_start = at == At::Before && content == b"---";
        return (indent > 0 || is_start).then_some((at, false));
    };
    let is_item = content == b"-" || content.starts_with(b"- ");
    let column = column.or((!is_item).then_some(indent)).filter(|it| *it > 0 && *it <= indent)?;
    if indent > column || is_item {
        return Some((At::Entries(Some(column), chart), false));
    }
    let key = key(content)?;
    let chart = charts.iter().find(|it| it.as_bytes() == key).map(|it| (*it).to_owned());
    Some((At::Entries(Some(column), chart), true))
}

/// The key of a line that has nothing but a key, or an empty list behind it.
fn key(content: &[u8]) -> Option<&[u8]> {
    let end = content.iter().rposition(|it| *it == b':')?;
    let (key, rest) = (&content[..end], content[end + 1..].trim_ascii());
    let key = match key {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        key => key,
    };
    let is_plain = |it: &u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.' | b'/' | b'+');
    (!key.is_empty() && key.iter().all(is_plain) && matches!(rest, b"" | b"[]" | b"null")).then_some(key)
}

fn of_list(list: &Node) -> Result<Vec<ChartEntry>, String> {
    if list.is_null() {
        return Ok(Vec::new());
    }
    let items = list.as_seq().ok_or("is no list")?;
    few_enough(items.len())?;
    Ok(items.iter().filter_map(of_node).collect())
}

fn few_enough(count: usize) -> Result<(), String> {
    match count > ENTRIES_MAX {
        true => Err(format!("has more than {ENTRIES_MAX} versions")),
        false => Ok(()),
    }
}

/// An entry without a version is passed over, as helm does.
fn of_node(node: &Node) -> Option<ChartEntry> {
    let text = |key: &str| node.get(key).and_then(Node::text);
    let urls = node.get("urls").and_then(Node::as_seq).unwrap_or_default();
    Some(ChartEntry {
        version: text("version")?.to_owned(),
        digest: text("digest").and_then(digest),
        created: text("created").and_then(time),
        deprecated: text("deprecated") == Some("true"),
        urls: urls.iter().filter_map(|it| it.text().map(str::to_owned)).collect(),
    })
}

fn of_json(value: &Value) -> Option<ChartEntry> {
    let text = |key: &str| value[key].as_str();
    let urls = value["urls"].as_array().map(Vec::as_slice).unwrap_or_default();
    Some(ChartEntry {
        version: text("version")?.to_owned(),
        digest: text("digest").and_then(digest),
        created: text("created").and_then(time),
        deprecated: value["deprecated"] == true,
        urls: urls.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect(),
    })
}

/// helm writes the digits alone; others the name of the algorithm before them.
fn digest(text: &str) -> Option<Digest> {
    let digits = text.strip_prefix("sha256:").unwrap_or(text);
    format!("sha256:{}", digits.to_ascii_lowercase()).parse().ok()
}

fn time(text: &str) -> Option<UnixSeconds> {
    text.parse().ok()
}

/// The same for an index in JSON: everything else is passed over as it comes.
fn in_json(file: &mut impl BufRead, charts: &BTreeSet<&str>) -> Result<Entries, IndexError> {
    let mut json = serde_json::Deserializer::from_reader(file);
    let found = InFile(charts).deserialize(&mut json);
    let found =
        found.and_then(|it| json.end().map(|()| it)).map_err(|error| match error.io_error_kind() {
            Some(kind) => IndexError::Disk(kind.into()),
            None => IndexError::Form(format!("is no JSON as an index has it: {error}")),
        })?;
    let found = found.ok_or_else(|| IndexError::Form("has no `entries`".into()))?;
    Ok(found.into_iter().map(|(chart, list)| (chart, of_json_list(&list))).collect())
}

fn of_json_list(list: &Value) -> Result<Vec<ChartEntry>, String> {
    if list.is_null() {
        return Ok(Vec::new());
    }
    let items = list.as_array().ok_or("is no list")?;
    few_enough(items.len())?;
    Ok(items.iter().filter_map(of_json).collect())
}

/// The file, with everything beside `entries` passed over.
struct InFile<'a>(&'a BTreeSet<&'a str>);

/// `entries`, with every chart passed over that is not wanted.
struct InEntries<'a>(&'a BTreeSet<&'a str>);

impl<'de> DeserializeSeed<'de> for InFile<'_> {
    type Value = Option<BTreeMap<String, Value>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for InFile<'_> {
    type Value = Option<BTreeMap<String, Value>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(key) = map.next_key::<String>()? {
            match key == "entries" {
                true => found = Some(map.next_value_seed(InEntries(self.0))?),
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

impl<'de> DeserializeSeed<'de> for InEntries<'_> {
    type Value = BTreeMap<String, Value>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for InEntries<'_> {
    type Value = BTreeMap<String, Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of charts")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(BTreeMap::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = BTreeMap::new();
        while let Some(key) = map.next_key::<String>()? {
            match self.0.contains(key.as_str()) {
                true => drop(found.insert(key, map.next_value()?)),
                false => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(text: &str, chart: &str) -> Result<Option<Vec<ChartEntry>>, String> {
        match entries(&mut Cursor::new(text), &[chart].into()) {
            Ok(mut found) => found.remove(chart).transpose(),
            Err(IndexError::Form(why)) => Err(why),
            Err(IndexError::Disk(error)) => panic!("{error}"),
        }
    }

    fn versions(text: &str, chart: &str) -> Result<Option<Vec<String>>, String> {
        Ok(read(text, chart)?.map(|it| it.into_iter().map(|it| it.version).collect()))
    }

    const AS_HELM: &str = "\
apiVersion: v1
entries:
  alpine:
  - apiVersion: v2
    created: \"2026-01-02T03:04:05.678+01:00\"
    description: |
      A chart
      web:
    digest: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    urls:
    - https://example.com/alpine-1.0.0.tgz
    version: 1.0.0
  web:
  - deprecated: true
    name: web
    version: 0.2.0
  - urls: [web-0.1.0.tgz, \"../x.tgz\"]
    version: 0.1.0
    digest: sha256:0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef
  - name: without version
  empty: []
  web-2:
    - version: \"3\"
generated: \"2026-01-02T03:04:05Z\"
";

    #[test]
    fn what_helm_writes_is_read() {
        let of = |chart: &str| read(AS_HELM, chart).unwrap().unwrap();
        let alpine = of("alpine");
        assert_eq!(alpine.len(), 1);
        assert_eq!(alpine[0].created, Some("2026-01-02T02:04:05Z".parse().unwrap()));
        assert_eq!(alpine[0].urls, ["https://example.com/alpine-1.0.0.tgz"]);
        let web = of("web");
        assert_eq!((web[0].deprecated, web[1].deprecated), (true, false));
        assert_eq!(web[1].digest, alpine[0].digest);
        assert_eq!(web[1].urls, ["web-0.1.0.tgz", "../x.tgz"]);
        assert_eq!((web.len(), of("web-2")[0].version.as_str(), of("empty").len()), (2, "3", 0));
        assert_eq!(versions(AS_HELM, "gone"), Ok(None));
        let several = entries(&mut Cursor::new(AS_HELM), &["web", "web-2", "gone"].into()).unwrap();
        let several: Vec<(&str, usize)> =
            several.iter().map(|(it, of)| (it.as_str(), of.as_ref().unwrap().len())).collect();
        assert_eq!(several, [("web", 2), ("web-2", 1)]);
    }

    #[test]
    fn other_ways_to_write_it_give_the_same() {
        let two = Ok(Some(vec!["2.0.0".to_owned(), "1.0.0".to_owned()]));
        let item = |version: &str| format!("- {{version: {version}, digest: null}}\n");
        let [one, other] = [item("2.0.0"), item("1.0.0")];
        for text in [
            format!("entries:\n    web:\n    {one}    {other}"),
            format!("---\nentries:\n  \"web\":\n    {one}\n# c\n    {other}"),
            format!("entries:\r\n  web:\r\n  {one}  {other}"),
            "{\"entries\": {\"a\": [{\"version\": [1]}], \"web\": [{\"version\": \"2.0.0\"}, {}, {\"version\": \"1.0.0\"}]}}".into(),
            "entries: {web: [{version: 2.0.0}, {version: 1.0.0}]}\n".into(),
            "base: &v 2.0.0\nentries:\n  web:\n  - version: *v\n  - version: 1.0.0\n".into(),
            "? entries\n: web:\n  - version: 2.0.0\n  - version: 1.0.0\n".into(),
            "%YAML 1.1\n---\nentries:\n  web:\n  - version: 2.0.0\n  - version: 1.0.0\n".into(),
            "entries:\n  a: {}\n  web:\n  - version: 2.0.0\n  - version: 1.0.0\n".into(),
        ] {
            assert_eq!(versions(&text, "web"), two, "{text}");
        }
    }

    #[test]
    fn what_is_no_index_is_refused() {
        for text in [
            "",
            "<html>\n",
            "entries: 1\n",
            "a: [\n",
            "{\"entries\": 1}",
            "{\"entries\": {",
            "entries:\n  web: 1\n",
        ] {
            let found = versions(text, "web");
            assert!(found.is_err(), "{text}: {found:?}");
        }
        assert_eq!(versions("entries: {}\n", "web"), Ok(None));
        assert_eq!(versions("{\"entries\": {}}", "web"), Ok(None));
        let large = format!("entries: {{web: [{{version: 1.0.0}}]}}\n# {}\n", "x".repeat(9 << 20));
        assert!(versions(&large, "web").unwrap_err().contains("larger than"));
        let large = format!(
            "entries:\n  web:\n{}",
            "  - version: 1.0.0\n    description: xxxxxxxxxxxxxxxx\n".repeat(300_000)
        );
        assert!(versions(&large, "web").unwrap_err().contains("says more than"), "one chart is bounded too");
    }

    #[test]
    fn lines_say_what_the_whole_file_says_however_it_is_cut() {
        for end in 0..AS_HELM.len() {
            let text = &AS_HELM[..end];
            let Ok(Some(found)) = versions(text, "web") else { continue };
            // What is not asked for is not looked at.
            let Ok(Some(whole)) = parse_first(text, Dialect::Config, &Limits::DEFAULT) else { continue };
            let list = whole.path(&["entries", "web"]).and_then(Node::as_seq).unwrap_or_default();
            let expected: Vec<&str> = list.iter().filter_map(|it| it.get("version")?.text()).collect();
            assert_eq!(found, expected, "{text}");
        }
    }
}
