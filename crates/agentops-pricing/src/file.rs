//! Prices of one's own: a JSON object by model, in the words of the public list that the book is made from.
//!
//! ```text
//! {"my-model": {"input_cost_per_token": 1.5e-06, "output_cost_per_token": 6e-06}}
//! ```
//!
//! Members that speak of no cost are passed over, so a part of that list is such a file. A cost that is not known
//! here is refused: a misspelled price would else be none.

use agentops_protocol::Usd;
use serde_json::{Map, Value};

use crate::price::{Given, Price, Tier};

/// The costs of a token, in the order of the book, and of a request.
const INPUT: &str = "input_cost_per_token";
const OUTPUT: &str = "output_cost_per_token";
const CACHED_READ: &str = "cache_read_input_token_cost";
const CACHED_WRITE: &str = "cache_creation_input_token_cost";
const REASONING: &str = "output_cost_per_reasoning_token";
const REQUEST: &str = "input_cost_per_request";
/// Between a cost and the number of prompt tokens above which it holds, as in `…_above_200k_tokens`.
const ABOVE: &str = "_above_";
const THOUSANDS: &str = "k_tokens";
/// The dearest token that is believed, in picodollars: a dollar.
const DEAREST: i64 = 1_000_000_000_000;

/// Why a file of prices cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PriceFileError {
    /// It is no object of models.
    #[error("expected {{\"model\": {{\"{INPUT}\": …, \"{OUTPUT}\": …}}}}: {0}")]
    Json(#[from] serde_json::Error),
    /// A model's prices cannot be used.
    #[error("{model:?}: {message}")]
    Model {
        /// The model.
        model: String,
        /// What is wrong.
        message: String,
    },
}

/// Reads a file of prices.
pub(crate) fn parse(text: &str) -> Result<Vec<Price>, PriceFileError> {
    let models: Map<String, Value> = serde_json::from_str(text)?;
    let read = |(model, value): (&String, &Value)| {
        price(model, value).map_err(|message| PriceFileError::Model {
            model: model.clone(),
            message,
        })
    };
    models.iter().map(read).collect()
}

fn price(model: &str, value: &Value) -> Result<Price, String> {
    if model.trim().is_empty() {
        return Err("a model needs a name".to_owned());
    }
    let members = value
        .as_object()
        .ok_or_else(|| "expected an object of costs".to_owned())?;
    for key in members.keys() {
        let (cost, above) = split(key);
        let known = [INPUT, OUTPUT, CACHED_READ, CACHED_WRITE, REASONING];
        let known = known.contains(&cost) || (cost == REQUEST && above == Some(0));
        if key.contains("cost") && !(known && above.is_some()) {
            return Err(format!(
                "{key} is not known; there are {INPUT}, {OUTPUT}, {CACHED_READ}, {CACHED_WRITE}, {REASONING} and \
                 {REQUEST}, those of tokens also with {ABOVE}200{THOUSANDS} behind them"
            ));
        }
    }
    let base = given(members, "")?;
    for (key, cost) in [(INPUT, base.input), (OUTPUT, base.output)] {
        if cost.is_none() {
            return Err(format!("{key} is missing; write 0 for what is free"));
        }
    }
    let rates = base.rates().ok_or("a cost is missing")?;
    let mut lengths: Vec<u64> = members.keys().filter_map(|key| split(key).1).collect();
    lengths.sort_unstable();
    lengths.dedup();
    let mut tiers = Vec::new();
    for above in lengths.into_iter().filter(|above| *above > 0) {
        let suffix = format!("{ABOVE}{}{THOUSANDS}", above / 1_000);
        let rates = given(members, &suffix)?.or(&base).rates();
        let rates = rates.ok_or("a cost is missing")?;
        tiers.push(Tier { above, rates });
    }
    Ok(Price {
        model: model.trim().to_lowercase().into(),
        rates,
        request: amount(members, REQUEST)?.unwrap_or(Usd::ZERO),
        tiers,
    })
}

