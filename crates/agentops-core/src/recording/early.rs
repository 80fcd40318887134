//! What `?` does, for a body that leaves a labelled block early instead of its function.
//!
//! The traits behind `?` cannot be named; these say the same of every type of the standard library that has it.

use std::convert::Infallible;
use std::ops::ControlFlow;
use std::task::Poll;

/// A value that `?` can be written behind.
#[diagnostic::on_unimplemented(message = "`?` cannot be written behind a `{Self}`")]
pub trait Branch {
    /// What goes on.
    type Output;
    /// What leaves.
    type Rest;
    /// Either of the two.
    fn branch(self) -> ControlFlow<Self::Rest, Self::Output>;
}

/// A result that what leaves can become.
#[diagnostic::on_unimplemented(
    message = "`?` cannot leave a function that returns `{Self}` with `{R}`",
    label = "what this `?` would return is no `{Self}`"
)]
pub trait FromRest<R> {
    /// The result.
    fn from_rest(rest: R) -> Self;
}

impl<T, E> Branch for Result<T, E> {
    type Output = T;
    type Rest = Result<Infallible, E>;
    #[inline]
    fn branch(self) -> ControlFlow<Self::Rest, T> {
        match self {
            Ok(value) => ControlFlow::Continue(value),
            Err(error) => ControlFlow::Break(Err(error)),
        }
    }
}

impl<T, E, F: From<E>> FromRest<Result<Infallible, E>> for Result<T, F> {
    #[inline]
    fn from_rest(rest: Result<Infallible, E>) -> Self {
        match rest {
            Ok(never) => match never {},
            Err(error) => Err(F::from(error)),
        }
    }
}

impl<T> Branch for Option<T> {
    type Output = T;
    type Rest = Option<Infallible>;
    #[inline]
    fn branch(self) -> ControlFlow<Self::Rest, T> {
        self.map_or(ControlFlow::Break(None), ControlFlow::Continue)
    }
}

impl<T> FromRest<Option<Infallible>> for Option<T> {
    #[inline]
    fn from_rest(_: Option<Infallible>) -> Self {
        None
    }
}

impl<B, C> Branch for ControlFlow<B, C> {
    type Output = C;
    type Rest = ControlFlow<B, Infallible>;
    #[inline]
    fn branch(self) -> ControlFlow<Self::Rest, C> {
        match self {
            ControlFlow::Continue(value) => ControlFlow::Continue(value),
            ControlFlow::Break(value) => ControlFlow::Break(ControlFlow::Break(value)),
        }
    }
}

impl<B, C> FromRest<ControlFlow<B, Infallible>> for ControlFlow<B, C> {
    #[inline]
    fn from_rest(rest: ControlFlow<B, Infallible>) -> Self {
        match rest {
            ControlFlow::Continue(never) => match never {},
            ControlFlow::Break(value) => ControlFlow::Break(value),
        }
    }
}

impl<T, E> Branch for Poll<Result<T, E>> {
    type Output = Poll<T>;
    type Rest = Result<Infallible, E>;
    #[inline]
    fn branch(self) -> ControlFlow<Self::Rest, Poll<T>> {
        match self {
            Poll::Ready(Ok(value)) => ControlFlow::Continue(Poll::Ready(value)),
            Poll::Ready(Err(error)) => ControlFlow::Break(Err(error)),
            Poll::Pending => ControlFlow::Continue(Poll::Pending),
        }
    }
}

impl<T, E, F: From<E>> FromRest<Result<Infallible, E>> for Poll<Result<T, F>> {
    #[inline]
    fn from_rest(rest: Result<Infallible, E>) -> Self {
        Poll::Ready(Result::from_rest(rest))
    }
}

impl<T, E> Branch for Poll<Option<Result<T, E>>> {
    type Output = Poll<Option<T>>;
    type Rest = Result<Infallible, E>;
    #[inline]
    fn branch(self) -> ControlFlow<Self::Rest, Poll<Option<T>>> {
        match self {
            Poll::Ready(Some(Ok(value))) => ControlFlow::Continue(Poll::Ready(Some(value))),
            Poll::Ready(Some(Err(error))) => ControlFlow::Break(Err(error)),
            Poll::Ready(None) => ControlFlow::Continue(Poll::Ready(None)),
            Poll::Pending => ControlFlow::Continue(Poll::Pending),
        }
    }
}

impl<T, E, F: From<E>> FromRest<Result<Infallible, E>> for Poll<Option<Result<T, F>>> {
    #[inline]
    fn from_rest(rest: Result<Infallible, E>) -> Self {
        Poll::Ready(Some(Result::from_rest(rest)))
    }
}
