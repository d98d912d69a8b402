//! The order of mapping keys in go-yaml's output, "natural" to its authors: digit runs by value, letters last.
//!
//! The comparison is not consistent for every set of keys (`v1`, `v2`, `v10`, `v1beta1` make a circle), and Go's own
//! output is random for such sets. Ours is a function of the set: keys are put in byte order first, then merged by a
//! sort that needs no consistency.

use std::cmp::Ordering;

use super::letters::{is_digit, is_letter};
use crate::{Entry, Map};

/// Which go-yaml orders the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyOrder {
    /// go-yaml v2, below kustomize.
    V2,
    /// go-yaml v3, below Argo CD's hydrator: after a digit that both keys share, a letter comes first.
    V3,
}

/// The entries of a mapping in output order.
pub(super) fn sorted(map: &Map, order: KeyOrder) -> Vec<&Entry> {
    let mut entries: Vec<&Entry> = map.entries().iter().collect();
    let in_order = |pair: &[&Entry]| compare(&pair[0].key, &pair[1].key, order) != Ordering::Greater;
    entries.sort_unstable_by(|a, b| a.key.cmp(&b.key));
    if !entries.windows(2).all(in_order) {
        let mut spare = entries.clone();
        merge_sort(&mut entries, &mut spare, order);
    }
    entries
}

/// Merges halves, whatever the comparison answers; the standard sort may panic on an inconsistent one.
fn merge_sort<'a>(entries: &mut [&'a Entry], spare: &mut [&'a Entry], order: KeyOrder) {
    if entries.len() < 2 {
        return;
    }
    let middle = entries.len() / 2;
    merge_sort(&mut entries[..middle], &mut spare[..middle], order);
    merge_sort(&mut entries[middle..], &mut spare[middle..], order);
    let (mut left, mut right) = (0, middle);
    for slot in spare.iter_mut() {
        let takes_left = right == entries.len()
            || (left < middle && compare(&entries[right].key, &entries[left].key, order) != Ordering::Less);
        let from = if takes_left { &mut left } else { &mut right };
        *slot = entries[*from];
        *from += 1;
    }
    entries.copy_from_slice(spare);
}

fn compare(a: &str, b: &str, order: KeyOrder) -> Ordering {
    let shared = a.bytes().zip(b.bytes()).take_while(|(x, y)| x == y).count();
    // Step back to the start of a character.
    let shared =
        (0..=shared).rev().find(|at| a.is_char_boundary(*at) && b.is_char_boundary(*at)).unwrap_or(0);
    let (Some(x), Some(y)) = (a[shared..].chars().next(), b[shared..].chars().next()) else {
        return a.len().cmp(&b.len());
    };
    match (is_letter(x), is_letter(y)) {
        (true, true) => return x.cmp(&y),
        (false, false) => {}
        (x_is_letter, _) => {
            let after_digit = a[..shared].chars().next_back().is_some_and(is_digit);
            let letter_first = order == KeyOrder::V3 && after_digit;
            return if x_is_letter == letter_first { Ordering::Less } else { Ordering::Greater };
        }
    }
    // A zero that follows a digit other than zero is not a leading one: it makes the number longer.
    let follows_number = (x == '0' || y == '0')
        && a[..shared].chars().rev().take_while(|it| is_digit(*it)).any(|it| it != '0');
    let start = i64::from(follows_number);
    let (x_value, x_length) = digit_run(&a[shared..], start);
    let (y_value, y_length) = digit_run(&b[shared..], start);
    x_value.cmp(&y_value).then(x_length.cmp(&y_length)).then(x.cmp(&y))
}

/// The value of the digits that a text starts with, read on from `start`, and how many there are.
fn digit_run(text: &str, start: i64) -> (i64, usize) {
    let digits = text.chars().take_while(|it| is_digit(*it));
    digits.fold((start, 0), |(value, length), digit| {
        let digit = i64::from(u32::from(digit)) - i64::from(u32::from('0'));
        (value.wrapping_mul(10).wrapping_add(digit), length + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Node;

    fn order_of(keys: &[&str], order: KeyOrder) -> Vec<String> {
        let map: Map = keys.iter().map(|key| (Box::from(*key), Node::null())).collect();
        sorted(&map, order).into_iter().map(|it| it.key.to_string()).collect()
    }

    #[test]
    fn inconsistent_sets_come_out_the_same_from_every_order() {
        let keys = ["v1", "v2", "v10", "v1beta1", "1_a", "0x", "08", "a02", "a2"];
        let expected = order_of(&keys, KeyOrder::V2);
        let mut turned = keys;
        for _ in 0..keys.len() {
            turned.rotate_left(1);
            assert_eq!(order_of(&turned, KeyOrder::V2), expected);
        }
    }

    #[test]
    fn numbers_by_value_and_letters_last() {
        assert_eq!(order_of(&["a10", "a2", "ab", "a_b", "A"], KeyOrder::V2), ["A", "a_b", "a2", "a10", "ab"]);
        assert_eq!(order_of(&["k8s10", "k8s9", "k8s-app"], KeyOrder::V3), ["k8s-app", "k8s9", "k8s10"]);
    }
}
