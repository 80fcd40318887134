//! The attribute of `tracing`, into OpenTelemetry.

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::SubscriberExt as _;

use super::tracing::call;
use super::{Arrivals, Exporter, Running, otel};
use crate::work::What;

struct IntoOtel {
    provider: SdkTracerProvider,
    arrivals: Arrivals,
}

pub(super) fn set_up(exporter: Exporter, calls: usize) -> Box<dyn Running> {
    let (provider, arrivals) = otel::provider(exporter, calls);
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("bench"));
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
        .expect("the only subscriber of this process");
    Box::new(IntoOtel { provider, arrivals })
}

impl Running for IntoOtel {
    fn run(&self, what: What, calls: usize) {
        call(what, calls);
    }

    fn settle(&self) {
        let _ = self.provider.force_flush();
    }

    fn arrived(&self) -> Option<u64> {
        Some(self.arrivals.count())
    }
}
