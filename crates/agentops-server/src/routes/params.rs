//! The parameters behind the `?`: read strictly, refused with what is expected.

use agentops_protocol::{EventKind, Timestamp, Usd};
use agentops_store::{Cursor, PageSize};
use http::Uri;

use crate::error::ApiError;
use crate::links::Query;

/// The longest text of a parameter.
const TEXT_BYTES: usize = 1_024;

/// The parameters of one request. An empty one counts as absent.
pub(super) struct Params<'a>(Query<'a>);

impl<'a> Params<'a> {
    pub(super) fn of(uri: &'a Uri) -> Self {
        Self(Query::of(uri))
    }

    /// A parameter as `read` understands it.
    pub(super) fn one<T>(
        &self,
        name: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ApiError> {
        let Some(text) = self.0.get(name).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        match read(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(ApiError::bad_request(format!(
                "{name}: expected {expected}"
            ))),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>, ApiError> {
        self.one(name, "at most 1024 bytes of text", |text| {
            // Nothing that is stored has a NUL in it where this looks.
            (text.len() <= TEXT_BYTES && !text.contains('\0')).then(|| text.to_owned())
        })
    }

    pub(super) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        let flag = self.one(name, "true or false", |text| match text {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        })?;
        Ok(flag.unwrap_or(false))
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        let expected = "a time as 2024-03-14T12:00:00Z, or a day as 2024-03-14";
        self.one(name, expected, |text| {
            // A plus that was not encoded arrives as a space.
            let text = text.replace(' ', "+");
            text.parse()
                .or_else(|_| format!("{text}T00:00:00Z").parse())
                .ok()
        })
    }

    /// Seconds as microseconds.
    pub(super) fn seconds(&self, name: &str) -> Result<Option<u64>, ApiError> {
        self.one(name, "seconds, 1.5 say", |text| {
            let seconds: f64 = text.parse().ok()?;
            let fits = seconds.is_finite() && (0.0..9e12).contains(&seconds);
            fits.then_some((seconds * 1e6).round() as u64)
        })
    }

    pub(super) fn cost(&self, name: &str) -> Result<Option<Usd>, ApiError> {
        self.one(name, "dollars, 0.25 say", |text| text.parse().ok())
    }

    pub(super) fn kind(&self, name: &str) -> Result<Option<EventKind>, ApiError> {
        let expected = "actions, llms, tools or errors";
        self.one(name, expected, EventKind::from_name)
    }

    /// How large the page is to be, and where it begins.
    pub(super) fn page(&self) -> Result<(PageSize, Option<Cursor>), ApiError> {
        let expected = "a whole number from 1 to 500";
        let size = self.one("limit", expected, |limit| {
            limit.parse().ok().and_then(PageSize::new)
        })?;
        let cursor = self.0.get("cursor").filter(|cursor| !cursor.is_empty());
        Ok((size.unwrap_or(PageSize::DEFAULT), cursor.map(Cursor)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_can() {
        let uri: Uri =
            "/?a=2024-03-14T12:00:00+01:00&b=2024-03-14&c=yes&d=1e99&e=-1&f=nan&g=&h=%00"
                .parse()
                .unwrap();
        let params = Params::of(&uri);
        let at = params.time("a").unwrap().unwrap();
        assert_eq!(at.to_string(), "2024-03-14T11:00:00.000000+00:00");
        let day = params.time("b").unwrap().unwrap();
        assert_eq!(day.to_string(), "2024-03-14T00:00:00.000000+00:00");
        let refused = params.flag("c").unwrap_err();
        assert_eq!(refused.message(), "c: expected true or false");
        for name in ["d", "e", "f"] {
            assert!(params.seconds(name).is_err(), "{name}");
        }
        assert_eq!(params.text("g").unwrap(), None);
        assert!(params.text("h").is_err());
        assert!(params.time("c").is_err());
        assert!(params.cost("f").is_err());
    }
}
