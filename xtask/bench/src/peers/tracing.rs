//! The attribute of `tracing`, without a subscriber: what being off costs there.

use super::{Exporter, Running};
use crate::work::{NotFound, What, drive, search};

#[tracing::instrument(ret)]
fn add(a: i64, b: i64) -> i64 {
    a.wrapping_add(b)
}

#[tracing::instrument(ret, err)]
async fn tool(query: &str) -> Result<String, NotFound> {
    search(query)
}

#[tracing::instrument(ret)]
async fn tiny(x: u64) -> u64 {
    x.wrapping_mul(3)
}

/// Calls the functions of the attribute so many times.
pub(super) fn call(what: What, calls: usize) {
    drive(what, calls, add, tool, tiny);
}

struct Off;

pub(super) fn set_up_off(_: Exporter, _: usize) -> Box<dyn Running> {
    Box::new(Off)
}

impl Running for Off {
    fn run(&self, what: What, calls: usize) {
        call(what, calls);
    }
}
