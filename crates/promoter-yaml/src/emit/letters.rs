//! Go's character classes, as far as the order of keys needs them.

/// True for letters as Go's `unicode.IsLetter` counts them.
pub(super) fn is_letter(character: char) -> bool {
    match character.is_ascii() {
        true => character.is_ascii_alphabetic(),
        false => character.is_alphabetic(),
    }
}

/// True for decimal digits.
pub(super) fn is_digit(character: char) -> bool {
    character.is_ascii_digit()
}
