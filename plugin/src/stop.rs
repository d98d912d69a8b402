//! When blocking work should end early: its caller left, or has no time any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use promoter_core::Diagnosis;

use crate::cmp::limit::{Deadline, GivenUp};

/// Looked at before each expensive step. The default never stops anything.
#[derive(Debug, Clone, Default)]
pub struct Stop {
    bounds: Option<(Deadline, Arc<AtomicBool>)>,
}

impl Stop {
    /// Stops at the deadline or when the flag is set.
    pub(crate) fn new(deadline: Deadline, cancelled: Arc<AtomicBool>) -> Self {
        Self { bounds: Some((deadline, cancelled)) }
    }

    /// Goes on, or says why not. Nobody reads the words: the caller is gone or was told already.
    pub fn check(&self) -> Result<(), Diagnosis> {
        match &self.bounds {
            Some((deadline, cancelled)) if cancelled.load(Ordering::Relaxed) || deadline.has_passed() => {
                Err(GivenUp::Cancelled.diagnosis())
            }
            _ => Ok(()),
        }
    }
}
