//! Disks that are small, full, read-only or not there: the program runs on, and every event is delivered, in the
//! spool, or counted by reason.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use agentops::{EndState, Loss};
use agentops_tests::{Faulty, Home, Process, program, wait_for};
use serde_json::json;

use super::support::{LONG, Sdk, flush_in_time, spooled, unacknowledged};
use crate::common::{counted, list, new_key, text};

/// Bytes of files below a folder.
fn size(path: &Path) -> u64 {
    std::fs::read_dir(path)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                size(&entry.path())
            } else {
                entry.metadata().unwrap().len()
            }
        })
        .sum()
}

#[test]
fn what_does_not_fit_is_counted_and_the_rest_arrives() {
    if super::support::elsewhere() {
        return;
    }
    const LIMIT: u64 = 200_000;
    let mut server = Faulty::kind();
    server.stop();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.disk_limit(LIMIT)
    });
    let id = sdk.session.id().to_owned();
    sdk.record(5_000);
    assert!(!flush_in_time("disk limit", &sdk.client));
    // A busy machine may take longer than that flush to decide about all of them.
    wait_for("each one written or counted", LONG, || {
        let kept = spooled(sdk.data_dir.path()).len() as u64;
        let lost: u64 = sdk.session.dropped().values().sum();
        (kept + lost == 5_000 && sdk.session.spooled() == kept).then_some(())
    });
    let kept = spooled(sdk.data_dir.path());
    assert!(kept.len() > 100, "{}", kept.len());
    let lost = 5_000 - kept.len() as u64;
    assert_eq!(
        sdk.session.dropped(),
        BTreeMap::from([(Loss::DiskFull, lost)])
    );
    assert_eq!(sdk.session.spooled(), kept.len() as u64);
    assert!(kept.is_sorted());
    let bytes = size(&sdk.data_dir.path().join("spool"));
    println!("{} kept, {lost} lost, {bytes} bytes", kept.len());
    assert!(bytes < LIMIT + LIMIT / 4, "{bytes}");

    // The end has its place even now.
    let ended = sdk.session.end(EndState::Failure).reason("no room").wait();
    assert!(!ended.delivered);
    server.start_again();
    assert!(sdk.client.flush_blocking(LONG));
    let stored = server.stored(&id);
    assert_eq!(stored.numbers(), kept);
    let end = stored.session.last().unwrap();
    assert_eq!(end["end_state"], "Fail", "{end}");
    assert_eq!(end["end_state_reason"], "no room");
    assert_eq!(end["dropped"], json!({ "disk_full": lost }));
}

/// What was delivered makes room: a limit is none on what goes through.
#[test]
fn a_small_limit_is_enough_for_much() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::kind();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.disk_limit(300_000)
    });
    for _ in 0..50 {
        sdk.record(200);
        assert!(sdk.client.flush_blocking(LONG));
    }
    sdk.all_delivered(&server);
    let bytes = size(&sdk.data_dir.path().join("spool"));
    assert!(bytes <= 300_000, "{bytes}");
}

/// A place where nothing can be made, whoever asks: below a file.
#[test]
fn without_a_disk_events_go_from_memory() {
    if super::support::elsewhere() {
        return;
    }
    let server = Faulty::kind();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.data_dir(file.path().join("below"))
    });
    sdk.record(1_000);
    assert!(sdk.client.flush_blocking(LONG));
    assert_eq!(server.stored(sdk.session.id()).numbers(), sdk.all());
    assert_eq!(sdk.session.dropped(), BTreeMap::new());
    assert_eq!(sdk.session.spooled(), 1_000, "they can be delivered");
}

#[test]
fn without_a_disk_and_a_server_memory_is_bounded_and_losses_are_counted() {
    if super::support::elsewhere() {
        return;
    }
    let mut server = Faulty::kind();
    server.stop();
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        let config = config.data_dir(file.path().join("below"));
        config.memory_limit(1 << 20)
    });
    for _ in 0..20 {
        sdk.record(1_000);
        assert!(!flush_in_time("memory limit", &sdk.client));
    }
    let dropped = sdk.session.dropped();
    let lost = dropped[&Loss::MemoryFull];
    assert_eq!(dropped.len(), 1, "{dropped:?}");
    server.start_again();
    assert!(sdk.client.flush_blocking(LONG));
    let delivered = server.stored(sdk.session.id()).numbers();
    println!("{} delivered, {lost} lost", delivered.len());
    assert_eq!(delivered.len() as u64 + lost, 20_000);
    assert!(delivered.len() > 1_000);
    assert!(delivered.is_sorted());
}

