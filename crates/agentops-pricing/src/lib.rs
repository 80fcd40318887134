//! What an LLM call cost: a price book of models, and exact arithmetic on it.
//!
//! The book is part of the crate (`cargo xtask prices` writes it anew). A model that is not in it has no price, and a
//! call whose token counts are missing or contradict each other has no cost: nothing is guessed, and unknown is never
//! zero.
//!
//! It must not: read files, talk to a network, know a clock, or use binary fractions for money.
//!
//! ```
//! use agentops_pricing::Prices;
//! use agentops_protocol::Usage;
//!
//! let prices = Prices::builtin();
//! let cost = prices.cost("gpt-4", &Usage::new(150, 80)).expect("gpt-4 is in the book");
//! assert_eq!(cost.to_string(), "0.00930");
//! assert!(prices.cost("a-model-nobody-sells", &Usage::new(150, 80)).is_none());
//! ```

mod book;
mod cost;
mod file;
mod price;
mod resolve;

pub use file::PriceFileError;
pub use price::{Price, Rates, Tier};
pub use resolve::Prices;
