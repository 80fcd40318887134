//! The server's own certificate. Read once, at the start.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

/// Why a certificate and its key cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or is no PEM of the kind that is needed.
    #[error("{} cannot be used as {what}: {source}", path.display())]
    Pem {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// They are no pair, or of a kind that is not known.
    #[error("certificate {} and key {} cannot be used together: {source}", cert.display(), key.display())]
    Pair {
        /// The file of the certificate.
        cert: PathBuf,
        /// The file of the key.
        key: PathBuf,
        /// What is wrong.
        source: rustls::Error,
    },
}

/// What makes connections encrypted, of a chain of certificates and the key of the first.
pub(super) fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, TlsError> {
    let refused = |path: &Path, what, source| TlsError::Pem {
        path: path.to_owned(),
        what,
        source,
    };
    let certificates = |source| refused(cert, "a chain of certificates", source);
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(cert)
        .map_err(certificates)?
        .collect::<Result<_, _>>()
        .map_err(certificates)?;
    if chain.is_empty() {
        return Err(certificates(pem::Error::NoItemsFound));
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|e| refused(key, "a private key", e))?;
    let unpaired = |source| TlsError::Pair {
        cert: cert.to_owned(),
        key: key.to_owned(),
        source,
    };
    // The provider is named here: none is installed for the process.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unpaired)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(unpaired)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// What is said of a client that takes too long to agree on a key.
pub(super) fn too_slow() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")
}
