//! The SDK of OpenTelemetry with its batch processor, and a far end that counts.

use std::future::Future;

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, SdkTracerProvider, SpanData, SpanExporter,
};

use super::{Arrivals, Exporter};

#[derive(Debug)]
struct Counting {
    arrivals: Arrivals,
    exporter: Exporter,
}

impl SpanExporter for Counting {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.exporter.take(batch.len());
        self.arrivals.add(batch.len());
        std::future::ready(Ok(()))
    }
}

/// A provider. The queue is the default one under load; to measure one call it holds all calls of a round, so that
/// dropping does not make it look faster.
pub(super) fn provider(exporter: Exporter, calls: usize) -> (SdkTracerProvider, Arrivals) {
    let arrivals = Arrivals::default();
    let mut batches = BatchConfigBuilder::default();
    if exporter == Exporter::Instant {
        batches = batches.with_max_queue_size(calls.max(2_048));
    }
    let processor = BatchSpanProcessor::builder(Counting {
        arrivals: arrivals.clone(),
        exporter,
    })
    .with_batch_config(batches.build())
    .build();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(processor)
        .build();
    (provider, arrivals)
}
