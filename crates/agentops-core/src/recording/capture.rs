//! How a value becomes JSON, chosen by its type.
//!
//! `(&&&&&&&Arg(&value)).cap(cut)` picks the first rung whose bounds the type meets, because a method call prefers
//! the receiver with the most references. So no bound is ever asked of the user's types:
//!
//! ```text
//! 6 plain values    Serialize that runs no code of the user: no shield needed
//! 5 locks + Debug   Debug only tries the lock; serde takes it, and a caller that holds the guard would hang
//! 4 locks           type name
//! 3 Serialize+Debug JSON, and Debug if the Serialize fails at run time (a map with tuple keys)
//! 2 Serialize       JSON
//! 1 Debug           text
//! 0 anything        type name
//! ```
//!
//! A generic parameter without bounds is "anything": the rung is chosen where the function is written.

use std::any::type_name;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::rc::Rc;
use std::sync::{Arc, Mutex, RwLock};

use serde::Serialize;

use super::cut::Cut;

/// A value to be captured.
#[derive(Debug)]
pub struct Arg<'a, T: ?Sized>(pub &'a T);

/// Types whose `Serialize` runs no code but that of the standard library and serde.
pub trait Plain: Serialize {
    /// Writes the value: what is common without serde, whose JSON looks at one byte after the other.
    #[inline]
    fn write(&self, cut: &mut Cut<'_>) {
        cut.plain(self);
    }
}

macro_rules! plain {
    ($($name:ty),*) => { $(impl Plain for $name {})* };
}
plain!(f32, f64, char, ());

macro_rules! integers {
    ($($name:ty),*) => {$(
        impl Plain for $name {
            #[inline]
            fn write(&self, cut: &mut Cut<'_>) {
                cut.integer(*self);
            }
        }
    )*};
}
integers!(
    u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize
);

impl Plain for bool {
    #[inline]
    fn write(&self, cut: &mut Cut<'_>) {
        cut.raw(if *self { "true" } else { "false" });
    }
}
impl Plain for str {
    #[inline]
    fn write(&self, cut: &mut Cut<'_>) {
        cut.plain_text(self);
    }
}
impl Plain for String {
    #[inline]
    fn write(&self, cut: &mut Cut<'_>) {
        cut.plain_text(self);
    }
}
impl<T: Plain + ?Sized> Plain for &T {
    #[inline]
    fn write(&self, cut: &mut Cut<'_>) {
        (**self).write(cut);
    }
}
impl<T: Plain + ?Sized> Plain for &mut T {
    #[inline]
    fn write(&self, cut: &mut Cut<'_>) {
        (**self).write(cut);
    }
}
impl<T: Plain> Plain for Option<T> {
    #[inline]
    fn write(&self, cut: &mut Cut<'_>) {
        match self {
            Some(value) => value.write(cut),
            None => cut.raw("null"),
        }
    }
}
impl<T: Plain> Plain for Vec<T> {}
impl<T: Plain> Plain for [T] {}

/// Types that are locks, or hold nothing but locks.
pub trait Lock {}
impl<T: ?Sized> Lock for Mutex<T> {}
impl<T: ?Sized> Lock for RwLock<T> {}
impl<T: Lock + ?Sized> Lock for &T {}
impl<T: Lock + ?Sized> Lock for &mut T {}
impl<T: Lock + ?Sized> Lock for Arc<T> {}
impl<T: Lock + ?Sized> Lock for Rc<T> {}
impl<T: Lock + ?Sized> Lock for Box<T> {}
impl<T: Lock> Lock for Option<T> {}
impl<T: Lock> Lock for Vec<T> {}
impl<T: Lock> Lock for [T] {}
impl<K, T: Lock, S> Lock for HashMap<K, T, S> {}
impl<K, T: Lock> Lock for BTreeMap<K, T> {}

/// Rung 6.
pub trait ArgPlain {
    /// Writes the value.
    fn cap(&self, cut: &mut Cut<'_>);
}
impl<T: Plain + ?Sized> ArgPlain for &&&&&&Arg<'_, T> {
    #[inline]
    fn cap(&self, cut: &mut Cut<'_>) {
        self.0.write(cut);
    }
}

