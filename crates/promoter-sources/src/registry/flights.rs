//! One question at a time: whoever asks what is being asked already waits for that answer.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::OnceCell;

/// The questions that are being asked, with answers of one type. Nothing is kept once all have their answer.
#[derive(Debug)]
pub(crate) struct Flights<K, V>(Mutex<HashMap<K, Weak<OnceCell<V>>>>);

impl<K, V> Default for Flights<K, V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone, V: Clone> Flights<K, V> {
    /// Answers by asking, or by waiting for who asks the same. Should that one be given up, the next one asks.
    pub(crate) async fn join(&self, key: &K, ask: impl Future<Output = V>) -> V {
        let cell = {
            let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get(key).and_then(Weak::upgrade) {
                Some(cell) => cell,
                None => {
                    flights.retain(|_, it| it.strong_count() > 0);
                    let cell = Arc::new(OnceCell::new());
                    flights.insert(key.clone(), Arc::downgrade(&cell));
                    cell
                }
            }
        };
        cell.get_or_init(|| ask).await.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test]
    async fn the_same_question_is_asked_once_at_a_time() {
        let (flights, asked) = (Flights::<&str, u32>::default(), AtomicU32::new(0));
        let ask = || async {
            let number = asked.fetch_add(1, Ordering::Relaxed) + 1;
            tokio::task::yield_now().await;
            number
        };
        let (a, b, c) =
            tokio::join!(flights.join(&"x", ask()), flights.join(&"x", ask()), flights.join(&"y", ask()));
        assert_eq!((a, b), (1, 1));
        assert_eq!(c, 2);
        assert_eq!(flights.join(&"x", ask()).await, 3, "a later question is a new one");
    }
}
