//! Where the price of a call comes from.

use agentops_pricing::Prices;
use agentops_protocol::{Usage, Usd};

/// Prices LLM calls that came without a cost, from the built-in price book.
pub fn price_of() -> impl Fn(&str, &Usage) -> Option<Usd> + Send + Sync + 'static {
    let prices = Prices::builtin();
    move |model, usage| prices.cost(model, usage)
}
