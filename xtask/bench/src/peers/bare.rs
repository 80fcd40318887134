//! The functions as they are.

use super::{Exporter, Running};
use crate::work::{NotFound, What, drive, search};

struct Bare;

fn add(a: i64, b: i64) -> i64 {
    a.wrapping_add(b)
}

async fn tool(query: &str) -> Result<String, NotFound> {
    search(query)
}

async fn tiny(x: u64) -> u64 {
    x.wrapping_mul(3)
}

pub(super) fn set_up(_: Exporter, _: usize) -> Box<dyn Running> {
    Box::new(Bare)
}

impl Running for Bare {
    fn run(&self, what: What, calls: usize) {
        drive(what, calls, add, tool, tiny);
    }
}
