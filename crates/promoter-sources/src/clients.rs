//! The clients of registries and of repositories of charts that one process has, for code that blocks.
//!
//! Decides when they are made (with the first question, since most programs ask none), and on which runtime their answers are
//! waited for: on one of its own, which a thread drives all the time. Connections that are kept open belong to the runtime on
//! which they were made, so that clients which are shared must not be asked on several.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use promoter_core::Diagnosis;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::charts::Charts;
use crate::registry::{Registries, RegistryConfig};

/// How registries are reached, and the clients once they were needed. Cheap to clone; all clones share them.
#[derive(Debug, Clone, Default)]
pub struct RegistryAccess {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    config: RegistryConfig,
    cache_root: Option<PathBuf>,
    clients: Mutex<Option<Clients>>,
}

/// The clients. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Clients {
    /// Of registries.
    pub registries: Registries,
    /// Of repositories of charts.
    pub charts: Charts,
    background: Arc<Background>,
}

/// A runtime on a thread of its own, which ends with the value.
#[derive(Debug)]
struct Background {
    handle: Handle,
    _alive: oneshot::Sender<()>,
}

impl RegistryAccess {
    /// Makes nothing yet. What never changes is kept below `cache_root`; without it as long as the clients.
    pub fn new(config: RegistryConfig, cache_root: Option<PathBuf>) -> Self {
        Self { inner: Arc::new(Inner { config, cache_root, clients: Mutex::default() }) }
    }

    /// The clients, made with the first call.
    ///
    /// Errors: `registry-cache`, `chart-cache`, a directory cannot be made; `runtime`, the system gives no thread. The next
    /// call tries again.
    pub fn clients(&self) -> Result<Clients, Diagnosis> {
        let mut clients = self.inner.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(clients) = &*clients {
            return Ok(clients.clone());
        }
        let below = |name: &str| self.inner.cache_root.as_ref().map(|it| it.join(name));
        let registries = Registries::new(self.inner.config.clone(), below("registries"))?;
        let charts = Charts::new(registries.clone(), below("charts"))?;
        let made = Clients::new(registries, charts)?;
        Ok(clients.insert(made).clone())
    }
}

impl Clients {
    /// Those that are at hand, which nobody may have asked anything yet.
    ///
    /// Errors: `runtime`, the system gives no thread.
    pub fn new(registries: Registries, charts: Charts) -> Result<Self, Diagnosis> {
        Ok(Self { registries, charts, background: Arc::new(Background::start()?) })
    }

    /// Waits for an answer of these clients. Blocks, so not to be called by a task of any runtime (`spawn_blocking` is none).
    pub fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.background.handle.block_on(answer)
    }
}

impl Background {
    fn start() -> Result<Self, Diagnosis> {
        let failed = |error: std::io::Error| {
            Diagnosis::upstream("runtime", format!("no runtime can be started: {error}"))
        };
        let runtime = Builder::new_current_thread().enable_all().build().map_err(failed)?;
        let handle = runtime.handle().clone();
        let (alive, over) = oneshot::channel();
        let drive = move || drop(runtime.block_on(over));
        std::thread::Builder::new().name("registries".into()).spawn(drive).map_err(failed)?;
        Ok(Self { handle, _alive: alive })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_made_before_it_is_needed_and_then_once() {
        let directory = tempfile::tempdir().unwrap();
        let access = RegistryAccess::new(RegistryConfig::default(), Some(directory.path().to_owned()));
        let is_empty = || std::fs::read_dir(directory.path()).unwrap().next().is_none();
        assert!(is_empty());
        let other = access.clone();
        let first = access.clients().unwrap();
        assert!(!is_empty());
        let again = other.clients().unwrap();
        assert!(Arc::ptr_eq(&first.background, &again.background));
    }

    #[test]
    fn a_cache_that_cannot_be_made_is_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path().join("cache");
        std::fs::write(&root, "").unwrap();
        let access = RegistryAccess::new(RegistryConfig::default(), Some(root.clone()));
        assert_eq!(access.clients().unwrap_err().code, "registry-cache");
        std::fs::remove_file(&root).unwrap();
        assert!(access.clients().is_ok());
    }

    /// As the plugin waits: on threads of another runtime, several at a time, and the last value goes in one of its tasks.
    #[tokio::test]
    async fn threads_of_another_runtime_may_wait() {
        let access = RegistryAccess::default();
        let asked = (0..4).map(|_| {
            let access = access.clone();
            tokio::task::spawn_blocking(move || {
                access.clients().unwrap().wait(async {
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    Handle::current().id()
                })
            })
        });
        let ids: Vec<_> = futures::future::join_all(asked).await.into_iter().map(Result::unwrap).collect();
        assert!(ids.iter().all(|it| *it == ids[0] && *it != Handle::current().id()));
        drop(access);
    }
}
