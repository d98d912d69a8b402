//! Authorities and certificates made for one test.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig, crypto};

/// Who signs certificates.
#[derive(Debug)]
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    der: CertificateDer<'static>,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    pem: String,
    key: KeyPair,
}

impl Authority {
    /// A new one that nobody trusts yet.
    pub fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        // Authorities of one name are taken for one, whose signatures are wrong.
        let name: String = key.public_key_raw().iter().map(|it| format!("{it:02x}")).collect();
        params.distinguished_name.push(DnType::CommonName, &name[name.len() - 32..]);
        let certificate = params.self_signed(&key).expect("a certificate");
        let (pem, der) = (certificate.pem(), certificate.der().clone());
        Self { issuer: Issuer::new(params, key), pem, der }
    }

    /// Writes its certificate into a file.
    pub fn write(&self, directory: &Path) -> PathBuf {
        write(directory, "ca.pem", &self.pem)
    }

    /// A certificate for names and addresses, good now.
    pub fn certify(&self, names: &[&str]) -> Identity {
        self.sign(names, |_| {})
    }

    /// One whose time is over.
    pub fn certify_in_the_past(&self, names: &[&str]) -> Identity {
        self.sign(names, |params| params.not_after = date_time_ymd(2001, 1, 1))
    }

    fn sign(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Identity {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        let mut params = CertificateParams::new(names).expect("names");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        Identity { chain: vec![certificate.der().clone(), self.der.clone()], pem: certificate.pem(), key }
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Identity {
    /// Writes certificate and key into two files.
    pub fn write(&self, directory: &Path) -> (PathBuf, PathBuf) {
        (
            write(directory, "client.pem", &self.pem),
            write(directory, "client-key.pem", &self.key.serialize_pem()),
        )
    }

    /// What a server needs that shows this certificate, and asks for one that `clients` signed.
    pub fn server(&self, clients: Option<&Authority>) -> Arc<ServerConfig> {
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_safe_default_protocol_versions().expect("versions");
        let builder = match clients {
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der.clone()).expect("a root");
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
                builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
            }
            None => builder.with_no_client_auth(),
        };
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.serialize_der()));
        Arc::new(builder.with_single_cert(self.chain.clone(), key).expect("a certificate that fits its key"))
    }
}

fn write(directory: &Path, name: &str, text: &str) -> PathBuf {
    let path = directory.join(name);
    std::fs::write(&path, text).expect("a file that can be written");
    path
}
