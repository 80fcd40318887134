//! Sessions of this process that stay on this machine, and their exports.

use std::sync::OnceLock;

use agentops::{Config, EndState, Session, SessionOptions};
use serde_json::Value;

/// Has the process keep its sessions in a directory of its own, and starts one.
pub(crate) fn session() -> Session {
    static PLACE: OnceLock<tempfile::TempDir> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = tempfile::tempdir().unwrap();
        let config = Config::new().data_dir(place.path());
        agentops::init(config.auto_start_session(false));
        place
    });
    agentops::start_session(SessionOptions::new())
}

/// The export of a session of this process.
pub(crate) fn export(id: &str) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(agentops::export(id)).unwrap()
}

/// Runs in a session of its own; its export, and what the code returned.
pub(crate) fn recorded<R>(run: impl FnOnce() -> R) -> (Value, R) {
    let session = session();
    let inside = session.enter();
    let result = run();
    drop(inside);
    assert!(session.end(EndState::Success).wait().delivered, "written");
    assert!(session.dropped().is_empty(), "{:?}", session.dropped());
    (export(session.id()), result)
}
