//! Argo CD's Applications, whoever reads them.

use std::pin::Pin;
use std::time::Duration;

use promoter_core::pipeline::ArgoCdProbe;
use promoter_core::verification::argocd::Application;

/// Which Applications are read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApplicationsAsked {
    /// The context of a kubeconfig; the current one, or this process's own cluster, without it.
    pub cluster: Option<String>,
    /// Their namespace.
    pub namespace: String,
    /// A label selector, where no name is given.
    pub selector: Option<String>,
    /// The name of one.
    pub name: Option<String>,
}

impl ApplicationsAsked {
    /// Those of a check.
    pub fn of(probe: &ArgoCdProbe) -> Self {
        Self {
            cluster: probe.cluster.clone(),
            namespace: probe.namespace.clone(),
            selector: probe.selector.clone(),
            name: probe.name.clone(),
        }
    }

    /// What is said when there are none.
    pub fn nothing(&self) -> String {
        let cluster = self.cluster.as_ref().map_or_else(String::new, |it| format!(" of `{it}`"));
        let what = match (&self.name, &self.selector) {
            (Some(name), _) => format!("is called `{name}`"),
            (None, selector) => format!("has the labels `{}`", selector.as_deref().unwrap_or_default()),
        };
        format!("no Application {what} in the namespace `{}`{cluster}", self.namespace)
    }
}

/// Applications on their way; `Err` says for people why they could not be read.
pub type Reading<'a> = Pin<Box<dyn Future<Output = Result<Vec<Application>, String>> + Send + 'a>>;

/// Who reads them.
pub trait Applications: std::fmt::Debug + Send + Sync {
    /// Reads all that are asked for, within a time.
    fn applications<'a>(&'a self, asked: &'a ApplicationsAsked, timeout: Duration) -> Reading<'a>;
}
