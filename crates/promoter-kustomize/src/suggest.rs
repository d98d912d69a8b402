//! What to type next: names near one that was not found, for hints.
//!
//! Only errors ask, so nothing here is in a hurry.

use crate::id::Id;
use crate::resmap::ResMap;

/// Names that one hint lists.
const LISTED_MAX: usize = 4;

/// A longer word is no slip of the finger; comparing takes time by its square.
const WORD_BYTES_MAX: usize = 300;

/// The candidate that differs from a word in the fewest letters, if those are few.
pub(crate) fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let most = ((word.len() + 1) / 3).min(2);
    let candidates = candidates.into_iter().filter(|it| it.len().abs_diff(word.len()) <= 4 * most);
    let measured = candidates.map(|it| (distance(&word, &it.to_ascii_lowercase()), it));
    measured.filter(|(far, _)| *far <= most).min_by_key(|(far, _)| *far).map(|(_, it)| it)
}

/// A hint about what is there in place of a resource that is not: the same name under another kind, version or namespace,
/// a name like it, or others of the kind.
pub(crate) fn instead_of(wanted: &Id<'_>, resources: &ResMap) -> String {
    let ids: Vec<Id<'_>> = resources.list.iter().map(|it| it.id()).collect();
    if ids.is_empty() {
        return "there are no resources here: name some below `resources`, or build the kustomization that names this one"
            .into();
    }
    let same_name: Vec<&Id<'_>> = ids.iter().filter(|it| it.name == wanted.name).collect();
    if let Some(other) = same_name.iter().find(|it| it.gvk.kind == wanted.gvk.kind) {
        let (found, asked) = (version(other), version(wanted));
        return if found == asked {
            format!("its namespace differs: `{other}` is there")
        } else {
            format!("its apiVersion differs: `{other}` of `{found}` is there, not of `{asked}`")
        };
    }
    let of_kind = || ids.iter().filter(|it| it.gvk.kind == wanted.gvk.kind || wanted.gvk.kind.is_empty());
    if let Some(near) = nearest(wanted.name, of_kind().map(|it| it.name)) {
        return format!("did you mean `{near}`?");
    }
    match (listed(same_name.into_iter()), listed(of_kind())) {
        (Some(same_name), _) => format!("of this name there is {same_name}"),
        (None, Some(of_kind)) => format!("of this kind there is {of_kind}"),
        (None, None) => format!("no `{}` is here at all", wanted.gvk.kind),
    }
}

fn version(id: &Id<'_>) -> String {
    match id.gvk.group {
        "" => id.gvk.version.to_owned(),
        group => format!("{group}/{}", id.gvk.version),
    }
}

/// The first few of a list; `None` for an empty one.
fn listed<'a, 'b: 'a>(ids: impl Iterator<Item = &'a Id<'b>>) -> Option<String> {
    let mut names: Vec<String> = ids.map(|it| format!("`{it}`")).collect();
    let more = names.len().saturating_sub(LISTED_MAX);
    names.truncate(LISTED_MAX);
    if more > 0 {
        names.push(format!("{more} more"));
    }
    (!names.is_empty()).then(|| names.join(", "))
}

/// The number of letters to change, add or leave out, to make one word of the other.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let change = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
