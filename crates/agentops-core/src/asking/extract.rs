//! Finding the answer in a result by a function of the user's.
//!
//! The function is given what an answer is: the result, or each item of one that goes on. What is done with a result
//! is written once for both (see `follow`), so it is found by type where the function has nothing to look at.

use crate::recording::end::Heard;
use crate::recording::follow::{ByFuture, ByIter, ByStream, Follow, NoItem, Same};
use crate::recording::shield::shielded;

/// One of the two: a result, or what comes out of it.
#[derive(Debug)]
pub struct OneOf<'a, T: ?Sized>(pub &'a T);

/// It is an answer.
#[derive(Debug)]
pub struct Here;

/// It is none.
#[derive(Debug)]
pub struct Elsewhere;

impl Here {
    /// Tells what the function finds.
    pub fn extract<'a, T: ?Sized, R>(
        self,
        value: &'a T,
        heard: &mut Heard<'_>,
        find: impl FnOnce(&'a T) -> R,
        tell: impl FnOnce(&R, &mut Heard<'_>),
    ) {
        let Some(found) = shielded(|| find(value)) else {
            return heard.other(|cut| {
                cut.raw("{\"unserializable\":\"the function of `extract` panicked\"}");
            });
        };
        tell(&found, heard);
        // A destructor is code of the user, too.
        let _ = shielded(|| drop(found));
    }
}

impl Elsewhere {
    /// Tells nothing.
    pub fn extract<'a, T: ?Sized, U: ?Sized + 'a, R>(
        self,
        _: &T,
        _: &mut Heard<'_>,
        _: impl FnOnce(&'a U) -> R,
        _: impl FnOnce(&R, &mut Heard<'_>),
    ) {
    }
}

macro_rules! rungs {
    ($method:ident: $($rung:ident [$($refs:tt)*] $(<$marker:ty>)?;)*) => { $(
        #[doc = concat!("A rung of `", stringify!($method), "`.")]
        pub trait $rung {
            /// Whether the answer is here.
            fn $method(&self) -> Elsewhere;
        }
        rungs!(@ $method $rung [$($refs)*] $($marker)?);
    )* };
    (@ $method:ident $rung:ident [$($refs:tt)*] $marker:ty) => {
        impl<T: Follow<$marker>> $rung for $($refs)* OneOf<'_, T> {
            fn $method(&self) -> Elsewhere {
                Elsewhere
            }
        }
    };
}

rungs! { same:
    SameSame [&] <Same>;
}
rungs! { any:
    AnySame [&&&&] <Same>;
    AnyFuture [&&&] <ByFuture>;
    AnyStream [&&] <ByStream>;
    AnyIter [&] <ByIter>;
}

/// What comes out of a result that is whole.
pub trait InNothing {
    /// Whether the answer is here.
    fn same(&self) -> Elsewhere;
    /// Whether the answer is here.
    fn any(&self) -> Elsewhere;
}
impl InNothing for &&&&&OneOf<'_, NoItem> {
    fn same(&self) -> Elsewhere {
        Elsewhere
    }
    fn any(&self) -> Elsewhere {
        Elsewhere
    }
}

/// The last rung of `same`.
pub trait SamePlain {
    /// Whether the answer is here.
    fn same(&self) -> Here;
}
impl<T: ?Sized> SamePlain for OneOf<'_, T> {
    fn same(&self) -> Here {
        Here
    }
}

/// The last rung of `any`.
pub trait AnyPlain {
    /// Whether the answer is here.
    fn any(&self) -> Here;
}
impl<T: ?Sized> AnyPlain for OneOf<'_, T> {
    fn any(&self) -> Here {
        Here
    }
}
