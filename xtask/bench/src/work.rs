//! The functions that are recorded, and the loops that call them.

use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde::{Deserialize, Serialize};

/// Which function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// `fn add(a, b)`.
    Add,
    /// `async fn tool(&str) -> Result<String, _>`, `Ok`.
    Tool,
    /// An async function that does next to nothing.
    Tiny,
}

impl What {
    /// All of them.
    pub const ALL: [What; 3] = [What::Add, What::Tool, What::Tiny];

    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            What::Add => "add",
            What::Tool => "tool",
            What::Tiny => "tiny",
        }
    }
}

/// The error that `tool` never returns.
#[derive(Debug)]
pub struct NotFound;

impl fmt::Display for NotFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not found")
    }
}

impl std::error::Error for NotFound {}

/// What every `tool` does.
///
/// # Errors
/// None.
#[inline]
pub fn search(query: &str) -> Result<String, NotFound> {
    let mut found = query.to_owned();
    found.push_str(": 3 rows");
    Ok(found)
}

/// What every `tool` is asked.
pub const QUERY: &str = "select name from users";

/// Calls one of the functions so many times, one call after another.
#[inline(always)]
pub fn drive<T, Y>(
    what: What,
    calls: usize,
    add: impl Fn(i64, i64) -> i64,
    tool: impl Fn(&'static str) -> T,
    tiny: impl Fn(u64) -> Y,
) where
    T: Future<Output = Result<String, NotFound>>,
    Y: Future<Output = u64>,
{
    match what {
        What::Add => {
            for turn in 0..calls {
                black_box(add(black_box(turn as i64), black_box(2)));
            }
        }
        What::Tool => {
            for _ in 0..calls {
                let _ = black_box(ready(tool(black_box(QUERY))));
            }
        }
        What::Tiny => {
            for turn in 0..calls {
                black_box(ready(tiny(black_box(turn as u64))));
            }
        }
    }
}

/// Runs a future that never waits.
#[inline(always)]
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("it never waits"),
    }
}
