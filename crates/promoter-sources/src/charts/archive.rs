//! Archives: those that a lock pins, for renders, and those that are fetched for their digest, which nobody names.
//!
//! Decides where an archive is, and to whom credentials are shown for it. One that is pinned may come from anywhere: its
//! bytes are held against the digest before anything else is done with them.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use promoter_core::discovery::version;
use promoter_core::{ChartUrl, ChartVersion, Digest};
use reqwest::Url;
use sha2::{Digest as _, Sha256};

use super::{ChartEntry, ChartError, Charts, base_of, is_oci, key, oci, unusable};
use crate::registry::download::{Downloaded, Validators, Wanted};

/// The largest archive that is fetched, as helm bounds them.
pub(super) const ARCHIVE_BYTES_MAX: usize = 64 << 20;
/// So long all requests for one archive may take together.
const TIMEOUT: Duration = Duration::from_secs(120);

/// Where an index says that an archive is.
enum Address {
    Web(Url),
    /// A registry's repository, as some indexes name it.
    Registry(ChartUrl),
}

impl Charts {
    /// The archive that a lock pins. Whoever asks for one that is being fetched waits for that answer.
    ///
    /// Errors: `Gone` and `OtherArchive`, the repository does not have these bytes, or others; `Late`; those of every request.
    pub async fn archive(
        &self,
        chart: &ChartUrl,
        version: &ChartVersion,
        digest: &Digest,
    ) -> Result<Arc<[u8]>, ChartError> {
        let one = format!("{} {version} {digest}", chart.normal());
        let fetched = self.inner.archives.join(&one, self.fetch(chart, version.as_str(), digest));
        tokio::time::timeout(TIMEOUT, fetched).await.unwrap_or_else(|_| {
            let (chart, version) = (chart.to_string(), version.to_string());
            Err(ChartError::Late { chart, version, seconds: TIMEOUT.as_secs() })
        })
    }

    async fn fetch(&self, chart: &ChartUrl, version: &str, digest: &Digest) -> Result<Arc<[u8]>, ChartError> {
        let (clients, wanted) = (self.clone(), digest.clone());
        let kept = tokio::task::spawn_blocking(move || clients.inner.store.archive(&wanted)).await;
        if let Ok(Some(bytes)) = kept {
            return Ok(bytes.into());
        }
        let bytes = if is_oci(chart) {
            oci::archive(&self.inner.registries, chart, version, digest).await?
        } else {
            self.of_index(chart, version, digest).await?
        };
        let found = Digest::of(&bytes);
        if found != *digest {
            let (chart, version) = (chart.to_string(), version.to_owned());
            return Err(ChartError::OtherArchive { chart, version, locked: digest.clone(), found });
        }
        let bytes: Arc<[u8]> = bytes.into();
        let (clients, kept) = (self.clone(), Arc::clone(&bytes));
        let keep = move || clients.inner.store.keep_archive(&found, &kept);
        // It only saves requests, so that a failure is no news.
        let _ = tokio::task::spawn_blocking(keep).await;
        Ok(bytes)
    }

    /// What the index of a repository leads to.
    async fn of_index(
        &self,
        chart: &ChartUrl,
        version: &str,
        digest: &Digest,
    ) -> Result<Vec<u8>, ChartError> {
        let (repository, name) = chart.repository_and_name();
        let mut entries = self.entries(repository, &[name].into(), true).await?;
        let entries = entries.remove(name).unwrap_or_else(|| {
            Err(ChartError::NoChart { repository: repository.to_owned(), chart: name.to_owned() })
        })?;
        let entry = pinned(&entries, version, digest).ok_or_else(|| ChartError::Gone {
            chart: chart.to_string(),
            version: version.to_owned(),
            why: "the repository's index does not list it".to_owned(),
        })?;
        match address(chart, entry)? {
            Address::Registry(elsewhere) => {
                oci::archive(&self.inner.registries, &elsewhere, version, digest).await
            }
            Address::Web(url) => {
                let mut bytes = Vec::new();
                self.download(chart, entry, &url, true, |piece| {
                    bytes.extend_from_slice(piece);
                    Ok(())
                })
                .await?;
                Ok(bytes)
            }
        }
    }

    /// The digest of an archive that is fetched for it.
    pub(super) async fn fetch_digest(
        &self,
        chart: &ChartUrl,
        entry: &ChartEntry,
    ) -> Result<Digest, ChartError> {
        let Address::Web(url) = address(chart, entry)? else {
            return Err(no_address(chart, entry));
        };
        let mut hash = Sha256::new();
        self.download(chart, entry, &url, false, |piece| {
            hash.update(piece);
            Ok(())
        })
        .await?;
        let hex: String = hash.finalize().iter().map(|it| format!("{it:02x}")).collect();
        let digest: Digest =
            format!("sha256:{hex}").parse().map_err(|_| unusable(chart, &entry.version, "has no digest"))?;
        self.inner.store.keep_digest(&key(chart, entry), &digest);
        Ok(digest)
    }

