//! From the name of a model to its price.
//!
//! Names come as providers, gateways and SDKs write them. They are looked up as they are first; only then is something
//! taken off or put in front that is known not to change the price:
//!
//! 1. the name, in lower case;
//! 2. `ft:<base>:<organisation>:…`: a fine-tuned model costs what all those of its base do;
//! 3. without the name of a maker in front (`openai/`, `models/`, …): makers, not resellers, who have prices of their own;
//! 4. with the name of the maker in front, for names that only one maker sells (`grok-…`);
//! 5. all this without the date or `-latest` at the end, which pins a version of the same model.
//!
//! A similar name is never taken for another.

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::book;
use crate::file::{self, PriceFileError};
use crate::price::Price;

/// The longest name that is looked up.
const MAX_NAME: usize = 256;

/// Makers of models and their own clouds, as they stand in front of their models' names.
const MAKERS: &[&str] = &[
    "anthropic/",
    "azure/",
    "bedrock/",
    "cohere/",
    "deepseek/",
    "gemini/",
    "google/",
    "mistral/",
    "mistralai/",
    "models/",
    "openai/",
    "publishers/anthropic/models/",
    "publishers/google/models/",
    "vertex_ai/",
    "x-ai/",
    "xai/",
];

/// Beginnings of names that one maker alone sells, with the name under which the book has that maker.
const FAMILIES: &[(&str, &str)] = &[
    ("codestral-", "mistral/"),
    ("gemini-", "gemini/"),
    ("grok-", "xai/"),
    ("magistral-medium-", "mistral/"),
    ("mistral-large-", "mistral/"),
    ("mistral-medium-", "mistral/"),
    ("sonar", "perplexity/"),
];

/// Other spellings of a model's name.
const ALIASES: &[(&str, &str)] = &[
    ("gpt-35-turbo", "gpt-3.5-turbo"),
    ("gpt-35-turbo-16k", "gpt-3.5-turbo-16k"),
];

/// A price book.
#[derive(Debug)]
pub struct Prices {
    /// Sorted by model.
    prices: Vec<Price>,
    source: Cow<'static, str>,
    date: &'static str,
}

impl Prices {
    /// The book that is part of this crate. The first call reads it, further ones share it.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: OnceLock<Prices> = OnceLock::new();
        BUILTIN.get_or_init(|| Self {
            // Every line is checked by a test, so none is passed over here.
            prices: book::BOOK.lines().filter_map(Price::parse).collect(),
            source: book::SOURCE.into(),
            date: book::DATE,
        })
    }

    /// This book with the prices of a file added, which win where both know a model. `name` says whose they are.
    ///
    /// ```
    /// # use agentops_pricing::Prices;
    /// # use agentops_protocol::Usage;
    /// let text = r#"{"our-model": {"input_cost_per_token": 1e-06, "output_cost_per_token": 2e-06}}"#;
    /// let prices = Prices::builtin().with_file(text, "prices.json")?;
    /// assert!(prices.cost("our-model", &Usage::new(150, 80)).is_some());
    /// # Ok::<(), agentops_pricing::PriceFileError>(())
    /// ```
    ///
    /// # Errors
    /// A text that is no object of models, or a model whose costs cannot be understood.
    pub fn with_file(&self, text: &str, name: &str) -> Result<Self, PriceFileError> {
        let mut prices = file::parse(text)?;
        let own: std::collections::HashSet<_> =
            prices.iter().map(|price| price.model.clone()).collect();
        let kept = self
            .prices
            .iter()
            .filter(|price| !own.contains(&price.model));
        prices.extend(kept.cloned());
        prices.sort_by(|one, other| one.model.cmp(&other.model));
        // Two spellings of one name: one of them holds.
        prices.dedup_by(|one, other| one.model == other.model);
        Ok(Self {
            prices,
            source: format!("{} and {name}", self.source).into(),
            date: self.date,
        })
    }

    /// The price of a model; `None` if the book does not have it.
    ///
    /// ```
    /// # use agentops_pricing::Prices;
    /// let prices = Prices::builtin();
    /// assert_eq!(prices.resolve("OpenAI/GPT-4o").map(|price| price.model.as_ref()), Some("gpt-4o"));
    /// assert!(prices.resolve("gpt-4o-like").is_none());
    /// ```
    #[must_use]
    pub fn resolve(&self, model: &str) -> Option<&Price> {
        let name = model.trim();
        if name.len() > MAX_NAME {
            return None;
        }
        let name = name.to_lowercase();
        self.known(&name).or_else(|| self.known(undated(&name)?))
    }

    /// Where the prices are from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The day on which they were fetched, `YYYY-MM-DD`.
    #[must_use]
    pub fn date(&self) -> &str {
        self.date
    }

    /// How many models there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prices.len()
    }

    /// Whether there is no model.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    fn known(&self, name: &str) -> Option<&Price> {
        self.spelled(name).or_else(|| {
            let bare = MAKERS.iter().find_map(|maker| name.strip_prefix(maker))?;
            self.spelled(bare)
        })
    }

    fn spelled(&self, name: &str) -> Option<&Price> {
        let alias = || {
            ALIASES
                .iter()
                .find(|(alias, _)| *alias == name)
                .and_then(|(_, name)| self.exact(name))
        };
        let fine_tuned = || {
            let base = name.strip_prefix("ft:")?.split(':').next()?;
            self.exact(&format!("ft:{base}"))
        };
        let of_family = || {
            let (_, maker) = FAMILIES
                .iter()
                .find(|(family, _)| name.starts_with(family))?;
            self.exact(&format!("{maker}{name}"))
        };
        self.exact(name)
            .or_else(alias)
            .or_else(fine_tuned)
            .or_else(of_family)
    }

    fn exact(&self, name: &str) -> Option<&Price> {
        let index = self
            .prices
            .binary_search_by(|price| price.model.as_ref().cmp(name))
            .ok()?;
        self.prices.get(index)
    }
}

