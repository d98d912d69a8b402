//! Charts: which versions a repository has, the digest of an archive, and the archive that a digest pins.
//!
//! Moves what repositories say to values; which version is wanted is [`promoter_core::discovery`]'s business. A repository is
//! a web server with an index, or a registry (`oci://`). How hosts are reached, and with which credentials, is said where
//! it is said of registries: [`Registries`].
//!
//! What holds:
//!
//! - **The digest is that of the archive**: SHA-256 of its bytes. A registry names it, an index mostly does. Where it does
//!   not, the archive is fetched once and its digest kept. What is fetched for a render is held against the digest in the
//!   lock before anything else is done with it, so that an index that lies stops a render and never changes one.
//! - **An index is asked for once** for all charts that are wanted of it, and only whether it changed (`ETag`,
//!   `Last-Modified`); it lies on the disk, is read line by line, and is never in memory as a whole.
//! - **A part is never the whole**: an index that ends too early is an error.

mod archive;
mod error;
mod index;
mod oci;
mod store;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufReader, Write as _};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use promoter_core::{ChartUrl, Diagnosis, Digest};
use reqwest::Url;

use crate::registry::download::{DownloadError, Downloaded, Wanted};
use crate::registry::flights::Flights;
use crate::registry::{Registries, RegistryError};
pub use error::ChartError;
pub use index::ChartEntry;
use index::IndexError;
use store::{Kept, Store};

/// The largest index that is taken. The largest public ones have about 30 MB.
const INDEX_BYTES_MAX: u64 = 64 << 20;

/// The versions of one chart, in the repository's order; or why they are not known.
pub type Versions = Result<Arc<Vec<ChartEntry>>, ChartError>;

/// A client of all repositories of charts. Cheap to clone; all clones share what is known.
#[derive(Debug, Clone)]
pub struct Charts {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registries: Registries,
    store: Store,
    indexes: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Index>>>>,
    archives: Flights<String, Result<Arc<[u8]>, ChartError>>,
}

/// What is known of one index. Whoever asks for it holds it.
#[derive(Debug, Default)]
struct Index {
    /// `None` before the disk was looked at.
    kept: Option<Kept>,
    /// What the file says of charts that were asked for.
    charts: BTreeMap<String, Versions>,
}

impl Index {
    fn is_gone(&self) -> bool {
        self.kept.as_ref().is_some_and(|it| !it.file.is_file())
    }
}

impl Charts {
    /// Makes the client. `cache_dir` is where indexes and digests are kept across restarts; without it they are kept as long
    /// as the client.
    ///
    /// Errors: `chart-cache`, the directory cannot be made.
    pub fn new(registries: Registries, cache_dir: Option<PathBuf>) -> Result<Self, Diagnosis> {
        let store = Store::open(cache_dir).map_err(|it| it.diagnosis())?;
        Ok(Self {
            inner: Arc::new(Inner {
                registries,
                store,
                indexes: Mutex::default(),
                archives: Flights::default(),
            }),
        })
    }

    /// The versions of charts of one web server's repository. One request, whatever their number.
    ///
    /// Errors: the index could not be had, so that nothing is known of any.
    pub async fn versions(
        &self,
        repository: &str,
        charts: &BTreeSet<&str>,
    ) -> Result<BTreeMap<String, Versions>, ChartError> {
        self.entries(repository, charts, false).await
    }

    /// The same; `clear_text` as in [`Wanted`].
    async fn entries(
        &self,
        repository: &str,
        charts: &BTreeSet<&str>,
        clear_text: bool,
    ) -> Result<BTreeMap<String, Versions>, ChartError> {
        let index = {
            let mut indexes = self.inner.indexes.lock().unwrap_or_else(PoisonError::into_inner);
            indexes.entry(repository.to_owned()).or_default().clone()
        };
        let mut index = index.lock().await;
        self.refresh(repository, &mut index, clear_text).await?;
        let missing: BTreeSet<String> =
            charts.iter().filter(|it| !index.charts.contains_key(**it)).map(|it| (*it).to_owned()).collect();
        if !missing.is_empty() {
            let read = self.read_there(repository, &mut index, missing, clear_text).await?;
            index.charts.extend(read);
        }
        Ok(charts.iter().filter_map(|it| Some(((*it).to_owned(), index.charts.get(*it)?.clone()))).collect())
    }