/// The program does not know that it has no disk, in local mode too.
#[test]
fn a_program_without_a_disk_runs_as_ever() {
    if super::support::elsewhere() {
        return;
    }
    let home = Home::new();
    std::fs::write(home.path().join("file"), "").unwrap();
    let mut places = vec![home.path().join("file/below")];
    let mounted = Mounted::tmpfs("ro");
    places.extend(mounted.as_ref().map(|mounted| mounted.path().join("below")));
    for place in places {
        let mut command = home.command(program!("puppet"));
        command.env("AGENTOPS_DATA_DIR", &place).args([
            "count 0 100 0",
            "flush 1000",
            "end Success fine",
        ]);
        let mut puppet = Process::spawn(command);
        assert!(!puppet.line_of("session").is_empty());
        let finished = puppet.finish();
        assert_eq!((finished.code, &*finished.err), (Some(0), ""));
        let done = finished
            .lines
            .iter()
            .filter(|line| line.starts_with("counted"));
        assert_eq!(done.count(), 100);
        assert!(!place.exists());
    }
}

/// Nobody has said where: no HOME, no XDG variable, and a user that the system does not know.
#[cfg(unix)]
#[test]
fn a_user_without_a_home_gets_a_private_place() {
    if super::support::elsewhere() {
        return;
    }
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::process::CommandExt as _;

    let home = Home::new();
    let temporary = home.dir("tmp");
    let program = home.path().join("puppet");
    std::fs::copy(program!("puppet"), &program).unwrap();
    for path in [home.path(), &temporary] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777)).unwrap();
    }
    let mut command = home.command(&program);
    command.env_remove("HOME").env("TMPDIR", &temporary).args([
        "count 0 100 0",
        "flush 1000",
        "end Success fine",
    ]);
    if std::fs::metadata(&temporary).unwrap().uid() == 0 {
        command.uid(54_321);
    } else {
        println!("skipped: only root can become a user that has no home");
        return;
    }
    let finished = Process::spawn(command).finish();
    assert_eq!((finished.code, &*finished.err), (Some(0), ""));
    assert!(finished.lines.contains(&"flushed true".to_owned()));
    let made: Vec<_> = std::fs::read_dir(&temporary)
        .unwrap()
        .map(|entry| entry.unwrap())
        .collect();
    assert_eq!(made.len(), 1, "{made:?}");
    assert_eq!(
        made[0].metadata().unwrap().mode() & 0o077,
        0,
        "it is private"
    );
    let sessions = crate::common::local_sessions(&home, &made[0].path());
    let export = home.export(&made[0].path(), text(&sessions[0], "session_id"));
    assert_eq!(counted(&export), (0..100).collect::<Vec<_>>());
    assert_eq!(list(&export, "tools").len(), 100);
}

#[test]
fn a_full_disk_holds_nothing_up_and_loses_nothing_that_fits_into_memory() {
    if super::support::elsewhere() {
        return;
    }
    let Some(mounted) = Mounted::tmpfs("size=1m") else {
        return;
    };
    let mut server = Faulty::kind();
    server.stop();
    let mut sdk = Sdk::with(|config| {
        let config = config.endpoint(server.url()).api_key(new_key());
        config.data_dir(mounted.path())
    });
    for _ in 0..10 {
        sdk.record(1_000);
        assert!(!flush_in_time("full disk", &sdk.client));
    }
    let kept = spooled(mounted.path());
    println!("{} are on the disk", kept.len());
    assert!(kept.len() > 1_000 && kept.len() < 10_000);
    assert_eq!(kept, (0..kept.len() as u64).collect::<Vec<_>>());
    let safe = sdk.session.spooled();
    assert!(
        safe > 0 && safe <= kept.len() as u64,
        "{safe} are said to be safe"
    );
    assert_eq!(sdk.session.dropped(), BTreeMap::new());

    server.start_again();
    assert!(sdk.client.flush_blocking(LONG), "all of it, disk by disk");
    assert_eq!(server.stored(sdk.session.id()).numbers(), sdk.all());
    assert_eq!(sdk.session.dropped(), BTreeMap::new());
    wait_for("room on the disk", LONG, || {
        unacknowledged(mounted.path()).is_empty().then_some(())
    });
    let sent = server
        .log()
        .iter()
        .map(|request| request.events().len())
        .sum::<usize>();
    println!("{sent} events were sent for {}", sdk.all().len());
    assert!(sent < 20_000, "{sent}");
}

/// A file system of its own; unmounted when dropped.
struct Mounted(tempfile::TempDir);

impl Mounted {
    /// `None` where mounting is not allowed.
    fn tmpfs(options: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(dir.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self(dir)),
            other => {
                skipped(&format!("{other:?}"));
                None
            }
        }
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

#[expect(
    clippy::print_stdout,
    reason = "nobody should believe that it was tested"
)]
fn skipped(why: &str) {
    println!("skipped: nothing can be mounted here: {why}");
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // The worker of this process may still have a file open there.
        let _ = Command::new("umount").arg("-l").arg(self.path()).status();
    }
}
