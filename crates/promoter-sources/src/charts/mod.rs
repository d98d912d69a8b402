//! Charts: which versions a repository has, and the digest of an archive.
//!
//! Moves what repositories say to values; which version is wanted is [`promoter_core::discovery`]'s business. A repository is
//! a web server with an index, or a registry (`oci://`). How hosts are reached, and with which credentials, is said where
//! it is said of registries: [`Registries`].
//!
//! What holds:
//!
//! - **The digest is that of the archive**: SHA-256 of its bytes. A registry names it, an index mostly does. Where it does
//!   not, the archive is fetched once and its digest kept. What helm fetches for a render is held against the digest in the
//!   lock each time, so that an index that lies stops a render and never changes one.
//! - **An index is asked for once** for all charts that are wanted of it, and only whether it changed (`ETag`,
//!   `Last-Modified`); it lies on the disk, is read line by line, and is never in memory as a whole.
//! - **A part is never the whole**: an index that ends too early is an error.

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
use sha2::{Digest as _, Sha256};

use crate::registry::download::{DownloadError, Downloaded, Validators, Wanted};
use crate::registry::{Registries, RegistryError};
pub use error::ChartError;
pub use index::ChartEntry;
use index::IndexError;
use store::{Kept, Store};

/// The largest index that is taken. The largest public ones have about 30 MB.
const INDEX_BYTES_MAX: u64 = 64 << 20;
/// The largest archive that is fetched for its digest, as helm bounds them.
const ARCHIVE_BYTES_MAX: u64 = 64 << 20;

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
}

/// What is known of one index. Whoever asks for it holds it.
#[derive(Debug, Default)]
struct Index {
    /// `None` before the disk was looked at.
    kept: Option<Kept>,
    /// What the file says of charts that were asked for.
    charts: BTreeMap<String, Versions>,
}

impl Charts {
    /// Makes the client. `cache_dir` is where indexes and digests are kept across restarts; without it they are kept as long
    /// as the client.
    ///
    /// Errors: `chart-cache`, the directory cannot be made.
    pub fn new(registries: Registries, cache_dir: Option<PathBuf>) -> Result<Self, Diagnosis> {
        let store = Store::open(cache_dir).map_err(|it| it.diagnosis())?;
        Ok(Self { inner: Arc::new(Inner { registries, store, indexes: Mutex::default() }) })
    }

    /// The versions of charts of one web server's repository. One request, whatever their number.
    ///
    /// Errors: the index could not be had, so that nothing is known of any.
    pub async fn versions(
        &self,
        repository: &str,
        charts: &BTreeSet<&str>,
    ) -> Result<BTreeMap<String, Versions>, ChartError> {
        let index = {
            let mut indexes = self.inner.indexes.lock().unwrap_or_else(PoisonError::into_inner);
            indexes.entry(repository.to_owned()).or_default().clone()
        };
        let mut index = index.lock().await;
        self.refresh(repository, &mut index).await?;
        let missing: BTreeSet<String> =
            charts.iter().filter(|it| !index.charts.contains_key(**it)).map(|it| (*it).to_owned()).collect();
        if !missing.is_empty() {
            let read = self.read(repository, &index, missing).await?;
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

    async fn fetch_digest(&self, chart: &ChartUrl, entry: &ChartEntry) -> Result<Digest, ChartError> {
        let unusable = |why: &str| unusable(chart, &entry.version, why);
        let base = base_of(chart.repository_and_name().0)?;
        let address = entry.urls.first().ok_or_else(|| unusable("has no address in the index"))?;
        let url = base.join(address).map_err(|_| unusable("has no usable address in the index"))?;
        if !matches!(url.scheme(), "https" | "http") {
            return Err(unusable("has no usable address in the index"));
        }
        // What the index names elsewhere is another server's affair.
        let with_login = url.origin() == base.origin();
        let known = Validators::default();
        let wanted = Wanted { url: &url, known: &known, with_login, bytes_max: ARCHIVE_BYTES_MAX };
        let mut hash = Sha256::new();
        let downloaded = self.inner.registries.download(&wanted, |piece| {
            hash.update(piece);
            Ok(())
        });
        match downloaded.await.map_err(|it| self.failed(it))? {
            Downloaded::Whole(_) => {}
            Downloaded::Missing(status) => {
                return Err(unusable(&format!("is not where the index says ({status})")));
            }
            Downloaded::TooLarge => {
                return Err(unusable(&format!("is larger than {ARCHIVE_BYTES_MAX} bytes")));
            }
            Downloaded::Unchanged => return Err(unusable("was not sent")),
        }
        let hex: String = hash.finalize().iter().map(|it| format!("{it:02x}")).collect();
        let digest: Digest = format!("sha256:{hex}").parse().map_err(|_| unusable("has no digest"))?;
        self.inner.store.keep_digest(&key(chart, entry), &digest);
        Ok(digest)
    }

    /// Makes sure that the index on the disk is the one that the server has.
    async fn refresh(&self, repository: &str, index: &mut Index) -> Result<(), ChartError> {
        let url = base_of(repository)?;
        let url = url.join("index.yaml").map_err(|_| no_url(repository))?;
        if index.kept.is_none() {
            index.kept = self.inner.store.index(url.as_str());
        }
        // A file that is gone is fetched again.
        let known = index.kept.as_ref().filter(|it| it.file.is_file());
        let known = known.map(|it| it.validators.clone()).unwrap_or_default();
        let mut incoming = None;
        let wanted = Wanted { url: &url, known: &known, with_login: true, bytes_max: INDEX_BYTES_MAX };
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