    /// The versions of a chart in a registry: its tags, with `+` where they have `_`.
    pub async fn oci_versions(&self, chart: &ChartUrl) -> Versions {
        oci::versions(&self.inner.registries, chart).await.map(Arc::new)
    }

    /// The digest of the archive of a version: the one that the index or the registry names, else that of the archive, which
    /// is fetched once.
    ///
    /// Errors: `Unusable`, this version is none; the others say nothing of it.
    pub async fn digest(&self, chart: &ChartUrl, entry: &ChartEntry) -> Result<Digest, ChartError> {
        if is_oci(chart) {
            return oci::digest(&self.inner.registries, &self.inner.store, chart, &entry.version).await;
        }
        match self.known_digest(chart, entry) {
            Some(digest) => Ok(digest),
            None => self.fetch_digest(chart, entry).await,
        }
    }

    /// The digest of a version of a web server's repository, if no request is needed for it.
    pub fn known_digest(&self, chart: &ChartUrl, entry: &ChartEntry) -> Option<Digest> {
        entry.digest.clone().or_else(|| self.inner.store.digest(&key(chart, entry)))
    }

    /// Makes sure that the index on the disk is the one that the server has.
    async fn refresh(&self, repository: &str, index: &mut Index, clear_text: bool) -> Result<(), ChartError> {
        let url = base_of(repository)?;
        let url = url.join("index.yaml").map_err(|_| no_url(repository))?;
        if index.is_gone() {
            // There may be another's, which may say something else.
            index.kept = None;
            index.charts.clear();
        }
        if index.kept.is_none() {
            index.kept = self.inner.store.index(url.as_str());
        }
        let known = index.kept.as_ref().map(|it| it.validators.clone()).unwrap_or_default();
        let mut incoming = None;
        let wanted =
            Wanted { url: &url, known: &known, with_login: true, clear_text, bytes_max: INDEX_BYTES_MAX };
        let downloaded = self.inner.registries.download(&wanted, |piece| {
            let file = match &mut incoming {
                Some(file) => file,
                none => none.insert(self.inner.store.incoming(url.as_str())?),
            };
            file.write_all(piece)
        });
        match downloaded.await.map_err(|it| self.failed(it))? {
            Downloaded::Unchanged => Ok(()),
            Downloaded::Whole(validators) => {
                let Some(incoming) = incoming else {
                    let (repository, why) = (repository.to_owned(), "is empty".to_owned());
                    return Err(ChartError::Index { repository, why });
                };
                index.charts.clear();
                index.kept = Some(self.inner.store.keep_index(url.as_str(), incoming, validators)?);
                Ok(())
            }
            Downloaded::Missing(status) => Err(ChartError::NoRepository {
                repository: repository.to_owned(),
                answer: status.to_string(),
            }),
            Downloaded::TooLarge => Err(ChartError::Index {
                repository: repository.to_owned(),
                why: format!("is larger than {INDEX_BYTES_MAX} bytes"),
            }),
        }
    }

    /// Reads the entries of charts out of the index, which another process may replace meanwhile.
    async fn read_there(
        &self,
        repository: &str,
        index: &mut Index,
        charts: BTreeSet<String>,
        clear_text: bool,
    ) -> Result<BTreeMap<String, Versions>, ChartError> {
        match self.read(repository, index, charts.clone()).await {
            Err(_) if index.is_gone() => {
                self.refresh(repository, index, clear_text).await?;
                self.read(repository, index, charts).await
            }
            read => read,
        }
    }

