//! What promoter reads from the world: git, registries, helm, disk, what checks ask. Reads only; every write is the controller's.

pub mod charts;
pub mod checks;
mod child;
pub mod clients;
pub mod disk;
pub mod git;
pub mod helm;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
mod quiet;
pub mod registry;

/// Makes ring the TLS provider of this process, once; later calls do nothing.
pub fn install_tls() {
    // An error means that a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}