    /// Hands on the pieces of an archive of a web server, all of them or an error. `clear_text` as in [`Wanted`].
    async fn download(
        &self,
        chart: &ChartUrl,
        entry: &ChartEntry,
        url: &Url,
        clear_text: bool,
        take: impl FnMut(&[u8]) -> io::Result<()> + Send,
    ) -> Result<(), ChartError> {
        let unusable = |why: &str| unusable(chart, &entry.version, why);
        // What the index names elsewhere is another server's affair.
        let with_login = url.origin() == base_of(chart.repository_and_name().0)?.origin();
        let known = Validators::default();
        let bytes_max = ARCHIVE_BYTES_MAX as u64;
        let wanted = Wanted { url, known: &known, with_login, clear_text, bytes_max };
        let downloaded = self.inner.registries.download(&wanted, take);
        match downloaded.await.map_err(|it| self.failed(it))? {
            Downloaded::Whole(_) => Ok(()),
            Downloaded::Missing(status) => Err(unusable(&format!("is not where the index says ({status})"))),
            Downloaded::TooLarge => Err(unusable(&format!("is larger than {ARCHIVE_BYTES_MAX} bytes"))),
            Downloaded::Unchanged => Err(unusable("was not sent")),
        }
    }
}

/// The entry of a version. Written exactly so it counts first, else one that Helm takes for the same; of several the one
/// that says the digest, else the first, as with Helm.
fn pinned<'a>(entries: &'a [ChartEntry], wanted: &str, digest: &Digest) -> Option<&'a ChartEntry> {
    let same = version(wanted, false);
    let is_same = |it: &&ChartEntry| same.is_some() && version(&it.version, false) == same;
    let choose = |fits: &dyn Fn(&&ChartEntry) -> bool| {
        let named = entries.iter().filter(fits).find(|it| it.digest.as_ref() == Some(digest));
        named.or_else(|| entries.iter().find(fits))
    };
    choose(&|it| it.version == wanted).or_else(|| choose(&is_same))
}

/// Where the archive of an entry is.
fn address(chart: &ChartUrl, entry: &ChartEntry) -> Result<Address, ChartError> {
    let base = base_of(chart.repository_and_name().0)?;
    let first = entry.urls.first();
    let first = first.ok_or_else(|| unusable(chart, &entry.version, "has no address in the index"))?;
    let url = base.join(first).map_err(|_| no_address(chart, entry))?;
    match url.scheme() {
        "https" | "http" => Ok(Address::Web(url)),
        "oci" => registry(first).map(Address::Registry).ok_or_else(|| no_address(chart, entry)),
        _ => Err(no_address(chart, entry)),
    }
}

/// The repository of `oci://HOST/PATH:TAG`.
fn registry(address: &str) -> Option<ChartUrl> {
    let untagged = address.split('@').next()?;
    let untagged = match untagged.rsplit_once(':') {
        Some((before, tag)) if !tag.contains('/') => before,
        _ => untagged,
    };
    untagged.parse().ok()
}

fn no_address(chart: &ChartUrl, entry: &ChartEntry) -> ChartError {
    unusable(chart, &entry.version, "has no usable address in the index")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(version: &str, digest: Option<&Digest>) -> ChartEntry {
        let (version, digest) = (version.to_owned(), digest.cloned());
        ChartEntry { version, digest, created: None, deprecated: false, urls: Vec::new() }
    }

    #[test]
    fn the_version_that_is_written_so_counts_first() {
        let (locked, other) = (Digest::of(b"locked"), Digest::of(b"other"));
        let found = |entries: &[ChartEntry], version: &str| {
            pinned(entries, version, &locked)
                .and_then(|it| entries.iter().position(|at| std::ptr::eq(at, it)))
        };
        let written = [entry("v1.2.0", Some(&locked)), entry("1.2.0", Some(&other))];
        assert_eq!(found(&written, "1.2.0"), Some(1));
        assert_eq!(found(&written, "v1.2.0"), Some(0));
        assert_eq!(found(&written, "1.2"), Some(0));
        assert_eq!(found(&written, "1.3.0"), None);
        let twice = [entry("1.0.0", None), entry("1.0.0", Some(&other)), entry("1.0.0", Some(&locked))];
        assert_eq!((found(&twice, "1.0.0"), found(&twice[..2], "1.0.0")), (Some(2), Some(0)));
        // What is no version at all is compared as it is written.
        assert_eq!(found(&[entry("b", None), entry("a", None)], "a"), Some(1));
        assert_eq!(found(&[entry("b", None)], "a"), None);
    }

    #[test]
    fn tags_are_cut_off() {
        for (address, expected) in [
            ("oci://registry.example.com/charts/web:1.0.0", "oci://registry.example.com/charts/web"),
            ("oci://127.0.0.1:5000/web", "oci://127.0.0.1:5000/web"),
            ("oci://127.0.0.1:5000/web:1_2@sha256:00", "oci://127.0.0.1:5000/web"),
        ] {
            assert_eq!(registry(address).unwrap().as_str(), expected);
        }
        assert_eq!(registry("oci://:"), None);
    }
}
