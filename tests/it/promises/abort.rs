//! A program that is built with `panic = "abort"`: nothing of it runs after a panic but the hook, and that is enough.

use std::path::{Path, PathBuf};
use std::process::Command;

use agentops_tests::{Home, Process};

use crate::common::{list, local, only_session};

const MAIN: &str = r#"
#[agentops::record_tool]
fn work(text: &str) -> usize {
    text.len()
}

#[agentops::record_action]
fn falls(depth: u32) {
    work("before it");
    panic!("fell {depth} floors");
}

#[agentops::session]
fn main() {
    falls(7);
}
"#;

/// Builds a program outside of the workspace, without what it does not need.
fn build(home: &Home) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let package = home.dir("aborts");
    let facade = root.join("crates/agentops");
    let manifest = format!(
        "[package]\nname = \"aborts\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies.agentops]\npath = {facade:?}\ndefault-features = false\nfeatures = [\"enable\"]\n\n\
         [profile.dev]\npanic = \"abort\"\ndebug = false\n"
    );
    std::fs::create_dir(package.join("src")).unwrap();
    std::fs::write(package.join("Cargo.toml"), manifest).unwrap();
    std::fs::write(package.join("src/main.rs"), MAIN).unwrap();
    // The same versions as everywhere, and no network.
    std::fs::copy(root.join("Cargo.lock"), package.join("Cargo.lock")).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abort");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--offline", "--target-dir"])
        .arg(&target)
        .env_remove("CARGO_BUILD_TARGET")
        .current_dir(&package)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "it does not compile:\n{said}");
    target.join("debug/aborts")
}

#[test]
fn a_panic_that_aborts_is_told() {
    let home = Home::new();
    let program = build(&home);
    let data_dir = home.dir("sessions");
    let finished = Process::spawn(local(&home, &program, &data_dir)).finish();
    assert_eq!((finished.code, finished.signal), (None, Some(6)), "SIGABRT");
    assert_eq!(finished.err.matches("fell 7 floors").count(), 1);
    let export = only_session(&home, &data_dir);
    let session = &export["session"];
    assert_eq!(session["end_state"], "Fail", "{session}");
    let reason = session["end_state_reason"].as_str().unwrap();
    assert!(reason.contains("fell 7 floors"), "{reason}");
    assert!(reason.contains("src/main.rs:10:"), "{reason}");
    let tools = list(&export, "tools");
    assert_eq!(tools.len(), 1, "{export}");
    assert_eq!(tools[0]["params"]["text"], "before it");
    let actions = list(&export, "actions");
    assert_eq!(actions.len(), 1, "{export}");
    assert_eq!(actions[0]["params"]["depth"], 7);
    assert_ne!(actions[0]["status"], "running");
}
