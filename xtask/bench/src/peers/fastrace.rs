//! fastrace: its attribute with the arguments listed, the result added by hand.

use std::time::Duration;

use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::prelude::{LocalSpan, Span, trace};

use super::{Arrivals, Exporter, Running};
use crate::work::{NotFound, What, drive, search};

/// Calls under one root: its buffer for a thread takes 10,240.
const UNDER_A_ROOT: usize = 100;

#[trace(name = "add", properties = { "a": "{a}", "b": "{b}" })]
fn add(a: i64, b: i64) -> i64 {
    let sum = a.wrapping_add(b);
    LocalSpan::add_property(|| ("return", sum.to_string()));
    sum
}

#[trace(name = "tool", properties = { "query": "{query}" })]
async fn tool(query: &str) -> Result<String, NotFound> {
    let found = search(query);
    match &found {
        Ok(found) => LocalSpan::add_property(|| ("return", found.clone())),
        Err(error) => LocalSpan::add_property(|| ("error", error.to_string())),
    }
    found
}

#[trace(name = "tiny", properties = { "x": "{x}" })]
async fn tiny(x: u64) -> u64 {
    let result = x.wrapping_mul(3);
    LocalSpan::add_property(|| ("return", result.to_string()));
    result
}

struct Counting {
    arrivals: Arrivals,
    exporter: Exporter,
}

impl Reporter for Counting {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        let calls = spans.iter().filter(|span| span.name != "root").count();
        self.exporter.take(calls);
        self.arrivals.add(calls);
    }
}

struct Fastrace(Arrivals);

pub(super) fn set_up(exporter: Exporter, _: usize) -> Box<dyn Running> {
    let arrivals = Arrivals::default();
    let counting = Counting {
        arrivals: arrivals.clone(),
        exporter,
    };
    let config = Config::default().report_interval(Duration::from_millis(10));
    fastrace::set_reporter(counting, config);
    Box::new(Fastrace(arrivals))
}

impl Running for Fastrace {
    fn run(&self, what: What, calls: usize) {
        let mut left = calls;
        while left > 0 {
            let now = left.min(UNDER_A_ROOT);
            let root = Span::root("root", SpanContext::random());
            let _current = root.set_local_parent();
            drive(what, now, add, tool, tiny);
            left -= now;
        }
    }

    fn settle(&self) {
        fastrace::flush();
    }

    fn arrived(&self) -> Option<u64> {
        Some(self.0.count())
    }
}
