//! Where sessions are read from when options and variables say different things.

use std::path::Path;

use crate::recorded::{ID, TWIN, quiet_run};
use crate::{Run, Server, command};

/// The first session that is listed with these variables and options.
fn listed(vars: &[(&str, &str)], words: &[&str]) -> String {
    let mut command = command(&[&["sessions", "list", "--json"], words].concat());
    command.envs(vars.iter().copied());
    let list = Run::of(command).json();
    list["sessions"][0]["session_id"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn options_win_over_variables_and_a_server_over_a_directory() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    quiet_run(here.path(), ID, 0);
    quiet_run(there.path(), TWIN, 0);
    let server = Server::start(there.path());
    let dir = ("AGENTOPS_DATA_DIR", text(here.path()));
    let endpoint = ("AGENTOPS_API_ENDPOINT", server.url.as_str());

    // What is imported is seen by the server within its poll.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while listed(&[endpoint], &[]) != TWIN {
        assert!(
            std::time::Instant::now() < deadline,
            "the server imports its spool"
        );
        std::thread::yield_now();
    }
    assert_eq!(listed(&[dir], &[]), ID);
    assert_eq!(listed(&[dir, endpoint], &[]), TWIN);
    assert_eq!(listed(&[endpoint], &["--data-dir", dir.1]), ID);
    assert_eq!(listed(&[dir], &["--endpoint", endpoint.1]), TWIN);
    let empty = [dir, ("AGENTOPS_API_ENDPOINT", "")];
    assert_eq!(
        listed(&empty, &[]),
        ID,
        "a variable set to nothing is not set"
    );
    // The key of another service does not hinder reading one's own directory.
    let foreign = ("AGENTOPS_API_KEY", "another-service");
    assert_eq!(
        listed(&[foreign], &["--data-dir", text(there.path())]),
        TWIN
    );
}

#[cfg(target_os = "linux")]
#[test]
fn the_platform_has_a_data_directory() {
    let home = tempfile::tempdir().unwrap();
    let share = home.path().join(".local/share");
    quiet_run(&share.join("agentops"), ID, 0);
    assert_eq!(listed(&[("HOME", text(home.path()))], &[]), ID);
    let vars = [("HOME", "/nowhere"), ("XDG_DATA_HOME", text(&share))];
    assert_eq!(listed(&vars, &[]), ID);
}
