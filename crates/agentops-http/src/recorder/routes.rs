//! Where requests are carried on to, by number.

use std::sync::{Mutex, MutexGuard, PoisonError};

use agentops_core::observe::Place;
use reqwest::Url;

use super::error::RecorderError;

/// Most base URLs of one recorder.
const MAX: usize = 4_096;

/// Every upstream that was asked for.
#[derive(Debug, Default)]
pub(super) struct Routes(Mutex<Vec<Route>>);

/// One of them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Route {
    /// Its URL without a slash at the end.
    pub(super) upstream: Url,
    /// Where its calls belong; `None`: where the process's do.
    pub(super) place: Option<Place>,
}

impl Routes {
    /// The number of this upstream for calls of this place.
    pub(super) fn add(&self, upstream: &str, place: Option<Place>) -> Result<usize, RecorderError> {
        let refused = || RecorderError::Upstream(without_user(upstream));
        let url: Url = upstream
            .trim_end_matches('/')
            .parse()
            .map_err(|_| refused())?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(refused());
        }
        let route = Route {
            upstream: url,
            place,
        };
        let mut routes = self.lock();
        if let Some(number) = routes.iter().position(|known| *known == route) {
            return Ok(number);
        }
        if routes.len() >= MAX {
            return Err(RecorderError::Full(MAX));
        }
        routes.push(route);
        Ok(routes.len() - 1)
    }

    pub(super) fn get(&self, number: usize) -> Option<Route> {
        self.lock().get(number).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Route>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is said of a URL that cannot be used has no password in it.
fn without_user(url: &str) -> String {
    crate::scrub::urls(url)
}

impl Route {
    /// The URL of what stands behind the route's number.
    pub(super) fn url(&self, rest: &str, query: Option<&str>) -> Url {
        let mut url = self.upstream.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}{rest}"));
        // A query of the upstream itself (Azure's `api-version`) stands before the request's.
        let joined = match (url.query(), query) {
            (Some(own), Some(more)) => Some(format!("{own}&{more}")),
            (own, more) => more.or(own).map(str::to_owned),
        };
        url.set_query(joined.as_deref());
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_put_behind_its_upstream() {
        let check = |upstream: &str, rest: &str, query: Option<&str>, expected: &str| {
            let routes = Routes::default();
            let number = routes.add(upstream, None).unwrap();
            assert_eq!(routes.add(upstream, None).unwrap(), number);
            assert_eq!(
                routes.get(number).unwrap().url(rest, query).as_str(),
                expected
            );
        };
        check(
            "https://api.openai.com/v1",
            "/chat/completions",
            None,
            "https://api.openai.com/v1/chat/completions",
        );
        check(
            "https://api.openai.com/v1/",
            "/models",
            Some("a=1"),
            "https://api.openai.com/v1/models?a=1",
        );
        check(
            "http://localhost:11434",
            "/api/chat",
            None,
            "http://localhost:11434/api/chat",
        );
        check("http://h/p?v=1", "/x", Some("y=2"), "http://h/p/x?v=1&y=2");
        check("http://h", "", None, "http://h/");
        check(
            "http://h",
            "/models/g:generateContent",
            Some("alt=sse"),
            "http://h/models/g:generateContent?alt=sse",
        );
        // Whatever the path says, the host stays.
        check("http://h/v1", "/../../x", None, "http://h/x");
        check(
            "http://h",
            "//evil.example/x",
            None,
            "http://h//evil.example/x",
        );
    }

    #[test]
    fn what_is_no_upstream_is_refused() {
        let routes = Routes::default();
        for url in [
            "",
            "api.openai.com",
            "ftp://h/",
            "file:///etc/passwd",
            "http://",
        ] {
            assert!(
                matches!(routes.add(url, None), Err(RecorderError::Upstream(_))),
                "{url}"
            );
        }
        for number in 0..MAX {
            routes.add(&format!("http://h/{number}"), None).unwrap();
        }
        assert!(matches!(
            routes.add("http://h/one/more", None),
            Err(RecorderError::Full(MAX))
        ));
    }
}
