//! Which sessions are asked for. All of it stands in the address, so that it can be kept and
//! sent, and the form that changes it is plain HTML.

use agentops_protocol::Timestamp;
use agentops_store::{Cursor, SessionFilter};
use http::Uri;

use crate::error::ApiError;
use crate::links::{Query, segment};
use crate::pages::events::hours;
use crate::routes;

/// The parameters of the page, in the order in which links name them.
const NAMES: [&str; 11] = [
    "text",
    "tag",
    "agent",
    "model",
    "end_state",
    "status",
    "range",
    "from",
    "to",
    "errors",
    "sort",
];
const HOUR: i64 = 3_600_000_000;

/// What the form shows, and what the store is asked for.
pub(super) struct Filter {
    given: Vec<(&'static str, String)>,
    order: String,
    cursor: Option<Cursor>,
    wanted: SessionFilter,
}

/// One way to put sessions in order.
pub(super) struct Sort {
    pub(super) label: &'static str,
    pub(super) href: String,
    pub(super) is_chosen: bool,
    pub(super) ascending: bool,
}

impl Filter {
    pub(super) fn of(uri: &Uri, now: Timestamp) -> Result<Self, ApiError> {
        let query = Query::of(uri);
        let given = |name: &str| query.get(name).unwrap_or_default();
        let mut wanted = routes::session_filter(uri)?;
        if wanted.from.is_none()
            && let Some(hours) = hours(&given("range"))
        {
            wanted.from = Some(Timestamp::from_micros(now.as_micros() - hours * HOUR));
        }
        Ok(Self {
            given: NAMES.into_iter().map(|name| (name, given(name))).collect(),
            order: given("order"),
            cursor: Some(given("cursor"))
                .filter(|cursor| !cursor.is_empty())
                .map(Cursor),
            wanted,
        })
    }

    pub(super) fn wanted(&self) -> &SessionFilter {
        &self.wanted
    }

    pub(super) fn cursor(&self) -> Option<Cursor> {
        self.cursor.clone()
    }

    /// What was given under a name.
    pub(super) fn get(&self, name: &str) -> &str {
        let mut given = self.given.iter().filter(|(known, _)| *known == name);
        given.next().map_or("", |(_, value)| value)
    }

    /// Whether this is what was given under a name.
    pub(super) fn is(&self, name: &str, value: &str) -> bool {
        self.get(name) == value
    }

    /// Whether anything is left out of the list.
    pub(super) fn is_narrow(&self) -> bool {
        self.given
            .iter()
            .any(|(name, value)| *name != "sort" && !value.is_empty())
    }

    /// Whether one of the parts of the form that stand folded is used.
    pub(super) fn is_special(&self) -> bool {
        ["tag", "agent", "model", "from", "to"]
            .iter()
            .any(|name| !self.get(name).is_empty())
    }

    /// The address of the same list with one thing changed; `value` is encoded already.
    pub(super) fn with(&self, name: &str, value: &str) -> String {
        let mut pairs: Vec<String> = self
            .given
            .iter()
            .chain([&("order", self.order.clone())])
            .filter(|(known, value)| *known != name && !value.is_empty())
            .map(|(known, value)| format!("{known}={}", segment(value)))
            .collect();
        if !value.is_empty() {
            pairs.push(format!("{name}={value}"));
        }
        if pairs.is_empty() {
            return "/".to_owned();
        }
        format!("/?{}", pairs.join("&"))
    }

    pub(super) fn sorts(&self) -> Vec<Sort> {
        let sort = |(word, label): (&str, &'static str)| {
            let chosen = self.get("sort");
            let is_chosen = chosen == word || (chosen.is_empty() && word == "start");
            let ascending = is_chosen && self.order == "asc";
            // The chosen one turns round; any other begins with its largest.
            let order = if is_chosen && !ascending {
                "asc"
            } else {
                "desc"
            };
            let base = Self {
                order: order.to_owned(),
                given: self.given.clone(),
                cursor: None,
                wanted: SessionFilter::default(),
            };
            Sort {
                label,
                href: base.with("sort", word),
                is_chosen,
                ascending,
            }
        };
        let words = [
            ("start", "Started"),
            ("duration", "Duration"),
            ("errors", "Errors"),
            ("tokens", "Tokens"),
            ("cost", "Cost"),
        ];
        words.into_iter().map(sort).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(uri: &str) -> Filter {
        Filter::of(&uri.parse().unwrap(), Timestamp::from_micros(10 * HOUR)).unwrap()
    }

    #[test]
    fn links_keep_what_is_asked_for_and_change_one_thing() {
        let filter = filter("/?tag=a%26b&range=hour&cursor=s.1.2&sort=cost&order=asc");
        assert_eq!(
            filter.with("cursor", "x"),
            "/?tag=a%26b&range=hour&sort=cost&order=asc&cursor=x"
        );
        assert_eq!(filter.with("tag", ""), "/?range=hour&sort=cost&order=asc");
        assert_eq!(filter.wanted().from, Some(Timestamp::from_micros(9 * HOUR)));
        let sorts = filter.sorts();
        assert!(sorts[4].is_chosen && sorts[4].ascending);
        assert_eq!(sorts[4].href, "/?tag=a%26b&range=hour&order=desc&sort=cost");
        assert!(filter.is_narrow() && filter.is_special());
    }

    #[test]
    fn nothing_asked_for_is_everything() {
        let filter = filter("/");
        assert!(!filter.is_narrow());
        assert_eq!(filter.with("cursor", ""), "/");
    }
}
