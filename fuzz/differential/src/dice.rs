//! Randomness that depends on a seed and nothing else.

use fastrand::Rng;

/// A source of random choices. The same seed makes the same choices.
pub(crate) struct Dice(Rng);

impl Dice {
    /// The dice of one case of a run.
    pub(crate) fn new(seed: u64, case: u64) -> Self {
        // Far-apart states for neighbouring cases, so that they have nothing in common.
        Self(Rng::with_seed(
            seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ case.wrapping_mul(0xD1B5_4A32_D192_ED03),
        ))
    }

    /// True in so many of a hundred throws.
    pub(crate) fn chance(&mut self, percent: u32) -> bool {
        self.0.u32(0..100) < percent
    }

    /// A number from `from` to `to`, both included.
    pub(crate) fn number(&mut self, from: usize, to: usize) -> usize {
        self.0.usize(from..=to)
    }

    /// One of some.
    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.0.usize(0..from.len())]
    }

    /// One of some, if there are any.
    pub(crate) fn pick_any<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        (!from.is_empty()).then(|| self.pick(from))
    }

    /// Brings a list into another order.
    pub(crate) fn shuffle<T>(&mut self, list: &mut [T]) {
        self.0.shuffle(list);
    }
}