/// The name without `-2025-04-14`, `-20250414`, `@20250414`, `-latest` or `@latest` at its end.
fn undated(name: &str) -> Option<&str> {
    let latest = name
        .strip_suffix("-latest")
        .or_else(|| name.strip_suffix("@latest"));
    let dashed = || {
        let (rest, date) = name.split_at_checked(name.len().checked_sub("-2025-04-14".len())?)?;
        let (year, day) = date.strip_prefix('-')?.split_once('-')?;
        let (month, day) = day.split_once('-')?;
        is_date(year, month, day).then_some(rest)
    };
    let plain = || {
        let (rest, date) = name.split_at_checked(name.len().checked_sub("-20250414".len())?)?;
        let date = date.strip_prefix(['-', '@'])?;
        is_date(date.get(..4)?, date.get(4..6)?, date.get(6..)?).then_some(rest)
    };
    latest.or_else(dashed).or_else(plain)
}

fn is_date(year: &str, month: &str, day: &str) -> bool {
    let within = |text: &str, digits: usize, least: u32, most: u32| {
        text.len() == digits
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text
                .parse::<u32>()
                .is_ok_and(|number| (least..=most).contains(&number))
    };
    within(year, 4, 2000, 2099) && within(month, 2, 1, 12) && within(day, 2, 1, 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_book_is_read_and_in_order() {
        let prices = Prices::builtin();
        for line in book::BOOK.lines() {
            assert!(Price::parse(line).is_some(), "{line}");
        }
        assert_eq!(prices.len(), book::BOOK.lines().count());
        assert!(prices.len() > 1000 && !prices.is_empty());
        assert!(
            prices
                .prices
                .windows(2)
                .all(|pair| pair[0].model < pair[1].model)
        );
        assert!(
            prices
                .prices
                .iter()
                .all(|price| price.model.as_ref() == price.model.to_lowercase())
        );
        assert!(prices.source().contains("litellm") && prices.date().len() == 10);
    }

    #[test]
    fn names_are_found_as_they_are_written() {
        let check = |name: &str, expected: Option<&str>| {
            assert_eq!(
                Prices::builtin()
                    .resolve(name)
                    .map(|price| price.model.as_ref()),
                expected,
                "{name}"
            );
        };
        check("gpt-4", Some("gpt-4"));
        check(" GPT-4o ", Some("gpt-4o"));
        check("openai/gpt-4o", Some("gpt-4o"));
        // A reseller's or a cloud's own entry comes before the maker's.
        check("azure/gpt-4o", Some("azure/gpt-4o"));
        check("gpt-4o-2024-05-13", Some("gpt-4o-2024-05-13"));
        check("gpt-4o-2099-01-31", Some("gpt-4o"));
        check("openai/gpt-4o-2099-01-31", Some("gpt-4o"));
        check("claude-sonnet-4-5-20990101", Some("claude-sonnet-4-5"));
        check(
            "anthropic/claude-sonnet-4-5-latest",
            Some("claude-sonnet-4-5"),
        );
        check("claude-sonnet-4-5@20990101", Some("claude-sonnet-4-5"));
        check("models/gemini-2.5-pro", Some("gemini-2.5-pro"));
        check("mistral-large-latest", Some("mistral/mistral-large-latest"));
        check("sonar-pro", Some("perplexity/sonar-pro"));
        check("gpt-35-turbo", Some("gpt-3.5-turbo"));
        check(
            "ft:gpt-4o-2024-08-06:our-org::abc123",
            Some("ft:gpt-4o-2024-08-06"),
        );
    }

    #[test]
    fn nothing_is_guessed() {
        let long = "x".repeat(10_000);
        for name in [
            "",
            "-",
            "openai/",
            "gpt-4o-like",
            "my-gpt-4o",
            "gpt-4o-2099-13-31",
            "gpt-4o-20",
            "somebody/gpt-4o",
            "azure/our-deployment",
            "gpt",
            "ft:unheard-of:org",
            "extractive-1",
            "-2025-04-14",
            "é-2025-04-14",
            long.as_str(),
        ] {
            assert!(Prices::builtin().resolve(name).is_none(), "{name}");
        }
    }
}
