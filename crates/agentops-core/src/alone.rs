//! A process of its own for a test that reads the buffers itself. They belong to the process, and
//! so does the worker that empties them as soon as a neighbour has opened a session: the two would
//! take each other's records, and share the limits and the waker besides.

use std::process::Command;

/// Tells the child that it is one.
const ALONE: &str = "AGENTOPS_CORE_TEST_ALONE";

/// Runs the test that begins with it in a process of its own and returns, unless it is in one.
macro_rules! alone {
    () => {
        fn here() {}
        if $crate::alone::elsewhere(std::any::type_name_of_val(&here)) {
            return;
        }
    };
}
pub(crate) use alone;

/// Whether the test around the function of this name was run in another process.
pub(crate) fn elsewhere(here: &str) -> bool {
    if std::env::var_os("NEXTEST").is_some() || std::env::var_os(ALONE).is_some() {
        return false;
    }
    // Not the thread's name: with one thread, tests run on the main one. The crate is no part of
    // a test's name; the body of an async test is a closure.
    let path = here.split_once("::").expect("a path begins with its crate");
    let test = path.1.trim_end_matches("::here");
    let test = test.trim_end_matches("::{{closure}}");
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{test} failed in its own process");
    assert!(said.contains("1 passed"), "{test} was not found");
    true
}
