//! Requests that a foreign page made a browser send.

use agentops_protocol::api::API_KEY_HEADER;
use http::request::Parts;
use http::{Uri, header};

use crate::app::App;
use crate::links;

/// Whether a browser says that another site's page sent this, and it carries no credential that
/// such a page could not add by itself (a key or token header is not sent across sites without
/// this server's consent, which it never gives).
pub(crate) fn is_foreign(app: &App, parts: &Parts) -> bool {
    let public = app.public_url().and_then(|url| url.parse().ok());
    comes_from_elsewhere(parts, public.as_ref())
}

/// The same, for a server whose public URL is `public`.
fn comes_from_elsewhere(parts: &Parts, public: Option<&Uri>) -> bool {
    let headers = &parts.headers;
    if parts.method.is_safe()
        || headers.contains_key(API_KEY_HEADER)
        || headers.contains_key(header::AUTHORIZATION)
    {
        return false;
    }
    if let Some(site) = headers.get("sec-fetch-site") {
        return site != "same-origin" && site != "none";
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.parse::<Uri>().ok());
    let origin = origin.as_ref().and_then(Uri::authority);
    // A proxy may have written the host anew: then the public URL is what the browser knows.
    let is_public = origin.is_some() && origin == public.and_then(Uri::authority);
    !is_public && (origin.is_none() || origin != links::host(parts).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn foreign(headers: &[(&str, &str)]) -> bool {
        let mut request = Request::post("/v2/x").header("host", "127.0.0.1:8717");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let public = "https://ops.example".parse().unwrap();
        comes_from_elsewhere(&request.body(()).unwrap().into_parts().0, Some(&public))
    }

    #[test]
    fn what_another_page_sends_is_told_apart() {
        assert!(!foreign(&[]));
        assert!(!foreign(&[("origin", "http://127.0.0.1:8717")]));
        assert!(!foreign(&[("origin", "https://ops.example")]));
        assert!(foreign(&[("origin", "https://ops.example.evil")]));
        assert!(!foreign(&[("sec-fetch-site", "same-origin")]));
        assert!(foreign(&[("sec-fetch-site", "cross-site")]));
        assert!(foreign(&[
            ("sec-fetch-site", "same-site"),
            ("origin", "http://127.0.0.1:8717")
        ]));
        assert!(foreign(&[("origin", "http://127.0.0.1:9")]));
        assert!(foreign(&[("origin", "null")]));
        assert!(!foreign(&[
            ("origin", "https://evil.example"),
            ("x-agentops-api-key", "k")
        ]));
    }
}
