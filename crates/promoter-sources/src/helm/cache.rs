//! Bytes by the hash of what they are a function of, the least used dropped first.

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::Sha256;
use sha2::digest::Output;

/// The SHA-256 of a question.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key([u8; 32]);

impl From<Output<Sha256>> for Key {
    fn from(hash: Output<Sha256>) -> Self {
        Self(hash.into())
    }
}

/// A bounded store. A value larger than the bound is not kept.
#[derive(Debug)]
pub(super) struct Cache {
    bytes_max: usize,
    bytes: usize,
    clock: u64,
    values: BTreeMap<Key, (u64, Arc<[u8]>)>,
}

impl Cache {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes_max, bytes: 0, clock: 0, values: BTreeMap::new() }
    }

    pub(super) fn get(&mut self, key: &Key) -> Option<Arc<[u8]>> {
        self.clock += 1;
        let (used, bytes) = self.values.get_mut(key)?;
        *used = self.clock;
        Some(Arc::clone(bytes))
    }

    pub(super) fn put(&mut self, key: Key, bytes: Arc<[u8]>) {
        if bytes.len() > self.bytes_max {
            return;
        }
        self.clock += 1;
        self.bytes += bytes.len();
        if let Some((_, old)) = self.values.insert(key, (self.clock, bytes)) {
            self.bytes -= old.len();
        }
        while self.bytes > self.bytes_max {
            let Some(oldest) = self.values.iter().min_by_key(|it| it.1.0).map(|it| it.0.clone()) else {
                return;
            };
            if let Some((_, old)) = self.values.remove(&oldest) {
                self.bytes -= old.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sha2::Digest as _;

    #[test]
    fn drops_the_least_used_first() {
        let key = |text: &str| Key::from(Sha256::digest(text));
        let mut cache = Cache::new(10);
        cache.put(key("a"), [0; 4].into());
        cache.put(key("b"), [0; 4].into());
        assert!(cache.get(&key("a")).is_some());
        cache.put(key("c"), [0; 4].into());
        assert!(cache.get(&key("b")).is_none());
        assert!(cache.get(&key("a")).is_some());
        cache.put(key("large"), [0; 11].into());
        assert!(cache.get(&key("large")).is_none());
        cache.put(key("a"), [1; 10].into());
        assert_eq!(cache.get(&key("a")).as_deref(), Some(&[1; 10][..]));
        assert_eq!((cache.bytes, cache.values.len()), (10, 1));
    }
}
