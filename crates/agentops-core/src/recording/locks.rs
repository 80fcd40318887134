//! Locks that serde would take.
//!
//! The `Serialize` of a lock waits for it, and whoever calls a recorded function may hold the guard: it would hang. By
//! itself such an argument is found by its trait; inside of a type that derives `Serialize` only the name of a field's
//! type is known, and only there can it be kept from being asked. What asks a lock itself (a `Serialize` written by
//! hand, `serde(transparent)` around one) is not seen.

/// How the names of locks begin that have a `Serialize`.
const LOCKS: &[&str] = &[
    "std::sync::poison::mutex::Mutex<",
    "std::sync::poison::rwlock::RwLock<",
    "std::sync::mutex::Mutex<",
    "std::sync::rwlock::RwLock<",
    "lock_api::mutex::Mutex<",
    "lock_api::rwlock::RwLock<",
    "lock_api::remutex::ReentrantMutex<",
];

/// What hands the call on to what it points to.
const POINTERS: &[&str] = &[
    "&mut ",
    "&",
    "alloc::boxed::Box<",
    "alloc::rc::Rc<",
    "alloc::sync::Arc<",
];

/// Whether a type of this name is a lock, or points to one.
#[inline]
pub(crate) fn is_lock(type_name: &str) -> bool {
    // A lock has a type inside of it: most fields are done with here.
    type_name.ends_with('>') && is_named_like_one(type_name)
}

fn is_named_like_one(type_name: &str) -> bool {
    let mut name = type_name;
    while let Some(inside) = POINTERS
        .iter()
        .find_map(|pointer| name.strip_prefix(pointer))
    {
        name = inside;
    }
    LOCKS.iter().any(|lock| name.starts_with(lock))
}

#[cfg(test)]
mod tests {
    use std::any::type_name;
    use std::collections::BTreeMap;
    use std::sync::{Mutex, RwLock};

    use serde::Serialize;
    use serde_json::{Value, json};

    use super::*;
    use crate::recording::capture::{Arg, ArgSerialize as _};
    use crate::recording::cut::Cut;

    #[derive(Serialize)]
    struct State {
        count: u8,
        lock: Mutex<u8>,
        shared: (u8, Box<RwLock<u8>>),
        named: BTreeMap<String, Option<Mutex<u8>>>,
    }

    #[test]
    fn a_lock_inside_of_a_type_that_is_serialized_is_not_taken() {
        let state = State {
            count: 1,
            lock: Mutex::new(2),
            shared: (7, Box::new(RwLock::new(3))),
            named: BTreeMap::from([("a".to_owned(), Some(Mutex::new(4)))]),
        };
        let held = state.lock.lock().expect("not poisoned");
        let written = state.shared.1.write().expect("not poisoned");
        let mut out = Vec::new();
        (&&Arg(&state)).cap(&mut Cut::new(&mut out));
        drop((held, written));
        let captured: Value = serde_json::from_slice(&out).expect("valid JSON");
        let mutex = type_name::<Mutex<u8>>();
        let expected = json!({
            "count": 1,
            "lock": mutex,
            "shared": [7, type_name::<Box<RwLock<u8>>>()],
            "named": {"a": mutex},
        });
        assert_eq!(captured, expected);
    }

    #[test]
    fn locks_are_known_by_name_and_nothing_else_is() {
        assert!(is_lock(type_name::<&std::sync::Arc<RwLock<()>>>()));
        assert!(is_lock(
            "&mut lock_api::mutex::Mutex<parking_lot::raw_mutex::RawMutex, u8>"
        ));
        assert!(
            !is_lock(type_name::<Option<Mutex<()>>>()),
            "asked again for what is inside"
        );
        assert!(!is_lock("my::Mutex<u8>") && !is_lock(type_name::<State>()));
    }
}
