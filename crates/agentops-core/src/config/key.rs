//! API keys. Never in a log, a `Debug` or a file.

use std::fmt;

#[cfg(feature = "enable")]
use sha2::{Digest as _, Sha256};

/// An API key. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey(String);

impl ApiKey {
    /// `None` for a text that cannot be a key: empty, or not sendable in a header.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text: String = text.into();
        let text = text.trim();
        let sendable = !text.is_empty() && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        sendable.then(|| Self(text.to_owned()))
    }

    /// The first 8 bytes of its SHA-256: tells keys apart, and cannot be turned back. A directory of
    /// the spool is marked with it.
    #[cfg(feature = "enable")]
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        let bytes = digest.iter().take(8);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }

    /// The key itself, for the one header it is sent in.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKey(…)")
    }
}
