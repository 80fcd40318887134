//! Futures that are recorded from their call to their end, through every poll.
//!
//! A wrapper is `Send` when what it wraps is, polls nothing but that, and drops it inside the call's scope, before
//! the call is recorded as cancelled.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::call::Call;
use super::context::Nested;
use super::end::End;

pin_project! {
    /// The body of an `async fn`; `finish` sees its output and may replace it.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Recorded<F, G> {
        #[pin]
        future: Option<F>,
        finish: Option<G>,
        call: Option<Call>,
    }

    impl<F, G> PinnedDrop for Recorded<F, G> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            drop_inside(this.call.as_ref(), this.future);
        }
    }
}

impl<F: Future, G> Recorded<F, G> {
    /// Records `future` as `call`.
    #[inline]
    pub fn new<T>(call: Option<Call>, future: F, finish: G) -> Recorded<F, G>
    where
        G: FnOnce(F::Output, Option<Call>) -> T,
    {
        Recorded {
            future: Some(future),
            finish: Some(finish),
            call,
        }
    }
}

impl<F: Future, G, T> Future for Recorded<F, G>
where
    G: FnOnce(F::Output, Option<Call>) -> T,
{
    type Output = T;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        match poll_inside(this.call.as_mut(), this.future, context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(output) => {
                let finish = this.finish.take().expect("polled after it was ready");
                Poll::Ready(finish(output, this.call.take()))
            }
        }
    }
}

pin_project! {
    /// A future that a function returned; `look` sees its output.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Followed<F, P> {
        #[pin]
        future: Option<F>,
        look: P,
        call: Option<Call>,
    }

    impl<F, P> PinnedDrop for Followed<F, P> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            drop_inside(this.call.as_ref(), this.future);
        }
    }
}

impl<F, P> Followed<F, P> {
    pub(crate) fn new(call: Option<Call>, future: F, look: P) -> Followed<F, P> {
        Followed {
            future: Some(future),
            look,
            call,
        }
    }
}

impl<F: Future, P: FnMut(&F::Output, &mut End)> Future for Followed<F, P> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let output = std::task::ready!(poll_inside(this.call.as_mut(), this.future, context));
        if let Some(call) = this.call.take() {
            call.finish(|end| (this.look)(&output, end));
        }
        Poll::Ready(output)
    }
}

#[inline]
fn poll_inside<F: Future>(
    call: Option<&mut Call>,
    future: Pin<&mut Option<F>>,
    context: &mut Context<'_>,
) -> Poll<F::Output> {
    let future = future
        .as_pin_mut()
        .expect("the future is only taken by the destructor");
    match call {
        None => future.poll(context),
        Some(call) => call.within(|| future.poll(context)),
    }
}

fn drop_inside<F>(call: Option<&Call>, mut future: Pin<&mut Option<F>>) {
    let _nested = call.map(|call| Nested::enter(call.scope()));
    future.set(None);
}
