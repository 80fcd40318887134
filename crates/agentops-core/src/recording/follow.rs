//! Which results are recorded to their end, found by type.
//!
//! `(&&&&Tag::of(&result)).same()` picks what is done with a result whose type may not change; `any()` what is done
//! with an `impl Trait` whose bounds the wrappers forward. A boxed future, stream or iterator is wrapped and boxed
//! again, so its type stays, also inside `Result` and `Option`. Everything else is recorded when it is returned.
//!
//! ```text
//! same  Result<boxed,_>  Option<boxed>  boxed                                                          else as it is
//! any   the same, then   Future Stream Iterator   Result<those,_>   Option<those>                      else as it is
//! ```

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;

use futures_core::Stream;

use super::call::Call;
use super::end::End;
use super::future::Followed;
use super::stream::{RecordedIter, RecordedStream};

/// The type of a result.
#[derive(Debug)]
pub struct Tag<T>(PhantomData<fn() -> T>);

impl<T> Tag<T> {
    /// The type of this result.
    #[inline]
    pub fn of(_: &T) -> Tag<T> {
        Tag(PhantomData)
    }
}

/// Wrapped so that the type stays.
#[derive(Debug)]
pub enum Same {}
/// Wrapped as a future.
#[derive(Debug)]
pub enum ByFuture {}
/// Wrapped as a stream.
#[derive(Debug)]
pub enum ByStream {}
/// Wrapped as an iterator.
#[derive(Debug)]
pub enum ByIter {}

/// A result that goes on after it was returned.
pub trait Follow<M>: Sized {
    /// What comes out of it.
    type Item;
    /// The result, recorded.
    type Output<P>;
    /// Records the result to its end.
    fn follow<P>(self, call: Option<Call>, look: P) -> Self::Output<P>
    where
        P: FnMut(&Self::Item, &mut End) + Send + Sync + 'static;
}

impl<F: Future> Follow<ByFuture> for F {
    type Item = F::Output;
    type Output<P> = Followed<F, P>;
    #[inline]
    fn follow<P>(self, call: Option<Call>, look: P) -> Followed<F, P> {
        Followed::new(call, self, look)
    }
}

impl<S: Stream> Follow<ByStream> for S {
    type Item = S::Item;
    type Output<P> = RecordedStream<S, P>;
    #[inline]
    fn follow<P>(self, call: Option<Call>, look: P) -> RecordedStream<S, P> {
        RecordedStream::new(call, self, look)
    }
}

impl<I: Iterator> Follow<ByIter> for I {
    type Item = I::Item;
    type Output<P> = RecordedIter<I, P>;
    #[inline]
    fn follow<P>(self, call: Option<Call>, look: P) -> RecordedIter<I, P> {
        RecordedIter::new(call, self, look)
    }
}

macro_rules! boxed {
    ($($object:ty, $wrap:path, $pack:path;)*) => { $(
        impl<'a, T: 'a> Follow<Same> for $object {
            type Item = T;
            type Output<P> = Self;
            fn follow<P>(self, call: Option<Call>, look: P) -> Self
            where
                P: FnMut(&T, &mut End) + Send + Sync + 'static,
            {
                match call {
                    Some(call) => $pack($wrap(Some(call), self, look)),
                    None => self,
                }
            }
        }
    )* };
}
boxed! {
    Pin<Box<dyn Future<Output = T> + 'a>>, Followed::new, Box::pin;
    Pin<Box<dyn Future<Output = T> + Send + 'a>>, Followed::new, Box::pin;
    Pin<Box<dyn Future<Output = T> + Send + Sync + 'a>>, Followed::new, Box::pin;
    Pin<Box<dyn Stream<Item = T> + 'a>>, RecordedStream::new, Box::pin;
    Pin<Box<dyn Stream<Item = T> + Send + 'a>>, RecordedStream::new, Box::pin;
    Pin<Box<dyn Stream<Item = T> + Send + Sync + 'a>>, RecordedStream::new, Box::pin;
    Box<dyn Iterator<Item = T> + 'a>, RecordedIter::new, Box::new;
    Box<dyn Iterator<Item = T> + Send + 'a>, RecordedIter::new, Box::new;
    Box<dyn Iterator<Item = T> + Send + Sync + 'a>, RecordedIter::new, Box::new;
}

/// Recorded when it is returned.
#[derive(Debug)]
pub struct AsIs;
/// Recorded to its end.
#[derive(Debug)]
pub struct Whole<M>(PhantomData<M>);
/// Recorded to its end if it is `Ok`.
#[derive(Debug)]
pub struct InOk<M>(PhantomData<M>);
/// Recorded to its end if it is `Some`.
#[derive(Debug)]
pub struct InSome<M>(PhantomData<M>);

/// What comes out of a result that is recorded when it is returned: nothing.
#[derive(Debug)]
pub enum NoItem {}

impl AsIs {
    /// Ends the call by the result.
    #[inline]
    pub fn finish<T, W, P>(self, result: T, call: Option<Call>, whole: W, _: P) -> T
    where
        W: FnOnce(&T, &mut End),
        P: FnMut(&NoItem, &mut End),
    {
        if let Some(call) = call {
            call.finish(|end| whole(&result, end));
        }
        result
    }
}

