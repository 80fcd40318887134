//! The attribute of `tracing`: without a subscriber, and into OpenTelemetry.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;

use super::{Arrivals, Exporter, Running, otel};
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

struct Off;

struct IntoOtel {
    provider: SdkTracerProvider,
    arrivals: Arrivals,
}

pub(super) fn set_up_off(_: Exporter, _: usize) -> Box<dyn Running> {
    Box::new(Off)
}

pub(super) fn set_up_otel(exporter: Exporter, calls: usize) -> Box<dyn Running> {
    let (provider, arrivals) = otel::provider(exporter, calls);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
        .expect("the only subscriber of this process");
    Box::new(IntoOtel { provider, arrivals })
}

impl Running for Off {
    fn run(&self, what: What, calls: usize) {
        drive(what, calls, add, tool, tiny);
    }
}

impl Running for IntoOtel {
    fn run(&self, what: What, calls: usize) {
        drive(what, calls, add, tool, tiny);
    }

    fn settle(&self) {
        let _ = self.provider.force_flush();
    }

    fn arrived(&self) -> Option<u64> {
        Some(self.arrivals.count())
    }
}