/// A cost's name, and the prompt tokens above which it holds; `None` where that is no number.
fn split(key: &str) -> (&str, Option<u64>) {
    match key.split_once(ABOVE) {
        None => (key, Some(0)),
        Some((cost, above)) => {
            let thousands = above.strip_suffix(THOUSANDS);
            let thousands = thousands.and_then(|digits| digits.parse::<u32>().ok());
            let above = thousands.filter(|thousands| *thousands > 0);
            (cost, above.map(|thousands| u64::from(thousands) * 1_000))
        }
    }
}

fn given(members: &Map<String, Value>, suffix: &str) -> Result<Given, String> {
    let cost = |key: &str| amount(members, &format!("{key}{suffix}"));
    Ok(Given {
        input: cost(INPUT)?,
        output: cost(OUTPUT)?,
        cached_read: cost(CACHED_READ)?,
        cached_write: cost(CACHED_WRITE)?,
        reasoning: cost(REASONING)?,
    })
}

/// An amount, exactly as it is written.
fn amount(members: &Map<String, Value>, key: &str) -> Result<Option<Usd>, String> {
    let text = match members.get(key) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        Some(_) => String::new(),
    };
    match text.parse::<Usd>() {
        Ok(cost) if (0..=DEAREST).contains(&cost.as_picos()) => Ok(Some(cost)),
        _ => Err(format!("{key}: expected dollars from 0 to 1, like 1.5e-06")),
    }
}

#[cfg(test)]
mod tests {
    use crate::Prices;
    use agentops_protocol::Usage;

    fn cost(text: &str, model: &str, usage: Usage) -> Option<String> {
        let prices = Prices::builtin().with_file(text, "ours.json").unwrap();
        prices.cost(model, &usage).map(|cost| cost.to_string())
    }

    #[test]
    fn a_file_adds_and_overrides_and_leaves_the_rest() {
        let text = r#"{"My-Model": {"input_cost_per_token": 1.5e-06, "output_cost_per_token": "0.000006",
            "input_cost_per_token_above_200k_tokens": 3e-6, "input_cost_per_request": 0.01, "mode": "chat"},
            "gpt-4": {"input_cost_per_token": 0, "output_cost_per_token": 1e-06}}"#;
        let usage = Usage::new(1_000, 1_000);
        assert_eq!(cost(text, "my-model", usage).as_deref(), Some("0.01750"));
        assert_eq!(
            cost(text, "my-model", Usage::new(300_000, 0)).as_deref(),
            Some("0.91000")
        );
        assert_eq!(
            cost(text, "openai/gpt-4", usage).as_deref(),
            Some("0.00100")
        );
        let builtin = Prices::builtin();
        assert_eq!(
            cost(text, "gpt-4o", usage),
            builtin.cost("gpt-4o", &usage).map(|cost| cost.to_string())
        );
        let ours = builtin.with_file(text, "ours.json").unwrap();
        assert_eq!(ours.len(), builtin.len() + 1);
        assert!(ours.source().ends_with(" and ours.json"));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, expected) in [
            ("", "EOF"),
            ("[]", "expected a map"),
            (r#"{"m": 1}"#, "\"m\": expected an object"),
            (
                r#"{"m": {"input_cost_per_token": 1e-6}}"#,
                "output_cost_per_token is missing",
            ),
            (
                r#"{"m": {"input_cost_per_token": 1e-6, "output_cost_per_tokn": 1e-6}}"#,
                "output_cost_per_tokn is not known",
            ),
            (
                r#"{"m": {"input_cost_per_token": -1, "output_cost_per_token": 0}}"#,
                "input_cost_per_token: expected dollars",
            ),
            (
                r#"{"m": {"input_cost_per_token": 30, "output_cost_per_token": 60}}"#,
                "from 0 to 1",
            ),
            (
                r#"{"m": {"input_cost_per_token": 0, "output_cost_per_token": 0, "input_cost_per_token_above_many": 0}}"#,
                "input_cost_per_token_above_many is not known",
            ),
        ] {
            let error = Prices::builtin().with_file(text, "f").unwrap_err();
            assert!(error.to_string().contains(expected), "{error}");
        }
    }
}
