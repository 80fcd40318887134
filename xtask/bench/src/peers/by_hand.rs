//! The API of OpenTelemetry, called by hand.

use std::sync::OnceLock;

use opentelemetry::trace::{
    FutureExt as _, SpanBuilder, Status, TraceContextExt as _, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use super::{Arrivals, Exporter, Running, otel};
use crate::work::{NotFound, What, drive, search};

static TRACER: OnceLock<SdkTracer> = OnceLock::new();

struct ByHand {
    provider: SdkTracerProvider,
    arrivals: Arrivals,
}

fn started(builder: SpanBuilder) -> Context {
    let tracer = TRACER.get().expect("set up first");
    let around = Context::current();
    let span = tracer.build_with_context(builder, &around);
    around.with_span(span)
}

fn add(a: i64, b: i64) -> i64 {
    let builder = SpanBuilder::from_name("add")
        .with_attributes([KeyValue::new("a", a), KeyValue::new("b", b)]);
    let context = started(builder);
    let attached = context.clone().attach();
    let sum = a.wrapping_add(b);
    drop(attached);
    context.span().set_attribute(KeyValue::new("return", sum));
    context.span().end();
    sum
}

async fn tool(query: &str) -> Result<String, NotFound> {
    let builder =
        SpanBuilder::from_name("tool").with_attributes([KeyValue::new("query", query.to_owned())]);
    let context = started(builder);
    let found = async { search(query) }.with_context(context.clone()).await;
    let span = context.span();
    match &found {
        Ok(found) => span.set_attribute(KeyValue::new("return", found.clone())),
        Err(error) => span.set_status(Status::error(error.to_string())),
    }
    span.end();
    found
}

async fn tiny(x: u64) -> u64 {
    let builder =
        SpanBuilder::from_name("tiny").with_attributes([KeyValue::new("x", x.cast_signed())]);
    let context = started(builder);
    let result = async { x.wrapping_mul(3) }
        .with_context(context.clone())
        .await;
    context
        .span()
        .set_attribute(KeyValue::new("return", result.cast_signed()));
    context.span().end();
    result
}

pub(super) fn set_up(exporter: Exporter, calls: usize) -> Box<dyn Running> {
    let (provider, arrivals) = otel::provider(exporter, calls);
    let _ = TRACER.set(provider.tracer("bench"));
    Box::new(ByHand { provider, arrivals })
}

impl Running for ByHand {
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
