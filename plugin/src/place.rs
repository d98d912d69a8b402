//! The place of a render among those that run at once, and when another one may have it.
//!
//! Places bound what cores and memory do. A render that waits for a server uses neither: once it waits for long, its place is
//! free, so that one server which hangs keeps nobody waiting but those who need it. Which work waits is said by its caller.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::cmp::limit::Deadline;
use crate::phases::{Phase, Phases};

/// Whoever waits for less keeps the place: what is read from the cache of a large repository is thousands of short waits, and
/// each place given up is a queue to stand in again.
const GRACE: Duration = Duration::from_millis(100);

/// The place of one render. The default is that of a process which does nothing else.
#[derive(Debug, Clone, Default)]
pub struct Place(Option<Arc<Shared>>);

#[derive(Debug)]
struct Shared {
    places: Arc<Semaphore>,
    deadline: Deadline,
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Debug)]
enum State {
    Works(OwnedSemaphorePermit),
    Waits(OwnedSemaphorePermit),
    /// Somebody else has the place.
    Left,
}

impl Place {
    /// A place that is had until the last clone goes. To be made by a task of a runtime.
    pub(crate) fn new(permit: OwnedSemaphorePermit, deadline: Deadline) -> Self {
        Self(Some(Arc::new(Shared {
            places: Arc::clone(permit.semaphore()),
            deadline,
            runtime: Handle::current(),
            state: Mutex::new(State::Works(permit)),
        })))
    }

    /// Does work that mostly waits for somebody else, with the place or without. Blocks until there is a place again, or the
    /// request's time is over: whatever comes then looks at that itself.
    pub(crate) fn waiting<T>(&self, phases: &Phases, work: impl FnOnce() -> T) -> T {
        let Some(shared) = &self.0 else { return work() };
        shared.turn(|it| if let State::Works(permit) = it { State::Waits(permit) } else { it });
        let leaving = Arc::clone(shared);
        let leave = shared.runtime.spawn(async move {
            tokio::time::sleep(GRACE).await;
            leaving.turn(|it| if let State::Waits(_) = it { State::Left } else { it });
        });
        let done = work();
        leave.abort();
        shared.turn(|it| if let State::Waits(permit) = it { State::Works(permit) } else { it });
        if matches!(*shared.state(), State::Left) {
            let before = phases.current();
            phases.enter(Phase::Queue);
            shared.come_back(phases);
            phases.enter(before);
        }
        done
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn turn(&self, turned: impl FnOnce(State) -> State) {
        let mut state = self.state();
        *state = turned(std::mem::replace(&mut state, State::Left));
    }

    fn come_back(&self, phases: &Phases) {
        let place = self.deadline.bound(phases, Arc::clone(&self.places).acquire_owned());
        if let Ok(Ok(permit)) = self.runtime.block_on(place) {
            *self.state() = State::Works(permit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;
    use tonic::metadata::MetadataMap;

    async fn place(places: &Arc<Semaphore>) -> Place {
        let deadline = Deadline::of(&MetadataMap::new(), Instant::now(), Duration::from_secs(600));
        Place::new(Arc::clone(places).acquire_owned().await.unwrap(), deadline)
    }

    #[tokio::test]
    async fn a_long_wait_gives_the_place_to_others_and_stands_in_line_after_it() {
        let places = Arc::new(Semaphore::new(1));
        let (place, phases) = (place(&places).await, Phases::default());
        let (go_on, told) = std::sync::mpsc::channel();
        let render = tokio::task::spawn_blocking(move || {
            place.waiting(&phases, || told.recv()).unwrap();
            (place, phases)
        });
        let other = Arc::clone(&places).acquire_owned().await.unwrap();
        go_on.send(()).unwrap();
        // It is in the queue as long as the other one works.
        drop(other);
        let (place, phases) = render.await.unwrap();
        assert_eq!(places.available_permits(), 0);
        assert!(phases.spent(Phase::Queue).is_some());
        drop(place);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_short_wait_keeps_it() {
        let places = Arc::new(Semaphore::new(1));
        let (place, phases) = (place(&places).await, Phases::default());
        let available = tokio::task::spawn_blocking({
            let places = Arc::clone(&places);
            move || {
                let during = place.waiting(&phases, || places.available_permits());
                (during, places.available_permits(), phases.spent(Phase::Queue))
            }
        });
        assert_eq!(available.await.unwrap(), (0, 0, None));
    }

    #[test]
    fn a_process_of_its_own_has_no_places() {
        assert_eq!(Place::default().waiting(&Phases::default(), || 7), 7);
    }
}
