//! Kubernetes APIs: Argo CD's Applications are read there, and nothing is written here.
//!
//! Decides which cluster is asked, and how far. What an Application's state means is decided in
//! [`promoter_core::verification::argocd`].

mod application;

pub use application::application;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use kube::api::{Api, ApiResource, DynamicObject, GroupVersionKind, ListParams};
use kube::config::{Config, KubeConfigOptions, Kubeconfig};
use kube::{Client, Error};
use promoter_core::verification::argocd::Application;
use tokio::sync::Mutex;

use crate::checks::{Applications, ApplicationsAsked, Reading};

/// Applications of one page, and of one answer.
const PAGE: u32 = 100;
const APPLICATIONS_MAX: usize = 2_000;
/// For a connection, and for each answer on it; the whole reading has the check's own time.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Reads clusters: the contexts of a kubeconfig, or the cluster that this process runs in.
#[derive(Default)]
pub struct Kubernetes {
    kubeconfig: Option<PathBuf>,
    /// By context. One that failed is made anew, since its credentials may have been renewed.
    clients: Mutex<BTreeMap<Option<String>, Client>>,
}

impl std::fmt::Debug for Kubernetes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kubernetes").field("kubeconfig", &self.kubeconfig).finish_non_exhaustive()
    }
}

impl Kubernetes {
    /// With a kubeconfig; without one it is the cluster that this process runs in.
    pub fn new(kubeconfig: Option<PathBuf>) -> Self {
        Self { kubeconfig, clients: Mutex::default() }
    }

    /// A client of a cluster; `Err` says for people why there is none.
    pub async fn client(&self, cluster: Option<&str>) -> Result<Client, String> {
        let key = cluster.map(str::to_owned);
        let mut clients = self.clients.lock().await;
        if let Some(client) = clients.get(&key) {
            return Ok(client.clone());
        }
        let mut config = self.config(cluster).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        crate::install_tls();
        let client = Client::try_from(config).map_err(|error| crate::checks::innermost(&error))?;
        clients.insert(key, client.clone());
        Ok(client)
    }

    /// Makes the client of a cluster anew for the next one who asks: its credentials may have been renewed.
    pub async fn forget(&self, cluster: Option<&str>) {
        self.clients.lock().await.remove(&cluster.map(str::to_owned));
    }

    async fn config(&self, cluster: Option<&str>) -> Result<Config, String> {
        let Some(path) = &self.kubeconfig else {
            let none = || "this is no cluster, and the controller has no `--kubeconfig`".to_owned();
            return match cluster {
                None => Config::incluster().map_err(|_| none()),
                Some(_) => Err("the controller has no `--kubeconfig`".into()),
            };
        };
        // It may hold credentials, so its words are not passed on.
        let kubeconfig =
            Kubeconfig::read_from(path).map_err(|_| "the kubeconfig cannot be read".to_owned())?;
        if let Some(context) =
            cluster.filter(|it| !kubeconfig.contexts.iter().any(|known| known.name == **it))
        {
            return Err(format!("the kubeconfig has no context `{context}`"));
        }
        let options =
            KubeConfigOptions { context: cluster.map(str::to_owned), ..KubeConfigOptions::default() };
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await;
        config.map_err(|_| "the kubeconfig has no usable context".to_owned())
    }

    async fn read(&self, asked: &ApplicationsAsked) -> Result<Vec<Application>, String> {
        let client = self.client(asked.cluster.as_deref()).await?;
        let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
        let resource = ApiResource::from_gvk_with_plural(&kind, "applications");
        let api: Api<DynamicObject> = Api::namespaced_with(client, &asked.namespace, &resource);
        let found = match (&asked.name, &asked.selector) {
            (Some(name), _) => api.get_opt(name).await.map(|it| it.into_iter().collect()),
            (None, selector) => list(&api, selector.as_deref().unwrap_or_default()).await,
        };
        match found {
            Ok(found) if found.len() > APPLICATIONS_MAX => {
                Err(format!("there are more than {APPLICATIONS_MAX} Applications"))
            }
            Ok(found) => Ok(found.iter().map(application).collect()),
            Err(error) => {
                self.clients.lock().await.remove(&asked.cluster);
                Err(words(&error))
            }
        }
    }
}

async fn list(api: &Api<DynamicObject>, selector: &str) -> Result<Vec<DynamicObject>, Error> {
    let mut found = Vec::new();
    let mut page = ListParams::default().labels(selector).limit(PAGE);
    loop {
        let answer = api.list(&page).await?;
        found.extend(answer.items);
        match answer.metadata.continue_.filter(|it| !it.is_empty()) {
            Some(token) if found.len() <= APPLICATIONS_MAX => page = page.continue_token(&token),
            _ => return Ok(found),
        }
    }
}

/// What the API said, on one line.
pub fn words(error: &Error) -> String {
    match error {
        Error::Api(status) => format!("{} ({})", status.message, status.code),
        other => crate::checks::innermost(other),
    }
}

impl Applications for Kubernetes {
    fn applications<'a>(&'a self, asked: &'a ApplicationsAsked, timeout: Duration) -> Reading<'a> {
        Box::pin(async move {
            match tokio::time::timeout(timeout, self.read(asked)).await {
                Ok(read) => read,
                Err(_) => {
                    self.clients.lock().await.remove(&asked.cluster);
                    Err(format!("no answer within {} s", timeout.as_secs_f32()))
                }
            }
        })
    }
}
