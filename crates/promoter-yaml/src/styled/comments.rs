//! Which comments stand between two tokens, and whether each looks back or forward.

use super::Comments;
use super::cursor::{Cursor, Place};

/// How far go-yaml looks over blanks for a comment.
const LOOK_MAX: usize = 512;

/// A comment for the token at `token_at`, or the first one behind it.
pub(super) struct Comment {
    pub(super) token_at: usize,
    pub(super) text: Comments,
    /// Where it starts; the column counts from 1 but for one behind a token.
    pub(super) start: Place,
    /// Where the look for it began.
    pub(super) scan_at: usize,
    /// Where the look for it ended; 0 for one behind a token and for one that was handed out.
    pub(super) end_at: usize,
}

impl Comment {
    pub(super) fn take(&mut self) -> Comments {
        self.end_at = 0;
        std::mem::take(&mut self.text)
    }
}

/// The token before a comment, as far as it matters.
#[derive(Clone, Copy)]
pub(super) struct Before {
    pub(super) at: usize,
    /// It is the colon of a key.
    pub(super) is_value: bool,
}

/// The comment behind a token on its line.
pub(super) fn behind(cursor: &mut Cursor<'_>, token_at: usize, found: &mut Vec<Comment>) {
    if cursor.line_ends > 0 {
        return;
    }
    let blanks = (0..LOOK_MAX).find(|it| !matches!(cursor.ahead(*it), b' ' | b'\t'));
    let Some(blanks) = blanks.filter(|it| cursor.ahead(*it) == b'#') else {
        return;
    };
    cursor.move_to(cursor.place.at + blanks);
    let start = cursor.place;
    let text = Comments { line: cursor.take_line().to_owned(), ..Comments::default() };
    found.push(Comment { token_at, text, start, scan_at: 0, end_at: 0 });
}

/// The comments on lines of their own from the one that starts here, up to the next token.
///
/// Without a blank line before it, a comment belongs to what precedes it when a blank line follows, and when it stands
/// further to the left than the collection. `scan` is where the look for it began.
pub(super) fn between(
    cursor: &mut Cursor<'_>,
    before: Before,
    scan: Place,
    indent: usize,
    found: &mut Vec<Comment>,
) {
    let first = cursor.place;
    let foot_line = (scan.line > 0).then(|| {
        let goes_on = cursor.line_ends == 0 && first.column > 1;
        first.line + 1 + usize::from(goes_on) - cursor.line_ends
    });
    let mut group =
        Group { token_at: before.at, scan_at: scan.at, start: Place::default(), text: String::new() };
    let mut touches = cursor.line_ends <= 1;
    let mut after_blank_line = false;
    let (mut line, mut column) = (first.line, first.column);
    let mut ahead = 0;
    while ahead < LOOK_MAX {
        column += 1;
        let byte = cursor.ahead(ahead);
        let at = cursor.place.at + ahead;
        ahead += 1;
        if matches!(byte, b' ' | b'\t') {
            continue;
        }
        let is_end = byte == 0;
        if byte == b'\n' || is_end {
            if !after_blank_line {
                let is_left = group.start.column <= indent;
                let is_below = foot_line == Some(group.start.line) && !before.is_value;
                if touches && (is_below || is_left) {
                    if is_left {
                        group.token_at = group.start.at;
                    }
                    found.extend(group.foot(at));
                } else if !group.text.is_empty() && !is_end {
                    group.text.push('\n');
                }
            }
            if is_end {
                break;
            }
            (touches, after_blank_line) = (false, true);
            (line, column) = (line + 1, 0);
            continue;
        }
        if column <= indent && column != group.start.column {
            found.extend(group.foot(at));
        }
        if byte != b'#' {
            break;
        }
        match group.text.is_empty() {
            true => group.start = Place { at, line, column },
            false => group.text.push('\n'),
        }
        after_blank_line = false;
        cursor.move_to(at);
        group.text.push_str(cursor.take_line());
        // go-yaml does not count the end of this line, which shows where a further foot is looked for.
        (line, column, ahead) = (cursor.place.line, 0, 1);
    }
    if !group.text.is_empty() {
        let text = Comments { head: group.text, ..Comments::default() };
        let end_at = (cursor.place.at + ahead).saturating_sub(1);
        found.push(Comment {
            token_at: group.start.at,
            text,
            start: group.start,
            scan_at: group.scan_at,
            end_at,
        });
    }
}

/// Lines of comments that belong together.
struct Group {
    token_at: usize,
    scan_at: usize,
    start: Place,
    text: String,
}

impl Group {
    /// What was gathered so far as a comment for what precedes it.
    fn foot(&mut self, end_at: usize) -> Option<Comment> {
        if self.text.is_empty() {
            return None;
        }
        let text = Comments { foot: std::mem::take(&mut self.text), ..Comments::default() };
        let (token_at, scan_at) = (self.token_at, self.scan_at);
        (self.token_at, self.scan_at) = (end_at, end_at);
        Some(Comment { token_at, text, start: self.start, scan_at, end_at })
    }
}
