//! Walks HPACK header blocks (RFC 7541) as far as it takes to mend the values of `:authority` in place.
//!
//! Keeps no tables and decodes nothing else: a block that cannot be read stays as it is from there on.

use std::ops::Range;

/// Turns `%` into `-` in the literal values of `:authority` in a header block (section 6).
pub(super) fn mend_block(block: &mut [u8]) {
    let mut at = 0;
    while at < block.len() {
        let first = block[at];
        // Indexed field; literal with indexing; size update; literal without indexing or never indexed.
        let (prefix_bits, literal) = match first {
            0x80.. => (7, false),
            0x40.. => (6, true),
            0x20.. => (5, false),
            _ => (4, true),
        };
        let Some(index) = integer(block, &mut at, prefix_bits) else {
            return;
        };
        if !literal {
            continue;
        }
        let named = match index {
            0 => match string(block, &mut at) {
                Some(name) => name.is_authority(block),
                None => return,
            },
            index => index == 1, // `:authority` in the static table
        };
        let Some(value) = string(block, &mut at) else {
            return;
        };
        if named {
            value.mend(block);
        }
    }
}

/// Reads an integer with a prefix (section 5.1) and moves behind it.
fn integer(block: &[u8], at: &mut usize, prefix_bits: u32) -> Option<usize> {
    let mask = (1_usize << prefix_bits) - 1;
    let mut value = usize::from(*block.get(*at)?) & mask;
    *at += 1;
    if value < mask {
        return Some(value);
    }
    for shift in [0, 7, 14, 21] {
        let byte = usize::from(*block.get(*at)?);
        *at += 1;
        value += (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// A string literal (section 5.2): where its bytes lie, and whether they are Huffman-coded.
struct Literal {
    bytes: Range<usize>,
    huffman: bool,
}

/// Reads where a string literal lies and moves behind it.
fn string(block: &[u8], at: &mut usize) -> Option<Literal> {
    let huffman = block.get(*at)? & 0x80 != 0;
    let length = integer(block, at, 7)?;
    let bytes = *at..at.checked_add(length).filter(|end| *end <= block.len())?;
    *at = bytes.end;
    Some(Literal { bytes, huffman })
}

impl Literal {
    fn is_authority(&self, block: &[u8]) -> bool {
        const HUFFMAN: [u8; 8] = [0xb8, 0x3b, 0x53, 0x39, 0xec, 0x32, 0x7d, 0x7f];
        let wanted: &[u8] = if self.huffman { &HUFFMAN } else { b":authority" };
        block[self.bytes.clone()] == *wanted
    }

    fn mend(&self, block: &mut [u8]) {
        let value = &mut block[self.bytes.clone()];
        if self.huffman {
            mend_huffman(value);
        } else {
            value.iter_mut().filter(|it| **it == b'%').for_each(|it| *it = b'-');
        }
    }
}

/// How many symbols have a code of each length. HPACK's Huffman code (RFC 7541, appendix B) is canonical, so this is
/// all it takes to find where each code ends: codes of one length are consecutive numbers.
const SYMBOLS_BY_BITS: [u32; 31] =
    [0, 0, 0, 0, 0, 10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4];
const PERCENT: u32 = 0b01_0101;
const HYPHEN: u32 = 0b01_0110;

fn mend_huffman(value: &mut [u8]) {
    let mut at = 0;
    while let Some((bits, code)) = next_code(value, at) {
        if bits == 6 && code == PERCENT {
            for offset in 0..6 {
                set_bit(value, at + offset, HYPHEN >> (5 - offset) & 1 == 1);
            }
        }
        at += bits;
    }
}

/// The length and value of the code that begins at a bit; `None` in the padding at the end.
fn next_code(value: &[u8], at: usize) -> Option<(usize, u32)> {
    let (mut code, mut first) = (0, 0);
    for (bits, count) in SYMBOLS_BY_BITS.iter().enumerate().skip(1) {
        let position = at + bits - 1;
        let bit = value.get(position / 8)? >> (7 - position % 8) & 1;
        code = code << 1 | u32::from(bit);
        first <<= 1;
        if code - first < *count {
            return Some((bits, code));
        }
        first += count;
    }
    None
}

fn set_bit(value: &mut [u8], position: usize, one: bool) {
    let mask = 0x80 >> (position % 8);
    if one {
        value[position / 8] |= mask;
    } else {
        value[position / 8] &= !mask;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_lengths_fill_the_code() {
        let filled: u32 = SYMBOLS_BY_BITS.iter().enumerate().map(|(bits, count)| count << (30 - bits)).sum();
        assert_eq!(filled, 1 << 30);
        assert_eq!(SYMBOLS_BY_BITS.iter().sum::<u32>(), 257);
    }
}