    /// Reads the entries of charts out of the index on the disk.
    async fn read(
        &self,
        repository: &str,
        index: &Index,
        charts: BTreeSet<String>,
    ) -> Result<BTreeMap<String, Versions>, ChartError> {
        let wrong = |why: String| ChartError::Index { repository: repository.to_owned(), why };
        let Some(kept) = &index.kept else {
            return Err(wrong("was not sent".into()));
        };
        let file = kept.file.clone();
        let wanted = charts.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut file = BufReader::with_capacity(64 << 10, std::fs::File::open(&file)?);
            index::entries(&mut file, &wanted.iter().map(String::as_str).collect())
        });
        let mut read = match read.await {
            Ok(Ok(read)) => read,
            Ok(Err(IndexError::Form(why))) => return Err(wrong(why)),
            Ok(Err(IndexError::Disk(error))) => return Err(self.inner.store.failed(&error)),
            Err(_) => return Err(wrong("could not be read to its end".into())),
        };
        let of = |chart: String| {
            let repository = repository.to_owned();
            let versions = match read.remove(&chart) {
                Some(Ok(entries)) => Ok(Arc::new(entries)),
                Some(Err(why)) => Err(wrong(format!("has a chart `{chart}` that {why}"))),
                None => Err(ChartError::NoChart { repository, chart: chart.clone() }),
            };
            (chart, versions)
        };
        Ok(charts.into_iter().map(of).collect())
    }

    fn failed(&self, error: DownloadError) -> ChartError {
        match error {
            DownloadError::Server(error) => error.into(),
            DownloadError::ClearText { url, host } => ChartError::ClearText { url, host },
            DownloadError::Taking(error) => self.inner.store.failed(&error),
        }
    }
}

/// True for a chart in a registry.
pub fn is_oci(chart: &ChartUrl) -> bool {
    chart.as_str().get(..6).is_some_and(|it| it.eq_ignore_ascii_case("oci://"))
}

/// The address below which addresses of an index lie.
fn base_of(repository: &str) -> Result<Url, ChartError> {
    format!("{}/", repository.trim_end_matches('/')).parse().map_err(|_| no_url(repository))
}

fn no_url(repository: &str) -> ChartError {
    let (host, why) = (repository.to_owned(), "its name makes no URL".to_owned());
    RegistryError::Protocol { host, why }.into()
}

fn unusable(chart: &ChartUrl, version: &str, why: &str) -> ChartError {
    ChartError::Unusable { chart: chart.to_string(), version: version.to_owned(), why: why.to_owned() }
}

/// What names the archive of a version whose digest nobody names: another one has another address or time.
fn key(chart: &ChartUrl, entry: &ChartEntry) -> String {
    let created = entry.created.map_or_else(String::new, |it| it.to_string());
    let url = entry.urls.first().map_or("", String::as_str);
    format!("archive {} {} {created} {url}", chart.normal(), entry.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::RegistryConfig;
    use promoter_testkit::WebServer;

    /// As processes do that share a cache: each takes away the file of the one before.
    #[tokio::test]
    async fn an_index_that_another_process_replaces_is_read_all_the_same() {
        let (server, cache) = (WebServer::start(), tempfile::TempDir::new().unwrap());
        let put = |version: &str| {
            server.put("/index.yaml", format!("entries:\n  web:\n  - version: {version}\n"));
        };
        let client = || {
            let registries = Registries::new(RegistryConfig::default(), None).unwrap();
            Charts::new(registries, Some(cache.path().to_owned())).unwrap()
        };
        put("1.0.0");
        let (ours, mut index) = (client(), Index::default());
        ours.refresh(&server.url(), &mut index, true).await.unwrap();
        put("2.0.0");
        client().entries(&server.url(), &["web"].into(), true).await.unwrap();
        assert!(index.is_gone());
        server.take_log();
        let read = ours.read_there(&server.url(), &mut index, ["web".to_owned()].into(), true).await;
        assert_eq!(read.unwrap()["web"].as_ref().unwrap()[0].version, "2.0.0");
        assert_eq!(server.take_log(), ["GET /index.yaml 304"]);
    }
}
