//! Work on all cores at once, and on no more.

use std::sync::{Mutex, PoisonError};

/// Does `work` on every item, as many at once as there are cores, and answers in the items' order.
pub fn each<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let workers = cores.min(items.len());
    if workers < 2 {
        return items.into_iter().map(work).collect();
    }
    let left = Mutex::new(items.into_iter().enumerate());
    let next = || left.lock().unwrap_or_else(PoisonError::into_inner).next();
    let done = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((place, item)) = next() {
                    let result = work(item);
                    done.lock().unwrap_or_else(PoisonError::into_inner).push((place, result));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, result)| result).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn answers_keep_the_order_of_the_questions() {
        let numbers: Vec<usize> = (0..1_000).collect();
        assert_eq!(super::each(numbers.clone(), |it| it), numbers);
        assert_eq!(super::each(vec![7], |it| it + 1), [8]);
        assert_eq!(super::each(Vec::<u8>::new(), |it| it), [0; 0]);
    }
}
