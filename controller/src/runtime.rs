//! The runtime on which a part of the controller waits for servers while it blocks itself.

use promoter_core::Diagnosis;
use tokio::runtime::{Builder, Runtime};

/// One for the thread that uses it.
///
/// Errors: `runtime`, the system gives none.
pub(crate) fn own() -> Result<Runtime, Diagnosis> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Diagnosis::upstream("runtime", format!("no runtime can be started: {error}")))
}
