//! Block lists in the text of a field: kustomize writes them in the column of their key, wherever they stood.

use promoter_yaml::{Data, Map, Node};

/// The text with its lists moved to the left. `document` is what was read from it, with the places of its values.
pub(super) fn move_left(text: &str, document: &Node) -> String {
    let lines: Vec<&str> = text.split('\n').collect();
    let mut shifts = vec![0_usize; lines.len()];
    collect_shifts(document, &lines, &mut shifts);
    let moved = lines.iter().zip(shifts).map(|(line, shift)| &line[shift.min(indent(line))..]);
    moved.collect::<Vec<_>>().join("\n")
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// How far each line moves to the left, so that lists start in the column of their key.
fn collect_shifts(node: &Node, lines: &[&str], shifts: &mut [usize]) {
    match &node.data {
        Data::Scalar(_) => {}
        Data::Seq(items) => items.iter().for_each(|item| collect_shifts(item, lines, shifts)),
        Data::Map(map) => map_shifts(map, lines, shifts),
    }
}

fn map_shifts(map: &Map, lines: &[&str], shifts: &mut [usize]) {
    for entry in map.entries() {
        collect_shifts(&entry.value, lines, shifts);
        let first = entry.value.as_seq().and_then(<[Node]>::first);
        let Some(first) = first.filter(|it| it.mark.line > entry.key_mark.line) else {
            continue;
        };
        let start = usize::try_from(first.mark.line).unwrap_or(usize::MAX).saturating_sub(1);
        let key_column = usize::try_from(entry.key_mark.column).unwrap_or(1).saturating_sub(1);
        let Some(dash) = lines.get(start).filter(|it| it.trim_start().starts_with('-')).map(|it| indent(it))
        else {
            continue;
        };
        let below = lines.iter().zip(shifts.iter_mut()).skip(start);
        for (_, shift) in below.take_while(|(line, _)| line.trim().is_empty() || indent(line) >= dash) {
            *shift += dash.saturating_sub(key_column);
        }
    }
}
