//! The layer: from the life of a span to the life of a call.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use agentops_core::observe::{Failure, Observed, Place, Source, What, is_off};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::Filtered;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

use crate::answer::{self, Sure};
use crate::entered::{self, Key};
use crate::fields::Fields;
use crate::filter::{Interesting, Wanted, tells_of_error};
use crate::shape::{self, Shape};

/// What [`layer`] makes: a [`Recorder`] behind its own filter.
pub type Layer<S> = Filtered<Recorder, Interesting, S>;

/// The layer that records LLM calls, tool calls and agents from spans.
///
/// It belongs on a registry, beside whatever else is there, once:
///
/// ```
/// use agentops_core::{Usage, testing};
/// use tracing_subscriber::prelude::*;
///
/// let subscriber = tracing_subscriber::registry().with(agentops_tracing::layer());
/// let seen = testing::capture(|_| {
///     tracing::subscriber::with_default(subscriber, || {
///         // What a library does:
///         let span = tracing::info_span!(
///             "chat",
///             gen_ai.operation.name = "chat",
///             gen_ai.request.model = "gpt-4",
///             gen_ai.usage.input_tokens = tracing::field::Empty,
///             gen_ai.usage.output_tokens = tracing::field::Empty,
///         );
///         span.record("gen_ai.usage.input_tokens", 150);
///         span.record("gen_ai.usage.output_tokens", 80);
///     });
/// });
/// assert_eq!(seen.events("llms")[0]["model"], "gpt-4");
/// assert_eq!(seen.export["stats"]["cost"], "0.00930");
/// ```
#[must_use]
pub fn layer<S>() -> Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    let recorder = Recorder {
        number: NUMBER.fetch_add(1, Ordering::Relaxed),
        wanted: None,
    };
    Filtered::new(recorder, Interesting::default())
}

/// What can be said about the layer.
pub trait LayerExt: Sized {
    /// Records further spans, as actions with their fields as arguments: those of which the filter says so. It is
    /// asked by metadata alone, and may be asked again for one callsite.
    ///
    /// ```
    /// use agentops_tracing::LayerExt as _;
    /// use tracing_subscriber::prelude::*;
    ///
    /// let layer = agentops_tracing::layer().record_spans(|span| span.target().starts_with("my_app::jobs"));
    /// # let guard =
    /// tracing_subscriber::registry().with(layer)
    /// # .set_default(); drop(guard);
    /// # /*
    ///     .init();
    /// # */
    /// ```
    #[must_use]
    fn record_spans(self, filter: impl Fn(&Metadata<'_>) -> bool + Send + Sync + 'static) -> Self;
}

impl<S> LayerExt for Layer<S> {
    fn record_spans(
        mut self,
        filter: impl Fn(&Metadata<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        let wanted: Wanted = Arc::new(filter);
        self.filter_mut().want(Arc::clone(&wanted));
        self.inner_mut().wanted = Some(wanted);
        self
    }
}

/// Turns spans into calls. Made by [`layer`], with the filter that it needs.
pub struct Recorder {
    /// Tells this layer's spans from those of another one.
    number: usize,
    wanted: Option<Wanted>,
}

impl std::fmt::Debug for Recorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

/// A span that is recorded, as it lies among the span's extensions.
struct Recorded {
    layer: usize,
    shape: Shape,
    observed: Observed,
    fields: Fields,
    /// An error that an event inside has told of.
    failure: Option<Failure>,
}

impl Recorder {
    fn shape(&self, metadata: &Metadata<'_>, fields: &Fields) -> Option<Shape> {
        let wanted = self.wanted.as_ref();
        shape::of_span(metadata, fields).or_else(|| {
            wanted
                .is_some_and(|wanted| wanted(metadata))
                .then_some(Shape::Step)
        })
    }

    fn key(&self, id: &Id) -> Key {
        Key {
            layer: self.number,
            span: id.into_u64(),
        }
    }

    /// Where a span that begins now belongs: to an explicit parent that is recorded, else to what runs here.
    fn place<S>(&self, attributes: &Attributes<'_>, context: &Context<'_, S>) -> Option<Place>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let here = context.current_span();
        // `parent: Span::current()` says what is so anyway, and knows nothing of calls that are no spans.
        let explicit = attributes
            .parent()
            .filter(|parent| here.id() != Some(parent));
        let mut ancestors = explicit
            .and_then(|parent| context.span_scope(parent))
            .into_iter()
            .flatten();
        let inherited = ancestors.find_map(|span| {
            let extensions = span.extensions();
            extensions
                .get::<Recorded>()
                .map(|recorded| recorded.observed.place())
        });
        inherited.or_else(Place::current)
    }
}

impl<S> tracing_subscriber::Layer<S> for Recorder
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if is_off() {
            return;
        }
        let Some(span) = context.span(id) else { return };
        // A second layer of ours on one registry: the first one has it.
        if span.extensions().get::<Recorded>().is_some() {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let metadata = attributes.metadata();
        let Some(shape) = self.shape(metadata, &fields) else {
            return;
        };
        let Some(mut place) = self.place(attributes, &context) else {
            return;
        };
        if let Some(agent) = answer::agent(shape, metadata, &fields) {
            place = place.acting(agent);
        }
        let what = match shape {
            Shape::Llm => What::Llm,
            Shape::Tool => What::Tool,
            Shape::Agent | Shape::Step => What::Action,
        };
        let observed = Observed::open(what, Source::Span, place, "", |facts| {
            answer::tell(shape, metadata, &fields, facts);
        });
        span.extensions_mut().replace(Recorded {
            layer: self.number,
            shape,
            observed,
            fields,
            failure: None,
        });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        if span
            .extensions()
            .get::<Recorded>()
            .is_none_or(|recorded| recorded.layer != self.number)
        {
            return;
        }
        // Code of the user runs here, and no lock of the span may be held: it may come back to this very span.
        let mut fields = Fields::default();
        values.record(&mut fields);
        if let Some(recorded) = span.extensions_mut().get_mut::<Recorded>() {
            recorded.fields.extend(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(span) = context.event_span(event) else {
            return;
        };
        let is_ours = |recorded: &Recorded| recorded.layer == self.number;
        if !span.extensions().get::<Recorded>().is_some_and(is_ours) {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        if let Some(recorded) = span.extensions_mut().get_mut::<Recorded>() {
            if tells_of_error(event.metadata()) {
                recorded.failure = answer::failure_of_event(&fields);
            } else {
                recorded.fields.extend(fields);
            }
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let place = match span.extensions().get::<Recorded>() {
            Some(recorded) if recorded.layer == self.number => recorded.observed.place(),
            _ => return,
        };
        entered::enter(self.key(id), place);
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        entered::leave(self.key(id));
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else {
            return;
        };
        let taken = {
            let mut extensions = span.extensions_mut();
            match extensions.get_mut::<Recorded>() {
                Some(recorded) if recorded.layer == self.number => extensions.remove::<Recorded>(),
                _ => None,
            }
        };
        let Some(recorded) = taken else { return };
        recorded.close(span.metadata());
    }
}

impl Recorded {
    fn close(self, metadata: &'static Metadata<'static>) {
        let Recorded {
            shape,
            mut observed,
            fields,
            failure,
            ..
        } = self;
        observed.learn(|facts| answer::tell(shape, metadata, &fields, facts));
        if std::thread::panicking() {
            // Dropped, it knows whether the panic began inside of it.
            return;
        }
        match answer::ending(shape, metadata, &fields, failure) {
            (ending, Sure::Yes) => observed.end(ending),
            (ending, Sure::No) => observed.end_unsure(ending),
        }
    }
}
