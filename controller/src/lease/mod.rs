//! One of several controllers works: the one that holds a Lease in Kubernetes.
//!
//! Decides when the Lease is taken, renewed and given back (`election`), and keeps it on a thread of its own while passes take
//! their time. Two that both believe to hold it do no harm, since every push is compare-and-swap; this only keeps them from
//! looking twice.

mod api;
mod election;

use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use promoter_core::Diagnosis;
use promoter_sources::kubernetes::Kubernetes;
use tracing::{info, warn};

use crate::run::now;
use election::{Act, Election};

/// How long a holder that says nothing is believed to be there.
const DURATION: Duration = Duration::from_secs(15);
/// How long a holder that cannot renew goes on: shorter than others wait.
const RENEW_DEADLINE: Duration = Duration::from_secs(10);
/// The time between two looks at the Lease.
const RETRY: Duration = Duration::from_secs(2);
/// The longest that one look may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Where the Lease is: `NAMESPACE/NAME`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeasePlace {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl FromStr for LeasePlace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_name = |it: &str| {
            let is_letter =
                |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-' || it == b'.';
            !it.is_empty() && it.len() <= 253 && it.bytes().all(is_letter)
        };
        match text.split_once('/') {
            Some((namespace, name)) if is_name(namespace) && is_name(name) => {
                Ok(Self { namespace: namespace.into(), name: name.into() })
            }
            _ => Err(format!("`{text}` is not of the form NAMESPACE/NAME")),
        }
    }
}

/// How one of several controllers is chosen.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LeaseOptions {
    /// Work only while holding this Lease; several controllers then take turns
    #[arg(long, value_name = "NAMESPACE/NAME", env = "PROMOTER_LEASE")]
    pub lease: Option<LeasePlace>,
}

/// The Lease, kept by a thread. Given back when the value ends.
#[derive(Debug)]
pub struct Lease {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Until when it is held.
    until: Option<Instant>,
    ends: bool,
}

impl Lease {
    /// Begins to stand for a Lease, under a name that no other has.
    ///
    /// Errors: no thread or runtime can be started. A cluster that does not answer is no error: it is asked again.
    pub fn stand_for(
        place: LeasePlace,
        kubeconfig: Option<PathBuf>,
        identity: String,
    ) -> Result<Self, Diagnosis> {
        let runtime = crate::runtime::own()?;
        let shared = Arc::new(Shared::default());
        let keeping = shared.clone();
        let clusters = Kubernetes::new(kubeconfig);
        let thread = std::thread::Builder::new().name("lease".into()).spawn(move || {
            runtime.block_on(keep(&keeping, &clusters, &place, &identity));
        });
        let thread = thread
            .map_err(|error| Diagnosis::upstream("runtime", format!("no thread can be started: {error}")))?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// True while the Lease is held.
    pub fn is_held(&self) -> bool {
        self.shared.state().is_held()
    }

    /// Waits until the Lease is held, for a time at most; true when it is.
    pub fn wait(&self, time: Duration) -> bool {
        let state = self.shared.state();
        let waited = self.shared.moved.wait_timeout_while(state, time, |it| !it.is_held());
        waited.unwrap_or_else(PoisonError::into_inner).0.is_held()
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.shared.state().ends = true;
        self.shared.moved.notify_all();
        // It ends within one look.
        self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_held(&self) -> bool {
        self.until.is_some_and(|it| Instant::now() < it)
    }
}

/// Looks at the Lease again and again, until it is to end; then gives it back.
async fn keep(shared: &Shared, clusters: &Kubernetes, place: &LeasePlace, identity: &str) {
    let api = api::Leases::new(clusters, place);
    let mut election = Election::new(identity, DURATION);
    let mut complaint = None;
    while !shared.state().ends {
        let started = Instant::now();
        let looked = tokio::time::timeout(TIMEOUT, look(&api, &mut election, started)).await;
        let looked = looked.unwrap_or_else(|_| Err(format!("no answer within {} s", TIMEOUT.as_secs())));
        match looked {
            Ok(is_held) => {
                complaint = None;
                let was_held = {
                    let mut state = shared.state();
                    let was_held = state.is_held();
                    state.until = is_held.then(|| started + RENEW_DEADLINE);
                    was_held
                };
                if was_held != is_held {
                    let holder = election.holder().unwrap_or("nobody");
                    let words = if is_held {
                        "held: this controller works"
                    } else {
                        "not held: this controller waits"
                    };
                    info!(lease = %place.name, namespace = %place.namespace, holder, "the Lease is {words}");
                }
                shared.moved.notify_all();
            }
            Err(why) if complaint.as_ref() != Some(&why) => {
                api.forget().await;
                warn!(code = "lease-unreadable", lease = %place.name, namespace = %place.namespace, "the Lease could not be read or renewed: {why}");
                complaint = Some(why);
            }
            Err(_) => api.forget().await,
        }
        wait(shared, RETRY);
    }
    if shared.state().is_held() {
        // Whoever waits need not wait for the time to run out.
        let released = tokio::time::timeout(TIMEOUT, api.release(identity)).await;
        if !matches!(released, Ok(Ok(()))) {
            info!("the Lease was not given back; it runs out by itself");
        }
    }
}

/// One look; true when the Lease is held after it.
async fn look(api: &api::Leases<'_>, election: &mut Election, at: Instant) -> Result<bool, String> {
    let found = api.read().await?;
    match election.see(found.as_ref().map(|it| &it.spec), at) {
        Act::Wait => Ok(false),
        Act::Hold(spec) => api.write(found, &spec, now()).await,
    }
}

/// Waits for a time, or until it is to end.
fn wait(shared: &Shared, time: Duration) {
    let state = shared.state();
    let _ = shared.moved.wait_timeout_while(state, time, |it| !it.ends);
}
