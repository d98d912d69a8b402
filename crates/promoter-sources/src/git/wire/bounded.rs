//! Readers that end in time and in size.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// More bytes than the limit came.
#[derive(Debug, thiserror::Error)]
#[error("the answer is more than {0} bytes")]
pub(crate) struct OverLimit(pub(crate) u64);

/// The point in time at which a conversation must be over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// From now.
    pub(crate) fn after(duration: Duration) -> Self {
        Self(Instant::now() + duration)
    }

    /// What is left, never zero (which sockets read as "for ever"); an error once it is over.
    pub(crate) fn left(self) -> io::Result<Duration> {
        match self.0.checked_duration_since(Instant::now()) {
            Some(left) if !left.is_zero() => Ok(left),
            _ => Err(io::Error::new(io::ErrorKind::TimedOut, "no answer in time")),
        }
    }
}

/// Reads at most so many bytes, and not after the deadline (checked between reads; the reader below bounds one read).
pub(crate) struct Bounded<R> {
    inner: R,
    left: u64,
    limit: u64,
    deadline: Deadline,
}

impl<R: Read> Bounded<R> {
    /// Wraps a reader.
    pub(crate) fn new(inner: R, limit: u64, deadline: Deadline) -> Self {
        Self { inner, left: limit, limit, deadline }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.deadline.left()?;
        let taken = self.inner.read(buffer)?;
        match self.left.checked_sub(taken as u64) {
            Some(left) => self.left = left,
            None => return Err(io::Error::other(OverLimit(self.limit))),
        }
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_ends_at_its_limit() {
        let far = Deadline::after(Duration::from_secs(60));
        let mut bytes = Vec::new();
        Bounded::new(&b"12345"[..], 5, far).read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, b"12345");
        let error = Bounded::new(&b"123456"[..], 5, far).read_to_end(&mut bytes).unwrap_err();
        assert_eq!(error.to_string(), "the answer is more than 5 bytes");
    }

    #[test]
    fn a_reader_ends_at_its_deadline() {
        let over = Deadline::after(Duration::ZERO);
        let error = Bounded::new(&b"1"[..], 5, over).read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }
}
