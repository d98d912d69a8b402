//! What wakes the loop before its time: the wish to stop, and the news that something moved.
//!
//! The channel coalesces: however many signals come while a pass runs, what waits is one of each kind, so that a flood
//! costs neither memory nor passes. Leaves to the loop which repositories a piece of news concerns.

use std::collections::BTreeSet;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use promoter_core::{GitUrl, Repository};

/// So many names are kept apart; more than that is everything.
const NAMES_MAX: usize = 1_000;

/// What wakes the loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Signal {
    /// End. The pass under way is finished first: it is bounded, and leaves nothing half done.
    Stop,
    /// Look before the time has come.
    Look(Sooner),
}

/// What may have moved, so that it is looked at before its time. Says nothing about what is there now: that is read from
/// its source, as on every poll. So news that is late, repeated or forged does no more than one early look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sooner {
    everything: bool,
    /// Normal forms in lower case.
    git: BTreeSet<String>,
    images: BTreeSet<Repository>,
}

impl Sooner {
    /// Anything may have moved.
    pub fn everything() -> Self {
        Self { everything: true, ..Self::default() }
    }

    /// A git repository moved.
    pub fn git(url: &GitUrl) -> Self {
        Self { git: BTreeSet::from([identity(url)]), ..Self::default() }
    }

    /// An image repository moved (or one of another kind of artifact that a registry keeps, such as charts).
    pub fn image(repository: Repository) -> Self {
        Self { images: BTreeSet::from([repository]), ..Self::default() }
    }

    /// Takes in what else moved.
    pub fn merge(&mut self, other: Self) {
        self.git.extend(other.git);
        self.images.extend(other.images);
        self.everything |= other.everything || self.git.len() + self.images.len() > NAMES_MAX;
        if self.everything {
            *self = Self::everything();
        }
    }

    /// True when nothing moved.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// True when everything may have moved.
    pub fn is_everything(&self) -> bool {
        self.everything
    }

    /// True when this git repository may have moved, by whatever way it is reached. The case of its address does not
    /// count: forges differ in it, and a look too many does no harm.
    pub fn names_git(&self, url: &GitUrl) -> bool {
        self.everything || self.git.contains(&identity(url))
    }

    /// True when this image repository may have moved.
    pub fn names_image(&self, repository: &Repository) -> bool {
        self.everything || self.images.contains(repository)
    }

    /// The image repositories that were named; none when everything may have moved.
    pub fn images(&self) -> impl Iterator<Item = &Repository> {
        self.images.iter()
    }

    /// What was named, for people: `git.example.com/acme/deploy, ghcr.io/acme/web`, or `everything`.
    pub fn words(&self) -> String {
        if self.everything {
            return "everything".into();
        }
        let git = self.git.iter().cloned();
        git.chain(self.images.iter().map(ToString::to_string)).collect::<Vec<_>>().join(", ")
    }
}

fn identity(url: &GitUrl) -> String {
    url.normal().to_ascii_lowercase()
}

/// Both ends of a new channel.
pub fn signals() -> (Sender, Receiver) {
    let shared = Arc::new(Shared::default());
    (Sender(shared.clone()), Receiver(shared))
}

/// The end that wakes the loop.
#[derive(Debug, Clone)]
pub struct Sender(Arc<Shared>);

/// The end at which the loop waits.
#[derive(Debug)]
pub struct Receiver(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    stop: bool,
    sooner: Sooner,
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here is ever half changed.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sender {
    /// Wakes the loop. Never blocks for long, and does no harm when the loop has ended.
    pub fn send(&self, signal: Signal) {
        let mut waiting = self.0.waiting();
        match signal {
            Signal::Stop => waiting.stop = true,
            Signal::Look(sooner) => waiting.sooner.merge(sooner),
        }
        drop(waiting);
        self.0.came.notify_all();
    }
}

impl Receiver {
    /// Waits for a signal, so long at most. A stop comes before all else, and stays.
    pub fn wait(&self, time: Duration) -> Option<Signal> {
        let idle = |it: &mut Waiting| !it.stop && it.sooner.is_nothing();
        let waited = self.0.came.wait_timeout_while(self.0.waiting(), time, idle);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match waiting.stop {
            true => Some(Signal::Stop),
            false => {
                Some(std::mem::take(&mut waiting.sooner)).filter(|it| !it.is_nothing()).map(Signal::Look)
            }
        }
    }

    /// Waits for a stop alone; true when it came. News that comes meanwhile is kept.
    pub fn wait_for_stop(&self, time: Duration) -> bool {
        let waited = self.0.came.wait_timeout_while(self.0.waiting(), time, |it| !it.stop);
        waited.unwrap_or_else(PoisonError::into_inner).0.stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn git(url: &str) -> Sooner {
        Sooner::git(&url.parse().unwrap())
    }

    #[test]
    fn a_flood_is_one_signal_and_a_stop_comes_first() {
        let (sender, receiver) = signals();
        for _ in 0..10_000 {
            sender.send(Signal::Look(git("https://git.example.com/acme/Deploy.git")));
        }
        sender.send(Signal::Look(Sooner::image("ghcr.io/acme/web".parse().unwrap())));
        let Some(Signal::Look(sooner)) = receiver.wait(Duration::ZERO) else { panic!("nothing came") };
        assert_eq!(sooner.words(), "git.example.com/acme/deploy, ghcr.io/acme/web");
        assert!(sooner.names_git(&"git@git.example.com:acme/deploy".parse().unwrap()));
        assert!(!sooner.names_git(&"git@git.example.com:acme/other".parse().unwrap()));
        assert_eq!(receiver.wait(Duration::ZERO), None, "it was one");
        sender.send(Signal::Look(Sooner::everything()));
        sender.send(Signal::Stop);
        assert_eq!(receiver.wait(Duration::from_secs(3600)), Some(Signal::Stop));
        assert!(receiver.wait_for_stop(Duration::from_secs(3600)), "it stays");
    }

    #[test]
    fn too_many_names_are_everything() {
        let mut sooner = Sooner::default();
        for number in 0..=NAMES_MAX {
            assert!(!sooner.is_everything());
            sooner.merge(git(&format!("https://git.example.com/acme/{number}")));
        }
        assert_eq!(sooner, Sooner::everything());
        assert!(sooner.names_image(&"nginx".parse().unwrap()));
    }
}