/// Rung 5.
pub trait ArgLockDebug {
    /// Writes the value.
    fn cap(&self, cut: &mut Cut<'_>);
}
impl<T: Lock + Debug + ?Sized> ArgLockDebug for &&&&&Arg<'_, T> {
    fn cap(&self, cut: &mut Cut<'_>) {
        cut.debug(self.0);
    }
}

/// Rung 4.
pub trait ArgLock {
    /// Writes the value.
    fn cap(&self, cut: &mut Cut<'_>);
}
impl<T: Lock + ?Sized> ArgLock for &&&&Arg<'_, T> {
    fn cap(&self, cut: &mut Cut<'_>) {
        cut.text(type_name::<T>());
    }
}

/// Rung 3.
pub trait ArgSerializeDebug {
    /// Writes the value.
    fn cap(&self, cut: &mut Cut<'_>);
}
impl<T: Serialize + Debug + ?Sized> ArgSerializeDebug for &&&Arg<'_, T> {
    fn cap(&self, cut: &mut Cut<'_>) {
        cut.value_or_debug(self.0);
    }
}

/// Rung 2.
pub trait ArgSerialize {
    /// Writes the value.
    fn cap(&self, cut: &mut Cut<'_>);
}
impl<T: Serialize + ?Sized> ArgSerialize for &&Arg<'_, T> {
    fn cap(&self, cut: &mut Cut<'_>) {
        cut.value(self.0);
    }
}

/// Rung 1.
pub trait ArgDebug {
    /// Writes the value.
    fn cap(&self, cut: &mut Cut<'_>);
}
impl<T: Debug + ?Sized> ArgDebug for &Arg<'_, T> {
    fn cap(&self, cut: &mut Cut<'_>) {
        cut.debug(self.0);
    }
}

/// Rung 0.
pub trait ArgName {
    /// Writes the value.
    fn cap(&self, cut: &mut Cut<'_>);
}
impl<T: ?Sized> ArgName for Arg<'_, T> {
    fn cap(&self, cut: &mut Cut<'_>) {
        cut.text(type_name::<T>());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    macro_rules! captured {
        ($value:expr) => {{
            let mut out = Vec::new();
            (&&&&&&&Arg(&$value)).cap(&mut Cut::new(&mut out));
            serde_json::from_slice::<Value>(&out).expect("valid JSON")
        }};
    }

    struct Nothing;

    #[derive(Debug)]
    struct Shown(#[expect(dead_code, reason = "read by Debug")] u8);

    #[derive(Serialize)]
    struct Written {
        a: u8,
    }

    #[test]
    fn each_type_finds_its_rung() {
        assert_eq!(captured!(7), 7);
        assert_eq!(captured!("text"), "text");
        assert_eq!(captured!(&mut "\"a\\b\"\n".to_owned()), "\"a\\b\"\n");
        assert_eq!(captured!(Some(vec!["a"])), json!(["a"]));
        assert_eq!(captured!(Written { a: 1 }), json!({"a": 1}));
        assert_eq!(captured!(&&Written { a: 1 }), json!({"a": 1}));
        assert_eq!(captured!(Shown(3)), "Shown(3)");
        assert!(
            captured!(Nothing)
                .as_str()
                .expect("a name")
                .ends_with("Nothing")
        );
        assert_eq!(captured!(HashMap::from([((1, 2), 3)])), "{(1, 2): 3}");
    }

    #[test]
    fn a_lock_is_never_taken() {
        let lock = Arc::new(Mutex::new(5));
        let guard = lock.lock().expect("not poisoned");
        for shown in [captured!(lock), captured!(&*lock), captured!(vec![&lock])] {
            let shown = shown.as_str().expect("a text");
            assert!(
                shown.contains("Mutex {") && shown.contains("<locked>"),
                "{shown}"
            );
        }
        drop(guard);
        assert!(
            captured!(Mutex::new(Nothing))
                .as_str()
                .expect("a name")
                .contains("Mutex<")
        );
    }

    #[test]
    fn an_unbounded_parameter_gives_a_type_name() {
        fn name<T>(value: T) -> Value {
            captured!(value)
        }
        assert_eq!(name(5u8), "u8");
    }

    #[test]
    fn a_borrowed_cell_does_not_panic() {
        let cell = std::cell::RefCell::new(1);
        let _held = cell.borrow_mut();
        assert_eq!(captured!(cell), "RefCell { value: <borrowed> }");
    }
}
