//! Addresses: what the server was asked for, and what it gives out.

use std::fmt::Write as _;

use agentops_protocol::SessionId;
use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use http::uri::Authority;
use http::{Uri, header};

use crate::app::App;
use crate::error::ApiError;

/// The path of a session's page. Ids are any text, so everything but plain letters is encoded.
pub(crate) fn session_path(id: &str) -> String {
    format!("/sessions/{}", segment(id))
}

/// One segment of a path, or one value of a query.
pub(crate) fn segment(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            other => write!(encoded, "%{other:02X}").expect("a string takes everything"),
        }
    }
    encoded
}

/// The host that a request names; `None` where it names none, or two.
pub(crate) fn host(parts: &Parts) -> Option<Authority> {
    let mut hosts = parts.headers.get_all(header::HOST).iter();
    let host = hosts.next()?;
    if hosts.next().is_some() {
        return None;
    }
    let host: Authority = host.to_str().ok()?.parse().ok()?;
    // A request line with a whole URL names the host a second time.
    let agrees = parts.uri.authority().is_none_or(|named| *named == host);
    (agrees && !host.as_str().contains('@')).then_some(host)
}

/// What links in an answer begin with: the configured public URL, else the host that the client
/// used.
#[derive(Debug, Clone)]
pub(crate) struct Base(String);

impl Base {
    /// The public page of a session.
    pub(crate) fn session_url(&self, id: &str) -> String {
        format!("{}{}", self.0, session_path(id))
    }

    /// The URL without a last slash.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromRequestParts<App> for Base {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        if let Some(url) = app.public_url() {
            return Ok(Self(url.to_owned()));
        }
        match host(parts) {
            Some(host) => Ok(Self(format!("{}://{host}", app.scheme()))),
            None => Err(ApiError::bad_request("Host: name this server once")),
        }
    }
}

/// The session that a path names, percent-decoded.
pub(crate) struct SessionPath(pub(crate) SessionId);

impl FromRequestParts<App> for SessionPath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let path = Path::<String>::from_request_parts(parts, app).await;
        let id = path.ok().and_then(|Path(id)| SessionId::try_from(id).ok());
        // What cannot be an id is nobody's session.
        id.map(Self).ok_or_else(ApiError::no_session)
    }
}

/// The parameters behind the `?`.
pub(crate) struct Query<'a>(&'a str);

impl<'a> Query<'a> {
    pub(crate) fn of(uri: &'a Uri) -> Self {
        Self(uri.query().unwrap_or_default())
    }

    /// Of a form, as a browser sends it.
    pub(crate) fn form(body: &'a str) -> Self {
        Self(body)
    }

    /// The first value of that name, percent-decoded.
    pub(crate) fn get(&self, name: &str) -> Option<String> {
        let pairs = self.0.split('&').filter_map(|pair| pair.split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == name);
        values.next().map(|(_, value)| decode(value))
    }
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (*first, after) {
            (b'%', [high, low, behind @ ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                bytes.push(digit(*high) << 4 | digit(*low));
                rest = behind;
            }
            (b'+', _) => bytes.push(b' '),
            (other, _) => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value of a hexadecimal digit; 0 for anything else.
fn digit(byte: u8) -> u8 {
    let value = char::from(byte).to_digit(16).unwrap_or_default();
    u8::try_from(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_id_becomes_one_segment() {
        assert_eq!(session_path("agent-1_2.3~"), "/sessions/agent-1_2.3~");
        assert_eq!(session_path("a/b c?#é"), "/sessions/a%2Fb%20c%3F%23%C3%A9");
    }

    #[test]
    fn a_query_is_decoded_and_what_is_broken_stays() {
        let uri: Uri = "/?a=1&cursor=x%2By+z%zz%&cursor=2&b".parse().unwrap();
        let query = Query::of(&uri);
        assert_eq!(query.get("cursor").as_deref(), Some("x+y z%zz%"));
        assert_eq!(query.get("b"), None);
    }
}
