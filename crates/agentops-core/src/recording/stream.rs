//! Streams and iterators that are recorded until they end.
//!
//! Their result is what happened: `{"items","time_to_first_item_us","complete"}`. The first item that is an `Err`
//! makes the call an error. A stream that is dropped before its end is cancelled, like a future; an iterator that
//! is dropped early has been used as iterators are (`find`, `take`), so it is ok and merely not complete.

use std::fmt;
use std::iter::FusedIterator;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use pin_project_lite::pin_project;

use super::call::Call;
use super::context::Nested;
use super::end::{End, Wants};
use super::{Outcome, clock};

/// What has come out so far.
#[derive(Debug)]
struct Progress {
    /// Taken when the end is known.
    call: Option<Call>,
    items: u64,
    first_at: Option<u64>,
    failed: Option<End>,
    /// What it means to be dropped before the end.
    early: Outcome,
}

impl Progress {
    fn new(mut call: Call, early: Outcome) -> Progress {
        call.goes_on();
        Progress {
            call: Some(call),
            items: 0,
            first_at: None,
            failed: None,
            early,
        }
    }

    fn call(&mut self) -> &mut Call {
        self.call.as_mut().expect("only the end takes the call")
    }

    fn item(&mut self, look: impl FnOnce(&mut End)) {
        self.items += 1;
        self.first_at.get_or_insert_with(clock::now);
        if self.failed.is_some() {
            return;
        }
        let wants = match self.call().wants() {
            Wants::Event => Wants::Error,
            wants => wants,
        };
        let mut end = End::new(wants);
        look(&mut end);
        self.call().item(&end);
        if end.outcome() == Outcome::Error {
            self.failed = Some(end);
        }
    }

    fn end(&mut self, complete: bool) {
        let Some(call) = self.call.take().filter(|call| !call.is_done()) else {
            return;
        };
        let first = self.first_at.map(|at| at.saturating_sub(call.at()) / 1000);
        let first = first.map_or_else(|| "null".to_owned(), |us| us.to_string());
        let mut end = self.failed.take().unwrap_or_else(|| End::new(Wants::Error));
        let fields = format!(
            "\"returns\":{{\"items\":{},\"time_to_first_item_us\":{first},\"complete\":{complete}}}",
            self.items
        );
        end.set_fields(fields.into_bytes());
        if !complete && end.outcome() == Outcome::Ok {
            end.set_outcome(self.early);
            if self.early == Outcome::Cancelled {
                end.set_reason("cancelled".to_owned());
            }
        }
        call.close(clock::now(), end);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end(false);
    }
}

pin_project! {
    /// A stream that a function returned.
    #[must_use = "streams do nothing unless polled"]
    pub struct RecordedStream<S, P> {
        #[pin]
        stream: Option<S>,
        look: P,
        progress: Option<Progress>,
    }

    impl<S, P> PinnedDrop for RecordedStream<S, P> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let call = this.progress.as_ref().and_then(|progress| progress.call.as_ref());
            let _nested = call.map(|call| Nested::enter(call.scope()));
            this.stream.set(None);
        }
    }
}

impl<S, P> RecordedStream<S, P> {
    pub(crate) fn new(call: Option<Call>, stream: S, look: P) -> RecordedStream<S, P> {
        let progress = call.map(|call| Progress::new(call, Outcome::Cancelled));
        RecordedStream {
            stream: Some(stream),
            look,
            progress,
        }
    }
}

impl<S: Stream, P: FnMut(&S::Item, &mut End)> Stream for RecordedStream<S, P> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let stream = this
            .stream
            .as_pin_mut()
            .expect("the stream is only taken by the destructor");
        let Some(progress) = this.progress else {
            return stream.poll_next(context);
        };
        let polled = progress.call().within(|| stream.poll_next(context));
        match &polled {
            Poll::Ready(Some(item)) => progress.item(|end| (this.look)(item, end)),
            Poll::Ready(None) => {
                progress.end(true);
                *this.progress = None;
            }
            Poll::Pending => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S: fmt::Debug, P> fmt::Debug for RecordedStream<S, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.stream.fmt(f)
    }
}

/// An iterator that a function returned.
#[must_use = "iterators do nothing unless consumed"]
pub struct RecordedIter<I, P> {
    inner: I,
    look: P,
    progress: Option<Progress>,
}

impl<I, P> RecordedIter<I, P> {
    pub(crate) fn new(call: Option<Call>, inner: I, look: P) -> RecordedIter<I, P> {
        RecordedIter {
            inner,
            look,
            progress: call.map(|call| Progress::new(call, Outcome::Ok)),
        }
    }

    #[inline]
    fn step<T>(&mut self, next: impl FnOnce(&mut I) -> Option<T>) -> Option<T>
    where
        P: FnMut(&T, &mut End),
    {
        let Some(progress) = &mut self.progress else {
            return next(&mut self.inner);
        };
        let inner = &mut self.inner;
        let item = progress.call().within(|| next(inner));
        match &item {
            Some(item) => progress.item(|end| (self.look)(item, end)),
            None => {
                progress.end(true);
                self.progress = None;
            }
        }
        item
    }
}

impl<I: Iterator, P: FnMut(&I::Item, &mut End)> Iterator for RecordedIter<I, P> {
    type Item = I::Item;

    #[inline]
    fn next(&mut self) -> Option<I::Item> {
        self.step(I::next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl<I: DoubleEndedIterator, P: FnMut(&I::Item, &mut End)> DoubleEndedIterator
    for RecordedIter<I, P>
{
    #[inline]
    fn next_back(&mut self) -> Option<I::Item> {
        self.step(I::next_back)
    }
}

impl<I: ExactSizeIterator, P: FnMut(&I::Item, &mut End)> ExactSizeIterator for RecordedIter<I, P> {
    fn len(&self) -> usize {
        self.inner.len()
    }
}

impl<I: FusedIterator, P: FnMut(&I::Item, &mut End)> FusedIterator for RecordedIter<I, P> {}

/// A copy iterates on its own and is not recorded: the call is the original's.
impl<I: Clone, P: Clone> Clone for RecordedIter<I, P> {
    fn clone(&self) -> Self {
        RecordedIter {
            inner: self.inner.clone(),
            look: self.look.clone(),
            progress: None,
        }
    }
}

impl<I: fmt::Debug, P> fmt::Debug for RecordedIter<I, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
