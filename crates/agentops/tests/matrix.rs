//! Every shape of function under one uniform attribute: the result is the bare function's, off and on, and what was
//! recorded is compared in full. Built once more as `matrix_2021` in the edition before.
#![deny(warnings, clippy::all, clippy::pedantic)]

#[path = "matrix/agents.rs"]
mod agents;
#[path = "matrix/arguments.rs"]
mod arguments;
#[path = "matrix/attributes.rs"]
mod attributes;
#[path = "matrix/futures.rs"]
mod futures;
#[path = "matrix/hygiene.rs"]
mod hygiene;
#[path = "matrix/llms.rs"]
mod llms;
#[path = "matrix/methods.rs"]
mod methods;
#[path = "matrix/returns.rs"]
mod returns;
#[path = "matrix/seen.rs"]
mod seen;
#[path = "matrix/streams.rs"]
mod streams;

use std::fmt;

/// Implements nothing.
#[derive(PartialEq)]
struct Opaque(u8);

// For `assert_eq!` only: a type that is captured must not be one of these.
impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such file")
    }
}

/// An error with a source.
#[derive(Debug)]
struct NotFound(std::num::ParseIntError);

impl std::error::Error for NotFound {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl PartialEq for NotFound {
    fn eq(&self, other: &NotFound) -> bool {
        self.0 == other.0
    }
}

/// What stands behind every [`NotFound`].
const CAUSE: &str = "invalid digit found in string";

fn not_found() -> NotFound {
    NotFound("x".parse::<u8>().expect_err("no number"))
}
