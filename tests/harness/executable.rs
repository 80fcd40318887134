//! The executable `agentops`, built like the tests themselves.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Where the executable is; built when it is asked for first.
///
/// # Panics
/// When it does not compile.
pub fn agentops() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        // <target>/<profile>/deps/it-<hash>
        let test = std::env::current_exe().expect("a test has a path");
        let profile = test.ancestors().nth(2).expect("a test lies in `deps`");
        let executable = profile.join(format!("agentops{}", std::env::consts::EXE_SUFFIX));
        build_once(profile);
        assert!(
            executable.exists(),
            "{} is missing; set no build target for tests",
            executable.display()
        );
        executable
    })
}

/// A test runner that starts a process for each test names its run: the first of them builds for all.
fn build_once(profile: &Path) {
    let Ok(run) = std::env::var("NEXTEST_RUN_ID") else {
        return build(profile);
    };
    let note = profile.join(".agentops-built-for");
    let lock = File::create(profile.join(".agentops-built-for.lock")).expect("a lock file");
    lock.lock().expect("the lock of the build");
    if fs::read_to_string(&note).is_ok_and(|built_for| built_for == run) {
        return;
    }
    build(profile);
    fs::write(&note, run).expect("a note of the build");
}

fn build(profile: &Path) {
    let target = profile.parent().expect("a profile lies in a target");
    let name = profile.file_name().and_then(|name| name.to_str());
    let name = match name.expect("a profile has a name") {
        "debug" => "dev",
        other => other,
    };
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    // As one of the workspace, so that its dependencies are those that are built already.
    let output = Command::new(cargo)
        .args(["build", "--quiet", "--workspace", "--bin", "agentops"])
        .args(["--profile", name, "--target-dir"])
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(
        output.status.success(),
        "the executable does not compile:\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
