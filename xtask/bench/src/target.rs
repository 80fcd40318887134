//! What was asked for, and what came out.
#![expect(clippy::print_stdout, reason = "the table is what this is for")]

use serde::Serialize;

/// One figure and its bound.
#[derive(Debug, Serialize)]
pub struct Target {
    name: &'static str,
    value: f64,
    limit: f64,
    met: bool,
}

impl Target {
    /// A figure that must not be above its bound.
    #[must_use]
    pub fn at_most(name: &'static str, value: f64, limit: f64) -> Self {
        Self {
            name,
            value,
            limit,
            met: value <= limit,
        }
    }

    /// A figure that must not be below its bound.
    #[must_use]
    pub fn at_least(name: &'static str, value: f64, limit: f64) -> Self {
        Self {
            name,
            value,
            limit,
            met: value >= limit,
        }
    }
}

/// A line each.
pub fn print(targets: &[Target]) {
    for target in targets {
        let verdict = if target.met { "met   " } else { "MISSED" };
        println!(
            "{verdict}  {:<62} {:>12.2}  (limit {:.2})",
            target.name, target.value, target.limit
        );
    }
}
