//! What the attribute macros may call, and nobody else: no promise is made about any of it.

/// The interface of this version's macros; macros and runtime are released together.
pub mod v1 {
    pub use crate::agent::Acts;
    pub use crate::asking::{OneOf, Question, Said, ask};
    pub use crate::ending::main::{Options, session, session_main, session_main_never};
    pub use crate::recording::call::{
        Call, Params, Site, Target, act, run, run_any, start, start_in,
    };
    pub use crate::recording::capture::Arg;
    pub use crate::recording::cut::Cut;
    pub use crate::recording::early::{Branch, FromRest};
    pub use crate::recording::end::{End, Exit, Heard, Never, Out, Split};
    pub use crate::recording::fault::Fault;
    pub use crate::recording::follow::{FutureOf, Inside, IterOf, StreamOf, Tag, known};
    pub use crate::recording::future::Recorded;
    pub use crate::recording::guard::{Guard, guard, leave};

    /// The ladder of [`Arg`].
    pub mod arg {
        pub use crate::recording::capture::{
            ArgDebug, ArgLock, ArgLockDebug, ArgName, ArgPlain, ArgSerialize, ArgSerializeDebug,
        };
    }

    /// The ladder of [`Said`].
    pub mod answer {
        pub use crate::asking::{SaidEvent, SaidOther, SaidText, SaidValue};
    }

    /// The ladders of [`OneOf`].
    pub mod one_of {
        pub use crate::asking::{
            AnyFuture, AnyIter, AnyPlain, AnySame, AnyStream, InNothing, SamePlain, SameSame,
        };
    }

    /// The ladders of [`Out`], [`Exit`] and [`Fault`].
    pub mod out {
        pub use crate::recording::end::{ExitAnyhow, ExitByCode, OutResult, OutValue};
        pub use crate::recording::fault::{
            FaultDebug, FaultDeref, FaultDisplay, FaultError, FaultName,
        };
    }

    /// The ladders of [`Tag`].
    pub mod tag {
        pub use crate::recording::follow::{
            AnyAsIs, AnyFuture, AnyFutureInOk, AnyFutureInSome, AnyIter, AnyIterInOk,
            AnyIterInSome, AnySame, AnySameInOk, AnySameInSome, AnyStream, AnyStreamInOk,
            AnyStreamInSome, SameAsIs, SameInOk, SameInSome, SameWhole,
        };
    }

    /// A value of any type, where none is ever made: it tells the compiler what a body returns.
    pub fn fake<T>() -> T {
        unreachable!("this call stands behind `if false`")
    }

    /// What an expression looked at may be named as if nothing looked at it, when all of it stands left of `= ()`.
    #[inline(always)]
    pub fn seen<T>(_: T) -> Seen {
        Seen(())
    }

    /// Takes a unit.
    #[derive(Debug)]
    pub struct Seen(());

    impl std::ops::Deref for Seen {
        type Target = ();
        #[inline(always)]
        fn deref(&self) -> &() {
            &self.0
        }
    }

    impl std::ops::DerefMut for Seen {
        #[inline(always)]
        fn deref_mut(&mut self) -> &mut () {
            &mut self.0
        }
    }

    /// Where a body that never returns would have returned.
    pub fn never() -> ! {
        unreachable!("the body before this never returns")
    }
}

use crate::agent::Acts;
use crate::recording::call::Target;
use crate::session::Session;

impl Target {
    /// The session that the call belongs to.
    pub fn session(&mut self, session: &Session) {
        self.session = Some(session.own_scope().session);
    }

    /// The agent that acts, or its name.
    pub fn agent(&mut self, agent: &(impl Acts + ?Sized)) {
        agent.act(self);
    }
}
