//! The prices of one model, and the line of the book that says them.
//!
//! ```text
//! <model> TAB <rates> [, <a request>] { TAB <prompt tokens> , <rates> }
//! rates: <input> , <output> [, <cached read> [, <cached write> [, <reasoning> ]]]
//! ```
//!
//! All amounts are picodollars, those of the rates a token; an empty one is not known. What follows a number of prompt
//! tokens holds for calls with more than so many, for all of their tokens; what it leaves out stays as it is.

use std::borrow::Cow;

use agentops_protocol::Usd;

/// What the tokens of one model cost.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Price {
    /// The model, in lower case.
    pub model: Cow<'static, str>,
    /// A token each, for prompts up to the first tier.
    pub rates: Rates,
    /// A call, whatever its tokens.
    pub request: Usd,
    /// Other rates for longer prompts, by ascending length.
    pub tiers: Vec<Tier>,
}

/// What one token costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rates {
    /// Of the prompt.
    pub input: Usd,
    /// Of the answer.
    pub output: Usd,
    /// Of the prompt, read from the provider's cache.
    pub cached_read: Usd,
    /// Of the prompt, written to the provider's cache.
    pub cached_write: Usd,
    /// Of the answer, spent on reasoning.
    pub reasoning: Usd,
}

/// Rates of calls with long prompts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Tier {
    /// The rates hold for prompts of more tokens than this.
    pub above: u64,
    /// A token each, of the whole call.
    pub rates: Rates,
}

impl Price {
    /// Reads a line of the book; `None` if it is not one.
    pub(crate) fn parse(line: &'static str) -> Option<Self> {
        let mut parts = line.split('\t');
        let model = parts.next().filter(|model| !model.is_empty())?;
        let mut amounts = parts.next()?.split(',');
        let base = Given::parse(&mut amounts)?;
        let request = amount(amounts.next())?.unwrap_or(Usd::ZERO);
        let mut tiers: Vec<Tier> = Vec::new();
        for part in parts {
            let mut amounts = part.split(',');
            let above = amounts.next()?.parse().ok()?;
            if tiers.last().is_some_and(|last| last.above >= above) {
                return None;
            }
            let rates = Given::parse(&mut amounts)?.or(&base).rates()?;
            tiers.push(Tier { above, rates });
        }
        Some(Self {
            model: Cow::Borrowed(model),
            rates: base.rates()?,
            request,
            tiers,
        })
    }

    /// The rates of a call with so many prompt tokens.
    #[must_use]
    pub fn rates_for(&self, prompt: u64) -> &Rates {
        let tier = self.tiers.iter().rev().find(|tier| prompt > tier.above);
        tier.map_or(&self.rates, |tier| &tier.rates)
    }
}

/// Rates as a line gives them.
#[derive(Clone, Copy)]
pub(crate) struct Given {
    pub(crate) input: Option<Usd>,
    pub(crate) output: Option<Usd>,
    pub(crate) cached_read: Option<Usd>,
    pub(crate) cached_write: Option<Usd>,
    pub(crate) reasoning: Option<Usd>,
}

impl Given {
    fn parse<'a>(amounts: &mut impl Iterator<Item = &'a str>) -> Option<Self> {
        Some(Self {
            input: amount(amounts.next())?,
            output: amount(amounts.next())?,
            cached_read: amount(amounts.next())?,
            cached_write: amount(amounts.next())?,
            reasoning: amount(amounts.next())?,
        })
    }

    /// What is not given is as in `base`. Reasoning that costs there what output costs does so here.
    pub(crate) fn or(self, base: &Self) -> Self {
        let own_price = base
            .reasoning
            .filter(|reasoning| Some(*reasoning) != base.output);
        Self {
            input: self.input.or(base.input),
            output: self.output.or(base.output),
            cached_read: self.cached_read.or(base.cached_read),
            cached_write: self.cached_write.or(base.cached_write),
            reasoning: self.reasoning.or(own_price),
        }
    }

    /// A token without a price of its own costs what others of its kind do.
    pub(crate) fn rates(self) -> Option<Rates> {
        let (input, output) = (self.input?, self.output?);
        Some(Rates {
            input,
            output,
            cached_read: self.cached_read.unwrap_or(input),
            cached_write: self.cached_write.unwrap_or(input),
            reasoning: self.reasoning.unwrap_or(output),
        })
    }
}

/// `Some(None)` for an amount that is not given, `None` for something that is no amount.
fn amount(text: Option<&str>) -> Option<Option<Usd>> {
    match text {
        None | Some("") => Some(None),
        Some(picos) => picos
            .parse()
            .ok()
            .filter(|picos| *picos >= 0)
            .map(|picos| Some(Usd::from_picos(picos))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picos(rates: &Rates) -> [i64; 5] {
        [
            rates.input,
            rates.output,
            rates.cached_read,
            rates.cached_write,
            rates.reasoning,
        ]
        .map(Usd::as_picos)
    }

    #[test]
    fn what_has_no_price_of_its_own_costs_what_its_kind_costs() {
        let price = Price::parse("m\t10,20").unwrap();
        assert_eq!(
            (price.model.as_ref(), picos(&price.rates), price.request),
            ("m", [10, 20, 10, 10, 20], Usd::ZERO)
        );
        let price = Price::parse("m\t10,20,1,12,30,500").unwrap();
        assert_eq!(
            (picos(&price.rates), price.request),
            ([10, 20, 1, 12, 30], Usd::from_picos(500))
        );
        assert_eq!(
            picos(&Price::parse("m\t10,20,,12").unwrap().rates),
            [10, 20, 10, 12, 20]
        );
    }

    #[test]
    fn tiers_hold_above_their_number_and_inherit() {
        let price = Price::parse("m\t10,20,1,12\t100,15\t200,30,40,3").unwrap();
        assert_eq!(picos(price.rates_for(100)), [10, 20, 1, 12, 20]);
        assert_eq!(picos(price.rates_for(101)), [15, 20, 1, 12, 20]);
        assert_eq!(picos(price.rates_for(200)), [15, 20, 1, 12, 20]);
        assert_eq!(picos(price.rates_for(201)), [30, 40, 3, 12, 40]);
    }

    #[test]
    fn reasoning_follows_the_output_where_it_costs_the_same() {
        let same = Price::parse("m\t10,20,,,20\t100,15,30").unwrap();
        assert_eq!(same.rates_for(101).reasoning.as_picos(), 30);
        let own = Price::parse("m\t10,20,,,25\t100,15,30").unwrap();
        assert_eq!(own.rates_for(101).reasoning.as_picos(), 25);
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for line in [
            "",
            "m",
            "\t1,2",
            "m\t1",
            "m\t,2",
            "m\t1,-2",
            "m\t1,x",
            "m\t1,2\t",
            "m\t1,2\t9,1,1\t8,1,1",
        ] {
            assert!(Price::parse(line).is_none(), "{line:?}");
        }
    }
}
