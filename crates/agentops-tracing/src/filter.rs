//! Which spans and events reach the layer: by its own filter, so that nobody else is disturbed.

use std::fmt;
use std::sync::Arc;

use agentops_core::observe::is_off;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};
use tracing_subscriber::layer::{Context, Filter};

use crate::shape;

/// Fields by which an event tells of an error.
pub(crate) const ERROR_FIELDS: &[&str] = &["error", "err", "exception.message", "exception"];

/// Says of a span whether it is to be recorded.
pub(crate) type Wanted = Arc<dyn Fn(&Metadata<'_>) -> bool + Send + Sync>;

/// The filter of [`Layer`](crate::Layer): spans of LLM libraries, events that tell of their errors, and what
/// [`LayerExt::record_spans`](crate::LayerExt::record_spans) names. While no session records, nothing.
#[derive(Clone, Default)]
pub struct Interesting {
    wanted: Option<Wanted>,
}

impl Interesting {
    pub(crate) fn want(&mut self, wanted: Wanted) {
        self.wanted = Some(wanted);
    }

    fn takes(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.is_event() {
            return tells_of_error(metadata) || tells_of_call(metadata);
        }
        let wanted = self.wanted.as_ref();
        shape::is_possible(metadata) || wanted.is_some_and(|wanted| wanted(metadata))
    }
}

/// Whether an event has an error as field.
pub(crate) fn tells_of_error(metadata: &Metadata<'_>) -> bool {
    let fields = metadata.fields();
    // The most important level is the least.
    *metadata.level() <= Level::WARN && ERROR_FIELDS.iter().any(|name| fields.field(name).is_some())
}

/// Whether an event says what swiftide's spans leave out.
pub(crate) fn tells_of_call(metadata: &Metadata<'_>) -> bool {
    let mut fields = metadata.fields().iter();
    fields.any(|field| field.name().starts_with("langfuse."))
}

impl<S> Filter<S> for Interesting {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        !is_off() && self.takes(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        // Sessions come and go, so what is wanted is asked for again each time; what is not is never asked for.
        if self.takes(metadata) {
            Interest::sometimes()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }
}

impl fmt::Debug for Interesting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interesting")
            .field("record_spans", &self.wanted.is_some())
            .finish()
    }
}
