//! How a server is set up: numbers, paths and text; and how a file in its data directory is made.

use std::fs::{File, OpenOptions};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use agentops_store::Retention;
use http::Uri;

/// The port a server listens on unless told otherwise.
const DEFAULT_PORT: u16 = 8717;

/// Settings of a server.
///
/// ```
/// use agentops_server::ServerConfig;
///
/// let config = ServerConfig::new("/tmp/agentops").listen(([127, 0, 0, 1], 0).into());
/// assert_eq!(config.data_dir(), std::path::Path::new("/tmp/agentops"));
/// ```
#[derive(Debug, Clone)]
#[must_use]
pub struct ServerConfig {
    data_dir: PathBuf,
    listen: SocketAddr,
    public_url: Option<String>,
    import_spool: bool,
    retention: Retention,
    prices: Option<PathBuf>,
    tls: Option<(PathBuf, PathBuf)>,
    limits: Limits,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The public URL is none that a link could begin with.
    #[error(
        "public URL {0:?} cannot be used; write it as https://host or https://host:port, without a path"
    )]
    PublicUrl(String),
}

/// What a server will carry at once. Every one of them is reached by a test or bounds a wait.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of all request bodies in memory together, compressed and decompressed.
    pub body_budget: usize,
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// Reads of the storage at once; more wait.
    pub reads: usize,
    /// Followers of the stream of changes at once.
    pub followers: usize,
    /// Until a request's head has come; also how long a connection may stay idle.
    pub head_timeout: Duration,
    /// Until a request's body has come.
    pub body_timeout: Duration,
    /// Until a request is answered.
    pub request_timeout: Duration,
    /// How long a shutdown waits for requests that are being answered.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_budget: 256 << 20,
            connections: 1024,
            reads: 32,
            followers: 64,
            head_timeout: Duration::from_secs(60),
            body_timeout: Duration::from_secs(30),
            request_timeout: Duration::from_secs(60),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

impl ServerConfig {
    /// A server of this data directory, on the loopback interface and port 8717.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            listen: (Ipv4Addr::LOCALHOST, DEFAULT_PORT).into(),
            public_url: None,
            import_spool: true,
            retention: Retention::default(),
            prices: None,
            tls: None,
            limits: Limits::default(),
        }
    }

    /// Where to listen; port 0 takes a free one.
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// The address people reach the server by, when it stands behind a proxy: the beginning of
    /// every link it gives out. `None`: the `Host` of each request.
    pub fn public_url(mut self, url: Option<String>) -> Self {
        self.public_url = url;
        self
    }

    /// Whether to import what programs on this machine leave in the data directory; on by default.
    pub fn import_spool(mut self, on: bool) -> Self {
        self.import_spool = on;
        self
    }

    /// How much is kept; everything unless told.
    pub fn retention(mut self, retention: Retention) -> Self {
        self.retention = retention;
        self
    }

    /// A file of prices that are added to the built-in book and win over it; see
    /// `agentops_pricing::Prices::with_file` for its form.
    pub fn prices(mut self, file: Option<PathBuf>) -> Self {
        self.prices = file;
        self
    }

    /// Files of a chain of certificates and of the key of the first, both PEM: connections are
    /// encrypted then. Read once, when the server starts.
    pub fn tls(mut self, files: Option<(PathBuf, PathBuf)>) -> Self {
        self.tls = files;
        self
    }

    /// What the server will carry at once.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The data directory.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.listen
    }

    pub(crate) fn imports_spool(&self) -> bool {
        self.import_spool
    }

    pub(crate) fn kept(&self) -> Retention {
        self.retention
    }

    pub(crate) fn price_file(&self) -> Option<&Path> {
        self.prices.as_deref()
    }

    pub(crate) fn tls_files(&self) -> Option<(&Path, &Path)> {
        let (cert, key) = self.tls.as_ref()?;
        Some((cert, key))
    }

    pub(crate) fn limits_ref(&self) -> &Limits {
        &self.limits
    }

    /// The public URL without its last slash.
    pub(crate) fn checked_public_url(&self) -> Result<Option<String>, ConfigError> {
        let Some(url) = &self.public_url else {
            return Ok(None);
        };
        let usable = url.parse::<Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
                && uri
                    .authority()
                    .is_some_and(|name| !name.as_str().contains('@'))
                && uri.path() == "/"
                && uri.query().is_none()
        });
        if usable && !url.contains('#') {
            Ok(Some(url.trim_end_matches('/').to_owned()))
        } else {
            Err(ConfigError::PublicUrl(url.clone()))
        }
    }
}

/// Opens or makes a file that only the user may read, for locking and writing.
pub(crate) fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.read(true).write(true).create(true).truncate(false);
    options.open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn public(url: &str) -> Option<String> {
        let config = ServerConfig::new("/data").public_url(Some(url.to_owned()));
        config.checked_public_url().ok().flatten()
    }

    #[test]
    fn a_public_url_is_a_scheme_and_a_host() {
        assert_eq!(
            public("https://ops.example:8443/").as_deref(),
            Some("https://ops.example:8443")
        );
        assert_eq!(
            public("http://10.0.0.7").as_deref(),
            Some("http://10.0.0.7")
        );
        for url in [
            "ops.example",
            "ftp://ops.example",
            "https://",
            "https://user@ops.example",
            "https://ops.example/agentops",
            "https://ops.example/?a=b",
            "javascript:alert(1)",
        ] {
            assert_eq!(public(url), None, "{url}");
        }
    }
}