impl<M> Whole<M> {
    /// Hands the call on to the result.
    #[inline]
    pub fn finish<S, W, P>(self, result: S, call: Option<Call>, _: W, item: P) -> S::Output<P>
    where
        S: Follow<M>,
        W: FnOnce(&S, &mut End),
        P: FnMut(&S::Item, &mut End) + Send + Sync + 'static,
    {
        result.follow(call, item)
    }
}

impl<M> InOk<M> {
    /// Hands the call on to the result, or ends it by the error.
    #[inline]
    pub fn finish<S, E, W, P>(
        self,
        result: Result<S, E>,
        call: Option<Call>,
        whole: W,
        item: P,
    ) -> Result<S::Output<P>, E>
    where
        S: Follow<M>,
        W: FnOnce(&Result<S, E>, &mut End),
        P: FnMut(&S::Item, &mut End) + Send + Sync + 'static,
    {
        if result.is_err()
            && let Some(call) = call
        {
            call.finish(|end| whole(&result, end));
            return result.map(|value| value.follow(None, item));
        }
        result.map(|value| value.follow(call, item))
    }
}

impl<M> InSome<M> {
    /// Hands the call on to the result, or ends it by there being none.
    #[inline]
    pub fn finish<S, W, P>(
        self,
        result: Option<S>,
        call: Option<Call>,
        _: W,
        item: P,
    ) -> Option<S::Output<P>>
    where
        S: Follow<M>,
        W: FnOnce(&Option<S>, &mut End),
        P: FnMut(&S::Item, &mut End) + Send + Sync + 'static,
    {
        if result.is_none()
            && let Some(call) = call
        {
            call.finish(|_| {});
            return None;
        }
        result.map(|value| value.follow(call, item))
    }
}

macro_rules! rungs {
    ($method:ident: $($rung:ident [$($refs:tt)*] <$($generic:ident),*> $result:ty where $follow:ty: $marker:ty => $kind:ident;)*) => { $(
        #[doc = concat!("A rung of `", stringify!($method), "`.")]
        pub trait $rung {
            /// What is done with the result.
            fn $method(&self) -> $kind<$marker>;
        }
        impl<$($generic),*> $rung for $($refs)* Tag<$result>
        where
            $follow: Follow<$marker>,
        {
            #[inline]
            fn $method(&self) -> $kind<$marker> {
                $kind(PhantomData)
            }
        }
    )* };
}

rungs! { same:
    SameInOk [&&&] <S, E> Result<S, E> where S: Same => InOk;
    SameInSome [&&] <S> Option<S> where S: Same => InSome;
    SameWhole [&] <S> S where S: Same => Whole;
}
/// The last rung of `same`.
pub trait SameAsIs {
    /// What is done with the result.
    fn same(&self) -> AsIs;
}
impl<T> SameAsIs for Tag<T> {
    #[inline]
    fn same(&self) -> AsIs {
        AsIs
    }
}

rungs! { any:
    AnySameInOk [&&&&&&&&&&&&] <S, E> Result<S, E> where S: Same => InOk;
    AnySameInSome [&&&&&&&&&&&] <S> Option<S> where S: Same => InSome;
    AnySame [&&&&&&&&&&] <S> S where S: Same => Whole;
    AnyFuture [&&&&&&&&&] <S> S where S: ByFuture => Whole;
    AnyStream [&&&&&&&&] <S> S where S: ByStream => Whole;
    AnyIter [&&&&&&&] <S> S where S: ByIter => Whole;
    AnyFutureInOk [&&&&&&] <S, E> Result<S, E> where S: ByFuture => InOk;
    AnyStreamInOk [&&&&&] <S, E> Result<S, E> where S: ByStream => InOk;
    AnyIterInOk [&&&&] <S, E> Result<S, E> where S: ByIter => InOk;
    AnyFutureInSome [&&&] <S> Option<S> where S: ByFuture => InSome;
    AnyStreamInSome [&&] <S> Option<S> where S: ByStream => InSome;
    AnyIterInSome [&] <S> Option<S> where S: ByIter => InSome;
}
/// The last rung of `any`.
pub trait AnyAsIs {
    /// What is done with the result.
    fn any(&self) -> AsIs;
}
impl<T> AnyAsIs for Tag<T> {
    #[inline]
    fn any(&self) -> AsIs {
        AsIs
    }
}

/// Says what comes out of a result whose body may have left that open.
#[inline(always)]
pub fn known<R, K: Known<R>>(_: &R, _: K) {}

/// What is known of a result.
pub trait Known<R> {}

macro_rules! known {
    ($($name:ident: $result:ident, $bound:path, $what:literal;)*) => { $(
        #[doc = concat!("The type of what comes out of ", $what, ".")]
        #[derive(Debug)]
        pub struct $name<T>(PhantomData<fn() -> T>);
        impl<T> $name<T> {
            /// This type.
            #[inline(always)]
            #[expect(clippy::new_without_default, reason = "only macros make one")]
            pub fn new() -> $name<T> {
                $name(PhantomData)
            }
        }
        impl<T, $result: $bound> Known<$result> for $name<T> {}
    )* };
}
known! {
    FutureOf: F, Future<Output = T>, "a future";
    StreamOf: S, Stream<Item = T>, "a stream";
    IterOf: I, Iterator<Item = T>, "an iterator";
}

/// The same, of what is inside of a `Result` or an `Option`.
#[derive(Debug)]
pub struct Inside<K>(pub K);
impl<S, E, K: Known<S>> Known<Result<S, E>> for Inside<K> {}
impl<S, K: Known<S>> Known<Option<S>> for Inside<K> {}
