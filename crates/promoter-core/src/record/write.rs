//! Records to their canonical text.

use super::Record;

pub(super) fn text(record: &Record) -> String {
    record.path()
}
