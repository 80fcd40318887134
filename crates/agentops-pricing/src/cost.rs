//! Usage times price, exactly.

use agentops_protocol::{Usage, Usd};

use crate::price::Price;
use crate::resolve::Prices;

impl Prices {
    /// What a call cost; `None` if the model has no price here, or the usage does not say enough.
    #[must_use]
    pub fn cost(&self, model: &str, usage: &Usage) -> Option<Usd> {
        self.resolve(model)?.cost(usage)
    }
}

impl Price {
    /// What a call with this usage cost.
    ///
    /// Cached tokens are counted once, at their own price, as are those spent on reasoning: they are parts of the
    /// prompt and of the answer.
    ///
    /// `None` if a count is missing whose tokens cost something, if the parts are more than the whole, or if the
    /// amount is beyond what [`Usd`] holds.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Usd> {
        if usage.prompt.is_none() && usage.completion.is_none() {
            return None;
        }
        let prompt = known(usage.prompt, self.rates.input)?;
        let completion = known(usage.completion, self.rates.output)?;
        let read = usage.cached_read.unwrap_or(0);
        let write = usage.cached_write.unwrap_or(0);
        let reasoning = usage.reasoning.unwrap_or(0);
        let fresh = prompt.checked_sub(read)?.checked_sub(write)?;
        let answer = completion.checked_sub(reasoning)?;
        let rates = self.rates_for(prompt);
        let parts = [
            (rates.input, fresh),
            (rates.cached_read, read),
            (rates.cached_write, write),
            (rates.output, answer),
            (rates.reasoning, reasoning),
        ];
        let tokens = parts
            .into_iter()
            .map(|(rate, count)| i128::from(rate.as_picos()) * i128::from(count));
        let total = tokens.sum::<i128>() + i128::from(self.request.as_picos());
        i64::try_from(total).ok().map(Usd::from_picos)
    }
}

/// A count, 0 if it is not known and of no account.
fn known(count: Option<u64>, rate: Usd) -> Option<u64> {
    count.or((rate == Usd::ZERO).then_some(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &'static str, usage: Usage, expected: Option<&str>) {
        let cost = Price::parse(line).unwrap().cost(&usage);
        assert_eq!(
            cost.map(|cost| cost.to_string()).as_deref(),
            expected,
            "{line:?} {usage:?}"
        );
    }

    /// Shaped like the prices of real models, in picodollars a token.
    const SONNET: &str = "claude\t3000000,15000000,300000,3750000";
    const FLASH: &str = "flash\t300000,2500000,30000,,3500000";
    const PRO: &str = "pro\t1250000,10000000,125000\t200000,2500000,15000000,250000";

    #[test]
    fn the_documented_example() {
        let cost = Prices::builtin()
            .cost("gpt-4", &Usage::new(150, 80))
            .unwrap();
        assert_eq!(cost.to_string(), "0.00930");
    }

    #[test]
    fn cached_tokens_are_counted_once_at_their_price() {
        // 1000 x 3.00 + 500 x 15.00 dollars a million.
        check(SONNET, Usage::new(1000, 500), Some("0.01050"));
        // 100 fresh x 3.00 + 800 read x 0.30 + 100 written x 3.75 + 500 x 15.00 = 300 + 240 + 375 + 7500.
        check(
            SONNET,
            Usage::new(1000, 500).cached_read(800).cached_write(100),
            Some("0.008415"),
        );
        // All from the cache: 1000 x 0.30.
        check(
            SONNET,
            Usage::new(1000, 0).cached_read(1000),
            Some("0.00030"),
        );
        // Without a price of their own they are prompt tokens like others.
        check(
            "m\t1000000,2000000",
            Usage::new(10, 1).cached_read(9),
            Some("0.000012"),
        );
    }

    #[test]
    fn reasoning_is_part_of_the_answer() {
        // 100 x 0.30 + 60 x 2.50 + 40 x 3.50 = 30 + 150 + 140.
        check(FLASH, Usage::new(100, 100).reasoning(40), Some("0.00032"));
        check(SONNET, Usage::new(0, 100).reasoning(40), Some("0.00150"));
    }

    #[test]
    fn long_prompts_cost_their_tier_for_every_token() {
        // 200,000 x 1.25 + 1000 x 10.00.
        check(PRO, Usage::new(200_000, 1000), Some("0.26000"));
        // 200,001 x 2.50 + 1000 x 15.00.
        check(PRO, Usage::new(200_001, 1000), Some("0.5150025"));
        // Cached tokens count for the length: 100,000 x 2.50 + 150,000 x 0.25.
        check(
            PRO,
            Usage::new(250_000, 0).cached_read(150_000),
            Some("0.28750"),
        );
    }

    #[test]
    fn a_request_may_have_a_price() {
        check(
            "m\t1000000,1000000,,,,5000000000",
            Usage::new(100, 100),
            Some("0.00520"),
        );
    }

    #[test]
    fn small_amounts_add_up_without_rounding() {
        // 1 token at 37.5 nanodollars; a binary fraction of dollars would not be exact.
        check("m\t37500,1", Usage::new(1, 1), Some("0.000000037501"));
        check("m\t100000,0", Usage::new(3, 0), Some("0.0000003"));
    }

    #[test]
    fn what_is_not_known_has_no_cost() {
        check(SONNET, Usage::default(), None);
        let mut only_prompt = Usage::new(10, 0);
        only_prompt.completion = None;
        check(SONNET, only_prompt, None);
        // Of an embedding only the prompt costs.
        check("embedding\t20000,0", only_prompt, Some("0.0000002"));
        let mut only_completion = Usage::new(0, 10);
        only_completion.prompt = None;
        check(SONNET, only_completion, None);
        assert!(
            Prices::builtin()
                .cost("unheard-of", &Usage::new(1, 1))
                .is_none()
        );
    }

    #[test]
    fn contradictions_and_excess_have_no_cost() {
        check(SONNET, Usage::new(10, 0).cached_read(11), None);
        check(
            SONNET,
            Usage::new(10, 0).cached_read(6).cached_write(6),
            None,
        );
        check(SONNET, Usage::new(0, 10).reasoning(11), None);
        check(SONNET, Usage::new(u64::MAX, u64::MAX), None);
        check(SONNET, Usage::new(0, 0), Some("0.00"));
    }
}
