//! What can go wrong with a recorder itself.

/// Why a recorder does not start or does not forward.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecorderError {
    /// No port of the loopback interface can be had.
    #[error("cannot listen on the loopback interface")]
    Listen(#[source] std::io::Error),
    /// The system gives no random numbers.
    #[error("the system gives no random numbers for the recorder's path")]
    Random(#[source] getrandom::Error),
    /// Not a URL that can be forwarded to.
    #[error("{0:?} cannot be forwarded to; give a URL such as https://api.openai.com/v1")]
    Upstream(String),
    /// Too many different base URLs.
    #[error(
        "the recorder forwards to {0} base URLs already; keep the URL instead of asking for it again"
    )]
    Full(usize),
}
