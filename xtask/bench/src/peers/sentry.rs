//! Sentry's performance API as its manual shows it: a child span of the current one, in a transaction.

use std::sync::Arc;
use std::time::Duration;

use sentry::protocol::{EnvelopeItem, SpanStatus, Value};
use sentry::transports::{StdTransportThread, StdTransportThreadOptions};
use sentry::{
    ClientInitGuard, ClientOptions, Envelope, TransactionContext, TransactionOrSpan, Transport,
    TransportFactory, TransportOptions,
};

use super::{Arrivals, Exporter, Running};
use crate::work::{NotFound, What, drive, search};

/// Calls in one transaction, which takes 1,000 spans.
const IN_A_TRANSACTION: usize = 100;

#[derive(Clone)]
struct Counting {
    arrivals: Arrivals,
    exporter: Exporter,
}

impl Counting {
    fn count(&self, envelope: &Envelope) {
        for item in envelope.items() {
            if let EnvelopeItem::Transaction(transaction) = item {
                self.exporter.take(transaction.spans.len());
                self.arrivals.add(transaction.spans.len());
            }
        }
    }
}

impl Transport for Counting {
    fn send_envelope(&self, envelope: Envelope) {
        self.count(&envelope);
    }
}

/// Makes the thread with a bounded queue that all its real transports have.
struct Threaded(Counting);

struct Queued(StdTransportThread);

impl TransportFactory for Threaded {
    fn create_transport_with_options(&self, options: TransportOptions) -> Arc<dyn Transport> {
        let counting = self.0.clone();
        let thread = StdTransportThreadOptions::new(move |envelope: Envelope, _: &mut _| {
            counting.count(&envelope);
        })
        .with_client_report_recorder(options.client_report_recorder);
        Arc::new(Queued(thread.spawn_thread()))
    }
}

impl Transport for Queued {
    fn send_envelope(&self, envelope: Envelope) {
        self.0.send(envelope);
    }

    fn flush(&self, timeout: Duration) -> bool {
        self.0.flush(timeout)
    }
}

struct Recorded {
    span: TransactionOrSpan,
    around: Option<TransactionOrSpan>,
}

impl Recorded {
    fn start(name: &str) -> Self {
        let around = sentry::configure_scope(|scope| scope.get_span());
        let span: TransactionOrSpan = match &around {
            Some(around) => around.start_child("function", name).into(),
            None => sentry::start_transaction(TransactionContext::new(name, "function")).into(),
        };
        sentry::configure_scope(|scope| scope.set_span(Some(span.clone())));
        Self { span, around }
    }

    fn set(&self, key: &str, value: Value) {
        if let TransactionOrSpan::Span(span) = &self.span {
            span.set_data(key, value);
        }
    }

    fn finish(self, status: SpanStatus) {
        sentry::configure_scope(|scope| scope.set_span(self.around));
        self.span.set_status(status);
        self.span.finish();
    }
}

fn add(a: i64, b: i64) -> i64 {
    let recorded = Recorded::start("add");
    recorded.set("a", a.into());
    recorded.set("b", b.into());
    let sum = a.wrapping_add(b);
    recorded.set("return", sum.into());
    recorded.finish(SpanStatus::Ok);
    sum
}

async fn tool(query: &str) -> Result<String, NotFound> {
    let recorded = Recorded::start("tool");
    recorded.set("query", query.into());
    let found = search(query);
    let status = match &found {
        Ok(found) => {
            recorded.set("return", found.clone().into());
            SpanStatus::Ok
        }
        Err(_) => SpanStatus::NotFound,
    };
    recorded.finish(status);
    found
}

async fn tiny(x: u64) -> u64 {
    let recorded = Recorded::start("tiny");
    recorded.set("x", x.into());
    let result = x.wrapping_mul(3);
    recorded.set("return", result.into());
    recorded.finish(SpanStatus::Ok);
    result
}

struct Sentry {
    _guard: ClientInitGuard,
    arrivals: Arrivals,
}

pub(super) fn set_up(exporter: Exporter, _: usize) -> Box<dyn Running> {
    let arrivals = Arrivals::default();
    let counting = Counting {
        arrivals: arrivals.clone(),
        exporter,
    };
    let options = ClientOptions::default()
        .dsn("http://key@127.0.0.1:9/1")
        .traces_sample_rate(1.0);
    let options = match exporter {
        Exporter::Instant => options.transport(Arc::new(counting)),
        Exporter::Slow => options.transport(Threaded(counting)),
    };
    Box::new(Sentry {
        _guard: sentry::init(options),
        arrivals,
    })
}

impl Running for Sentry {
    fn run(&self, what: What, calls: usize) {
        let mut left = calls;
        while left > 0 {
            let now = left.min(IN_A_TRANSACTION);
            // A thread of its own would get a hub of its own; here as there the scope is the thread's.
            let root = sentry::start_transaction(TransactionContext::new("root", "agent"));
            sentry::configure_scope(|scope| scope.set_span(Some(root.clone().into())));
            drive(what, now, add, tool, tiny);
            sentry::configure_scope(|scope| scope.set_span(None));
            root.finish();
            left -= now;
        }
    }

    fn settle(&self) {
        if let Some(client) = sentry::Hub::current().client() {
            client.flush(Some(Duration::from_secs(60)));
        }
    }

    fn arrived(&self) -> Option<u64> {
        Some(self.arrivals.count())
    }
}
